# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that lack what Linux has: the program is told that it is not there. The test sees all the same."""

from __future__ import annotations

import functools
import json
import os
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.plugin_utils._core import program
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Family,
    Sources,
    eventually,
    python_job,
    runs,
    script_job,
    serve,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

NO_PROC = (('"/proc', '"/nowhere'),)
NO_PS = (('["ps", ', '["/nowhere/ps", '),)
BSD = (
    ("import ctypes", "raise ImportError"),
    ('"memfd_create"', '"nothing"'),
    ('hasattr(os, "waitid")', "False"),
    ('"pidfd_open"', '"nothing"'),
    ('os.listdir("/dev/fd")', "range(3)"),
    ('_ABSTRACT = sys.platform.startswith("linux")', "_ABSTRACT = False"),
)
LINUX_FLOCK = "fcntl.flock("
POSIX_FLOCK = "fcntl.lockf("


def lacking(*changes: tuple[str, str]) -> Sources:
    """The sources of the program for a host that lacks something: each change is made wherever it can be.

    :raises AssertionError: one can be made nowhere.
    """
    found = {part: program.source(part) for part in _parts()}
    for old, new in changes:
        assert any(old in text for text in found.values()), old
        found = {part: text.replace(old, new) for part, text in found.items()}
    return lambda part: found[part]


@functools.lru_cache(maxsize=None)
def _parts() -> tuple[str, ...]:
    seen: list[str] = []

    def note(part: str) -> str:
        seen.append(part)
        return program.source(part)

    for request in (
        wire.Launch("/a", if_running="restart"),
        wire.Cancel("/a", None, "kill"),
        wire.Ask([], "status", wire.Question()),
    ):
        program.payload(request, note)
    return tuple(seen)


CHROOT = lacking(*NO_PROC, *NO_PS)
BSD_HOST = lacking(*NO_PROC, *BSD)
HOSTS = pytest.mark.parametrize("host", [CHROOT, BSD_HOST], ids=["chroot", "BSD"])


def cancel(batches: Batches, host: Sources, jid: str) -> dict[str, t.Any]:
    """What is answered of a job that was cancelled there."""
    answer = serve(wire.Cancel(batches.directory, [jid], "kill"), sources=host)
    assert isinstance(answer, wire.Statuses)
    return t.cast("dict[str, t.Any]", json.loads(answer.jobs[0]["status"]))


@HOSTS
def test_jobs_run_and_nothing_is_left(batches: Batches, host: Sources) -> None:
    where = 'echo "{\\"where\\": \\"$0\\", \\"arguments\\": \\"$1\\"}"'
    batches.launch(
        python_job("j1.0", "print('{\"fine\": true}')"),
        python_job("j1.1", "print('{\"fine\": true}')"),  # of one program: by a fork server, where there can be one
        script_job("j1.2", where),
        sources=host,
    )
    ended = [batches.end(f"j1.{number}") for number in range(3)]
    assert [status.state for status in ended] == ["succeeded"] * 3
    directory = os.path.join(batches.directory, ".j1.2.d")
    assert ended[2].result == {"where": f"{directory}/module", "arguments": f"{directory}/arguments"}
    batches.supervisor_ends()
    assert sorted(name for name in os.listdir(batches.directory) if not name.endswith(".log")) == [
        "j1.0",
        "j1.1",
        "j1.2",
    ]


@HOSTS
@pytest.mark.parametrize("outputs", ["", ">/dev/null 2>&1"], ids=["open", "closed"])
def test_a_job_that_runs_into_its_limit_is_ended_with_its_group(
    batches: Batches, family: Family, host: Sources, outputs: str
) -> None:
    child = family.program("child", "trap '' TERM; sleep 600 & wait; sleep 600")
    batches.launch(script_job("j1.0", f"{child} {outputs} & wait", timeout=0.5, kill_after=0.5), sources=host)
    assert batches.end("j1.0").state == "timed_out"
    assert [pid for pid in family.pids(1, "j1.0") if runs(pid)] == []


@HOSTS
def test_what_has_its_outputs_open_has_its_time_to_end(batches: Batches, family: Family, host: Sources) -> None:
    done = os.path.join(batches.directory, os.pardir, "done")
    child = family.program("child", f"trap 'sleep 0.5; echo > {done}; exit' TERM; sleep 600 & wait")
    batches.launch(script_job("j1.0", f"{child} & wait", timeout=0.5, kill_after=60), sources=host)
    family.pids(1, "j1.0")
    assert batches.end("j1.0").state == "timed_out"
    assert os.path.exists(done)


@HOSTS
def test_a_job_is_cancelled_at_once(batches: Batches, family: Family, host: Sources) -> None:
    batches.launch(script_job("j1.0", f"exec {family.program('job', 'exec sleep 600')}"), sources=host)
    (pid,) = family.pids(1, "j1.0")
    batches.reaches("j1.0", "running")
    told = cancel(batches, host, "j1.0")
    assert (told["state"], told["changed"], runs(pid)) == ("cancelled", True, False)
    may_run = "this host shows no processes, neither by /proc nor by ps, so what has left the job's session may run on"
    assert (may_run in told["message"]) is (host is CHROOT)


def test_a_held_lock_proves_a_supervisor_that_cannot_be_seen(batches: Batches, family: Family) -> None:
    batches.launch(script_job("j1.0", f"exec {family.program('job', 'exec sleep 600')}"), sources=CHROOT)
    family.pids(1, "j1.0")
    status = batches.reaches("j1.0", "running")
    assert status.record is not None and status.record.supervisor_start is None
    supervisor = batches.supervisor("j1.0")
    assert (batches.store.lock_holder("j1"), batches.store.lock_owner("j1")) == ((supervisor, ""), supervisor)
    os.kill(supervisor, signal.SIGKILL)
    assert eventually(lambda: batches.finished("j1.0")).state == "lost"
    assert batches.store.lock_owner("j1") is None
    told = cancel(batches, CHROOT, "j1.0")
    assert "whether its process" in told["message"] and "cannot be seen" in told["message"]


def test_by_ps_a_lost_job_is_ended(batches: Batches, family: Family) -> None:
    batches.launch(script_job("j1.0", f"exec {family.program('job', 'exec sleep 600')}"), sources=BSD_HOST)
    (pid,) = family.pids(1, "j1.0")
    os.kill(batches.supervisor("j1.0"), signal.SIGKILL)
    eventually(lambda: batches.finished("j1.0"))
    assert cancel(batches, BSD_HOST, "j1.0")["state"] == "lost"
    eventually(lambda: not runs(pid))


@pytest.mark.parametrize(
    "locks",
    [
        (LINUX_FLOCK, POSIX_FLOCK),
        (LINUX_FLOCK, "(lambda *arguments: None)("),
        (LINUX_FLOCK, "(lambda *arguments: os.open('/no/locks/here', 0))("),
    ],
    ids=["of fcntl", "of nothing", "an error"],
)
def test_locks_that_prove_nothing_are_refused(batches: Batches, tmp_path: Path, locks: tuple[str, str]) -> None:
    with pytest.raises(LaunchError) as raised:
        batches.launch(script_job("j1.0", f"touch {tmp_path}/started"), sources=lacking(locks))
    assert str(raised.value).startswith(f"file locks do not work in the async directory {batches.directory} ")
    assert "(variable ansible_async_dir, or ANSIBLE_ASYNC_DIR) to a directory on a local file" in str(raised.value)
    assert (os.listdir(batches.directory), (tmp_path / "started").exists()) == ([], False)


def test_a_launch_that_was_sent_again_is_not_waited_for(batches: Batches, family: Family) -> None:
    job = script_job("j1.0", f"exec {family.program('job', 'exec sleep 600')}")
    batches.launch(job, sources=CHROOT)
    family.pids(1, "j1.0")
    impatient = lacking(*NO_PROC, *NO_PS, ("_PATIENCE = 120.0", "_PATIENCE = 0.0"))
    (record,) = batches.launch(job, sources=impatient)
    assert record.state == "running"
    assert cancel(batches, CHROOT, "j1.0")["state"] == "cancelled"


def test_a_module_is_a_file_where_none_in_memory_may_be_run(batches: Batches) -> None:
    forbidden = lacking(("os.fchmod(handle, 0o700)", "os.open('/not/permitted', 0)"))
    batches.launch(script_job("j1.0", 'echo "{\\"where\\": \\"$0\\"}"'), sources=forbidden)
    assert batches.end("j1.0").result["where"] == os.path.join(batches.directory, ".j1.0.d", "module")
