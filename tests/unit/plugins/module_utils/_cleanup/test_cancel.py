# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel as _cancel
from ansible_collections.background.jobs.plugins.module_utils._cleanup.cancel import (
    DRAIN,
    KILL,
    cancel_jobs,
    cancellable,
)
from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, signals
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import record


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cancel, "_PATIENCE", 0.0)


@pytest.fixture
def lock(store: Store) -> t.Iterator[int]:
    handle = store.make_lock("j1")
    yield handle
    os.close(handle)


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pids that would have been sent a signal."""
    pids: list[int] = []
    monkeypatch.setattr(signals, "send_signal", lambda process, number: pids.append(process.pid))
    return pids


def put(store: Store, jid: str = "j1.0", **fields: t.Any) -> None:
    here = {"node": os.uname().nodename, "boot_id": procfs.boot_id(), "kill_after": 0}
    store.write(jid, encode_record(record(jid, **{**here, **fields})))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("mode", [KILL, DRAIN])
@pytest.mark.usefixtures("lock")
def test_what_would_be_ended_is_told_without_doing_it(store: Store, state: str, mode: str) -> None:
    put(store, state=state)
    before = sorted(os.listdir(store.directory))
    (told,) = cancel_jobs([(store, "j1.0")], mode, dry=True)
    assert told.status.state == state
    assert told.changed is (state == "queued" or (mode == KILL and state == "running"))
    assert sorted(os.listdir(store.directory)) == before


@pytest.mark.parametrize("state", [state for state in STATES if state not in UNFINISHED])
def test_a_job_that_has_ended_is_left_as_it_is(store: Store, signalled: list[int], state: str) -> None:
    put(store, state=state)
    (told,) = cancel_jobs([(store, "j1.0")], KILL, dry=False)
    assert (told.status.state, told.changed) == (state, False)
    assert os.listdir(store.directory) == ["j1.0"] and signalled == []


def test_the_supervisor_is_told_once_for_all_its_jobs(store: Store, lock: int, signalled: list[int]) -> None:
    store.name_holder(lock, os.getpid(), procfs.start_time(os.getpid()))
    for number in range(3):
        put(store, f"j1.{number}", state="running")
    cancel_jobs([(store, f"j1.{number}") for number in range(3)], DRAIN, dry=False)
    assert signalled == [os.getpid()]
    assert [store.take_cancel(f"j1.{number}") for number in range(3)] == ["drain"] * 3


@pytest.mark.parametrize("started", [None, "1"], ids=["no holder", "another process"])
def test_nobody_else_is_told(store: Store, lock: int, signalled: list[int], started: str | None) -> None:
    store.name_holder(lock, os.getpid(), started)
    put(store, state="queued")
    (told,) = cancel_jobs([(store, "j1.0")], KILL, dry=False)
    assert (told.status.state, told.changed, signalled) == ("queued", False, [])


def test_a_file_that_is_not_there_or_no_jid_is_told_as_not_found(store: Store) -> None:
    told = cancel_jobs([(store, "j1.0"), (store, "../j1.0")], KILL, dry=False)
    assert [(one.status.state, one.changed) for one in told] == [("not_found", False)] * 2
    assert os.listdir(store.directory) == []


def test_no_jobs_are_no_work(store: Store) -> None:
    assert cancel_jobs([], KILL, dry=False) == []
    assert cancellable(store, None, None) == []
    assert cancellable(Store(f"{store.directory}/missing"), None, None) == []


@pytest.mark.usefixtures("lock")
def test_only_jobs_that_can_be_ended_are_selected(store: Store) -> None:
    for number, state in enumerate(STATES):
        put(store, f"j1.{number}", state=state, name=state, group="a" if number % 2 else None)
    store.write("j2.0", {"started": 1, "finished": 0, "ansible_job_id": "j2.0"})
    with open(store.path("j3.0"), "wb"):
        pass
    assert [jid for dummy, jid in cancellable(store, None, None)] == ["j1.0", "j1.1"]
    assert [jid for dummy, jid in cancellable(store, "a", None)] == ["j1.1"]
    assert [jid for dummy, jid in cancellable(store, None, ["queued"])] == ["j1.0"]
    assert cancellable(store, "a", ["queued"]) == []
