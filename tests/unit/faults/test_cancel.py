# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cancelling: whatever state a job is in, however often, and nothing but the job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel as _cancel
from ansible_collections.background.jobs.plugins.module_utils._cleanup.cancel import Cancelled, cancellable
from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._model import record as _record
from ansible_collections.background.jobs.plugins.module_utils._model.names import DRAIN, KILL
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Family,
    Gates,
    children,
    eventually,
    python_job,
    record,
    runs,
    script_job,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


def cancel(batches: Batches, *jids: str, mode: str = KILL, dry: bool = False) -> list[tuple[str, bool]]:
    """The state of each job after it was cancelled, and whether that has changed it."""
    done = _cancel.cancel_jobs([(batches.store, jid) for jid in jids], mode, dry)
    assert [one.status.jid for one in done] == list(jids)
    return [(one.status.state, one.changed) for one in done]


def running_and_queued(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"), gates.job("j1.1"), gates.job("j1.2"), concurrency="1")
    eventually(lambda: gates.is_reached("j1.0"))


def lost_with_process(batches: Batches, gates: Gates) -> int:
    """A job that runs on without its supervisor; returns its pid."""
    batches.launch(gates.job("j1.0", kill_after=0.5))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    pid = batches.pid("j1.0")
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: batches.look("j1.0").state == "lost")
    assert runs(pid)
    return pid


def test_a_queued_job_never_starts_and_the_others_go_on(batches: Batches, gates: Gates) -> None:
    running_and_queued(batches, gates)
    assert cancel(batches, "j1.1") == [("cancelled", True)]
    status = batches.look("j1.1")
    assert (status.reason, status.result["failed"], status.message) == ("cancelled", True, "it was cancelled")
    assert status.record is not None and (status.record.attempts, status.record.elapsed) == (0, 0)
    gates.open("j1.0")
    eventually(lambda: gates.is_reached("j1.2"))
    assert [batches.look(jid).state for jid in ("j1.0", "j1.1", "j1.2")] == ["succeeded", "cancelled", "running"]
    assert not gates.is_reached("j1.1")


def test_a_running_job_is_ended_and_its_slot_is_used(batches: Batches, gates: Gates) -> None:
    running_and_queued(batches, gates)
    pid = batches.pid("j1.0")
    assert cancel(batches, "j1.0") == [("cancelled", True)]
    assert not runs(pid)
    eventually(lambda: gates.is_reached("j1.1"))


def test_running_queued_and_finished_jobs_in_one_go_and_again(batches: Batches, gates: Gates) -> None:
    batches.launch(python_job("j1.0", "print('{}')"), gates.job("j1.1"), gates.job("j1.2"), concurrency="1")
    eventually(lambda: gates.is_reached("j1.1"))
    jids = ["j1.0", "j1.1", "j1.2", "j9.9"]
    expected = [("succeeded", False), ("cancelled", True), ("cancelled", True), ("not_found", False)]
    assert cancel(batches, *jids) == expected
    assert cancel(batches, *jids) == [(state, False) for state, dummy in expected]
    batches.supervisor_ends()
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1", "j1.2"]


def test_two_at_once_are_both_told(batches: Batches, gates: Gates) -> None:
    running_and_queued(batches, gates)
    told: list[tuple[str, bool]] = []
    askers = [threading.Thread(target=lambda jid=jid: told.extend(cancel(batches, jid))) for jid in ("j1.0", "j1.2")]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert told == [("cancelled", True)] * 2


def test_draining_leaves_what_runs(batches: Batches, gates: Gates) -> None:
    running_and_queued(batches, gates)
    assert cancel(batches, "j1.0", "j1.1", "j1.2", mode=DRAIN) == [
        ("running", False),
        ("cancelled", True),
        ("cancelled", True),
    ]
    gates.open("j1.0")
    assert batches.end("j1.0").state == "succeeded"
    batches.supervisor_ends()
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1", "j1.2"]


def test_a_job_that_ignores_term_is_killed(batches: Batches) -> None:
    ready = Path(batches.directory).parent / "ready"
    source = f"""
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open({str(ready)!r}, "w").close()
    while True:
        signal.pause()
    """
    batches.launch(python_job("j1.0", source, kill_after=0.3))
    eventually(ready.exists)
    assert cancel(batches, "j1.0") == [("cancelled", True)]


def test_a_job_between_two_attempts_is_cancelled_with_the_output_it_had(batches: Batches) -> None:
    source = 'print(\'{"failed": true, "msg": "no", "stdout": "mine"}\')'
    batches.launch(python_job("j1.0", source, retries=3, delay=600, retry_on=["failed"]))
    eventually(lambda: batches.look("j1.0").reason == "retry")
    assert cancel(batches, "j1.0") == [("cancelled", True)]
    status = batches.look("j1.0")
    assert (status.result["stdout"], status.result["msg"]) == ("mine", "it was cancelled")
    assert status.record is not None and (status.record.attempts, status.record.earlier) == (1, [])


def test_dry_changes_nothing_and_tells_what_would_be(batches: Batches, gates: Gates) -> None:
    running_and_queued(batches, gates)
    before = sorted(os.listdir(batches.directory))
    assert cancel(batches, "j1.0", "j1.1", dry=True) == [("running", True), ("queued", True)]
    assert cancel(batches, "j1.0", "j1.1", mode=DRAIN, dry=True) == [("running", False), ("queued", True)]
    assert sorted(os.listdir(batches.directory)) == before
    gates.open("j1.0")
    assert batches.end("j1.0").state == "succeeded"
    assert cancel(batches, "j1.0", dry=True) == [("succeeded", False)]


def test_the_first_moment_of_a_supervisor_is_not_too_early(batches: Batches, gates: Gates) -> None:
    """Its signal would end a supervisor that is not yet ready for it, and a request must not be overlooked."""
    launched: list[t.Any] = []
    jobs = [gates.job(f"j1.{number}", kill_after=1) for number in range(3)]
    thread = threading.Thread(target=lambda: launched.extend(batches.launch(*jobs, concurrency="1")))
    thread.start()
    eventually(lambda: all(os.path.exists(batches.store.path(job.jid)) for job in jobs))
    assert cancel(batches, *(job.jid for job in jobs)) == [("cancelled", True)] * 3
    thread.join()
    assert len(launched) == 3
    batches.supervisor_ends()


# -- jobs that have lost their supervisor


def test_a_lost_job_that_runs_on_is_ended(batches: Batches, gates: Gates) -> None:
    pid = lost_with_process(batches, gates)
    assert cancellable(batches.store, None, None) == [(batches.store, "j1.0")]
    message = batches.look("j1.0").message
    assert message is not None and f"its process {pid} runs on" in message
    assert cancel(batches, "j1.0") == [("lost", True)]
    assert not runs(pid)
    assert cancel(batches, "j1.0") == [("lost", False)]
    assert cancellable(batches.store, None, None) == []


def test_what_a_lost_job_started_is_ended_wherever_it_is(batches: Batches, family: Family) -> None:
    stubborn = family.program("stubborn", "trap '' TERM\nexec sleep 600")
    batches.launch(script_job("j1.0", f"setsid {stubborn} & (setsid {stubborn} &); exec sleep 600", kill_after=0.5))
    supervisor = batches.supervisor("j1.0")
    pids = [batches.pid("j1.0"), *family.pids(2, "j1.0")]
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: batches.look("j1.0").state == "lost")
    assert cancel(batches, "j1.0") == [("lost", True)]
    assert [pid for pid in pids if runs(pid)] == []
    remove_finished([batches.look("j1.0")])
    assert os.listdir(batches.directory) == []


def fake(batches: Batches, **fields: t.Any) -> None:
    """A job of this host, since it was booted, whose supervisor has gone."""
    here = {"state": "running", "node": os.uname().nodename, "boot_id": procfs.boot_id(), "kill_after": 0}
    batches.store.write("j1.0", _record.encode_record(record(**{**here, **fields})))


def test_a_pid_that_somebody_else_has_now_is_left_alone(batches: Batches, sleeper: subprocess.Popen[bytes]) -> None:
    fake(batches, pid=sleeper.pid, pid_start="1", supervisor_pid=sleeper.pid, supervisor_start="1")
    assert cancellable(batches.store, None, None) == []
    assert cancel(batches, "j1.0") == [("lost", False)]
    remove_finished([batches.look("j1.0")])
    assert os.listdir(batches.directory) == []
    assert sleeper.poll() is None


def test_nobody_gets_the_signal_that_a_supervisor_was_meant_to_get(
    batches: Batches, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cancel, "_PATIENCE", 0.3)
    fake(batches)
    lock = batches.store.make_lock("j1")
    batches.store.name_holder(lock, sleeper.pid, "1")
    assert cancel(batches, "j1.0") == [("running", False)]
    os.close(lock)
    assert sleeper.poll() is None


def test_a_job_of_another_host_is_not_ours_to_end(batches: Batches, sleeper: subprocess.Popen[bytes]) -> None:
    fake(batches, pid=sleeper.pid, pid_start=procfs.start_time(sleeper.pid), node="web9", boot_id="its own")
    assert cancel(batches, "j1.0") == [("not_found", False)]
    assert sleeper.poll() is None


# -- which


def test_jobs_are_selected_by_group_and_name(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0", name="a"), gates.job("j1.1", name="b"), group="nightly")
    batches.launch(gates.job("j2.0", name="a"), gates.job("j2.1", name="c"), batch="j2")
    batches.store.write("j3.0", {"started": 1, "finished": 0, "ansible_job_id": "j3.0"})  # of builtin async
    gates.open("j2.1")
    batches.end("j2.1")

    def jids(group: str | None, names: t.Sequence[str] | None) -> list[str]:
        return [jid for dummy, jid in cancellable(batches.store, group, names)]

    assert jids(None, None) == ["j1.0", "j1.1", "j2.0"]
    assert jids("nightly", None) == ["j1.0", "j1.1"]
    assert jids("nightly", ["a", "x"]) == ["j1.0"]
    assert jids(None, ["a"]) == ["j1.0", "j2.0"]
    assert jids(None, ["c"]) == jids("weekly", None) == jids(None, []) == []


# -- when there is no room


def test_a_job_is_cancelled_on_a_full_disk(small_disk: str, gates: Gates) -> None:
    batches = Batches(small_disk)
    batches.launch(gates.job("j1.0", kill_after=0.5))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: gates.is_reached("j1.0"))
    fill(small_disk)
    assert cancel(batches, "j1.0") == [("cancelled", True)]
    eventually(lambda: not runs(supervisor))
    assert sorted(os.listdir(small_disk)) == ["filler", "j1.0"]


def fill(directory: str) -> None:
    with Path(directory, "filler").open("wb", buffering=0) as stream:
        while True:
            try:
                stream.write(b"x" * 1024)
            except OSError:
                return


# -- jobs of builtin async


@pytest.fixture
def wrapper(tmp_path: Path) -> t.Iterator[t.Callable[[str], subprocess.Popen[bytes]]]:
    """Starts what looks like ansible-core's async_wrapper.py, with a module below it that leads its own session."""
    program = tmp_path / "async_wrapper.py"
    module = "import os, time; os.setsid(); time.sleep(600)"
    program.write_text(
        f"import subprocess, sys\nsubprocess.call([sys.executable, '-c', {module!r}])\n", encoding="ascii"
    )
    started: list[subprocess.Popen[bytes]] = []

    def start(jid: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(program), jid, "60", "/tmp/AnsiballZ_command.py", "_"]
        started.append(subprocess.Popen(command))
        eventually(lambda: children(started[-1].pid))
        return started[-1]

    yield start
    for process in started:
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()


JOB = f"j{os.getpid()}"
JID = f"{JOB}.4567"


def builtin_job(store: Store) -> None:
    store.write(JID, {"started": 1, "finished": 0, "ansible_job_id": JID})


def test_a_builtin_job_runs_while_its_wrapper_does(
    store: Store, wrapper: t.Callable[[str], subprocess.Popen[bytes]]
) -> None:
    builtin_job(store)
    process = wrapper(JOB)
    assert read_status(store, JID).state == "running"
    process.kill()
    eventually(lambda: not runs(process.pid))
    status = read_status(store, JID)
    assert (status.state, status.reason, status.record) == ("lost", "supervisor_gone", None)
    assert status.message is not None and "no async_wrapper process of the job runs" in status.message


def test_a_builtin_job_is_cancelled_with_its_module(
    store: Store, wrapper: t.Callable[[str], subprocess.Popen[bytes]], sleeper: subprocess.Popen[bytes]
) -> None:
    builtin_job(store)
    process, other = wrapper(JOB), wrapper(f"{JOB}1")
    module = next(iter(children(process.pid)))
    done: list[Cancelled] = []
    thread = threading.Thread(target=lambda: done.extend(_cancel.cancel_jobs([(store, JID)], KILL, dry=False)))
    thread.start()
    assert process.wait() == -signal.SIGTERM
    thread.join()
    assert [(one.status.state, one.status.reason, one.changed) for one in done] == [("cancelled", "cancelled", True)]
    assert not runs(module)
    assert other.poll() is None and sleeper.poll() is None
    status = read_status(store, JID)
    assert status.result == {"failed": True, "msg": "it was cancelled"}
    remove_finished([status])
    assert os.listdir(store.directory) == []


def test_a_builtin_job_is_not_drained(store: Store, wrapper: t.Callable[[str], subprocess.Popen[bytes]]) -> None:
    builtin_job(store)
    process = wrapper(JOB)
    (drained,) = _cancel.cancel_jobs([(store, JID)], DRAIN, dry=False)
    assert (drained.status.state, drained.changed, process.poll()) == ("running", False, None)
