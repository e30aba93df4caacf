# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import leftovers
from ansible_collections.background.jobs.plugins.module_utils._cleanup import prune as _prune
from ansible_collections.background.jobs.plugins.module_utils._cleanup.prune import prune_files
from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._model.wire import Pruned
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Selection
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Gates,
    eventually,
    record,
    runs,
    script_job,
)

NOW = 1_000_000.0
DAY = 86400.0
ENDED = [state for state in STATES if state not in UNFINISHED]


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The jobs of builtin async that have processes."""
    jids: set[str] = set()
    monkeypatch.setattr(builtin.Wrappers, "of", lambda wrappers, jid: [1] if jid in jids else [])
    return jids


def put(store: Store, jid: str, state: str, age: float = 2 * DAY, **fields: t.Any) -> None:
    here = {"node": os.uname().nodename, "boot_id": procfs.boot_id(), "batch": jid.rpartition(".")[0]}
    ended = None if state in UNFINISHED else NOW - age
    store.write(jid, encode_record(record(jid, state=state, ended_at=ended, **{**here, **fields})))
    os.utime(store.path(jid), (NOW - age, NOW - age))


def write(store: Store, jid: str, text: str, age: float = 2 * DAY) -> None:
    Path(store.path(jid)).write_text(text, encoding="ascii")
    os.utime(store.path(jid), (NOW - age, NOW - age))


def pruned(store: Store, older_than: float = DAY, dry: bool = False, **selection: t.Any) -> Pruned:
    return prune_files(store, Selection(**{"states": ENDED, **selection}), older_than, dry, NOW)


def jids(result: Pruned) -> list[str]:
    return [info["ansible_job_id"] for info in result.jobs]


def left(store: Store) -> list[str]:
    return sorted(os.listdir(store.directory))


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_long_enough_ago_goes_with_all_its_files(store: Store, state: str) -> None:
    put(store, "j1.0", state)
    os.close(store.make_lock("j1"))
    store.make_reserve("j1")
    os.close(store.open_log("j1.0"))
    result = pruned(store)
    assert ([(info["name"], info["state"]) for info in result.jobs], result.kept, result.error) == (
        [("backup", state)],
        [],
        None,
    )
    assert left(store) == []


def test_what_is_younger_stays(store: Store) -> None:
    put(store, "j1.0", "failed", age=DAY - 1)
    put(store, "j2.0", "failed", age=DAY)
    assert jids(pruned(store)) == ["j2.0"]
    assert left(store) == ["j1.0"]
    assert jids(pruned(store, older_than=0)) == ["j1.0"]


@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_what_has_not_ended_stays_and_so_does_its_batch(store: Store, state: str) -> None:
    put(store, "j1.0", state, age=9 * DAY)
    put(store, "j1.1", "succeeded", age=9 * DAY)
    put(store, "j2.0", "succeeded")
    lock = store.make_lock("j1")
    try:
        result = pruned(store, older_than=0)
    finally:
        os.close(lock)
    assert jids(result) == ["j2.0"]
    assert [(info["ansible_job_id"], info["message"]) for info in result.kept] == [
        ("j1.1", "other jobs of the batch have not ended, and somebody may be waiting for all of them")
    ]
    assert left(store) == [".j1.lock", "j1.0", "j1.1"]


def test_a_batch_whose_supervisor_lives_stays_although_nothing_of_it_runs(store: Store) -> None:
    put(store, "j1.0", "succeeded")
    write(store, "j1.1", "{")
    lock = store.make_lock("j1")
    try:
        result = pruned(store)
    finally:
        os.close(lock)
    assert (result.jobs, len(result.kept)) == ([], 2)


def test_only_what_was_asked_for_goes(store: Store) -> None:
    put(store, "j1.0", "failed", group="nightly", name="a")
    put(store, "j2.0", "succeeded", group="nightly", name="b")
    put(store, "j3.0", "failed", name="a")
    assert jids(pruned(store, group="nightly", states=["failed"])) == ["j1.0"]
    assert jids(pruned(store, names=["a"])) == ["j3.0"]
    assert jids(pruned(store, names=[])) == []
    assert left(store) == ["j2.0"]


def test_a_prediction_removes_nothing_and_tells_the_same(store: Store) -> None:
    put(store, "j1.0", "failed")
    os.close(store.make_lock("j1"))
    os.close(store.make_lock("j2"))
    os.utime(store.lock_path("j2"), (NOW - DAY, NOW - DAY))
    before = left(store)
    predicted = pruned(store, dry=True)
    assert left(store) == before
    assert (jids(predicted), predicted.files) == (["j1.0"], [store.lock_path("j2")])
    assert pruned(store) == predicted
    assert left(store) == []
    assert pruned(store) == Pruned([], [], [], None)


def test_a_job_of_builtin_async_goes_when_it_has_ended_and_nothing_of_it_runs(store: Store, at_work: set[str]) -> None:
    write(store, "j1.1", '{"rc": 0}')
    write(store, "j2.2", '{"rc": 0}')
    write(store, "j3.3", '{"started": 1, "finished": 0, "ansible_job_id": "j3.3"}')
    write(store, "j4.4", '{"started": 1, "finished": 0, "ansible_job_id": "j4.4"}')
    write(store, "2988a0586c194d99", '{"rc": 0}')  # of Mitogen's
    at_work.update(("j2.2", "j3.3"))
    result = pruned(store)
    assert sorted(jids(result)) == ["2988a0586c194d99", "j1.1", "j4.4"]
    assert [(info["ansible_job_id"], info["message"]) for info in result.kept] == [
        ("j2.2", "its async_wrapper process has not ended")
    ]
    assert left(store) == ["j2.2", "j3.3"]


@pytest.mark.usefixtures("at_work")
def test_what_is_no_job_stays(store: Store) -> None:
    for name in ("1.2", "2024.12"):
        write(store, name, "{}", age=99 * DAY)
    for name in ("notes", "j1.0.bak"):
        (Path(store.directory) / name).write_text("{}", encoding="ascii")
    os.symlink("notes", store.path("j1.0"))
    os.mkfifo(store.path("j2.0"))
    write(store, "j3.0", '{"background_jobs": {"format": 99}}')
    write(store, "j4.0", "damaged")
    before = left(store)
    result = prune_files(store, Selection(states=ENDED), 0, False, now=1e10)
    assert jids(result) == ["j4.0"]
    assert sorted(info["ansible_job_id"] for info in result.kept) == ["j1.0", "j2.0"]
    assert all(info["message"] for info in result.kept)
    assert left(store) == [name for name in before if name != "j4.0"]


def test_a_job_of_another_host_is_not_even_mentioned(store: Store) -> None:
    put(store, "j1.0", "running", node="web9", boot_id="its own")
    put(store, "j1.1", "succeeded", node="web9", boot_id="its own")
    result = pruned(store)
    assert (result.jobs, [info["ansible_job_id"] for info in result.kept]) == ([], ["j1.1"])
    assert left(store) == ["j1.0", "j1.1"]


def test_a_lost_job_stays_while_its_processes_run(batches: Batches, gates: Gates) -> None:
    batches.launch(gates.job("j1.0"))
    eventually(lambda: gates.is_reached("j1.0"))
    os.kill(batches.supervisor("j1.0"), 9)
    batches.supervisor_ends()
    pid = batches.pid("j1.0")
    result = prune_files(batches.store, Selection(states=ENDED), 0, False, now=1e10)
    assert (result.jobs, result.files) == ([], [])
    (kept,) = result.kept
    assert (kept["state"], kept["pid"]) == ("lost", pid)
    assert kept["message"].startswith(f"processes of it run on: pid {pid}")
    assert runs(pid) and os.path.exists(batches.store.path("j1.0"))


def test_jobs_that_have_ended_go_after_their_batch(batches: Batches) -> None:
    batches.launch(script_job("j1.0", "echo '{}'"), script_job("j1.1", "exit 3"))
    for jid in ("j1.0", "j1.1"):
        batches.end(jid)
    batches.supervisor_ends()
    result = prune_files(batches.store, Selection(states=ENDED), 0, False, now=1e10)
    assert {info["ansible_job_id"]: info["state"] for info in result.jobs} == {"j1.0": "succeeded", "j1.1": "failed"}
    assert left(batches.store) == []


@pytest.mark.parametrize(
    ("selection", "goes"),
    [
        ({}, True),
        ({"states": ["lost"]}, True),
        ({"states": ["failed"]}, False),
        ({"group": "g"}, False),
        ({"names": ["a"]}, False),
    ],
    ids=str,
)
def test_files_without_a_job_are_nobodys_group_and_name(store: Store, selection: dict[str, t.Any], goes: bool) -> None:
    os.close(store.make_lock("j1"))
    os.utime(store.lock_path("j1"), (NOW - 2 * DAY, NOW - 2 * DAY))
    assert pruned(store, **selection).files == ([store.lock_path("j1")] if goes else [])


def test_what_could_not_be_removed_is_not_told_as_removed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "j1.0", "failed")
    put(store, "j2.0", "failed")
    remove = _prune.remove_finished

    def fail(statuses: t.Any) -> None:
        remove(statuses[:1])
        raise PermissionError(1, "Operation not permitted", "/a/j2.0")

    monkeypatch.setattr(_prune, "remove_finished", fail)
    result = pruned(store)
    assert (jids(result), result.error) == (["j1.0"], "could not remove /a/j2.0: Operation not permitted")
    monkeypatch.setattr(_prune, "remove_finished", remove)
    monkeypatch.setattr(leftovers, "remove_leftovers", lambda *arguments: os.unlink("/nowhere/to/be/found"))
    result = pruned(store)
    assert (jids(result), result.error) == (
        ["j2.0"],
        "could not remove /nowhere/to/be/found: No such file or directory",
    )
