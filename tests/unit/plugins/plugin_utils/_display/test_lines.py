# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import Conditions
from ansible_collections.background.jobs.plugins.plugin_utils._display import lines
from ansible_collections.background.jobs.plugins.plugin_utils._display.lines import MOST, Lines, foreseen
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import judged, known_result
from ansible_collections.background.jobs.tests.unit.helpers import entry

Job = t.Tuple[Handle, t.Dict[str, t.Any]]


def job(name: str, state: str, conditions: Conditions | None = None, no_log: bool = False, **fields: t.Any) -> Job:
    """A job, and what the target says of it; its result is not told before that of all."""
    record = {"name": name, "no_log": no_log, **fields.pop("record", {})}
    status = {"jid": name, "state": state, "record": record, "results_file": f"/a/{name}", "result": {}, **fields}
    status = {"reason": None, "message": None, **status}
    return Handle(jid=name, name=name, no_log=no_log, conditions=conditions or Conditions()), status


class Display:
    """Keeps lines and their colours."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.colors: list[str | None] = []

    def display(self, line: str, color: str | None = None) -> None:
        self.said.append(line)
        self.colors.append(color)


class Task:
    """The lines of a task that has seen these jobs."""

    def __init__(self, silent: bool = False) -> None:
        self.display = Display()
        self.lines = Lines("web1", self.display, silent)

    def seen(self, *jobs: Job) -> list[str]:
        before = len(self.display.said)
        self.lines.seen([handle for handle, dummy in jobs], [status for dummy, status in jobs], len(jobs))
        return self.display.said[before:]

    def close(self, *jobs: Job) -> list[str]:
        before = len(self.display.said)
        asked = [(handle, status) for handle, status in jobs if handle.result is None]
        told = iter(judged(*map(list, zip(*asked)))) if asked else iter(())  # type: ignore[arg-type]
        results = [known_result(handle) if handle.result is not None else next(told) for handle, dummy in jobs]
        self.lines.close(results, [status for dummy, status in asked])
        return self.display.said[before:]


RUNS = job("other", "running")
DID = {"elapsed": 3.06, "attempts": 1}


@pytest.mark.parametrize(
    ("state", "fields", "result", "line", "color"),
    [
        ("succeeded", {"ended_as": "ok"}, {}, "ok: [web1] => (job=a, 3.1 s)", "green"),
        ("succeeded", {"ended_as": "changed"}, {"changed": True}, "changed: [web1] => (job=a, 3.1 s)", "yellow"),
        ("succeeded", {"ended_as": "skipped"}, {"skipped": True}, "skipped: [web1] => (job=a, 3.1 s)", "cyan"),
        (
            "timed_out",
            {
                "reason": "timeout",
                "message": "timed out after 3.1 s (timeout: 3 s)",
                "record": {"elapsed": 303.0, "attempts": 2},
            },
            {"failed": True, "msg": "Timeout exceeded"},
            "timed out: [web1] => (job=a, 5 min 3 s, 2 attempts): after 3.1 s (timeout: 3 s)",
            "red",
        ),
        (
            "cancelled",
            {"reason": "cancelled", "message": "it was cancelled by root"},
            {},
            "cancelled: [web1] => (job=a, 3.1 s): it was cancelled by root",
            "red",
        ),
        (
            "cancelled",
            {"reason": "halted", "message": "ended by halt"},
            {},
            "cancelled: [web1] => (job=a, 3.1 s): ended by halt",
            "cyan",
        ),
        (
            "skipped",
            {
                "reason": "dependency",
                "message": "depends on b, which failed",
                "record": {"elapsed": 0.0, "attempts": 0},
            },
            {},
            "skipped: [web1] => (job=a): depends on b, which failed",
            "cyan",
        ),
    ],
)
def test_a_line_is_printed_when_the_end_is_seen_and_says_what_the_result_says(
    state: str, fields: dict[str, t.Any], result: dict[str, t.Any], line: str, color: str
) -> None:
    fields = {"record": DID, **fields}
    early, late = Task(), Task()
    assert early.seen(job("a", state, **fields), RUNS) == [line]
    assert early.seen(job("a", state, **fields), RUNS) == []
    told = {key: value for key, value in fields.items() if key != "ended_as"}
    assert late.close(job("a", state, result=result, **told), RUNS) == [line]
    assert early.close(job("a", state, result=result, **told), RUNS) == []
    assert early.display.colors == late.display.colors == [color]


def test_a_failure_has_its_cause_and_with_the_result_its_last_words() -> None:
    fields = {"reason": "exit_code", "message": "exit code 2", "record": DID}
    result = {"rc": 2, "failed": True, "stderr": "odd\nno such compiler\n", "msg": "non-zero return code"}
    (early,) = Task().seen(job("php", "failed", **fields), RUNS)
    (late,) = Task().close(job("php", "failed", result=result, **fields), RUNS)
    assert early == "failed: [web1] => (job=php, 3.1 s): exit code 2"
    assert late == f"{early}: no such compiler"


@pytest.mark.parametrize("key", ["changed_when", "failed_when"])
def test_what_conditions_have_to_judge_is_printed_with_the_result(key: str) -> None:
    conditions = Conditions(**{key: ["rc == 1"]})
    for state in ("succeeded", "failed"):
        one = job("a", state, conditions, ended_as="ok" if state == "succeeded" else "", result={"rc": 1})
        task = Task()
        assert task.seen(one, RUNS) == []
        bad = state == "failed" if key == "changed_when" else True
        (line,) = task.close(one, RUNS)
        assert line.startswith("failed: " if bad else "changed: "), line
        assert task.seen(job("b", "timed_out", conditions), RUNS) == ["timed out: [web1] => (job=b)"]


def test_changed_when_that_is_a_constant_is_known_before() -> None:
    fields = {"result": {"changed": True}, "ended_as": "changed"}
    for word, outcome in (("False", "ok"), ("True", "changed")):
        one = job("a", "succeeded", Conditions(changed_when=[word]), **fields)
        assert Task().seen(one, RUNS) == Task().close(one, RUNS) == [f"{outcome}: [web1] => (job=a)"]
    assert foreseen(*job("a", "succeeded", Conditions(["False"], ["false"]), **fields)) is None


def test_what_is_lost_may_be_found_again_until_the_end() -> None:
    one = job("a", "lost", reason="reboot", message="the host was restarted")
    task = Task()
    assert task.seen(one, RUNS) == []
    assert task.close(one, RUNS) == ["lost: [web1] => (job=a): the host was restarted"]


def test_what_succeeded_has_no_line_before_it_is_certain_what_the_result_says() -> None:
    assert Task().seen(job("a", "succeeded"), RUNS) == []


def test_a_failure_that_is_ignored_says_so() -> None:
    one = job("a", "failed", Conditions(ignore_errors=True), message="exit code 1", record=DID, result={"msg": "why"})
    assert Task().seen(one, RUNS) == ["failed: [web1] => (job=a, 3.1 s, ignored): exit code 1"]
    assert Task().close(one, RUNS) == ["failed: [web1] => (job=a, 3.1 s, ignored): why"]


def test_of_a_job_with_no_log_only_the_reason_is_told() -> None:
    fields = {"reason": "exit_code", "message": "swordfish", "result": {"msg": "swordfish", "stderr": "swordfish"}}
    one = job("a", "failed", no_log=True, **fields)
    assert Task().seen(one, RUNS) == Task().close(one, RUNS) == ["failed: [web1] => (job=a): exit code"]


def test_one_job_has_none_and_who_is_silent_has_none() -> None:
    one = job("a", "timed_out")
    for task, jobs in ((Task(), [one]), (Task(silent=True), [one, RUNS])):
        assert task.seen(*jobs) == task.close(*jobs) == []


def test_what_was_skipped_at_the_launch_has_one_and_what_was_collected_before_has_not() -> None:
    skipped: Job = Handle(name="s", result=entry("s", "skipped")), {}
    ended = entry("c", "succeeded", ansible_job_id="j1.0", changed=True)
    collected: Job = Handle(jid="j1.0", name="c", result=ended), {}
    one = job("a", "succeeded", result={})
    assert Task().close(skipped, collected, one) == ["skipped: [web1] => (job=s)", "ok: [web1] => (job=a)"]


def test_of_many_jobs_those_that_failed_have_lines_and_the_rest_is_counted() -> None:
    good = [job(f"g{number}", "succeeded", ended_as="changed", result={"changed": True}) for number in range(MOST)]
    bad = [job(f"b{number}", "failed", message="no") for number in range(2)]
    task = Task()
    assert task.seen(*good, *bad[:1]) == ["failed: [web1] => (job=b0): no"]
    assert task.close(*good, *bad) == [
        "failed: [web1] => (job=b1): no",
        f"web1: {MOST + 2} jobs ended: {MOST} changed, 2 failed",
    ]
    assert Task().close(*good[:MOST]) == [f"changed: [web1] => (job=g{number})" for number in range(MOST)]


def test_of_many_failures_the_first_have_lines() -> None:
    said = Task().close(*[job(f"b{number}", "failed", message="no") for number in range(500)])
    assert len(said) == MOST + 1
    assert said[-1] == f"web1: 500 jobs ended: 500 failed; {500 - MOST} of them did not succeed and have no line above"


def test_what_a_host_made_up_is_short_and_in_one_line() -> None:
    one = job("a\nok: [web2]" + 200 * "b", "failed", message="x\n" + 500 * "y")
    for said in (Task().seen(one, RUNS), Task().close(one, RUNS)):
        (line,) = said
        assert "\n" not in line and len(line) < 400, line
        assert line.startswith(r"failed: [web1] => (job=a\nok: [web2]bbb")


def test_lines_that_ansible_core_is_not_to_show_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "is_wanted", lambda outcome: outcome not in ("ok", "skipped"))
    jobs = [job("a", "succeeded"), job("b", "skipped"), job("c", "succeeded", result={"changed": True})]
    assert Task().close(*jobs) == ["changed: [web1] => (job=c)"]
