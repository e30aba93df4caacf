# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import Wrappers
from ansible_collections.background.jobs.plugins.module_utils._reader.status import look
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
    status = look(store, "j123.4567")
    assert (status.state, status.reason, status.message) == ("cancelled", "cancelled", "it was cancelled")
    assert status.record is not None and status.record.node == os.uname().nodename
