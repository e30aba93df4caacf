# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._argspec import cancel_options as spec
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.cancel import cancel
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction
from ansible_collections.background.jobs.tests.unit.helpers import entry


class Target:
    """An action whose target answers with these statuses."""

    host = "web1"
    hidden = False

    def __init__(self, *statuses: dict[str, t.Any], check_mode: bool = False) -> None:
        self._statuses = statuses
        self._task = types.SimpleNamespace(check_mode=check_mode)
        self.asked: list[dict[str, t.Any]] = []
        self.removed: list[str] = []

    def send_cancel(self, request: dict[str, t.Any], task_vars: t.Any, secret: bool) -> dict[str, t.Any]:
        self.secret = secret
        self.asked.append(request)
        return {"jobs": list(self._statuses), "user": "root"}

    def run_removal(self, command: str) -> None:
        self.removed.append(command)


def status(jid: str, state: str, changed: bool = False, **fields: t.Any) -> dict[str, t.Any]:
    """What the target says of one job."""
    return {
        "jid": jid,
        "state": state,
        "changed": changed,
        "reason": None,
        "message": None,
        "results_file": f"/a/{jid}",
        "record": {"name": f"job {jid}"},
        "result": {},
        "ours_to_remove": True,
        **fields,
    }


def handle(jid: str, **fields: t.Any) -> dict[str, t.Any]:
    """What launch returned for one job."""
    said = {key: fields.pop(key) for key in ("host",) if key in fields}
    beside = {"ansible_job_id": jid, "results_file": f"/a/{jid}"}
    return entry(f"job {jid}", fields.pop("state", "queued"), said, **beside, **fields)


def cancelled(target: Target, **options: t.Any) -> dict[str, t.Any]:
    defaults = {key: option.get("default") for key, option in spec().items()}
    return cancel(t.cast(JobAction, target), {**defaults, **options}, {})


@pytest.mark.parametrize(("cleanup", "check_mode"), [(True, False), (False, False), (True, True)])
def test_files_of_what_has_ended_are_removed_on_request(cleanup: bool, check_mode: bool) -> None:
    jobs = [status("j1.0", "cancelled", True), status("j1.1", "failed"), status("j1.2", "running")]
    target = Target(*jobs, check_mode=check_mode)
    result = cancelled(target, jobs=[handle(job["jid"]) for job in jobs], cleanup=cleanup)
    removed = "".join(target.removed)
    assert bool(removed) == (cleanup and not check_mode)
    assert "r j1. 0 1;" in removed or not removed
    assert len(result["results"]) == 3


def test_jobs_that_were_registered_are_ended_in_one_trip_and_in_order() -> None:
    target = Target(status("a", "cancelled", True), status("b", "succeeded", result={"changed": True, "rc": 0}))
    result = cancelled(target, jobs={"results": [handle("a"), handle("b", host="web1")]})
    assert target.asked == [{"jobs": ["a", "b"], "mode": "kill", "results_files": {"a": "/a/a", "b": "/a/b"}}]
    assert [(each["job"]["name"], each["job"]["state"], each["changed"]) for each in result["results"]] == [
        ("job a", "cancelled", True),
        ("job b", "succeeded", False),
    ]
    assert result["results"][1]["rc"] == 0
    assert (result["changed"], result["failed"]) == (True, False)
    assert result["msg"] == "1 job cancelled on web1, 1 had finished already"


def test_what_was_never_started_or_has_ended_passes_through() -> None:
    failed = {"failed": True, "msg": "no room", "item": "x", "ansible_loop_var": "item"}
    done = handle("d", state="succeeded", changed=True)
    target = Target(status("a", "cancelled", True))
    result = cancelled(target, jobs=[failed, done, handle("a"), {"skipped": True, "item": "y"}])
    assert target.asked[0]["jobs"] == ["a"]
    assert [each["job"]["state"] for each in result["results"]] == ["failed", "succeeded", "cancelled", "skipped"]
    assert (result["results"][0]["msg"], result["results"][0]["item"]) == ("no room", "x")
    assert result["failed"] is False
    assert result["msg"] == "1 job cancelled on web1, 1 had finished already, 2 were never started"


def test_what_ended_before_does_not_count_as_a_change_of_this_task() -> None:
    target = Target(status("a", "succeeded", result={"changed": True}))
    done = handle("d", state="succeeded", changed=True)
    assert cancelled(target, jobs=[done, handle("a")])["changed"] is False


@pytest.mark.parametrize("jobs", [[], {"results": []}, ""], ids=repr)
def test_no_jobs_are_no_trip_and_no_failure(jobs: t.Any) -> None:
    target = Target()
    result = cancelled(target, jobs=jobs)
    assert target.asked == []
    assert (result["results"], result["changed"], result["failed"]) == ([], False, False)
    assert result["msg"] == "nothing to cancel on web1: no jobs were given"


@pytest.mark.parametrize(
    ("options", "request_", "message"),
    [
        ({"group": "nightly"}, {"group": "nightly"}, "there is no unfinished job of group 'nightly'"),
        ({"name": ["a", "b"]}, {"names": ["a", "b"]}, "there is no unfinished job named 'a' or 'b'"),
        (
            {"group": "g", "name": ["a"]},
            {"group": "g", "names": ["a"]},
            "there is no unfinished job of group 'g' named 'a'",
        ),
        ({"all": True, "mode": "drain"}, {"everything": True, "mode": "drain"}, "there is no unfinished job"),
    ],
    ids=str,
)
def test_a_selection_that_nothing_matches_is_no_failure(
    options: dict[str, t.Any], request_: dict[str, t.Any], message: str
) -> None:
    target = Target()
    result = cancelled(target, **options)
    nothing = {"jobs": None, "group": None, "names": None, "everything": False, "mode": "kill"}
    assert target.asked == [{**nothing, **request_}]
    assert (result["changed"], result["failed"]) == (False, False)
    assert result["msg"] == f"nothing to cancel on web1: {message}"


def test_the_jobs_of_a_selection_are_named_by_the_target() -> None:
    result = cancelled(Target(status("a", "cancelled", True), status("b", "cancelled", True)), group="nightly")
    assert [each["job"]["name"] for each in result["results"]] == ["job a", "job b"]
    assert result["msg"] == "2 jobs cancelled on web1"


def test_a_list_without_names_is_not_everything() -> None:
    target = Target(status("a", "cancelled", True))
    assert cancelled(target, name=[])["results"] == []
    assert cancelled(target, name=[], group="g")["results"] == []
    assert target.asked == []


@pytest.mark.parametrize("options", [{}, {"all": False}], ids=str)
def test_nothing_is_not_everything(options: dict[str, t.Any]) -> None:
    target = Target(status("a", "cancelled", True))
    with pytest.raises(DefinitionError, match="no jobs were named: give 'jobs', 'group' or 'name', or 'all: true'"):
        cancelled(target, **options)
    with pytest.raises(DefinitionError, match="group is ''"):
        cancelled(target, group="")
    assert target.asked == []


@pytest.mark.parametrize(
    ("state", "reason"), [("not_found", None), ("not_found", "other_host"), ("lost", "status_unreadable")]
)
def test_a_job_that_cannot_be_found_fails(state: str, reason: str | None) -> None:
    lost = status("b", state, reason=reason, message="it is not there")
    result = cancelled(Target(status("a", "cancelled", True), lost), jobs=["a", "b"])
    assert (result["failed"], result["changed"]) == (True, True)
    assert [each["failed"] for each in result["results"]] == [False, True]
    assert result["results"][1]["msg"] == result["results"][1]["job"]["message"] == "it is not there"
    assert result["msg"] == "could not cancel 1 of 2 jobs: job b: it is not there; 1 job cancelled on web1"


def test_a_job_in_another_place_says_where_it_is() -> None:
    lost = status("a", "not_found", message="it is not there")
    result = cancelled(Target(lost), jobs=handle("a", host="web2"))
    assert "job a: it was started on web2 in /a; this task runs on web1: add 'delegate_to: web2'" in result["msg"]


@pytest.mark.parametrize("reason", ["reboot", "supervisor_gone"])
def test_a_lost_job_is_no_failure(reason: str) -> None:
    result = cancelled(Target(status("a", "lost", reason=reason, message="gone")), jobs="a")
    assert (result["failed"], result["results"][0]["failed"], result["results"][0]["msg"]) == (False, False, "gone")
    assert result["msg"] == "no jobs cancelled on web1, 1 had finished already"


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        (status("a", "running"), "it is still running: see on the host what holds it up"),
        (status("a", "queued", message="waits for its lock"), "waits for its lock"),
    ],
    ids=["running", "queued"],
)
def test_a_job_that_did_not_end_fails(told: dict[str, t.Any], cause: str) -> None:
    result = cancelled(Target(told), jobs="a")
    assert result["failed"] is True
    assert result["msg"] == f"could not cancel 1 of 1 job: job a: {cause}; no jobs cancelled on web1"


def test_draining_lets_go_on_what_runs() -> None:
    target = Target(status("a", "running"), status("b", "cancelled", True), status("c", "running"))
    result = cancelled(target, all=True, mode="drain")
    assert (result["changed"], result["failed"]) == (True, False)
    assert result["msg"] == "1 job cancelled on web1, 2 go on to their end"
    assert cancelled(Target(status("a", "running")), all=True, mode="drain")["msg"] == (
        "no jobs cancelled on web1, 1 goes on to its end"
    )
    assert cancelled(Target(status("a", "queued")), all=True, mode="drain")["failed"] is True


def test_check_mode_predicts() -> None:
    result = cancelled(Target(status("a", "running", True), status("b", "failed"), check_mode=True), jobs=["a", "b"])
    assert (result["changed"], result["failed"], result["results"][0]["job"]["state"]) == (True, False, "running")
    assert result["msg"] == "1 job would be cancelled on web1, 1 had finished already"


def test_nothing_of_a_job_with_no_log_is_shown() -> None:
    secret = status("a", "cancelled", True, record={"name": "a", "no_log": True})
    assert cancelled(Target(secret, status("b", "failed")), jobs=["a", "b"])["_ansible_no_log"] is True
    assert "_ansible_no_log" not in cancelled(Target(status("b", "failed")), jobs=["b"])


SURVIVOR = {"pid": 7, "owner": "root", "command": "sh", "started": "1"}


def test_a_job_of_which_something_runs_on_fails() -> None:
    left = {"survivors": [SURVIVOR], "reason": "not_ended", "message": "as it was then"}
    result = cancelled(
        Target(status("j1.0", "failed", True, **left), status("j1.1", "cancelled", True)),
        jobs=[handle("j1.0"), handle("j1.1")],
    )
    assert (result["failed"], result["changed"]) == (True, True)
    assert [job["failed"] for job in result["results"]] == [True, False]
    assert result["results"][0]["job"]["survivors"] == [{"pid": 7, "owner": "root", "command": "sh"}]
    assert result["msg"] == (
        "could not cancel 1 of 2 jobs: job j1.0: a process of it runs on that could not be ended: pid 7 (sh, of user "
        "root); 1 job cancelled on web1"
    )


def test_what_could_not_be_ended_once_and_has_gone_since_is_fine() -> None:
    before = {"name": "job j1.0", "survivors": [SURVIVOR]}
    result = cancelled(
        Target(status("j1.0", "failed", reason="not_ended", record=before, survivors=[])), jobs=[handle("j1.0")]
    )
    assert (result["failed"], result["results"][0]["failed"]) == (False, False)
    assert "survivors" not in result["results"][0]["job"]


def test_with_no_log_of_the_task_nothing_is_named() -> None:
    target = Target(status("a", "not_found", message="no swordfish"), status("b", "cancelled", True))
    target.hidden = True
    assert cancelled(target, jobs=["a", "b"])["msg"] == (
        "could not cancel 1 of 2 jobs: no_log hides which, and why; 1 job cancelled on web1"
    )
    nothing = Target()
    nothing.hidden = True
    assert cancelled(nothing, name=["swordfish"])["msg"] == "nothing to cancel on web1"
