# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is in a status file, its readers say what is wrong with it, and what was stored comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._model.record import (
    FORMAT,
    KEY,
    Record,
    RecordError,
    decode_record,
    encode_record,
)
from ansible_collections.background.jobs.plugins.module_utils._model.states import ANSWERS, STATES
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import record
from ansible_collections.background.jobs.tests.unit.strategies import JSON, PATHS, TEXTS, mutated, objects, replaced

OURS = (KEY, "started", "finished", "ansible_job_id", "format", "shadowed", "state", "jid")
BUILTIN = ("started", "finished", "ansible_job_id", "child_pid", "msg", "rc", "failed")
RESULTS = objects(*OURS, "rc", "failed", "msg")
SECONDS = st.none() | st.floats(0, 1e10)

RECORDS = st.builds(
    Record,
    jid=st.just("j1.0"),
    name=TEXTS,
    batch=st.sampled_from(["j1", "j2"]),
    state=st.sampled_from(STATES),
    reason=st.none() | TEXTS,
    message=st.none() | TEXTS,
    node=st.none() | TEXTS | st.just(os.uname().nodename),
    boot_id=st.sampled_from([None, "another", procfs.boot_id()]),
    supervisor_pid=st.none() | st.integers(1, 2**40),
    supervisor_start=st.none() | TEXTS,
    pid=st.none() | st.integers(1, 2**40),
    pid_start=st.none() | TEXTS,
    started_at=SECONDS,
    elapsed=SECONDS,
    attempts=st.integers(0, 9),
    earlier=st.lists(RESULTS, max_size=2),
    no_log=st.booleans(),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Store]:
    """One store for all examples, with a batch j1 that is being worked on and a batch j2 that is not."""
    store = Store(prepare_directory(str(tmp_path_factory.mktemp("fuzzed") / "async")))
    handle = store.make_lock("j1")
    yield store
    os.close(handle)


def check(store: Store, content: bytes) -> None:
    """Every reader gives an answer that can be passed on, or the error that it is known for."""
    Path(store.path("j1.0")).write_bytes(content)
    status = read_status(store, "j1.0")
    assert isinstance(status, Status) and status.state in ANSWERS
    json.dumps([status.state, status.reason, status.message, status.result]).encode("ascii")
    with contextlib.suppress(StoreError):
        document = store.read("j1.0")
        with contextlib.suppress(RecordError):
            decode_record(document)


@given(st.binary())
def test_any_bytes_are_a_status(shared: Store, content: bytes) -> None:
    check(shared, content)


@given(JSON | objects(*BUILTIN) | objects(*OURS))
def test_any_json_is_a_status(shared: Store, document: t.Any) -> None:
    check(shared, json.dumps(document).encode())


@given(
    objects(*OURS, *(field.name for field in dataclasses.fields(Record))),
    st.sampled_from(["j1", "j2"]),
    st.sampled_from([FORMAT, FORMAT, FORMAT + 1, 0, "1"]),
)
def test_anything_in_the_fields_of_a_record_is_a_status(
    shared: Store, raw: dict[str, t.Any], batch: str, number: t.Any
) -> None:
    whole = {
        "jid": "j1.0",
        "name": "n",
        "batch": batch,
        "state": "running",
        "boot_id": procfs.boot_id(),
        **raw,
        "format": number,
    }
    check(shared, json.dumps({KEY: whole}).encode())


@given(RECORDS, RESULTS, PATHS, JSON)
def test_a_record_with_anything_in_it_is_a_status(
    shared: Store, job: Record, result: dict[str, t.Any], path: list[int], value: t.Any
) -> None:
    document = encode_record(job, result)
    check(shared, json.dumps(replaced(document, path, value)).encode())
    check(shared, json.dumps({**document, KEY: replaced(document[KEY], path, value)}).encode())


@given(mutated(st.builds(encode_record, RECORDS, RESULTS).map(json.dumps).map(str.encode)))
def test_a_file_that_was_damaged_is_a_status(shared: Store, content: bytes) -> None:
    check(shared, content)


@given(RECORDS, RESULTS)
def test_every_record_and_every_result_come_back(shared: Store, job: Record, result: dict[str, t.Any]) -> None:
    document = json.loads(json.dumps(encode_record(job, result)).encode("ascii"))
    found, own = decode_record(document)
    assert own == result
    assert found is not None
    found.shadowed = {}
    assert found == job


@given(TEXTS)
def test_any_text_is_a_job_id_or_is_said_to_be_none(shared: Store, jid: str) -> None:
    assert read_status(shared, jid).state == "not_found"


@pytest.mark.parametrize("key", ["started", "finished", "ansible_job_id", KEY, "msg"])
def test_a_result_that_is_nested_deeply_comes_back(key: str) -> None:
    depth = 450
    value = json.loads("[" * depth + "]" * depth)
    document = encode_record(record(state="succeeded", earlier=[{key: value}]), {key: value})
    assert decode_record(json.loads(json.dumps(document)))[1] == {key: value}
