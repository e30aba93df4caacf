# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.directory import DirectoryAction, job_info, prune


class Target:
    """An action whose target gives this answer."""

    host = "web1"
    hidden = False

    def __init__(self, *jobs: dict[str, t.Any], check_mode: bool = False, **answer: t.Any) -> None:
        self._answer = {"jobs": list(jobs), **answer}
        self._task = types.SimpleNamespace(check_mode=check_mode)
        self.asked: list[dict[str, t.Any]] = []

    def send_list(self, selection: dict[str, t.Any], task_vars: t.Any) -> dict[str, t.Any]:
        self.asked.append(selection)
        return {"elsewhere": 0, "user": "root", "async_dir": "/a", **self._answer}

    def send_prune(self, request: dict[str, t.Any], task_vars: t.Any) -> dict[str, t.Any]:
        self.asked.append(request)
        return {"kept": [], "files": [], "error": None, **self._answer}


def job(name: str, state: str = "succeeded", **fields: t.Any) -> dict[str, t.Any]:
    """What the target tells of one job."""
    jid = f"j1.{name}"
    return {"ansible_job_id": jid, "name": name, "state": state, "message": None, "results_file": f"/a/{jid}", **fields}


def told(target: Target, **options: t.Any) -> dict[str, t.Any]:
    defaults = {key: option.get("default") for key, option in _argspec.job_info_options().items()}
    return job_info(t.cast(DirectoryAction, target), {**defaults, **options}, {})


def pruned(target: Target, **options: t.Any) -> dict[str, t.Any]:
    defaults = {key: option.get("default") for key, option in _argspec.prune_options().items()}
    return prune(t.cast(DirectoryAction, target), {**defaults, **options}, {})


def test_all_jobs_are_told_with_their_host() -> None:
    target = Target(job("a", "running"), job("b", "lost"), elsewhere=2)
    result = told(target)
    assert target.asked == [{"group": None, "names": None, "states": None}]
    assert [(each["name"], each["host"]) for each in result["jobs"]] == [("a", "web1"), ("b", "web1")]
    assert {state: count for state, count in result["summary"].items() if count} == {"running": 1, "lost": 1}
    assert (result["changed"], result["elsewhere"], result["user"], result["async_dir"]) == (False, 2, "root", "/a")


def test_only_what_was_asked_for_is_sent() -> None:
    target = Target()
    told(target, group="nightly", name=[], state=["lost"])
    assert target.asked == [{"group": "nightly", "names": [], "states": ["lost"]}]


@pytest.mark.parametrize("state", ["running", "succeeded", "lost"])
def test_what_is_told_can_be_waited_for_and_cancelled(state: str) -> None:
    (handle,) = read_handles(told(Target(job("a", state, user="me", no_log=True)))["jobs"])
    assert (handle.jid, handle.name, handle.results_file) == ("j1.a", "a", "/a/j1.a")
    assert (handle.host, handle.user, handle.no_log, handle.result) == ("web1", "me", True, None)


@pytest.mark.parametrize("ask", [told, pruned])
def test_no_group_is_not_any_group(ask: t.Callable[..., dict[str, t.Any]]) -> None:
    target = Target()
    with pytest.raises(DefinitionError, match="group is ''"):
        ask(target, group="")
    assert target.asked == []


def test_an_age_is_a_duration() -> None:
    target = Target()
    pruned(target, older_than="1d 12h", group="nightly")
    assert target.asked == [{"group": "nightly", "names": None, "states": _argspec.ENDED, "older_than": 129600.0}]
    with pytest.raises(DefinitionError, match="older_than is 'soon'"):
        pruned(target, older_than="soon")


def test_what_was_removed_is_told() -> None:
    result = pruned(Target(job("a"), job("b", "timed_out"), job("c"), files=["/a/.j2.lock", "/a/.j2.reserve"]))
    assert (result["changed"], result["failed"]) == (True, False)
    assert result["msg"] == ("3 jobs removed on web1 (2 succeeded, 1 timed out); 2 files without a job removed")
    assert [each["host"] for each in result["jobs"]] == ["web1"] * 3
    assert (result["summary"]["succeeded"], result["summary"]["timed_out"]) == (2, 1)


def test_what_would_be_removed_is_told() -> None:
    result = pruned(Target(job("a"), files=["/a/.j2.lock"], check_mode=True))
    assert result["changed"] is True
    assert result["msg"] == ("1 job would be removed on web1 (1 succeeded); 1 file without a job would be removed")


def test_files_alone_are_a_change() -> None:
    result = pruned(Target(files=["/a/.j2.lock"]))
    assert (result["changed"], result["jobs"]) == (True, [])
    assert result["msg"] == "no jobs removed on web1; 1 file without a job removed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is no job that ended more than 7d ago"),
        ({"older_than": "0"}, "there is no job that has ended"),
        ({"older_than": "60", "state": []}, "there is no job that ended more than 60 s ago"),
        ({"state": ["lost", "timed_out"]}, "there is no timed out or lost job that ended more than 7d ago"),
        (
            {"group": "g", "name": ["a", "b"], "older_than": "90s"},
            "there is no job of group 'g' named 'a' or 'b' that ended more than 90s ago",
        ),
    ],
    ids=str,
)
def test_nothing_to_remove_is_said_with_what_was_looked_for(options: dict[str, t.Any], message: str) -> None:
    result = pruned(Target(), **options)
    assert (result["changed"], result["failed"]) == (False, False)
    assert result["msg"] == f"nothing to remove on web1: {message}"


def test_what_had_to_stay_is_named_once_for_each_reason() -> None:
    kept = [job(str(number), message="needed") for number in range(7)] + [job("x", "lost", message="it runs on")]
    result = pruned(Target(kept=kept))
    assert (result["changed"], result["failed"], len(result["kept"])) == (False, False, 8)
    assert result["msg"] == "no jobs removed on web1; 8 jobs kept: 0, 1, 2, 3, 4 and 2 more (needed); x (it runs on)"


def test_what_could_not_be_removed_fails_and_tells_what_was() -> None:
    error = "could not remove /a/j1.b: Read-only file system"
    result = pruned(Target(job("a"), error=error))
    assert (result["changed"], result["failed"]) == (True, True)
    assert result["msg"] == f"{error}; 1 job removed on web1 (1 succeeded)"
    result = pruned(Target(error=error))
    assert (result["changed"], result["failed"]) == (False, True)
    assert result["msg"] == f"{error}; no jobs removed on web1"


def test_with_no_log_of_the_task_nothing_is_named() -> None:
    target = Target(kept=[job("swordfish", "lost", message="swordfish runs on")])
    target.hidden = True
    assert pruned(target)["msg"] == "no jobs removed on web1; 1 job kept: no_log hides which, and why"
    nothing = Target()
    nothing.hidden = True
    assert pruned(nothing, name=["swordfish"])["msg"] == "nothing to remove on web1: there is no such job"
