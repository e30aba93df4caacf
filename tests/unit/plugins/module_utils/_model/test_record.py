# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.record import (
    FORMAT,
    KEY,
    NewerRecord,
    Record,
    RecordError,
    decode_record,
    encode_record,
)
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    FAILED,
    QUEUED,
    RUNNING,
    STATES,
    SUCCEEDED,
)
from ansible_collections.background.jobs.tests.unit.helpers import record

RESULTS: dict[str, dict[str, t.Any]] = {
    "plain": {"changed": True, "rc": 0, "stdout": "x"},
    "empty": {},
    "names of the top level": {"started": "12:00", "finished": "13:00", "ansible_job_id": 7},
    "the name of the record": {KEY: {"state": "mine"}, "background": 1},
    "failure keys": {"failed": "no", "warnings": "not a list", "msg": None, "skipped": True},
    "names of the record's fields": {"jid": 1, "name": 2, "state": 3, "shadowed": {"finished": 1}, "format": 9},
    "false values": {"started": None, "finished": 0, "ansible_job_id": ""},
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS.keys())
def test_a_result_comes_back_unchanged(result: dict[str, t.Any]) -> None:
    stored = json.loads(json.dumps(encode_record(record(state=SUCCEEDED), result)))
    found, own = decode_record(stored)
    assert own == result
    top_level = (KEY, "started", "finished", "ansible_job_id")
    assert found is not None
    assert found.shadowed == {key: value for key, value in result.items() if key in top_level}


def test_a_record_comes_back_unchanged() -> None:
    before = record(
        state=FAILED,
        reason="exit_code",
        message="exit code 3",
        node="web1",
        user="deploy",
        boot_id="b",
        supervisor_pid=10,
        supervisor_start="1",
        pid=11,
        pid_start="2",
        queued_at=1.5,
        started_at=2.5,
        ended_at=3.5,
        elapsed=1.0,
        timeout=60.0,
        kill_after=5.0,
        attempts=2,
        earlier=[{"rc": 1, "started": "12:00", KEY: {"state": "mine"}}],
        group="nightly",
        lock="dpkg",
        no_log=True,
    )
    found, dummy = decode_record(encode_record(before, {"rc": 3}))
    assert found == before


@pytest.mark.parametrize("state", STATES)
def test_builtin_async_status_sees_what_it_expects_in_every_state(state: str) -> None:
    document = encode_record(record(state=state), {"finished": "by the module", "failed": True})
    assert document["started"] is True
    assert document["finished"] is (state not in (QUEUED, RUNNING))
    assert document["ansible_job_id"] == "j1.0"


def test_encoding_leaves_its_arguments_alone() -> None:
    job, result = record(), {"started": 1}
    encode_record(job, result)
    assert (job, result) == (record(), {"started": 1})


def test_what_was_written_does_not_change_with_what_it_was_made_of() -> None:
    job, result = record(), {"rc": 0}
    document = encode_record(job, result)
    before = json.dumps(document)
    job.state, result["rc"] = SUCCEEDED, 1
    assert json.dumps(document) == before


def test_a_record_of_an_earlier_version_has_what_it_did_not_know_by_default() -> None:
    document = encode_record(record())
    for field in ("kill_after", "earlier", "group", "lock"):
        del document[KEY][field]
    assert decode_record(document)[0] == record()


def test_a_file_of_builtin_async_has_no_record() -> None:
    document = {"started": 1, "finished": 0, "ansible_job_id": "123.4"}
    assert decode_record(document) == (None, document)


def test_a_newer_format_is_not_read() -> None:
    document = encode_record(record())
    document[KEY]["format"] = FORMAT + 1
    with pytest.raises(NewerRecord, match=r"a newer release .* has format 2, and this release reads up to 1\)"):
        decode_record(document)


def test_a_field_of_a_later_minor_version_is_passed_over() -> None:
    document = encode_record(record())
    document[KEY]["colour"] = "red"
    assert decode_record(document)[0] == record()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("text", "is not a record"),
        ({}, "is not a record"),
        ({"format": "1"}, "is not a record"),
        ({"format": 1, "jid": "x"}, "is incomplete: .*name"),
        ({"format": 1, "jid": "x", "name": "n", "batch": "x", "state": "?"}, "makes no sense: there is no state '\\?'"),
        ({"format": 1, "jid": "x", "name": "n", "batch": 7}, "makes no sense: batch is 7, not a text"),
        ({"format": 1, "jid": "x", "name": "n", "batch": "x", "shadowed": []}, "makes no sense"),
        ({"format": 1, "jid": "x", "name": "n", "batch": "x", "earlier": 5}, "earlier is 5, not a list"),
        ({"format": 1, "jid": "x", "name": "n", "batch": "x", "earlier": [{}, 5]}, "earlier is .*, not a list"),
        ({"format": 1, "jid": "x", "name": "n", "batch": "x", "no_log": "yes"}, "no_log is 'yes', not true or false"),
    ],
    ids=str,
)
def test_what_is_no_record_is_refused(raw: t.Any, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        decode_record({KEY: raw})


@pytest.mark.parametrize("state", STATES)
def test_only_queued_and_running_are_not_finished(state: str) -> None:
    assert Record("j", "n", "b", state=state).finished is (state not in ("queued", "running"))
