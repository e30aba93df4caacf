# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._model.told import Info
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence, Selection, find_jobs
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import record

NOW = 1_000_000.0
SECRET = "hunter2"


@pytest.fixture
def lock(store: Store) -> t.Iterator[int]:
    handle = store.make_lock("j1")
    yield handle
    os.close(handle)


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """The processes of jobs of builtin async, by the name that their wrappers were given."""
    pids: dict[str, list[int]] = {}
    monkeypatch.setattr(builtin.Wrappers, "of", lambda wrappers, jid: pids.get(jid.rpartition(".")[0], []))
    return pids


def put(store: Store, jid: str = "j1.0", result: dict[str, t.Any] | None = None, **fields: t.Any) -> None:
    here = {"node": os.uname().nodename, "boot_id": procfs.boot_id(), "user": "me", "queued_at": NOW - 100}
    store.write(jid, encode_record(record(jid, **{**here, **fields}), result))


def write(store: Store, jid: str, document: t.Any, touched: float = NOW - 60) -> None:
    """A status file of builtin async, or of nobody."""
    Path(store.path(jid)).write_text(json.dumps(document), encoding="ascii")
    os.utime(store.path(jid), (touched, touched))


def infos(store: Store) -> list[Info]:
    return [info for dummy, info in find_jobs(store, Evidence(), NOW)]


def info(store: Store) -> Info:
    (only,) = infos(store)
    return only


@pytest.mark.usefixtures("lock")
def test_a_running_job_is_told_with_its_processes(store: Store) -> None:
    me = os.getpid()
    start = procfs.start_time(me)
    pids = {"pid": me, "pid_start": start, "supervisor_pid": me, "supervisor_start": start}
    put(store, state="running", group="nightly", attempts=2, timeout=3600.0, started_at=NOW - 90.25, **pids)
    assert info(store) == Info(
        ansible_job_id="j1.0",
        name="backup",
        group="nightly",
        state="running",
        reason=None,
        message=None,
        user="me",
        pid=me,
        supervisor_pid=me,
        queued_at="1970-01-12T13:45:00Z",
        started_at="1970-01-12T13:45:09Z",
        ended_at=None,
        age=100.0,
        elapsed=90.25,
        attempts=2,
        timeout=3600.0,
        results_file=f"{store.directory}/j1.0",
        builtin=False,
        no_log=False,
        trace=None,
    )


def test_it_is_told_where_the_trace_of_a_batch_is(store: Store) -> None:
    put(store, state="running")
    os.close(store.make_trace("j1"))
    assert info(store).trace == f"{store.directory}/.j1.trace"


def test_a_job_that_has_ended_is_as_old_as_its_end(store: Store) -> None:
    put(store, state="failed", reason="exit_code", message="exit code 3", ended_at=NOW - 5.5, elapsed=80.5)
    told = info(store)
    assert (told.state, told.reason, told.message) == ("failed", "exit_code", "exit code 3")
    assert (told.age, told.elapsed, told.ended_at) == (5.5, 80.5, "1970-01-12T13:46:34Z")


@pytest.mark.parametrize("state", [state for state in STATES if state not in UNFINISHED])
def test_no_process_is_told_of_a_job_that_has_ended(store: Store, state: str) -> None:
    start = procfs.start_time(os.getpid())  # a supervisor goes on with other jobs
    pids = {"pid": os.getpid(), "pid_start": "1", "supervisor_pid": os.getpid(), "supervisor_start": start}
    put(store, state=state, **pids)
    assert (info(store).pid, info(store).supervisor_pid) == (None, None)


def test_a_process_that_runs_on_without_its_supervisor_is_told(store: Store) -> None:
    put(store, state="running", pid=os.getpid(), pid_start=procfs.start_time(os.getpid()))
    assert (info(store).state, info(store).pid, info(store).supervisor_pid) == ("lost", os.getpid(), None)


def test_a_lost_job_is_as_old_as_its_last_sign_of_life(store: Store) -> None:
    put(store, state="running", started_at=NOW - 90)
    os.utime(store.path("j1.0"), (NOW - 90, NOW - 90))
    assert (info(store).age, info(store).elapsed) == (90.0, None)
    os.close(store.open_log("j1.0"))
    os.utime(f"{store.path('j1.0')}.log", (NOW - 7, NOW - 7))
    assert info(store).age == 7.0


def test_a_clock_that_was_put_back_makes_no_age_negative(store: Store) -> None:
    put(store, state="succeeded", ended_at=NOW + 1000)
    assert info(store).age == 0.0


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"started": 1, "finished": 0, "ansible_job_id": "j12.34"},
            {"state": "running", "started_at": "1970-01-12T13:45:40Z", "elapsed": 60.0},
        ),
        ({"rc": 0, "stdout": SECRET}, {"state": "succeeded", "ended_at": "1970-01-12T13:45:40Z", "elapsed": None}),
        ({"failed": True, "msg": SECRET}, {"state": "failed", "reason": "module", "message": None}),
        ({"msg": "Timeout exceeded", "child_pid": 1}, {"message": "ran into the limit of its async: keyword"}),
    ],
    ids=str,
)
def test_a_job_of_builtin_async_is_told_by_what_its_file_has(
    store: Store, at_work: dict[str, list[int]], document: dict[str, t.Any], expected: dict[str, t.Any]
) -> None:
    at_work["j12"] = [os.getpid(), os.getppid()]
    write(store, "j12.34", document)
    told = info(store)
    assert {key: getattr(told, key) for key in expected} == expected
    assert (told.name, told.age, told.user) == ("j12.34", 60.0, user_name(os.geteuid()))
    assert (told.builtin, told.group, told.attempts, told.timeout) == (True, None, None, None)
    running = told.state == "running"
    assert (told.pid, told.supervisor_pid) == ((os.getpid(), os.getppid()) if running else (None, None))


@pytest.mark.usefixtures("at_work")
def test_a_job_of_builtin_async_whose_processes_are_gone_is_lost(store: Store) -> None:
    write(store, "j12.34", {"started": 1, "finished": 0, "ansible_job_id": "j12.34"})
    told = info(store)
    assert (told.state, told.reason, told.age, told.builtin) == ("lost", "supervisor_gone", 60.0, True)


def test_a_cancelled_job_of_builtin_async_stays_one(store: Store) -> None:
    builtin.write_cancelled(store, "j12.34")
    assert (info(store).state, info(store).builtin, info(store).attempts) == ("cancelled", True, None)


@pytest.mark.parametrize(("no_log", "message"), [(False, SECRET), (True, None)])
def test_nothing_that_is_secret_is_told(store: Store, no_log: bool, message: str | None) -> None:
    earlier = [{"stdout": SECRET}]
    put(store, result={"stdout": SECRET}, state="failed", message=SECRET, no_log=no_log, earlier=earlier)
    told = info(store)
    assert (told.message, told.no_log) == (message, no_log)
    assert SECRET not in repr(told).replace(f"message={message!r}", "")


def test_why_a_job_is_lost_is_no_secret(store: Store) -> None:
    put(store, state="running", no_log=True)
    told = info(store)
    assert told.message is not None and "has gone while the job was running" in told.message


def test_jobs_come_in_the_order_of_their_launch(store: Store) -> None:
    for number, queued in ((10, 12), (9, 11), (2, 10)):  # each is noted anew when its job changes
        put(store, f"j1.{number}", queued_at=NOW - queued, state="failed")
    put(store, "j9.0", batch="j9", queued_at=NOW - 13, state="failed")
    put(store, "j0.0", batch="j0", queued_at=NOW - 11, state="failed")
    write(store, "j5.5", {"rc": 0}, NOW - 11.5)
    write(store, "2988a0586c194d99", {"rc": 0}, NOW - 11.7)
    write(store, "3988a0586c194d99", {"rc": 0}, NOW - 9)
    jids = [told.ansible_job_id for told in infos(store)]
    assert jids[:5] == ["j9.0", "j1.2", "j1.9", "j1.10", "2988a0586c194d99"]
    assert jids[5:] == ["j5.5", "j0.0", "3988a0586c194d99"]


@pytest.mark.parametrize(
    "name", ["notes", "1.2", "2024.12", "j1", "j1.0.bak", "j1.x", ".j1.lock", "j1.0.log", "j1.0.tmp"]
)
def test_what_is_not_called_like_a_job_is_none(store: Store, name: str) -> None:
    Path(store.directory, name).write_text("{}", encoding="ascii")
    assert infos(store) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: os.symlink("/etc/passwd", path), "is a symbolic link"),
        (os.mkfifo, "is not a regular file"),
        (os.mkdir, "is not a regular file"),
        (lambda path: Path(path).write_text('{"sta', encoding="ascii"), "is not JSON"),
    ],
    ids=["link", "fifo", "directory", "damaged"],
)
def test_what_cannot_be_read_is_told_as_that(store: Store, make: t.Callable[[str], t.Any], message: str) -> None:
    make(store.path("j1.0"))
    told = info(store)
    assert (told.state, told.reason, told.builtin, told.name) == ("lost", "status_unreadable", False, "j1.0")
    assert told.message is not None and message in told.message


def test_a_job_of_a_newer_release_is_told_of_as_that(store: Store) -> None:
    store.write("j1.0", {"started": True, "finished": False, "background_jobs": {"format": 2}})
    told = info(store)
    assert (told.state, told.reason, told.builtin, told.pid) == ("not_found", "newer_release", False, None)


@pytest.mark.parametrize("value", ["soon", None, [1], float("inf"), 1e300, True], ids=repr)
def test_a_damaged_time_is_no_crash(store: Store, value: t.Any) -> None:
    put(store, state="succeeded", queued_at=value, started_at=value, ended_at=value, elapsed=value, timeout=value)
    assert info(store).state == "succeeded"


def test_a_job_that_goes_while_we_look_is_left_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "jids", lambda: ["j1.0", "j1.1"])
    put(store, "j1.1", state="succeeded")
    assert [told.ansible_job_id for told in infos(store)] == ["j1.1"]


def test_no_directory_is_no_jobs_and_one_that_cannot_be_read_is_an_error(store: Store) -> None:
    assert infos(Store(f"{store.directory}/missing")) == []
    Path(store.directory, "file").touch()
    with pytest.raises(StoreError, match="file is not a directory"):
        infos(Store(f"{store.directory}/file"))


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        (Selection(), True),
        (Selection(group="nightly"), True),
        (Selection(group="night"), False),
        (Selection(names=["other", "backup"]), True),
        (Selection(names=["back*"]), False),
        (Selection(names=[]), False),
        (Selection(states=["failed", "lost"]), True),
        (Selection(states=["lost"]), False),
        (Selection(states=[]), False),
        (Selection("nightly", ["backup"], ["failed"]), True),
        (Selection("nightly", ["backup"], ["lost"]), False),
        (Selection("other", ["backup"], ["failed"]), False),
    ],
    ids=str,
)
def test_all_that_is_asked_for_has_to_match(store: Store, selection: Selection, selected: bool) -> None:
    put(store, state="failed", group="nightly")
    assert selection.has(info(store)) is selected


@pytest.mark.parametrize(
    ("no_log", "state", "code", "expected"),
    [(False, "failed", 3, 3), (True, "failed", 3, None), (False, "failed", "3", None)],
)
def test_the_return_code_is_told_unless_it_is_secret(
    store: Store, no_log: bool, state: str, code: t.Any, expected: int | None
) -> None:
    put(store, state=state, reason="exit_code", no_log=no_log, result={"rc": code})
    assert info(store).rc == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_told_of_where_it_lies(store: Store) -> None:
    put(store, state="succeeded")
    os.chown(store.path("j1.0"), 12345, -1)
    told = info(store)
    assert (told.state, told.reason, told.builtin) == ("lost", "status_unreadable", False)
    assert "belongs to 12345, not to root" in str(told.message)
