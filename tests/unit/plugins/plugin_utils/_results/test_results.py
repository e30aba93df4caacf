# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import did_not_succeed
from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import Conditions
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import Definition
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle, read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import (
    CENSORED,
    combine,
    finished_here,
    headline,
    headroom,
    judged,
    known_result,
    misdirected,
    overdue,
    present,
    summary,
    why,
    withheld,
)
from ansible_collections.background.jobs.tests.unit.helpers import entry, record


def ours(
    result: dict[str, t.Any], state: str = "succeeded", reason: str | None = None, **fields: t.Any
) -> dict[str, t.Any]:
    """What the target says of a job of ours."""
    told = Status("j1.0", "/a/j1.0", state, reason, None, record(state=state, **fields), result)
    return dataclasses.asdict(told)


def builtin(result: dict[str, t.Any], state: str = "succeeded", **fields: t.Any) -> dict[str, t.Any]:
    """What the target says of a job of builtin async."""
    return dataclasses.asdict(Status("1.2", "/b/1.2", state, result=result, **fields))


def job(name: str, state: str, **fields: t.Any) -> dict[str, t.Any]:
    """The result of a job, or with its name."""
    said = {key: fields.pop(key) for key in ("attempts", "ignored", "message", "reason") if key in fields}
    return entry(name, state, said, **fields)


def step(name: str, **result: t.Any) -> dict[str, t.Any]:
    return {**result, "job": {"name": name, "state": "failed" if result.get("failed") else "succeeded"}}


def finished(name: str, result: dict[str, t.Any], conditions: Conditions) -> dict[str, t.Any]:
    definition = Definition(name=name, steps=[], timeout=0, kill_after=10, conditions=conditions)
    return finished_here(definition, result, {}, None)


HANDLE = Handle(jid="j1.0", name="backup")


def test_a_result_has_the_modules_keys_beside_ours() -> None:
    result = present(HANDLE, ours({"rc": 0, "stdout": "a\nb", "stderr": "", "changed": True}, elapsed=1.5, attempts=1))
    assert result == {
        "ansible_job_id": "j1.0",
        "started": True,
        "finished": True,
        "failed": False,
        "changed": True,
        "job": {
            "name": "backup",
            "state": "succeeded",
            "results_file": "/a/j1.0",
            "elapsed": 1.5,
            "attempts": 1,
        },
        "rc": 0,
        "stdout": "a\nb",
        "stdout_lines": ["a", "b"],
        "stderr": "",
        "stderr_lines": [],
    }


def test_a_result_tells_when_the_job_was_queued_started_and_over() -> None:
    result = present(HANDLE, ours({"ended_at": "noon"}, queued_at=1795348800, started_at=1795348801.25, ended_at=0.0))
    assert [result["job"][key] for key in ("queued_at", "started_at", "ended_at")] == [
        "2026-11-22T12:00:00.000Z",
        "2026-11-22T12:00:01.250Z",
        "1970-01-01T00:00:00.000Z",
    ]
    assert result["ended_at"] == "noon", "the module's own"
    for nothing in (None, "noon", 1e300, float("nan")):
        assert "queued_at" not in present(HANDLE, ours({}, queued_at=nothing))["job"]


def test_the_modules_own_lines_stay() -> None:
    assert present(HANDLE, ours({"stdout": "a", "stdout_lines": ["mine"]}))["stdout_lines"] == ["mine"]
    assert "stdout_lines" not in present(HANDLE, ours({"stdout": {"a": 1}}))


def test_no_key_of_a_module_is_changed() -> None:
    own = {
        "name": "nginx",
        "state": "started",
        "elapsed": 3,
        "reason": "why not",
        "host": "h",
        "user": "u",
        "group": "g",
        "results_file": "/r",
        "no_log": True,
        "ignored": ["a"],
        "truncated": True,
        "survivors": 3,
        "shadowed": {"x": 1},
        "conditions": {},
        "failed_when": "never",
        "false_condition": "x",
        "message": "m",
        "attempts": 7,
        "skipped": False,
        "failed": False,
        "changed": True,
    }
    result = present(HANDLE, ours(dict(own), elapsed=9.0, user="app", group="nightly", truncated=["stdout"]), "web1")
    assert {key: result[key] for key in own} == own
    assert set(result) - set(own) == {"ansible_job_id", "started", "finished", "job"}
    assert result["job"] == {
        "name": "backup",
        "state": "succeeded",
        "elapsed": 9.0,
        "attempts": 0,
        "host": "web1",
        "user": "app",
        "group": "nightly",
        "results_file": "/a/j1.0",
        "truncated": ["stdout"],
    }


@pytest.mark.parametrize("value", [{"name": "x", "state": "failed"}, "text", None, 3], ids=repr)
def test_what_a_module_returns_as_job_is_kept_apart(value: t.Any) -> None:
    result = present(HANDLE, ours({"job": value}))
    assert result["job"] == {
        "name": "backup",
        "state": "succeeded",
        "attempts": 0,
        "results_file": "/a/j1.0",
        "shadowed": {"job": value},
    }


def test_what_the_status_file_shadowed_is_there_too() -> None:
    shadowed = {"finished": "13:00", "started": "12:00", "ansible_job_id": 5, "background_jobs": 1}
    result = present(HANDLE, ours({**shadowed, "name": "x", "item": 1}, shadowed=shadowed, attempts=1))
    assert (result["finished"], result["started"], result["name"], result["item"]) == (True, True, "x", 1)
    expected = {key: value for key, value in shadowed.items() if key != "background_jobs"}
    assert (result["job"]["shadowed"], result["background_jobs"]) == (expected, 1)


def test_a_job_that_is_not_finished_has_its_file_where_builtin_has_it() -> None:
    result = present(HANDLE, ours({}, "running"))
    assert result["results_file"] == result["job"]["results_file"] == "/a/j1.0"


def test_a_builtin_job_brings_no_shadows_of_its_own_status() -> None:
    status = builtin({"started": 1, "finished": 1, "ansible_job_id": "1.2", "results_file": "/b/1.2", "rc": 0})
    result = present(Handle(jid="1.2", name="x"), status)
    assert (result["started"], result["finished"], result["ansible_job_id"]) == (True, True, "1.2")
    assert "shadowed" not in result["job"] and "results_file" not in result
    own = {"started": "12:00", "finished": False, "ansible_job_id": 5, "results_file": "/r"}
    result = present(Handle(jid="1.2", name="x"), builtin(dict(own, finished="13:00")))
    assert result["job"]["shadowed"] == {"started": "12:00", "finished": "13:00", "ansible_job_id": 5}
    assert (result["started"], result["finished"], result["results_file"]) == (True, True, "/r")


@pytest.mark.parametrize(
    ("state", "finished", "failed"),
    [
        ("queued", False, False),
        ("running", False, False),
        ("succeeded", True, False),
        ("skipped", True, False),
        ("failed", True, True),
        ("timed_out", True, True),
        ("cancelled", True, True),
        ("lost", True, True),
        ("not_found", True, True),
    ],
)
def test_each_state_is_finished_and_failed_or_not(state: str, finished: bool, failed: bool) -> None:
    result = present(HANDLE, ours({}, state))
    assert (result["job"]["state"], result["finished"], result["failed"], result["changed"]) == (
        state,
        finished,
        failed,
        False,
    )


def test_a_skipped_module_is_a_skipped_job() -> None:
    assert present(HANDLE, ours({"skipped": True}))["job"]["state"] == "skipped"
    result = present(HANDLE, ours({"skipped": True, "failed": True}, "failed"))
    assert (result["job"]["state"], result["job"]["shadowed"]) == ("failed", {"skipped": True})
    assert "skipped" not in result, "ansible-core would take the whole task for skipped"


@pytest.mark.parametrize("reason", ["halted", "dependency"])
def test_a_job_that_was_not_to_start_is_skipped_and_says_why(reason: str) -> None:
    status = ours({"changed": False}, "skipped", reason)
    status["message"] = "depends on a, which failed"
    result = present(HANDLE, status)
    assert (result["skipped"], result["failed"], result["changed"]) == (True, False, False)
    said = {key: result["job"][key] for key in ("state", "reason", "message")}
    assert said == {"state": "skipped", "reason": reason, "message": result["msg"]}
    assert result["msg"] == "depends on a, which failed"
    assert "shadowed" not in result["job"]


def test_a_job_that_was_ended_by_halt_does_not_fail_by_itself() -> None:
    result = present(HANDLE, ours({"failed": True, "msg": "halt now,fail=1 was reached"}, "cancelled", "halted"))
    assert (result["job"]["state"], result["failed"], result["finished"]) == ("cancelled", False, True)
    assert "shadowed" not in result["job"]
    assert present(HANDLE, ours({"failed": True}, "cancelled", "cancelled"))["failed"] is True
    assert known_result(Handle(name="a", result=result))["failed"] is False


@pytest.mark.parametrize(
    ("state", "reason", "counts"),
    [
        ("succeeded", None, False),
        ("skipped", "halted", False),
        ("cancelled", "halted", False),
        ("cancelled", "cancelled", True),
        ("failed", "halted", True),
        ("timed_out", "deadline", True),
        ("lost", "reboot", True),
        ("not_found", None, True),
        ("running", None, True),
    ],
)
def test_a_job_counts_against_its_task_or_not(state: str, reason: str | None, counts: bool) -> None:
    assert did_not_succeed(state, reason) is counts


def test_earlier_attempts_are_beside_the_last_one() -> None:
    said = {"state": "failed", "reason": "exit_code", "elapsed": 0.2}
    earlier = [{"job": said, "rc": 1, "state": "its own", "stderr": "a\nb"}]
    result = present(HANDLE, ours({"rc": 0, "stdout": ""}, attempts=2, earlier=earlier))
    assert (result["job"]["state"], result["rc"], result["job"]["attempts"]) == ("succeeded", 0, 2)
    assert result["job"]["attempt_results"] == [{**earlier[0], "stderr_lines": ["a", "b"]}]
    assert "attempt_results" not in present(HANDLE, ours({"rc": 0}, attempts=1))["job"]


def test_steps_have_lines_too_also_those_of_earlier_attempts() -> None:
    def said(out: str) -> dict[str, t.Any]:
        return step("s", stdout=out, rc=0)

    earlier = [{"job": {"state": "failed"}, "steps": [said("x\ny")]}]
    result = present(HANDLE, ours({"stdout": "b\nc", "steps": [said("a"), said("b\nc")]}, earlier=earlier))
    assert [each["stdout_lines"] for each in result["steps"]] == [["a"], ["b", "c"]]
    assert result["stdout_lines"] == ["b", "c"]
    assert result["job"]["attempt_results"][0]["steps"][0]["stdout_lines"] == ["x", "y"]


@pytest.mark.parametrize("steps", [["one"], "one", 1, None], ids=repr)
def test_a_module_may_return_steps_of_its_own(steps: t.Any) -> None:
    result = present(HANDLE, ours({"steps": steps, "failed": True, "msg": "no"}, "failed", "module"))
    assert result["steps"] == steps
    assert why(result) == "backup failed: no"


def test_the_sentence_of_the_target_speaks_where_the_module_did_not() -> None:
    status = ours({}, "lost", "supervisor_gone")
    status["message"] = "it has gone"
    result = present(HANDLE, status)
    assert (result["job"]["reason"], result["job"]["message"]) == ("supervisor_gone", "it has gone")
    assert result["msg"] == "it has gone"
    status["result"] = {"msg": "mine"}
    result = present(HANDLE, status)
    assert (result["msg"], result["job"]["message"]) == ("mine", "it has gone")


def test_the_item_of_a_job_is_in_its_result() -> None:
    handle = Handle(jid="j1.0", name="n", origin={"item": {"name": "a"}, "ansible_loop_var": "item"})
    result = present(handle, ours({"item": "the module's"}))
    assert result["item"] == {"name": "a"}
    assert result["job"]["shadowed"] == {"item": "the module's"}


def test_a_job_known_before_is_presented_as_it_was() -> None:
    skipped = {**entry("a", "skipped", skip_reason="when"), "state": "its own"}
    assert known_result(Handle(name="a", origin={"item": 1}, result={**skipped, "failed": True})) == {
        **skipped,
        "item": 1,
    }
    lost = entry("a", "lost", changed=True)
    assert known_result(Handle(name="a", result=lost)) == lost


def test_nothing_in_a_result_that_was_registered_makes_ansible_core_act() -> None:
    acts = {"add_host": {}, "_ansible_x": 1, "unreachable": True}
    before = entry("a", "failed", {"reason": "module", "attempt_results": [{"rc": 1, **acts}]}, skipped=True, **acts)
    again = known_result(Handle(name="a", result=before))
    assert not {*acts, "skipped"} & set(again)
    assert again["job"]["attempt_results"] == [{"rc": 1}]
    assert again["job"]["shadowed"] == {"skipped": True}
    assert before["job"]["attempt_results"][0].keys() == {"rc", *acts}, "what was registered is left alone"


@pytest.mark.parametrize(
    ("result", "state", "failed"),
    [
        ({"skipped": True}, "skipped", False),
        ({"changed": True}, "succeeded", False),
        ({"failed": True}, "failed", True),
        ({"rc": 2}, "failed", True),
    ],
    ids=str,
)
def test_an_action_that_ran_no_module_gives_a_finished_job(result: dict[str, t.Any], state: str, failed: bool) -> None:
    handle = finished("x", result, Conditions())
    assert (handle["job"]["name"], handle["job"]["state"], handle["failed"]) == ("x", state, failed)
    assert (handle["started"], handle["finished"]) == (False, True)


def test_the_conditions_of_an_action_that_ran_no_module_count() -> None:
    conditions = Conditions(changed_when=["false"], failed_when=["limit == 3"], variables={"limit": 3})
    handle = finished("x", {"changed": True}, conditions)
    assert (handle["job"]["state"], handle["failed"], handle["changed"]) == ("failed", True, False)


def test_a_job_that_ended_here_is_taken_for_what_it_is_by_those_who_wait_for_it() -> None:
    for result in ({"skipped": True}, {"changed": True, "name": "its own"}, {"failed": True}, {"rc": 2}):
        handle = finished("x", dict(result), Conditions())
        (read_again,) = read_handles([handle])
        assert (read_again.name, read_again.result) == ("x", handle)


FORGED = {"failed_when": ["false"], "changed_when": ["false"], "ignore_errors": True, "variables": {"rc": 0}}


def test_a_job_is_judged_by_the_conditions_of_its_handle_and_no_others() -> None:
    status = ours({"rc": 3, "failed": True, "changed": True}, "failed", "exit_code", conditions=FORGED)
    for conditions, state, reason in (
        (Conditions(), "failed", "exit_code"),
        (Conditions(failed_when=["rc not in fine"], variables={"fine": [0, 3]}), "succeeded", None),
        (Conditions(failed_when=["rc not in fine"], variables={"fine": [0]}), "failed", "failed_when"),
    ):
        (result,) = judged([dataclasses.replace(HANDLE, conditions=conditions)], [status])
        assert (result["job"]["state"], result["job"].get("reason"), result["changed"]) == (state, reason, True)
        assert "ignored" not in result["job"]
    assert present(HANDLE, status)["job"]["reason"] == "exit_code", "whoever only looks does not judge"


def test_a_job_of_which_only_the_target_knows_is_judged_by_what_that_kept() -> None:
    status = ours({"rc": 3, "failed": True}, "failed", "exit_code", conditions={"failed_when": ["rc > 3"]})
    (result,) = judged([HANDLE], [status])
    assert result["job"]["state"] == "succeeded"
    status["record"]["conditions"] = {"failed_when": ["rc > limit"], "variables": {"limit": 3}}
    (result,) = judged([HANDLE], [status])
    assert (result["job"]["reason"], "'limit' is undefined" in result["msg"]) == ("condition", True)


@pytest.mark.parametrize("state", ["running", "not_found"])
def test_a_job_that_is_waited_for_again_keeps_its_conditions(state: str) -> None:
    conditions = Conditions(failed_when=["rc > limit"], variables={"limit": 3})
    status = ours({}, state, conditions=FORGED)
    (again,) = read_handles(judged([dataclasses.replace(HANDLE, conditions=conditions)], [status]))
    assert again.conditions == conditions
    (again,) = read_handles(judged([HANDLE], [status]))
    assert again.conditions is None


def test_a_job_that_is_not_there_keeps_what_is_known_of_its_place() -> None:
    handle = Handle(jid="j1.0", name="a", host="web2", user="app", results_file="/a/j1.0")
    absent = dataclasses.asdict(Status("j1.0", "/a/j1.0", "not_found", None, "it is not there"))
    again = read_handles([present(handle, absent, "web1")])
    assert again == [dataclasses.replace(handle, no_log=False, named=True)], "another wait asks for it again"
    assert "host" not in present(HANDLE, absent, "web1")["job"], "nobody knows where it is"


def test_a_name_that_the_controller_knows_counts() -> None:
    status = ours({}, name="what the host says")
    assert present(dataclasses.replace(HANDLE, named=True), status)["job"]["name"] == "backup"
    assert present(dataclasses.replace(HANDLE, named=False), status)["job"]["name"] == "what the host says"


def test_a_job_of_another_launch_is_marked() -> None:
    handle = dataclasses.replace(HANDLE, attached_as="j2.0")
    assert present(handle, ours({}))["job"]["attached"] is True
    assert "attached" not in present(HANDLE, ours({}))["job"]
    (again,) = read_handles(present(handle, ours({}, "running")))
    assert again.attached_as == "j2.0", "whoever waits again is the same"


# -- the whole task


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "no jobs"),
        ([job("a", "succeeded")], "1 of 1 job succeeded"),
        ([job("a", "succeeded"), job("b", "skipped")], "1 of 2 jobs succeeded, 1 skipped"),
        ([job("a", "failed", msg="no")], "1 of 1 job did not succeed on web1: a failed: no"),
        (
            [job("a", "lost", msg="gone"), job("b", "succeeded"), job("c", "timed_out", msg="late")],
            "2 of 3 jobs did not succeed on web1: a lost: gone; c timed out: late",
        ),
        ([job("a", "running", failed=False)], "1 of 1 job did not succeed on web1: a is still running"),
        (
            [
                job("a", "failed", msg="no"),
                job("b", "skipped", reason="halted", msg="halt soon,fail=1 was reached with job a"),
                job("c", "skipped", reason="halted", msg="halt soon,fail=1 was reached with job a"),
                job("d", "skipped"),
                job("e", "succeeded"),
            ],
            "1 of 5 jobs did not succeed on web1: a failed: no; 2 skipped (halt soon,fail=1 was reached with job a); "
            "1 skipped",
        ),
        (
            [
                job("a", "succeeded"),
                job("b", "cancelled", reason="halted", msg="x"),
                job("c", "skipped", reason="halted", msg="halt now,success=1 was reached with job a"),
            ],
            "1 of 3 jobs succeeded, 1 skipped (halt now,success=1 was reached with job a), 1 ended by halt",
        ),
        (
            [job("a", "lost", msg="gone"), job("b", "skipped", reason="dependency", msg="depends on a, which failed")],
            "1 of 2 jobs did not succeed on web1: a lost: gone; 1 skipped (depends on a, which failed)",
        ),
        (
            [
                job("a", "cancelled", reason="cancelled", msg="somebody asked"),
                job("b", "skipped", reason="dependency", msg="depends on a, which failed"),
                job("c", "skipped", reason="dependency", msg="depends on b, which was skipped"),
            ],
            "1 of 3 jobs did not succeed on web1: a cancelled: somebody asked; 2 skipped (what they depend on did not "
            "succeed)",
        ),
    ],
)
def test_the_message_names_who_did_not_succeed_and_why(results: list[dict[str, t.Any]], message: str) -> None:
    assert combine(results, 1.0, "web1")["msg"] == message


@pytest.mark.parametrize(
    ("results", "changed", "failed"),
    [
        ([], False, False),
        ([job("a", "succeeded", changed=True), job("b", "succeeded", changed=False)], True, False),
        ([job("a", "succeeded", changed=True), job("b", "failed")], True, True),
        ([job("a", "running", failed=False)], False, True),
        ([job("a", "queued", failed=False)], False, True),
        ([job("a", "skipped")], False, False),
        ([job("a", "succeeded"), present(HANDLE, ours({}, "cancelled", "halted"))], False, False),
        ([job("a", "failed"), present(HANDLE, ours({}, "cancelled", "halted"))], False, True),
        ([present(HANDLE, ours({}, "skipped", "dependency"))], False, False),
    ],
)
def test_changed_and_failed_are_honest(results: list[dict[str, t.Any]], changed: bool, failed: bool) -> None:
    combined = combine(results, 1.23456, "web1")
    assert (combined["changed"], combined["failed"], combined["elapsed"]) == (changed, failed, 1.235)
    assert combined["results"] is results


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (["not_found"], "1 of 1 job was not found on web1; no_log hides which, and why"),
        (["not_found", "succeeded"], "1 of 2 jobs was not found on web1; no_log hides which, and why"),
        (["not_found"] * 2, "2 of 2 jobs were not found on web1; no_log hides which, and why"),
        (["not_found", "failed"], "2 of 2 jobs did not succeed or were not found on web1; no_log hides which, and why"),
        (["failed", "lost"], "2 of 2 jobs did not succeed on web1; no_log hides which, and why"),
    ],
)
def test_a_job_that_is_not_there_is_not_said_not_to_have_succeeded(states: list[str], message: str) -> None:
    results = [job(f"job {number}", state) for number, state in enumerate(states)]
    assert withheld(results, "web1") == message
    assert str(combine(results, 1, "web1")["msg"]).startswith(message.partition(";")[0])


def test_the_summary_names_every_state() -> None:
    counted = summary(["failed", "lost", "failed"])
    assert tuple(counted) == (*STATES, "not_found")
    assert {state: count for state, count in counted.items() if count} == {"failed": 2, "lost": 1}


def test_warnings_of_the_modules_come_up_each_once() -> None:
    results = [
        job("a", "succeeded", warnings=["x", "y"], deprecations=[{"msg": "old"}]),
        job("b", "succeeded", warnings=["y"]),
        job("c", "succeeded", warnings="no list"),
        job("d", "succeeded", warnings=["secret"], _ansible_no_log=True),
        job("e", "succeeded", steps=[step("s", warnings=["z"]), step("t", warnings=["x"])]),
    ]
    combined = combine(results, 1, "web1")
    assert combined["warnings"] == ["x", "y", "z"]
    assert combined["deprecations"] == [{"msg": "old"}]


@pytest.mark.parametrize(
    ("result", "clause"),
    [
        (job("a", "running"), "a is still running"),
        (job("a", "queued"), "a is still queued"),
        (job("a", "timed_out", msg="late"), "a timed out: late"),
        (job("a", "timed_out", msg="timed out after 8.3 s (timeout: 8 s)"), "a timed out after 8.3 s (timeout: 8 s)"),
        (job("a", "cancelled"), "a cancelled"),
        (job("a", "lost", reason="reboot"), "a lost: reboot"),
        (
            job("a", "failed", reason="exit_code", rc=3, msg="non-zero return code", stderr="x\nfatal: y\n"),
            "a failed: exit code 3: fatal: y",
        ),
        (
            job(
                "a",
                "failed",
                reason="exit_code",
                rc=3,
                msg="The command exited with a non-zero return code.",
                stderr="e",
            ),
            "a failed: exit code 3: e",
        ),
        (job("a", "failed", reason="exit_code", rc=3, msg="non-zero return code"), "a failed: exit code 3"),
        (
            job("a", "failed", reason="exit_code", rc=3, msg="no such table", stderr="x"),
            "a failed: exit code 3: no such table",
        ),
        (job("a", "failed", reason="module", msg="no"), "a failed: no"),
        (job("a", "failed", reason="module", msg="no", attempts=1), "a failed: no"),
        (job("a", "failed", reason="module", msg="no", attempts=3), "a failed after 3 attempts: no"),
        (job("a", "timed_out", msg="late", attempts=2), "a timed out after 2 attempts: late"),
        (job("a", "running", attempts=2), "a is still running"),
        (
            job("a", "failed", reason="module", msg="no", steps=[step("s"), step("t", failed=True)]),
            "a failed: step 2 (t): no",
        ),
        (
            job("a", "failed", reason="exit_code", rc=2, msg="bad", steps=[step("s", rc=2)]),
            "a failed: step 1 (s): exit code 2: bad",
        ),
        (
            job(
                "a",
                "failed",
                reason="exit_code",
                rc=2,
                msg="step 1 of 2 (s) failed: exit code 2",
                stderr="x\ny",
                steps=[step("s", rc=2)],
            ),
            "a failed: step 1 of 2 (s) failed: exit code 2: y",
        ),
        (
            job(
                "a",
                "failed",
                reason="exit_code",
                rc=2,
                msg="step 1 of 2 (s) failed: The command exited with a non-zero return code. (exit code 2)",
                stderr="x",
                steps=[step("s", rc=2)],
            ),
            "a failed: step 1 of 2 (s) failed: exit code 2: x",
        ),
        (
            job(
                "a",
                "failed",
                reason="exit_code",
                rc=2,
                msg="step 1 of 2 (s) failed: no table (exit code 2)",
                stderr="x",
                steps=[step("s", rc=2)],
            ),
            "a failed: step 1 of 2 (s) failed: no table (exit code 2)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clause_says_what_became_of_a_job(result: dict[str, t.Any], clause: str) -> None:
    assert why(result) == clause


def test_a_long_line_of_error_output_is_cut() -> None:
    clause = why(job("a", "failed", reason="exit_code", rc=1, stderr="x" * 5000))
    assert len(clause) < 300


def test_nothing_of_a_job_with_no_log_is_said() -> None:
    result = present(HANDLE, ours({"msg": "S3CRET", "stderr": "S3CRET", "rc": 1}, "failed", "exit_code", no_log=True))
    assert result["_ansible_no_log"] is True
    assert why(result) == f"backup failed (exit_code; {CENSORED})"
    assert (
        why({**result, "job": {**result["job"], "attempts": 2}})
        == f"backup failed after 2 attempts (exit_code; {CENSORED})"
    )
    combined = combine([job("other", "succeeded"), result], 1, "web1")
    assert combined["_ansible_no_log"] is True
    assert "S3CRET" not in combined["msg"]
    assert "_ansible_no_log" not in combine([job("other", "succeeded")], 1, "web1")


def test_a_task_with_one_job_has_the_keys_of_its_module() -> None:
    only = {
        **job("a", "failed"),
        "rc": 3,
        "stdout": "x",
        "item": 1,
        "pkg": 1,
        "ansible_loop_var": "pkg",
        "skipped": True,
    }
    own = {
        "ansible_facts": {},
        "msg": "its own",
        "elapsed": 2,
        "attempts": 1,
        "name": "n",
        "summary": "s",
        "results": 3,
    }
    combined = combine([{**only, **own}], 5, "web1")
    assert (combined["rc"], combined["stdout"], combined["job"]) == (3, "x", {"name": "a", "state": "failed"})
    assert (combined["name"], combined["attempts"]) == ("n", 1), "the module's"
    assert (combined["elapsed"], combined["msg"][:20]) == (5, "1 of 1 job did not s"), "the task's"
    assert combined["summary"]["failed"] == 1 and combined["results"] == [{**only, **own}]
    assert not {"item", "pkg", "ansible_loop_var", "skipped", "ansible_facts"} & set(combined)
    assert not {"rc", "job"} & set(combine([only, job("b", "succeeded")], 5, "web1"))


def test_what_a_server_answered_is_part_of_the_cause() -> None:
    failed = job("a", "failed", reason="module", msg="Request failed", response="HTTP Error 404: Not Found")
    assert why(failed) == "a failed: Request failed: HTTP Error 404: Not Found"


def test_the_last_words_of_an_error_are_told_not_its_ornaments() -> None:
    failed = job("a", "failed", reason="exit_code", rc=3, msg="non-zero return code")
    assert why({**failed, "stderr": "ERROR: no table\nLINE 1: x\n        ^\n"}) == "a failed: exit code 3: LINE 1: x"


def test_a_job_that_nearly_ran_into_its_limit_is_warned_of() -> None:
    def took(elapsed: float, state: str = "succeeded", **fields: t.Any) -> dict[str, t.Any]:
        return ours({}, state, name=f"a{elapsed:.0f}", elapsed=elapsed, **{"timeout": 10, **fields})

    fine = [took(8), took(9, timeout=0), took(9, attempts=2), took(9.9, "failed"), builtin({"elapsed": 9})]
    assert headroom("web1", fine) is None
    assert headroom("web1", [*fine, took(8.6)]) == ("web1: a9 used 86% of its timeout (10 s); consider raising it")
    three = ", ".join(3 * ["a9 used 90% of its timeout (10 s)"])
    assert f"{three} and 2 more;" in str(headroom("web1", 5 * [took(9)]))
    assert headroom("web1", 2 * [took(9)], hidden=True) == (
        "web1: 2 jobs used more than 80% of the timeout; consider raising it"
    )


@pytest.mark.parametrize(
    ("handle", "sentence"),
    [
        (Handle(host="web1", user="root"), None),
        (Handle(), None),
        (
            Handle(host="web2", user="x", results_file="/home/x/.ansible_async/j1.0"),
            "it was started on web2 in /home/x/.ansible_async; this task runs on web1: add 'delegate_to: web2'",
        ),
        (
            Handle(host="web1", user="app", results_file="/srv/async/j1.0"),
            "it was started as app in /srv/async; this task runs as root: add 'become_user: app'",
        ),
        (Handle(user="app"), "it was started as app; this task runs as root: add 'become_user: app'"),
    ],
    ids=["right", "unknown", "another host", "another user", "a directory nobody knows"],
)
def test_a_job_looked_for_in_the_wrong_place_is_told_its_right_one(handle: Handle, sentence: str | None) -> None:
    assert misdirected(handle, "web1", "root") == sentence


def test_what_could_not_be_ended_is_named() -> None:
    left = [{"pid": 7, "owner": "root", "command": "sh", "started": "1"}]
    result = present(HANDLE, ours({"survivors": "its own"}, "failed", "not_ended", survivors=left))
    assert result["job"]["survivors"] == [{"pid": 7, "owner": "root", "command": "sh"}]
    assert result["survivors"] == "its own"


AGAIN = ". To wait for what runs on, register this result and give it as 'jobs'"
FAILED = job("bad", "failed", reason="exit_code", rc=3, stderr="why", msg="non-zero return code")
IGNORED = {**FAILED, "job": {**FAILED["job"], "ignored": True}}


@pytest.mark.parametrize(
    ("results", "hidden", "sentence"),
    [
        ([job("a", "succeeded")], False, None),
        ([], False, None),
        ([job("a", "running")], False, "1 job still running on lab1 (a)"),
        ([job("a", "running"), job("b", "running")], False, "2 jobs still running on lab1 (a, b)"),
        ([job("a", "queued")], False, "1 job still queued on lab1 (a)"),
        (
            [job("a", "running"), job("b", "queued"), job("c", "queued"), job("d", "queued"), job("e", "succeeded")],
            False,
            "1 job still running, 3 still queued on lab1 (a, b, c and 1 more)",
        ),
        (
            [job("a", "running"), FAILED],
            False,
            "1 job still running on lab1 (a); 1 of 2 jobs did not succeed: bad failed: exit code 3: why",
        ),
        ([job("a", "running"), IGNORED], False, "1 job still running on lab1 (a)"),
        (
            [job("a", "running"), FAILED],
            True,
            "1 job still running on lab1; 1 of 2 jobs did not succeed; no_log hides which, and why",
        ),
        ([job("a", "running")], True, "1 job still running on lab1"),
    ],
)
def test_a_wait_that_was_too_short_says_what_runs_on(
    results: list[dict[str, t.Any]], hidden: bool, sentence: str | None
) -> None:
    expected = None if sentence is None else f"timed out after 0.4 s; {sentence}{AGAIN}"
    assert overdue(results, "lab1", 0.4, hidden) == expected


@pytest.mark.parametrize(
    ("results", "sentence"),
    [
        ([FAILED, job("a", "succeeded")], "1 of 2 jobs did not succeed on lab1; no_log hides which, and why"),
        ([IGNORED, job("a", "succeeded")], "1 of 2 jobs succeeded"),
        ([job("a", "succeeded")], "1 of 1 job succeeded"),
    ],
)
def test_a_task_with_no_log_says_how_many(results: list[dict[str, t.Any]], sentence: str) -> None:
    assert withheld(results, "lab1") == sentence


def test_a_cause_is_quoted_in_one_line() -> None:
    message = "Oh:\nTraceback (most recent call last):\n  File x\nOSError: \x1b[2J\u202efull\n"
    assert why(job("a", "failed", reason="module", msg=message)) == r"a failed: Oh: OSError: \x1b[2J\u202efull"


def test_a_headline_has_no_names_and_no_causes() -> None:
    assert headline([FAILED, FAILED, job("a", "succeeded")], "lab1", 0) == "2 of 3 jobs did not succeed on lab1"
    late = headline([FAILED, job("b", "running")], "lab1", 2)
    assert late.startswith("timed out after 2 s; 1 job still running on lab1; 1 of 2 jobs did not succeed. To wait")


def test_many_failures_are_told_together() -> None:
    bad = [
        job(f"fetch{number}", "failed", reason="exit_code", rc=3, msg="non-zero return code") for number in range(1, 41)
    ]
    assert combine(bad, 1, "web1")["msg"] == (
        "40 of 40 jobs did not succeed on web1: fetch1, fetch2, fetch3, fetch4, fetch5 and 35 more failed: exit code 3"
    )


def test_a_wait_that_was_too_short_says_which_supervisor_is_stopped() -> None:
    stopped = {"reason": "supervisor_stopped", "message": "the supervisor (pid 7) is\x1b stopped"}
    said = overdue([job("a", "running", **stopped), job("b", "running", **stopped)], "web1", 2) or ""
    assert said.count("; the supervisor (pid 7) is\\x1b stopped. To wait") == 1
