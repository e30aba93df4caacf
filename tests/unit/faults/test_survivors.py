# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of a job that cannot be ended: those that it has started as another user, by sudo for example."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel as _cancel
from ansible_collections.background.jobs.plugins.module_utils._cleanup import files
from ansible_collections.background.jobs.plugins.module_utils._cleanup import prune as _prune
from ansible_collections.background.jobs.plugins.module_utils._cleanup.cancel import Cancelled
from ansible_collections.background.jobs.plugins.module_utils._locks import named_lock
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import tree
from ansible_collections.background.jobs.plugins.module_utils._processes.procfs import command_line, pids
from ansible_collections.background.jobs.plugins.module_utils._reader import info as _info
from ansible_collections.background.jobs.plugins.module_utils._store.directory import prepare_directory
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Sources,
    Unprivileged,
    altered,
    eventually,
    runs,
    script_job,
    script_step,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


class Somebody:
    """An unprivileged user with batches of his own, whose jobs start processes as root."""

    def __init__(self, user: Unprivileged, sources: Sources) -> None:
        """:arg sources: those of the program that his jobs are launched with."""
        self._do = user.do
        self._sources = sources
        self._user = user
        self.batches = Batches(user.do(lambda: prepare_directory(str(user.directory / "async"))))

    def root_script(self, name: str, lines: str = "") -> str:
        """Commands that start a process of root, which notes its pid, ignores TERM and runs on."""
        note = f"echo $$ > {self._user.directory}/{name}.tmp && mv {self._user.directory}/{name}.tmp {self._path(name)}"
        return f"{lines}({self._user.as_root(f'''{note}; trap '' TERM; while :; do sleep 1; done''')})"

    def root_pid(self, name: str) -> int:
        path = Path(self._path(name))
        return int(eventually(lambda: path.exists() and path.read_text(encoding="ascii")))

    def _path(self, name: str) -> str:
        return f"{self._user.directory}/{name}.pid"

    def launch(self, *jobs: Job, **options: t.Any) -> None:
        self._do(lambda: self.batches.launch(*jobs, sources=self._sources, **options) and None)

    def look(self, jid: str) -> Status:
        return self._do(lambda: self.batches.look(jid))

    def end(self, jid: str) -> Status:
        return eventually(lambda: self._do(lambda: self.batches.finished(jid)), 60)

    def cancel(self, *jids: str) -> list[Cancelled]:
        return self._do(lambda: _cancel.cancel_jobs([(self.batches.store, jid) for jid in jids], "kill", dry=False))

    def do(self, work: t.Callable[[], t.Any]) -> t.Any:
        return self._do(work)

    def kill_all(self) -> None:
        for path in self._user.directory.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.read_text(encoding="ascii")), signal.SIGKILL)
        for jid in ("j1.0", "j2.0"):
            status = self.look(jid)
            if status.record is not None and not status.finished and status.record.supervisor_pid is not None:
                os.kill(status.record.supervisor_pid, signal.SIGKILL)


@pytest.fixture
def somebody(unprivileged: Unprivileged, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Somebody]:
    """He gives up sooner what cannot be ended, in the supervisor too."""
    sources = altered("_processes.tree", (f"GIVE_UP = {tree.GIVE_UP}", "GIVE_UP = 0.5"))
    monkeypatch.setattr(tree, "GIVE_UP", 0.5)
    somebody = Somebody(unprivileged, sources)
    yield somebody
    somebody.kill_all()


@pytest.fixture
def lock() -> str:
    """The name of a lock that nobody else uses."""
    return f"of test {os.getpid()} {time.monotonic()}"


def is_free(lock: str) -> bool:
    handle = named_lock.take(lock, "/nowhere")
    if handle is None:
        return False
    named_lock.release(handle)
    return True


def as_shown(pid: int) -> str:
    """What the process list shows of a process."""
    return " ".join(command_line(pid)).rstrip()


def assert_not_ended(status: Status, pid: int, why: str) -> None:
    assert (status.state, status.reason) == ("failed", "not_ended"), status
    assert status.record is not None and status.message is not None
    named = {one["pid"]: (one["owner"], one["command"]) for one in status.record.survivors}
    assert named[pid] == ("root", "sh")
    assert status.message.startswith(f"{why}; ") and f"pid {pid} (sh, of user root)" in status.message
    assert status.result["failed"] is True and status.result["msg"] == status.message
    assert runs(pid)


def test_a_cancelled_job_is_not_ended_before_all_of_it_is(somebody: Somebody, lock: str) -> None:
    jobs = [script_job(f"j1.{number}", "sleep 600", name="next", lock=lock) for number in (1, 2)]
    somebody.launch(script_job("j1.0", somebody.root_script("root"), kill_after=0.2, lock=lock), *jobs)
    pid = somebody.root_pid("root")
    (cancelled,) = somebody.cancel("j1.0")
    assert_not_ended(cancelled.status, pid, "it was cancelled")
    assert cancelled.changed and pid in [one["pid"] for one in cancelled.survivors]
    # Jobs with its lock wait for it, and say so.
    waiting = eventually(lambda: (status := somebody.look("j1.1")).reason == "lock" and status)
    assert waiting.state == "queued" and "which a job of which not all could be ended holds" in (waiting.message or "")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: somebody.look("j1.1").state == "running")
    somebody.cancel("j1.1", "j1.2")


def test_the_batch_is_over_and_the_lock_is_kept(somebody: Somebody, lock: str) -> None:
    fields = {"timeout": 1, "kill_after": 0.2, "retries": 3, "retry_on": ["failed", "timed_out"]}
    somebody.launch(script_job("j1.0", somebody.root_script("root"), lock=lock, **fields))
    status = somebody.end("j1.0")
    assert_not_ended(status, somebody.root_pid("root"), "reached its timeout of 1 s")
    assert status.record is not None and status.record.attempts == 1, "it must not run twice at once"
    eventually(lambda: not somebody.do(lambda: somebody.batches.store.is_locked("j1")))
    assert not is_free(lock)
    assert [f"background.jobs: keeper of the lock ({lock})"] == [
        shown for shown in map(as_shown, pids()) if lock in shown
    ]
    os.kill(somebody.root_pid("root"), signal.SIGKILL)
    eventually(lambda: is_free(lock))


def test_what_survivors_start_keeps_the_lock_too(somebody: Somebody, lock: str) -> None:
    somebody.launch(script_job("j1.0", somebody.root_script("root"), timeout=1, kill_after=0, lock=lock))
    somebody.end("j1.0")
    pid = somebody.root_pid("root")
    (other,) = eventually(lambda: [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()])
    os.kill(other, signal.SIGSTOP)
    time.sleep(2)  # it is seen
    os.kill(pid, signal.SIGKILL)
    time.sleep(1.5)
    assert not is_free(lock)
    os.kill(other, signal.SIGKILL)
    eventually(lambda: is_free(lock))


def test_a_deadline(somebody: Somebody) -> None:
    beside = script_job("j1.1", "trap '' TERM; while :; do sleep 0.1; done", kill_after=1)
    somebody.launch(beside, script_job("j1.0", somebody.root_script("root"), kill_after=0.2), deadline=2)
    assert_not_ended(somebody.end("j1.0"), somebody.root_pid("root"), "reached the deadline of its batch")
    assert somebody.end("j1.1").state == "timed_out", "it is not its process"


def test_a_halt_that_could_not_end_a_job_is_that_job_s_failure(somebody: Somebody) -> None:
    job = script_job("j1.0", somebody.root_script("root"), kill_after=0.2)
    pid_there = f"until [ -e {somebody._path('root')} ]; do sleep 0.1; done; exit 1"
    somebody.launch(job, script_job("j1.1", pid_there, name="bad"), halt="now,fail=1")
    pid = somebody.root_pid("root")
    assert_not_ended(somebody.end("j1.0"), pid, "halt now,fail=1 was reached with job bad")


def test_a_step_of_a_block(somebody: Somebody) -> None:
    steps = [
        script_step("echo '{}'", name="first"),
        script_step(somebody.root_script("root"), name="second"),
        script_step("echo '{}'", name="third"),
    ]
    somebody.launch(script_job("j1.0", "", steps=steps, block=True, timeout=2, kill_after=0.2))
    why = "step 2 of 3 (second) failed: reached its timeout of 2 s"
    assert_not_ended(somebody.end("j1.0"), somebody.root_pid("root"), why)


def test_who_has_left_the_session_survives_as_well(somebody: Somebody) -> None:
    script = somebody.root_script("root").replace("(exec", "(exec setsid", 1)
    somebody.launch(script_job("j1.0", f"{script} & sleep 600", timeout=2, kill_after=0.2))
    assert_not_ended(somebody.end("j1.0"), somebody.root_pid("root"), "reached its timeout of 2 s")


def test_with_leave_children_only_who_stays_in_the_session_counts(somebody: Somebody) -> None:
    left = somebody.root_script("left").replace("(exec", "(exec setsid", 1)
    script = f"{left} & {somebody.root_script('root')}"
    fields = {"timeout": 2, "kill_after": 0.2, "leave_children": True}
    somebody.launch(script_job("j1.0", script, **fields), script_job("j1.1", f"{left} & sleep 600", **fields))
    status = somebody.end("j1.0")
    assert_not_ended(status, somebody.root_pid("root"), "reached its timeout of 2 s")
    assert status.record is not None
    assert somebody.root_pid("left") not in [one["pid"] for one in status.record.survivors]
    assert somebody.end("j1.1").state == "timed_out"


def test_cancelling_again_tries_again_and_tells_what_is_left(somebody: Somebody) -> None:
    somebody.launch(script_job("j1.0", somebody.root_script("root"), timeout=1, kill_after=0.2))
    somebody.end("j1.0")
    pid = somebody.root_pid("root")
    selected = somebody.do(lambda: _cancel.cancellable(somebody.batches.store, None, None))
    assert [jid for dummy, jid in selected] == ["j1.0"]
    (again,) = somebody.cancel("j1.0")
    assert pid in [one["pid"] for one in again.survivors]
    assert_not_ended(again.status, pid, "reached its timeout of 1 s")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not runs(pid))
    (at_last,) = somebody.cancel("j1.0")
    assert (at_last.status.state, at_last.survivors) == ("failed", [])
    eventually(lambda: somebody.do(lambda: _cancel.cancellable(somebody.batches.store, None, None)) == [])


def prune(somebody: Somebody) -> tuple[list[str], list[str | None]]:
    """What prune removes, and why it keeps the rest."""

    def work() -> tuple[list[str], list[str | None]]:
        pruned = _prune.prune_files(somebody.batches.store, _info.Selection(), 0, dry=False, now=time.time())
        return [info["ansible_job_id"] for info in pruned.jobs], [info["message"] for info in pruned.kept]

    return t.cast("tuple[list[str], list[str | None]]", somebody.do(work))


def test_it_is_told_of_and_not_pruned_as_long_as_it_runs(somebody: Somebody) -> None:
    somebody.launch(script_job("j1.0", somebody.root_script("root"), timeout=1, kill_after=0.2))
    somebody.end("j1.0")
    eventually(lambda: not somebody.do(lambda: somebody.batches.store.is_locked("j1")))
    pid = somebody.root_pid("root")
    ((dummy, info),) = somebody.do(lambda: _info.find_jobs(somebody.batches.store, _info.Evidence(), time.time()))
    assert {"pid": pid, "owner": "root", "command": "sh"} in info.survivors
    removed, (why,) = prune(somebody)
    assert removed == [] and re.search(rf"processes of it run on: pid (\d+, )*{pid}\b", why or ""), why
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: prune(somebody)[0] == ["j1.0"])


# -- jobs that have lost their supervisor


def lost(somebody: Somebody, **fields: t.Any) -> int:
    somebody.launch(script_job("j1.0", f"{somebody.root_script('root')} & sleep 600", kill_after=0.2, **fields))
    pid = somebody.root_pid("root")
    status = eventually(lambda: (status := somebody.look("j1.0")).state == "running" and status)
    os.kill(status.record.supervisor_pid, signal.SIGKILL)
    eventually(lambda: somebody.look("j1.0").state == "lost")
    return pid


def test_a_lost_job_of_which_something_runs_on(somebody: Somebody, lock: str) -> None:
    pid = lost(somebody, lock=lock)
    for dummy in range(2):
        (cancelled,) = somebody.cancel("j1.0")
        assert cancelled.changed and pid in [one["pid"] for one in cancelled.survivors]
        status = somebody.look("j1.0")
        assert (status.state, status.reason) == ("lost", "supervisor_gone")
        assert f"pid {pid} (sh, of user root)" in (status.message or "")
        assert not is_free(lock)
    assert prune(somebody)[0] == []
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: is_free(lock))
    eventually(lambda: prune(somebody)[0] == ["j1.0"])


def test_who_cleans_up_a_lost_job_is_told_what_runs_on(somebody: Somebody) -> None:
    pid = lost(somebody)
    left = somebody.do(lambda: files.remove_finished([somebody.batches.look("j1.0")]))
    assert pid in [one["pid"] for one in left["j1.0"]]
    assert os.listdir(somebody.batches.directory) == []
