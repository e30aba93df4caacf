# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._reader import answer as _answer
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import (
    Unsendable,
    as_json,
    foretold,
    take_secrets,
    tell_record,
    tell_status,
)
from ansible_collections.background.jobs.tests.unit.helpers import record


def test_secrets_are_taken_out_of_everything_that_a_job_returned() -> None:
    result = {
        "_ansible_new_secrets": ["a"],
        "rc": 0,
        "steps": [{"_ansible_new_secrets": ["b"], "rc": 1}, {"rc": 2}, "a module's own"],
    }
    earlier = [{"_ansible_new_secrets": ["c"], "steps": [{"_ansible_new_secrets": ["d"]}]}, {"steps": "none"}]
    status = Status("j1.0", "/a/j1.0", "succeeded", record=record(earlier=earlier), result=result)
    assert take_secrets(status) == ["a", "b", "c", "d"]
    assert status.result == {"rc": 0, "steps": [{"rc": 1}, {"rc": 2}, "a module's own"]}
    assert status.record is not None and status.record.earlier == [{"steps": [{}]}, {"steps": "none"}]
    assert take_secrets(status) == []


def test_a_job_of_builtin_async_has_no_record() -> None:
    assert take_secrets(Status("1.2", "/b/1.2", "succeeded", result={"_ansible_new_secrets": ["a"]})) == ["a"]


@pytest.mark.parametrize("value", [5, "abc", None, [5], ["a", None], {"a": 1}], ids=repr)
def test_what_is_no_list_of_texts_is_no_secret(value: t.Any) -> None:
    status = Status("1.2", "/b/1.2", "succeeded", result={"_ansible_new_secrets": value, "rc": 0})
    assert (take_secrets(status), status.result) == ([], {"rc": 0})


# What is told of a job

ODD: dict[str, t.Any] = {"body": {"__ansible_type": "nonsense"}}


def test_what_a_job_returned_travels_as_a_text_of_its_own() -> None:
    """Nothing that ansible-core could stumble over is in the answer itself."""
    told = tell_status(
        Status("j1.0", "/a/j1.0", "failed", record=record(earlier=[ODD, {}], shadowed=ODD), result={"rc": 1, **ODD}),
        changed=True,
    )
    assert {key: type(value) for key, value in told.items()} == {
        "jid": str,
        "status": str,
        "result": str,
        "earlier": list,
        "shadowed": str,
    }
    assert "nonsense" not in told["status"]
    assert json.loads(told["result"]) == {"rc": 1, **ODD}
    assert [json.loads(text) for text in told["earlier"]] == [ODD, {}]
    assert json.loads(told["shadowed"]) == ODD
    status = json.loads(told["status"])
    assert (status["jid"], status["state"], status["changed"]) == ("j1.0", "failed", True)
    assert status["record"]["name"] == "backup"
    assert "nonsense" not in tell_record(record(earlier=[ODD], shadowed=ODD))


def test_bytes_that_are_no_text_become_characters_that_are_one() -> None:
    """ansible-core refuses an answer with a lone surrogate in it."""
    told = tell_status(
        Status("1.2", "/b/1.2", "succeeded", message="caf\udce9", result={"stdout": "caf\udce9 \U0001f600 ü"})
    )
    assert json.loads(told["result"]) == {"stdout": "caf\ufffd \U0001f600 ü"}
    assert json.loads(told["status"])["message"] == "caf\ufffd"
    json.dumps(told, ensure_ascii=False).encode("utf-8")


def deep(levels: int) -> t.Any:
    value: t.Any = {}
    for dummy in range(levels):
        value = {"a": value}
    return value


def test_a_result_that_cannot_be_sent_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    too_deep = deep(100_000)
    told = tell_status(Status("j1.0", "/a/j1.0", "succeeded", record=record(earlier=[too_deep, {}]), result=too_deep))
    assert told["result"] == ["it is nested too deeply to be sent"]
    assert told["earlier"] == [["it is nested too deeply to be sent"], "{}"]
    monkeypatch.setattr(_answer, "_LARGEST", 100)
    with pytest.raises(Unsendable, match=r"too large to be sent \(202 characters, 100 are possible\)"):
        as_json("x" * 200)


def test_a_record_that_cannot_be_sent_is_a_lost_job() -> None:
    told = tell_status(
        Status("j1.0", "/a/j1.0", "succeeded", record=record(conditions=deep(100_000))), running_for=None
    )
    status = json.loads(told["status"])
    assert (status["state"], status["reason"]) == ("lost", "status_unreadable")
    assert status["message"] == "of its record: it is nested too deeply to be sent"


# How a job has ended, before its result is told


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"rc": 0, "changed": False}, "ok"),
        ({"rc": 0, "changed": True, "stdout": "a" * 1000, "steps": [{"changed": True}]}, "changed"),
        ({"skipped": True, "changed": True}, "skipped"),
        ({"a": deep(18)}, "ok"),
        ({"a": deep(30), "changed": True}, ""),
        (ODD, ""),
        ({"stdout": "a" * 2_000_000}, ""),
    ],
    ids=["ok", "changed", "skipped", "nested", "too deep", "of a type", "long"],
)
def test_how_a_job_has_ended_is_told_before_its_result_where_that_will_arrive(
    result: dict[str, t.Any], expected: str
) -> None:
    assert foretold(Status("j1.0", "/a/j1.0", "succeeded", record=record(), result=result)) == expected


@pytest.mark.parametrize("state", ["running", "failed", "lost", "skipped"])
def test_of_a_job_that_did_not_succeed_its_state_says_it(state: str) -> None:
    assert foretold(Status("j1.0", "/a/j1.0", state, record=record(), result={"changed": True})) == ""
