# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import Task, Told
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline import Timeline, TimelineJob, document
from ansible_collections.background.jobs.tests.unit import helpers
from ansible_collections.background.jobs.tests.unit.helpers import record

BUILD = Task("Build", "site.yml:14")
CENSORED = {"censored": "the output has been hidden"}
COMMAND = "ansible.builtin.command"
STATUS = "ansible.builtin.async_status"
LAUNCH, RUN, WAIT = (f"background.jobs.{name}" for name in ("launch", "run", "wait"))
NOON = 1795348800.0
"""Seconds since the epoch of a noon, in UTC."""


def told(result: t.Mapping[str, t.Any], action: str, at: float = 0, **fields: t.Any) -> Told:
    """What is told `at` seconds after noon of a task that began `took` seconds before."""
    began = NOON + at - fields.pop("took", 0)
    is_start = action == LAUNCH or (action == COMMAND and "started" in str(result))
    defaults = {"host": "web1", "by": "web1", "task": BUILD, "key": action, "arguments": {}, "starts": is_start}
    return Told(**{**defaults, "action": action, "result": result, "at": NOON + at, "began": began, **fields})


def moment(seconds: float) -> str:
    return f"2026-11-22T12:00:{seconds:06.3f}Z"


def handle(jid: str = "j1.0", name: str = "nginx", state: str = "queued", **said: t.Any) -> dict[str, t.Any]:
    """What launch returns of a job."""
    return helpers.entry(name, state, said, ansible_job_id=jid)


SAID = {"queued_at": moment(1), "started_at": moment(2), "ended_at": moment(5.5), "elapsed": 3.499, "attempts": 1}


def ended(jid: str = "j1.0", name: str = "nginx", state: str = "succeeded", **fields: t.Any) -> dict[str, t.Any]:
    """What run and wait return of a job."""
    said = {**SAID, **{key: fields.pop(key) for key in (*SAID, "reason", "group", "no_log", "host") if key in fields}}
    return helpers.entry(name, state, said, ansible_job_id=jid, **fields)


def running(jid: str = "j7", **fields: t.Any) -> dict[str, t.Any]:
    """What builtin async returns of a job that it has started, up to 2.18 with numbers for booleans."""
    return {"ansible_job_id": jid, "started": 1, "finished": 0, "results_file": f"/a/{jid}", **fields}


def over(jid: str = "j7", **fields: t.Any) -> dict[str, t.Any]:
    """What ansible.builtin.async_status returns of a job of its own."""
    return {**running(jid), "finished": 1, "rc": 0, "delta": "0:00:03.250000", "stdout": "done", **fields}


def entries(*events: Told, lines: int = 10, mask: t.Callable[[str], str] = str) -> list[TimelineJob]:
    timeline = Timeline(lines, mask)
    for event in events:
        timeline.note(event)
    return timeline.entries()


def times(entry: TimelineJob) -> list[float | None]:
    """When a job was queued, started and over, in seconds after noon."""
    return [None if at is None else round(at - NOON, 3) for at in (entry.queued, entry.started, entry.ended)]


def test_a_job_of_run_is_told_whole() -> None:
    result = ended(rc=0, stdout="one\ntwo\nthree", stderr="", msg="fine", host="not ours")
    task = {"elapsed": 9, "msg": "1 of 1 job succeeded"}
    event = told({**result, **task, "results": [result]}, RUN, 6, took=5, arguments={"group": "nightly"})
    assert entries(event, lines=2) == [
        TimelineJob(
            host="web1",
            name="nginx",
            jid="j1.0",
            group="nightly",
            task="Build",
            place="site.yml:14",
            state="succeeded",
            collected=True,
            queued=NOON + 1,
            started=NOON + 2,
            ended=NOON + 5.5,
            elapsed=3.499,
            attempts=1,
            rc=0,
            msg="fine",
            stdout=["two", "three"],
        )
    ]


def test_a_launched_job_is_known_better_each_time() -> None:
    """It keeps the task that launched it, its host, name and group; a look in between and a clean-up change nothing."""
    launched = told({"results": [handle(host="db1", group="nightly")]}, LAUNCH, 1.5, took=1)
    seen = told(ended(state="running", ended_at=None, elapsed=None), STATUS, 4)
    failed = told({"results": [ended(state="failed", reason="exit_code", rc=3)]}, WAIT, 6, task=Task("Wait", "x:1"))
    cleaned = told({**handle(state="succeeded"), "erased": "/a/j1.0"}, STATUS, 9)
    (entry,) = entries(launched)
    assert (entry.state, entry.collected, times(entry)) == ("queued", False, [1.5, None, None])
    (entry,) = entries(launched, seen)
    assert (entry.state, entry.collected, times(entry)) == ("running", False, [1, 2, None])
    (entry,) = entries(launched, seen, failed, cleaned, seen)
    assert (entry.state, entry.reason, entry.rc, entry.collected, times(entry)) == (
        "failed",
        "exit_code",
        3,
        True,
        [1, 2, 5.5],
    )
    assert (entry.host, entry.name, entry.group, entry.task, entry.place) == (
        "db1",
        "nginx",
        "nightly",
        "Build",
        "site.yml:14",
    )


def test_jobs_of_a_loop_are_told_twice_and_are_there_once() -> None:
    parts = [told({"results": [ended(f"j{number}.0")]}, RUN, 6, took=5.5, part=True) for number in (1, 2)]
    whole = told({"results": [part.result for part in parts]}, RUN, 6, took=6)
    assert [entry.jid for entry in entries(*parts, whole)] == ["j1.0", "j2.0"]


def test_a_job_that_was_over_before_it_was_sent_has_no_id() -> None:
    skipped = {**helpers.entry("script", "skipped"), "started": False}
    (entry, other) = entries(told({"results": [skipped, ended()]}, RUN, 6, took=6))
    assert (other.name, other.jid, other.state, times(other)) == ("script", "", "skipped", [6, None, 6])
    assert entry.jid == "j1.0"
    assert entries(told({"results": [skipped]}, WAIT, 6)) == []


def test_a_job_of_another_run_belongs_to_the_task_that_collected_it() -> None:
    (entry,) = entries(told({"results": [ended()]}, WAIT, 50, arguments={"group": "nightly"}))
    assert (entry.task, entry.group, entry.collected, entry.builtin, times(entry)) == (
        "Build",
        "nightly",
        True,
        False,
        [1, 2, 5.5],
    )


def test_our_job_is_known_by_its_record_if_builtin_async_status_reads_it() -> None:
    known = record(state="timed_out", reason="timeout", started_at=NOON + 2, queued_at=NOON + 1, ended_at=NOON + 4)
    (entry,) = entries(told(encode_record(known, {"stdout": "so far", "rc": 1}), STATUS, 9))
    assert (entry.name, entry.state, entry.reason, entry.builtin) == ("backup", "timed_out", "timeout", False)
    assert (times(entry), entry.stdout, entry.rc) == ([1, 2, 4], ["so far"], 1)
    (entry,) = entries(told({**encode_record(known), "background_jobs": "damaged"}, STATUS, 9))
    assert (entry.jid, entry.builtin) == ("j1.0", True)


def test_a_job_of_builtin_async_has_the_times_at_which_it_was_told() -> None:
    start = told(running(), COMMAND, 2, took=1)
    (entry,) = entries(start)
    assert (entry.name, entry.builtin, entry.state, entry.collected) == ("Build", True, "running", False)
    assert times(entry) == [None, 2, None]
    (entry,) = entries(start, told(running(), STATUS, 4), told(over(), STATUS, 9), told(over(), STATUS, 12))
    assert (entry.state, entry.rc, entry.stdout, entry.elapsed) == ("succeeded", 0, ["done"], 3.25)
    assert times(entry) == [None, 2, 5.25]
    for delta in ("1 day, 0:00:00", None):
        (entry,) = entries(start, told(over(delta=delta), STATUS, 9), told(over(delta=delta), STATUS, 12))
        assert times(entry) == [None, 2, 9], "not later than somebody has seen it"
    (entry,) = entries(start, told({"results": [ended("j7", "j7", attempts=None, **dict.fromkeys(TIMES))]}, WAIT, 9))
    assert (entry.name, entry.state, times(entry)) == ("Build", "succeeded", [None, 2, 5.499])


TIMES = ("queued_at", "started_at", "ended_at")


def test_a_task_that_waits_for_its_own_async_job() -> None:
    (entry,) = entries(told(over(), COMMAND, 9, took=8))
    assert (entry.builtin, entry.collected, times(entry)) == (True, True, [None, 1, 4.25])
    late = {"failed": True, "msg": "async task did not complete", "async_result": running()}
    (entry,) = entries(told(late, COMMAND, 9, took=8, starts=True, ok=False))
    assert (entry.jid, entry.state, entry.reason, entry.msg) == (
        "j7",
        "timed_out",
        "timeout",
        "async task did not complete",
    )
    assert times(entry) == [None, 1, 9]


@pytest.mark.parametrize(
    ("result", "state"),
    [
        ({"rc": 2, "failed": True}, "failed"),
        ({"rc": 2}, "failed"),
        ({"failed": True, "msg": "Timeout exceeded", "child_pid": 7}, "timed_out"),
        ({"skipped": True}, "skipped"),
    ],
)
def test_how_a_builtin_job_has_ended(result: dict[str, t.Any], state: str) -> None:
    event = {key: value for key, value in over().items() if key != "rc"}
    assert [entry.state for entry in entries(told(running(), COMMAND), told({**event, **result}, STATUS, 9))] == [state]


def test_a_builtin_job_of_a_loop_is_named_by_its_item() -> None:
    item = {"item": "north", "ansible_loop_var": "item"}
    looked = over(item={**running(**item), "name": "no name of a job"}, ansible_loop_var="item", results=["of", "yum"])
    (entry,) = entries(told(running(**item), COMMAND, part=True), told(looked, STATUS, 9, part=True))
    assert entry.name == "north"
    (entry,) = entries(told(running(item={"name": "south"}, ansible_loop_var="item"), COMMAND, part=True))
    assert entry.name == "south"


def test_what_was_not_found_or_only_removed_says_nothing_of_its_end() -> None:
    start = told(running(), COMMAND, 2)
    for result in (over(msg="could not find job"), ended("j7", state="not_found")):
        assert [entry.collected for entry in entries(start, told(result, STATUS, 9))] == [False]
    (entry,) = entries(start, told(running(erased="/a/j7"), STATUS, 9))
    assert (entry.state, entry.collected, times(entry)) == ("running", True, [None, 2, 9])


def test_nothing_is_kept_of_what_no_log_hides() -> None:
    launched = told({"results": [handle(no_log=True)]}, LAUNCH, 1.5, took=1)
    secret = {"rc": 2, "stdout": "swordfish", "stderr": "swordfish", "msg": "swordfish"}
    waited = told({"results": [ended(**secret)]}, WAIT, 6)
    for events in ([launched, waited], [waited, dataclasses.replace(waited, no_log=True)]):
        (entry,) = entries(*events)
        assert (entry.name, entry.state, entry.rc, entry.no_log) == ("nginx", "succeeded", 2, True)
        assert "swordfish" not in repr(entry)
    for mark in ("no_log", "_ansible_no_log"):
        assert "swordfish" not in repr(entries(told({"results": [ended(**secret, **{mark: True})]}, WAIT, 6)))
    item = {"item": "swordfish", "ansible_loop_var": "item"}
    start = told(running(**item), COMMAND, 2, no_log=True)
    (entry,) = entries(start, told(over("j7", **secret), STATUS, 9))
    assert (entry.name, entry.no_log) == ("Build", True)
    assert "swordfish" not in repr(entry)


def test_a_hidden_task_is_one_entry() -> None:
    (entry,) = entries(told(CENSORED, RUN, 9, took=8, ok=False))
    assert (entry.name, entry.jid, entry.state, entry.collected, entry.no_log) == ("Build", "", "failed", True, True)
    assert times(entry) == [None, 1, 9]
    (entry,) = entries(told(CENSORED, COMMAND, 9, starts=True))
    assert (entry.name, entry.jid, entry.collected, entry.no_log, times(entry)) == (
        "Build",
        "",
        False,
        True,
        [None, 9, None],
    )
    assert entries(told(CENSORED, WAIT, 9)) == []


def test_a_hidden_task_whose_result_is_read_later_is_its_jobs() -> None:
    hidden = told(CENSORED, RUN, 6, took=6, read_later=True, no_log=True)
    (entry,) = entries(hidden, dataclasses.replace(hidden, result={"results": [ended(stdout="swordfish")]}))
    assert (entry.name, entry.no_log, entry.stdout, times(entry)) == ("nginx", True, [], [1, 2, 5.5])


def test_a_job_that_was_collected_unseen() -> None:
    launched = told({"results": [handle()]}, LAUNCH, 1, took=1)
    (entry,) = entries(launched, *(told(CENSORED, WAIT, at, arguments={"jobs": "j1.0"}) for at in (9, 12)))
    assert (entry.state, entry.collected, times(entry)) == ("queued", True, [1, None, 9])


@pytest.mark.parametrize(
    ("queued", "shift"),
    [(10, 0), (12, 0), (11, 0), (9.5, 0.5), (2, 8), (12.25, -0.25), (59, -47)],
)
def test_a_clock_that_is_off_is_put_right_by_what_is_certain(queued: float, shift: float) -> None:
    """The task that launched the job began 10 seconds after noon, and was over 2 seconds later."""
    timeline = Timeline(10)
    at = {"queued_at": moment(queued), "started_at": moment(queued + 0.5), "ended_at": None}
    timeline.note(told({"results": [handle()]}, LAUNCH, 12, took=2))
    timeline.note(told({"results": [ended(**at, elapsed=3)]}, WAIT, 50))
    (entry,) = timeline.entries()
    assert timeline.shifts() == ({"web1": shift} if shift else {})
    assert times(entry) == [queued + shift, queued + 0.5 + shift, 50]


def test_all_jobs_of_a_host_are_shifted_alike_and_those_of_others_are_not() -> None:
    early, late = (ended(jid, queued_at=moment(at), started_at=moment(at)) for jid, at in (("j1.0", 3), ("j2.0", 4)))
    first = told({"results": [early]}, RUN, 20, took=10)
    second = told({"results": [late]}, RUN, 30, took=18, key="second")
    other = told({"results": [ended("j3.0")]}, RUN, 6, took=5.5, key="third", host="web2")
    attached = told({"results": [handle("j4.0", attached=True, host="web2")]}, LAUNCH, 8, took=1)
    seen = told({"results": [ended("j4.0")]}, WAIT, 9)
    found = {entry.jid: times(entry)[1] for entry in entries(first, second, other, attached, seen)}
    assert found == {"j1.0": 11, "j2.0": 12, "j3.0": 2, "j4.0": 2}


def test_a_clock_that_was_set_back_does_not_turn_a_bar_around() -> None:
    back = ended(started_at=moment(30), ended_at=moment(2), elapsed=3)
    assert [times(entry) for entry in entries(told({"results": [back]}, WAIT, 50))] == [[1, 30, 33]]
    never = ended(started_at=None, state="skipped", queued_at=moment(9), ended_at=moment(8), elapsed=None)
    assert [times(entry) for entry in entries(told({"results": [never]}, WAIT, 50))] == [[9, None, 9]]


@pytest.mark.parametrize("value", ["yesterday", "", [], {}, float("nan"), float("inf"), 10**400, None])
def test_what_is_no_time_and_no_number_is_left_out(value: t.Any) -> None:
    strange = dict.fromkeys((*TIMES, "elapsed", "delta", "attempts", "rc", "msg", "stdout", "group"), value)
    strange["rc"] = strange["attempts"] = None if isinstance(value, int) else value
    timeline = Timeline(10)
    timeline.note(told({"results": [ended(**strange)]}, RUN, 9, took=8, arguments={"group": {}}))
    (entry,) = timeline.entries()
    assert [entry.elapsed, entry.rc, entry.attempts] == [None] * 3
    assert entry.group == (value or None if isinstance(value, str) else None)
    json.dumps(document(timeline, [], NOON, NOON), allow_nan=False)


def test_secrets_are_taken_out_before_anything_is_cut() -> None:
    text = "key: sword\nfish\nend"
    result = ended(name="swordfish", stdout=text, msg="swordfish", group="swordfish")

    def mask(text: str) -> str:
        return text.replace("sword\nfish", "*").replace("swordfish", "*")

    (entry,) = entries(told({"results": [result]}, WAIT, 9, task=Task("a swordfish", "")), lines=2, mask=mask)
    assert (entry.name, entry.msg, entry.stdout, entry.task) == ("*", "*", ["key: *", "end"], "a *")


def test_output_is_cut() -> None:
    result = ended(stdout="x" * 400 + "\nlast", stderr="y", msg="z" * 2000)
    (entry,) = entries(told({"results": [result]}, WAIT, 9))
    assert ([len(line) for line in entry.stdout], entry.stderr, len(entry.msg or "")) == ([300, 4], ["y"], 1000)
    (entry,) = entries(told({"results": [result]}, WAIT, 9), lines=0)
    assert (entry.stdout, entry.stderr) == ([], [])


def test_the_document_has_everything_in_the_order_of_time() -> None:
    timeline = Timeline(10)
    timeline.note(told({"results": [ended("j1.1", "late", queued_at=moment(1.5)), ended("j1.0")]}, RUN, 6, took=5.5))
    content = document(timeline, ["site.yml"], NOON, NOON + 9.00049)
    assert (content["format"], content["playbooks"], content["started"], content["ended"]) == (
        1,
        ["site.yml"],
        NOON,
        NOON + 9,
    )
    assert content["shifts"] == {}
    assert [job["name"] for job in content["jobs"]] == ["nginx", "late"]
    assert set(content["jobs"][0]) == {field.name for field in dataclasses.fields(TimelineJob)}
    assert json.loads(json.dumps(content)) == content
