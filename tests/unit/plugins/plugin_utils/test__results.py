# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._record import STATES
from ansible_collections.background.jobs.plugins.module_utils._status import Status
from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._results import (
    CENSORED,
    combine,
    finished_here,
    known,
    misdirected,
    present,
    progress,
    summary,
    why,
)
from ansible_collections.background.jobs.tests.unit.helpers import record


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
    return {"name": name, "state": state, "failed": state not in ("succeeded", "skipped"), **fields}


HANDLE = Handle(jid="j1.0", name="backup")


def test_a_result_has_the_modules_keys_beside_ours() -> None:
    result = present(HANDLE, ours({"rc": 0, "stdout": "a\nb", "stderr": "", "changed": True}, elapsed=1.5, attempts=1))
    assert result == {
        "ansible_job_id": "j1.0",
        "name": "backup",
        "state": "succeeded",
        "started": True,
        "finished": True,
        "failed": False,
        "changed": True,
        "results_file": "/a/j1.0",
        "elapsed": 1.5,
        "attempts": 1,
        "rc": 0,
        "stdout": "a\nb",
        "stdout_lines": ["a", "b"],
        "stderr": "",
        "stderr_lines": [],
    }


def test_the_modules_own_lines_stay() -> None:
    assert present(HANDLE, ours({"stdout": "a", "stdout_lines": ["mine"]}))["stdout_lines"] == ["mine"]
    assert "stdout_lines" not in present(HANDLE, ours({"stdout": {"a": 1}}))


def test_keys_of_a_module_under_our_names_are_kept_below_shadowed() -> None:
    result = present(HANDLE, ours({"name": "nginx", "state": "started", "elapsed": 3, "failed": False}, elapsed=9.0))
    assert (result["name"], result["state"], result["elapsed"]) == ("backup", "succeeded", 9.0)
    assert result["shadowed"] == {"name": "nginx", "state": "started", "elapsed": 3}


def test_what_the_status_file_shadowed_is_there_too() -> None:
    result = present(HANDLE, ours({"name": "x"}, shadowed={"finished": "13:00"}))
    assert result["finished"] is True
    assert result["shadowed"] == {"name": "x", "finished": "13:00"}


def test_a_builtin_job_brings_no_shadows_of_its_own_status() -> None:
    status = builtin({"started": 1, "finished": 1, "ansible_job_id": "1.2", "results_file": "/b/1.2", "rc": 0})
    result = present(Handle(jid="1.2", name="x"), status)
    assert (result["started"], result["finished"], result["ansible_job_id"]) == (True, True, "1.2")
    assert "shadowed" not in result


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
    ],
)
def test_each_state_is_finished_and_failed_or_not(state: str, finished: bool, failed: bool) -> None:
    result = present(HANDLE, ours({}, state))
    assert (result["state"], result["finished"], result["failed"], result["changed"]) == (
        state,
        finished,
        failed,
        False,
    )


def test_a_skipped_module_is_a_skipped_job() -> None:
    assert present(HANDLE, ours({"skipped": True}))["state"] == "skipped"
    assert present(HANDLE, ours({"skipped": True, "failed": True}, "failed"))["state"] == "failed"


def test_the_sentence_of_the_target_speaks_where_the_module_did_not() -> None:
    status = ours({}, "lost", "supervisor_gone")
    status["message"] = "it has gone"
    result = present(HANDLE, status)
    assert (result["reason"], result["msg"]) == ("supervisor_gone", "it has gone")
    status["result"] = {"msg": "mine"}
    assert present(HANDLE, status)["msg"] == "mine"


def test_the_item_of_a_job_is_in_its_result() -> None:
    handle = Handle(jid="j1.0", name="n", origin={"item": {"name": "a"}, "ansible_loop_var": "item"})
    result = present(handle, ours({"item": "the module's"}))
    assert result["item"] == {"name": "a"}
    assert result["shadowed"] == {"item": "the module's"}


def test_a_job_known_before_is_presented_as_it_was() -> None:
    handle = Handle(name="a", origin={"item": 1}, result={"state": "skipped", "skip_reason": "when", "failed": True})
    assert known(handle) == {
        "item": 1,
        "name": "a",
        "state": "skipped",
        "skip_reason": "when",
        "changed": False,
        "failed": False,
    }
    assert known(Handle(name="a", result={"state": "lost", "changed": True})) == {
        "name": "a",
        "state": "lost",
        "changed": True,
        "failed": True,
    }


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
    handle = finished_here("x", result)
    assert (handle["name"], handle["state"], handle["failed"]) == ("x", state, failed)
    assert (handle["started"], handle["finished"]) == (False, True)


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
    ],
)
def test_changed_and_failed_are_honest(results: list[dict[str, t.Any]], changed: bool, failed: bool) -> None:
    combined = combine(results, 1.23456, "web1")
    assert (combined["changed"], combined["failed"], combined["elapsed"]) == (changed, failed, 1.235)
    assert combined["results"] is results


def test_the_summary_names_every_state() -> None:
    counted = summary(["failed", "lost", "failed"])
    assert tuple(counted) == STATES
    assert {state: count for state, count in counted.items() if count} == {"failed": 2, "lost": 1}


def test_warnings_of_the_modules_come_up_each_once() -> None:
    results = [
        job("a", "succeeded", warnings=["x", "y"], deprecations=[{"msg": "old"}]),
        job("b", "succeeded", warnings=["y"]),
        job("c", "succeeded", warnings="no list"),
        job("d", "succeeded", warnings=["secret"], _ansible_no_log=True),
    ]
    combined = combine(results, 1, "web1")
    assert combined["warnings"] == ["x", "y"]
    assert combined["deprecations"] == [{"msg": "old"}]


@pytest.mark.parametrize(
    ("result", "clause"),
    [
        (job("a", "running"), "a is still running"),
        (job("a", "queued"), "a is still queued"),
        (job("a", "timed_out", msg="Timeout exceeded: x"), "a timed out: Timeout exceeded: x"),
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
    combined = combine([job("other", "succeeded"), result], 1, "web1")
    assert combined["_ansible_no_log"] is True
    assert "S3CRET" not in combined["msg"]
    assert "_ansible_no_log" not in combine([job("other", "succeeded")], 1, "web1")


@pytest.mark.parametrize(
    ("states", "line"),
    [
        (["running", "queued", "queued"], "web1: 0/3 done, 1 running, 2 queued"),
        (["succeeded", "skipped", "running"], "web1: 2/3 done, 1 running"),
        (["succeeded", "failed", "timed_out"], "web1: 3/3 done, 1 failed (job1), 1 timed out (job2)"),
        (["failed"] * 7, "web1: 7/7 done, 7 failed (job0, job1, job2, job3, job4 and 2 more)"),
        ([], "web1: 0/0 done"),
    ],
)
def test_progress_is_one_line(states: list[str], line: str) -> None:
    assert progress("web1", [{"name": f"job{number}", "state": state} for number, state in enumerate(states)]) == line


@pytest.mark.parametrize(
    ("handle", "sentence"),
    [
        (Handle(host="web1", user="root"), None),
        (Handle(), None),
        (
            Handle(host="web2", user="x"),
            "it was started on host web2 and looked for on web1: wait with 'delegate_to: web2'",
        ),
        (
            Handle(host="web1", user="app"),
            "it was started as user app and looked for as root: wait with 'become_user: app'",
        ),
    ],
    ids=["right", "unknown", "another host", "another user"],
)
def test_a_job_looked_for_in_the_wrong_place_is_told_its_right_one(handle: Handle, sentence: str | None) -> None:
    assert misdirected(handle, "web1", "root") == sentence
