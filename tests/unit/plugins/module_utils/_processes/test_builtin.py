# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup.cancel import cancel_jobs
from ansible_collections.background.jobs.plugins.module_utils._model.names import KILL
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import Wrappers
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence, find_jobs
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

PAYLOAD = ["60", "/root/.ansible/tmp/x/AnsiballZ_command.py", "_"]
TABLE = {
    10: ["/usr/bin/python3", "/root/.ansible/tmp/x/async_wrapper.py", "j123", *PAYLOAD],
    11: ["/usr/bin/python3", "/root/.ansible/tmp/x/async_wrapper.py", "j123", *PAYLOAD],
    12: ["/usr/bin/python3", "-u", "/x/AnsiballZ_async_wrapper.py"],
    13: ["python", "async_wrapper.py", "j1234", *PAYLOAD],
    14: ["vim", "/src/async_wrapper.py"],
    15: [],
    16: ["grep", "j777", "async_wrapper.pyc"],
}


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[str]]:
    table = dict(TABLE)
    monkeypatch.setattr(procfs, "pids", lambda: list(table))
    monkeypatch.setattr(procfs, "command_line", lambda pid: table[pid])
    monkeypatch.setattr(procfs, "start_time", lambda pid: f"start of {pid}" if pid in table else None)
    return table


@pytest.mark.parametrize(
    ("jid", "pids"),
    [("j123.4567", [10, 11]), ("j1234.1", [13]), ("j12.1", []), ("j123", []), ("j777.1", []), (".1", [])],
)
@pytest.mark.usefixtures("processes")
def test_a_job_is_found_by_the_name_its_wrapper_was_given(jid: str, pids: list[int]) -> None:
    wrappers = Wrappers()
    assert wrappers.of(jid) == pids
    assert wrappers.has(jid) is bool(pids)


def test_the_processes_are_looked_at_once(processes: dict[int, list[str]]) -> None:
    wrappers = Wrappers()
    assert wrappers.has("j123.1")
    processes.clear()
    assert wrappers.has("j123.1")
    assert not Wrappers().has("j123.1")


def test_the_processes_of_a_job_are_known_with_their_starts(processes: dict[int, list[str]]) -> None:
    wrappers = Wrappers()
    assert wrappers.has("j123.1")
    del processes[11]  # gone since
    tree = wrappers.tree("j123.1", 10)
    assert tree.known == {10: "start of 10", 11: ""}
    assert (tree.leader, tree.held) == (0, False)


def test_a_cancelled_job_of_builtin_async_can_be_read_by_both(store: Store) -> None:
    builtin.write_cancelled(store, "j123.4567")
    document: dict[str, t.Any] = json.loads(Path(store.path("j123.4567")).read_bytes())
    assert (document["started"], document["finished"], document["failed"]) == (True, True, True)
    assert (document["ansible_job_id"], document["msg"]) == ("j123.4567", "it was cancelled")
    status = read_status(store, "j123.4567")
    assert (status.state, status.reason, status.message) == ("cancelled", "cancelled", "it was cancelled")
    assert status.record is not None and status.record.node == os.uname().nodename


# -- jobs of Mitogen's strategies, whose status files name their process

MITOGEN = "2988a0586c194d99"


@pytest.fixture
def worker() -> t.Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["python3(mitogen:root@vm:14673)", "600"], executable="sleep", start_new_session=True)
    yield process
    process.kill()
    process.wait()


def write_running(store: Store, pid: t.Any, **others: t.Any) -> None:
    first = {"started": 1, "finished": 0, "pid": pid, "ansible_job_id": MITOGEN, "data": ""}
    store.write(MITOGEN, {**first, **others})


def test_a_job_of_mitogen_runs_as_long_as_the_process_that_it_names(
    store: Store, worker: subprocess.Popen[bytes]
) -> None:
    write_running(store, worker.pid)
    assert read_status(store, MITOGEN).state == "running"
    ((dummy, info),) = find_jobs(store, Evidence(), now=0.0)
    assert (info.name, info.builtin, info.state, info.pid) == (MITOGEN, True, "running", worker.pid)
    worker.kill()
    worker.wait()
    assert (read_status(store, MITOGEN).state, read_status(store, MITOGEN).reason) == ("lost", "supervisor_gone")


def test_a_process_that_has_got_its_number_since_is_not_taken_for_it(
    store: Store, worker: subprocess.Popen[bytes]
) -> None:
    write_running(store, worker.pid)
    os.utime(store.path(MITOGEN), (0, os.stat(store.path(MITOGEN)).st_mtime - 60))
    assert read_status(store, MITOGEN).state == "lost"


def test_a_process_that_is_none_of_mitogen_is_not_taken_for_it(store: Store, sleeper: subprocess.Popen[bytes]) -> None:
    for pid in (sleeper.pid, str(sleeper.pid), None, True, -1):
        write_running(store, pid)
        assert read_status(store, MITOGEN).state == "lost", pid


def test_a_job_of_mitogen_is_ended(store: Store, worker: subprocess.Popen[bytes]) -> None:
    write_running(store, worker.pid)
    (cancelled,) = cancel_jobs([(store, MITOGEN)], KILL, dry=False)
    assert (cancelled.changed, cancelled.status.state) == (True, "cancelled")
    assert worker.wait() == -15


@pytest.mark.parametrize(
    ("document", "state", "reason"),
    [
        ({"rc": 0, "stdout": "x"}, "succeeded", None),
        ({"rc": 3, "failed": True, "msg": "no"}, "failed", "module"),
        (
            {"failed": 1, "finished": 1, "msg": "Job reached maximum time limit of 5 seconds."},
            "timed_out",
            "timeout",
        ),
        ({"failed": 1, "msg": "Job reached maximum time limit of 5 seconds."}, "failed", "module"),
    ],
    ids=["done", "failed", "over its limit", "a module that says so"],
)
def test_how_a_job_of_mitogen_ended_is_understood(
    store: Store, document: dict[str, t.Any], state: str, reason: str | None
) -> None:
    store.write(MITOGEN, {**document, "ansible_job_id": MITOGEN, "data": ""})
    status = read_status(store, MITOGEN)
    assert (status.state, status.reason) == (state, reason)
