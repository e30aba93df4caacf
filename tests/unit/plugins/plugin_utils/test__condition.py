# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._condition import (
    ConditionError,
    Conditions,
    check,
    holds,
    judge,
)

RESULT = {"rc": 3, "stdout": "Nothing to do", "changed": True, "state": "failed", "files": ["a", "b"], "d": {"a": 1}}
NOTHING = {}.__getitem__  # type: ignore[var-annotated]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rc == 3", True),
        ("rc in fine", True),
        ("rc not in fine and not changed", False),
        ("'Nothing' in stdout", True),
        ("stdout.startswith('Some')", False),
        ("stdout is search('to do$')", True),
        ("stdout is ansible.builtin.match('to')", False),
        ("'2.10' is version('2.9', '>')", True),
        ("stdout | regex_search('to do') == 'to do'", True),
        ("files | select('search', 'a') | list | length == 1", True),
        ("d.a == 1", True),
        ("nowhere is defined", False),
        ("true", True),
        ("False", False),
    ],
)
def test_an_expression_has_the_result_and_the_play(expression: str, expected: bool) -> None:
    assert holds(expression, RESULT, {"fine": [0, 3], "rc": 0}.__getitem__) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("nowhere == 1", "'nowhere' is undefined"),
        ("nowhere", "'nowhere' is undefined"),
        ("d.b == 1", "'dict object' has no attribute 'b'"),
        ("rc", "it is a value of type int, not true or false; compare it with something"),
        ("rc is like_this", "No test named 'like_this'."),
        ("rc | as_that", "No filter named 'as_that'."),
        ("rc > 'a'", "'>' not supported between instances of 'int' and 'str'"),
        ("lookup('pipe', 'id') == ''", "'lookup' is undefined"),
        ("range(10) | length > 1", "'range' is undefined"),
        ("''.__class__ == 1", "access to attribute '__class__' of 'str' object is unsafe."),
        ("d['__cla' ~ 'ss__'] == 1", "access to attribute '__class__' of 'dict' object is unsafe."),
        ("files.append('c')", "access to attribute 'append' of 'list' object is unsafe."),
    ],
)
def test_an_expression_that_cannot_be_evaluated_says_why(expression: str, message: str) -> None:
    with pytest.raises(ConditionError) as raised:
        holds(expression, RESULT, NOTHING)
    assert str(raised.value) == message
    assert RESULT["files"] == ["a", "b"]


def test_what_is_no_expression_is_found_before_it_is_needed() -> None:
    check("rc == 0 and nowhere is undefined")
    for wrong in ("rc ==", "a b", "{{ rc }}", "rc | as_that"):
        with pytest.raises(ConditionError):
            check(wrong)


def test_conditions_survive_a_status_file_and_what_a_target_makes_of_them() -> None:
    conditions = Conditions(["rc == 2"], [], True)
    assert Conditions.read(json.loads(json.dumps(conditions.stored()))) == conditions
    assert Conditions().stored() == {}
    for bad in (None, [], {"changed_when": "rc == 2", "failed_when": 3, "ignore_errors": 1}):
        assert Conditions.read(bad) == Conditions()


def judged(conditions: Conditions, **result: t.Any) -> dict[str, t.Any]:
    whole = {"name": "a", "changed": True, "failed": result["state"] == "failed", **result}
    judge(whole, conditions, NOTHING)
    return whole


def test_changed_is_what_its_condition_says() -> None:
    assert judged(Conditions(changed_when=["rc == 2"]), state="succeeded", rc=0)["changed"] is False
    assert judged(Conditions(changed_when=["rc == 2"]), state="succeeded", rc=2)["changed"] is True
    assert judged(Conditions(changed_when=["true", "rc == 2"]), state="succeeded", rc=0)["changed"] is False
    assert judged(Conditions(), state="succeeded", rc=0)["changed"] is True


def test_a_job_that_did_well_fails_by_its_condition() -> None:
    result = judged(Conditions(failed_when=["rc == 0", "changed"]), state="succeeded", rc=0)
    assert result["failed"] is result["failed_when_result"] is True
    assert (result["state"], result["reason"]) == ("failed", "failed_when")
    assert result["failed_when"] == "rc == 0 and changed"


def test_a_job_that_failed_has_done_well_by_its_condition() -> None:
    result = judged(Conditions(failed_when=["rc > 3"]), state="failed", reason="exit_code", rc=3, msg="non-zero")
    assert result["failed"] is result["failed_when_result"] is False
    assert (result["state"], result.get("reason"), result["msg"]) == ("succeeded", None, "non-zero")


def test_failed_when_sees_what_changed_when_has_decided() -> None:
    conditions = Conditions(changed_when=["false"], failed_when=["not changed"])
    assert judged(conditions, state="succeeded")["state"] == "failed"


@pytest.mark.parametrize("key", ["changed_when", "failed_when"])
def test_a_job_whose_condition_cannot_be_evaluated_fails(key: str) -> None:
    result = judged(Conditions(**{key: ["rc == 0", "size > 3"]}), state="succeeded", rc=0)
    assert (result["failed"], result["state"], result["reason"]) == (True, "failed", "condition")
    assert result["msg"] == f"{key} (size > 3) cannot be evaluated: 'size' is undefined"


@pytest.mark.parametrize("state", ["timed_out", "cancelled", "lost", "skipped", "running"])
def test_a_job_whose_module_never_had_its_say_is_not_judged(state: str) -> None:
    before = {"name": "a", "state": state, "failed": state not in ("skipped", "running"), "changed": False}
    result = dict(before)
    judge(result, Conditions(["nowhere"], ["false"]), NOTHING)
    assert result == before


@pytest.mark.parametrize("state", ["failed", "timed_out", "lost"])
def test_an_ignored_failure_stays_one_and_is_marked(state: str) -> None:
    result = {"name": "a", "state": state, "failed": True, "changed": False}
    judge(result, Conditions(ignore_errors=True), NOTHING)
    assert result == {"name": "a", "state": state, "failed": True, "changed": False, "ignored": True}
    result = {"name": "a", "state": "succeeded", "failed": False, "changed": False}
    judge(result, Conditions(ignore_errors=True), NOTHING)
    assert "ignored" not in result
