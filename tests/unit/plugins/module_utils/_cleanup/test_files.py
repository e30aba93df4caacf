# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record, encode_record
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import record


def put(store: Store, *jobs: Record) -> None:
    for job in jobs:
        store.write(job.jid, encode_record(job))
        store.make_files(job.jid, {"script": b""})


def left(store: Store) -> list[str]:
    return sorted(os.listdir(store.directory))


def test_everything_of_a_finished_job_goes(store: Store) -> None:
    put(store, record("j1.0", state="succeeded"))
    os.close(store.make_lock("j1"))
    remove_finished([read_status(store, "j1.0")])
    assert left(store) == []


def test_a_running_job_keeps_its_files_and_its_lock(store: Store) -> None:
    put(store, record("j1.0", state="running"), record("j1.1", state="failed"))
    lock = store.make_lock("j1")
    try:
        remove_finished([read_status(store, "j1.0"), read_status(store, "j1.1")])
        assert left(store) == [".j1.0.d", ".j1.lock", "j1.0"]
    finally:
        os.close(lock)


def test_a_lost_job_goes_with_what_its_supervisor_left(store: Store) -> None:
    put(store, record("j1.0", state="running", node=os.uname().nodename))
    os.close(store.make_lock("j1"))
    status = read_status(store, "j1.0")
    assert status.state == "lost"
    status.ours_to_remove = True
    remove_finished([status])
    assert left(store) == []


def test_a_job_of_another_host_keeps_its_files(store: Store) -> None:
    put(store, record("j1.0", state="running", node="web9", boot_id="its own"))
    remove_finished([read_status(store, "j1.0")])
    assert left(store) == [".j1.0.d", "j1.0"]


@pytest.mark.parametrize(
    ("document", "stays"), [({"rc": 0}, []), ({"started": 1, "finished": 0, "ansible_job_id": "1.2"}, ["1.2"])]
)
def test_a_job_of_builtin_async_goes_when_it_is_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch, document: dict[str, t.Any], stays: list[str]
) -> None:
    monkeypatch.setattr(builtin.Wrappers, "has", lambda wrappers, jid: True)
    store.write("1.2", document)
    remove_finished([read_status(store, "1.2")])
    assert left(store) == stays


def test_what_is_not_there_and_what_is_no_job_do_no_harm(store: Store) -> None:
    for name in ("passwd", ".j1.lock", "j2.0.log"):
        Path(store.directory, name).write_text("{}", encoding="ascii")
    kept = left(store)
    remove_finished([read_status(store, name) for name in ("j1.0", "../async/passwd", *kept)])
    assert left(store) == kept


def test_a_damaged_file_goes(store: Store) -> None:
    with open(store.path("j1.0"), "wb"):
        pass
    remove_finished([read_status(store, "j1.0")])
    assert left(store) == []


def test_what_a_supervisor_was_writing_when_it_was_killed_goes_with_its_job(store: Store) -> None:
    store.write("j1.0", encode_record(record("j1.0", state="running", node=os.uname().nodename)))
    Path(store.directory, ".j1.0.4711.tmp").touch()
    Path(store.directory, ".j1.00.4711.tmp").touch()
    remove_finished([read_status(store, "j1.0")])
    assert left(store) == [".j1.00.4711.tmp"]
