# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define import bounded
from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import (
    ConditionError,
    Conditions,
    check_expression,
    holds,
    judge_by_conditions,
)
from ansible_collections.background.jobs.tests.unit.helpers import entry

RESULT = {"rc": 3, "stdout": "Nothing to do", "changed": True, "state": "failed", "files": ["a", "b"], "d": {"a": 1}}


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
    assert holds(expression, {"fine": [0, 3], **RESULT}) is expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("nowhere == 1", "'nowhere' is undefined"),
        ("nowhere", "'nowhere' is undefined"),
        ("d.b == 1", "'dict object' has no attribute 'b'"),
        ("rc", "it is a number, not true or false; compare it with something"),
        ("rc is like_this", "No test named 'like_this'."),
        ("rc | as_that", "No filter named 'as_that'."),
        ("rc > 'a'", "'>' not supported between instances of 'int' and 'str'"),
        ("lookup('pipe', 'id') == ''", "'lookup' is undefined"),
        ("range(10) | length > 1", "'range' is undefined"),
        ("''.__class__ == 1", "access to attribute '__class__' of 'str' object is unsafe."),
        ("d['__cla' ~ 'ss__'] == 1", "access to attribute '__class__' of 'dict' object is unsafe."),
        ("files.append('c')", "access to attribute 'append' of 'list' object is unsafe."),
        ("'/etc/passwd' is vaulted_file", "No test named 'vaulted_file'."),
        ("files | attr('append') is callable", "No filter named 'attr'."),
    ],
)
def test_an_expression_that_cannot_be_evaluated_says_why(expression: str, message: str) -> None:
    with pytest.raises(ConditionError) as raised:
        holds(expression, RESULT)
    assert str(raised.value) == message
    assert RESULT["files"] == ["a", "b"]


def test_what_is_no_expression_is_found_before_it_is_needed() -> None:
    check_expression("rc == 0 and nowhere is undefined")
    for wrong in ("rc ==", "a b", "{{ rc }}", "rc | as_that"):
        with pytest.raises(ConditionError):
            check_expression(wrong)


def test_conditions_survive_a_status_file_and_what_a_target_makes_of_them() -> None:
    conditions = Conditions(["rc == 2"], [], True, {"fine": [1]})
    assert Conditions.read(json.loads(json.dumps(conditions.kept()))) == conditions
    assert Conditions().stored() == Conditions().kept() == {}
    for bad in (None, [], {"changed_when": "rc == 2", "failed_when": 3, "ignore_errors": 1, "variables": 3}):
        assert Conditions.read(bad) == Conditions()
        assert Conditions.of_the_target(bad) == Conditions(variables=None)


def test_a_target_is_told_no_variables_and_believed_none() -> None:
    conditions = Conditions(["rc == 2"], [], True, {"fine": [1]})
    assert conditions.stored() == {"changed_when": ["rc == 2"], "failed_when": [], "ignore_errors": True}
    assert Conditions.of_the_target(conditions.kept()).variables is None


def judged(conditions: Conditions, **result: t.Any) -> dict[str, t.Any]:
    said = {key: result.pop(key) for key in ("reason", "message") if key in result}
    whole = entry("a", result.pop("state"), said, **{"changed": True, **result})
    judge_by_conditions([(whole, conditions)])
    return whole


def test_changed_is_what_its_condition_says() -> None:
    assert judged(Conditions(changed_when=["rc == 2"]), state="succeeded", rc=0)["changed"] is False
    assert judged(Conditions(changed_when=["rc == 2"]), state="succeeded", rc=2)["changed"] is True
    assert judged(Conditions(changed_when=["true", "rc == 2"]), state="succeeded", rc=0)["changed"] is False
    assert judged(Conditions(), state="succeeded", rc=0)["changed"] is True


def test_a_job_that_did_well_fails_by_its_condition() -> None:
    result = judged(Conditions(failed_when=["rc == 0", "changed"]), state="succeeded", rc=0)
    assert result["failed"] is True
    said = {"state": "failed", "reason": "failed_when", "failed_when": "rc == 0 and changed"}
    assert result["job"] == {"name": "a", **said}
    assert "failed_when_result" not in result, "ansible-core would judge the task by it"


def test_a_job_that_failed_has_done_well_by_its_condition() -> None:
    result = judged(Conditions(failed_when=["rc > 3"]), state="failed", reason="exit_code", rc=3, msg="non-zero")
    assert (result["failed"], result["msg"], result["job"]) == (False, "non-zero", {"name": "a", "state": "succeeded"})


def test_what_we_said_of_a_failure_that_is_none_is_said_no_more() -> None:
    told = {"reason": "exit_code", "message": "exit code 3", "rc": 3}
    result = judged(Conditions(failed_when=["rc > 3"]), state="failed", **told, msg="exit code 3")
    assert (result["job"], "msg" in result) == ({"name": "a", "state": "succeeded"}, False)
    result = judged(Conditions(failed_when=["rc > 3"]), state="failed", **told, msg="the module's own")
    assert (result["job"], result["msg"]) == ({"name": "a", "state": "succeeded"}, "the module's own")


def test_a_condition_sees_the_keys_of_the_module_and_the_job_beside_them() -> None:
    for expression in ("name == 'nginx'", "state == 'started'", "job.name == 'a'", "job.state == 'succeeded'"):
        result = {**entry("a", "succeeded"), "name": "nginx", "state": "started"}
        judge_by_conditions([(result, Conditions(failed_when=[expression]))])
        assert (result["failed"], result["job"]["reason"]) == (True, "failed_when"), expression


def test_failed_when_sees_what_changed_when_has_decided() -> None:
    conditions = Conditions(changed_when=["false"], failed_when=["not changed"])
    assert judged(conditions, state="succeeded")["job"]["state"] == "failed"


@pytest.mark.parametrize("key", ["changed_when", "failed_when"])
def test_a_job_whose_condition_cannot_be_evaluated_fails(key: str) -> None:
    result = judged(Conditions(**{key: ["rc == 0", "size > 3"]}), state="succeeded", rc=0)
    message = f"{key} (size > 3) cannot be evaluated: 'size' is undefined"
    assert (result["failed"], result["msg"]) == (True, message)
    assert result["job"] == {"name": "a", "state": "failed", "reason": "condition", "message": message}
    result = judged(Conditions(**{key: ["size > 3"]}), state="succeeded", msg="the module's own")
    assert result["msg"] == "the module's own"


@pytest.mark.parametrize("state", ["timed_out", "cancelled", "lost", "skipped", "running"])
def test_a_job_whose_module_never_had_its_say_is_not_judged(state: str) -> None:
    before = entry("a", state)
    result = dict(before)
    judge_by_conditions([(result, Conditions(["nowhere"], ["false"]))])
    assert result == before


@pytest.mark.parametrize("state", ["failed", "timed_out", "lost"])
def test_an_ignored_failure_stays_one_and_is_marked(state: str) -> None:
    result = entry("a", state)
    judge_by_conditions([(result, Conditions(ignore_errors=True))])
    assert result == entry("a", state, {"ignored": True})
    result = entry("a", "succeeded")
    judge_by_conditions([(result, Conditions(ignore_errors=True))])
    assert result == entry("a", "succeeded")


ENDLESS = "('a' * 64 ~ 'b') is match('(a|a)*$')"

HOSTILE = {
    "a power": "10 ** (10 ** 10) == 1",
    "a longer power": "9 ** (9 ** 8) == 1",
    "memory": "'a' * 10 ** 12 == ''",
    "memory, bit by bit": "(['a' * 10 ** 6] * 10 ** 6) | join | length == 1",
    "a regular expression": ENDLESS,
    "parentheses": "(" * 4000 + "1" + ")" * 4000 + " == 1",
    "brackets": "[" * 4000 + "]" * 4000 + " == 1",
    "negations": "not " * 2000 + "true",
    "additions": "1" + "+1" * 4000 + " == 1",
    "filters": "x" + "|list" * 2000 + " == 1",
    "yaml": "'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
    "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n' | from_yaml | string | length == 1",
    "length": "x" * 20000,
    "digits": "1" * 9000 + " == 1",
}
"""Conditions that a host could have sent, to hold up the controller or to take its memory."""


@pytest.mark.parametrize("expression", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_condition_has_limits_and_costs_no_other(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 0)
    good, bad, last = (entry(name, "succeeded", rc=0) for name in "abc")
    fine = Conditions(failed_when=["rc == 0"])
    before = _children()
    judge_by_conditions([(good, fine), (bad, Conditions(failed_when=[expression], variables=None)), (last, fine)])
    assert (good["job"]["reason"], last["job"]["reason"]) == ("failed_when", "failed_when")
    assert bad["job"]["state"] in ("failed", "succeeded") and bad["job"].get("reason") in ("condition", None)
    assert len(str(bad.get("msg", ""))) < 1000
    assert _children() == before


def test_a_condition_gets_no_more_memory_than_there_is_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_MEMORY", 64 * 1024 * 1024)
    results = [entry(name, "succeeded") for name in "ab"]
    sizes = (1, 256)
    judge_by_conditions(
        [
            (result, Conditions(failed_when=[f"'a' * {size * 1024 * 1024} != ''"]))
            for result, size in zip(results, sizes)
        ]
    )
    assert [result["job"]["reason"] for result in results] == ["failed_when", "condition"]
    assert results[1]["msg"].endswith("cannot be evaluated: it needs too much memory")


def _children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")


def test_conditions_that_take_too_long_are_not_tried_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 0)
    results = [entry(str(number), "succeeded") for number in range(50)]
    began = time.monotonic()
    judge_by_conditions([(result, Conditions(failed_when=[ENDLESS])) for result in results])
    assert {result["job"]["reason"] for result in results} == {"condition"}
    assert time.monotonic() - began < 50


def test_a_process_that_judges_is_ended_with_what_interrupts_the_task() -> None:
    class Interrupt(Exception):
        pass

    def interrupt(*dummy: t.Any) -> t.NoReturn:
        raise Interrupt

    result = entry("a", "succeeded")
    before = _children()
    handler = signal.signal(signal.SIGALRM, interrupt)  # as ansible-core does for the keyword timeout
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Interrupt):
            judge_by_conditions([(result, Conditions(failed_when=[ENDLESS]))])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert _children() == before
    assert result["job"]["state"] == "succeeded"


def test_what_only_the_target_knows_sees_nothing_but_the_result() -> None:
    result = entry("a", "succeeded", rc=0)
    told = {"failed_when": ["rc not in fine"], "variables": {"fine": [0]}}
    judge_by_conditions([(result, Conditions.of_the_target(told))])
    assert result["msg"] == (
        "failed_when (rc not in fine) cannot be evaluated: 'fine' is undefined; of a job that is found by its group, "
        "name or id only the keys of its result are known"
    )
