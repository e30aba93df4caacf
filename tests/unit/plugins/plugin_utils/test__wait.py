# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils import _wait
from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._job_action import JobAction
from ansible_collections.background.jobs.plugins.plugin_utils._wait import wait

Answer = t.Mapping[str, str]


class Target:
    """An action whose target gives these answers, one state by jid each; the last one for ever."""

    host = "web1"

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, t.Any]] = []

    def ask(self, jids: list[str], mode: str, task_vars: t.Any, secret: bool, **question: t.Any) -> dict[str, t.Any]:
        assert mode == "status" and secret is any("secret" in jid for jid in jids)
        self.asked.append({"jids": jids, **question})
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        final = question["last"] or not {"queued", "running"} & {answer[jid] for jid in jids}
        return {"jobs": [self._status(jid, answer[jid]) for jid in jids], "user": "root", "final": final}

    @staticmethod
    def _status(jid: str, state: str) -> dict[str, t.Any]:
        gone = state == "lost"
        return {
            "jid": jid,
            "state": state,
            "reason": "no_status_file" if gone else None,
            "message": "there is no status file" if gone else None,
            "results_file": f"/a/{jid}",
            "record": {"name": f"job {jid}"},
            "result": {"changed": True} if state == "succeeded" else {},
        }


def handles(*jids: str) -> list[Handle]:
    return [Handle(jid=jid, name=jid, results_file=f"/a/{jid}", host="web1", no_log="secret" in jid) for jid in jids]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was shown to the user."""
    lines: list[str] = []
    monkeypatch.setattr(_wait.display, "display", lines.append)
    return lines


def waited(target: Target, some: t.Sequence[Handle], timeout: float = 0, cleanup: bool = True) -> dict[str, t.Any]:
    return wait(t.cast(JobAction, target), some, timeout, 15, cleanup, {})


def test_finished_jobs_take_one_question_and_no_words(said: list[str]) -> None:
    target = Target({"a": "succeeded", "b": "succeeded"})
    result = waited(target, handles("a", "b"))
    assert [each["name"] for each in result["results"]] == ["job a", "job b"]
    assert (result["failed"], result["changed"]) == (False, True)
    assert said == []
    (asked,) = target.asked
    assert asked["jids"] == ["a", "b"]
    assert asked["results_files"] == {"a": "/a/a", "b": "/a/b"}
    assert (asked["cleanup"], asked["report"], asked["known"]) == (True, 15, {})


def test_unfinished_jobs_are_asked_for_again_and_reported(said: list[str]) -> None:
    target = Target(
        {"a": "running", "b": "queued"},
        {"a": "running", "b": "queued"},
        {"a": "succeeded", "b": "running"},
        {"a": "succeeded", "b": "failed"},
    )
    result = waited(target, handles("a", "b"))
    assert said == [
        "web1: 0/2 done, 1 running, 1 queued",
        "web1: 1/2 done, 1 running",
        "web1: 2/2 done, 1 failed (job b)",
    ]
    assert target.asked[-1]["known"] == {"a": "succeeded", "b": "running"}
    assert result["summary"]["failed"] == 1


def test_what_is_known_already_is_not_asked_for_and_keeps_its_place(said: list[str]) -> None:
    target = Target({"b": "succeeded"})
    skipped = Handle(name="a", result={"state": "skipped", "changed": False})
    result = waited(target, [skipped, *handles("b"), skipped])
    assert [each["state"] for each in result["results"]] == ["skipped", "succeeded", "skipped"]
    assert target.asked[0]["jids"] == ["b"]


def test_no_jobs_are_no_question() -> None:
    target = Target({})
    assert waited(target, [])["msg"] == "no jobs"
    assert waited(target, [Handle(name="a", result={"state": "failed"})])["failed"] is True
    assert target.asked == []


def test_a_timeout_leaves_the_jobs_running_and_says_so(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 1000, 50))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(moments)))
    target = Target({"a": "running"})
    result = waited(target, handles("a"), timeout=230)
    assert result["msg"].startswith("waited 230 s on web1, not longer; unfinished jobs run on")
    assert result["failed"] is True
    assert [(asked["patience"], asked["last"]) for asked in target.asked] == [(120, False), (120, False), (80, True)]


def test_a_question_is_never_longer_than_a_connection_lives(said: list[str]) -> None:
    target = Target({"a": "running"}, {"a": "succeeded"})
    waited(target, handles("a"), timeout=100_000)
    assert [asked["patience"] for asked in target.asked] == [120, 120]


def test_a_job_looked_for_in_the_wrong_place_says_which_is_right(said: list[str]) -> None:
    elsewhere = Handle(jid="a", no_log=False, name="a", host="web2")
    result = waited(Target({"a": "lost"}), [elsewhere])
    assert "it was started on host web2 and looked for on web1" in result["msg"]
    assert "there is no status file" in waited(Target({"a": "lost"}), handles("a"))["msg"]


def test_without_cleaning_up_the_target_is_told_to_keep_everything(said: list[str]) -> None:
    target = Target({"a": "succeeded"})
    waited(target, handles("a"), cleanup=False)
    assert target.asked[0]["cleanup"] is False


def test_a_job_with_no_log_makes_the_question_a_quiet_one() -> None:
    target = Target({"secret1": "succeeded", "b": "succeeded"})
    waited = wait(t.cast(JobAction, target), handles("secret1", "b"), 0, 15, True, {})
    assert waited["failed"] is False
