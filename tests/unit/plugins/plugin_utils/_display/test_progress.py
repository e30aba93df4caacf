# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.plugin_utils._display.progress import (
    HOOK,
    Part,
    Progress,
    ShownJob,
    Standing,
    listen,
    progress,
    standing,
)
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle


def job(name: str, state: str, no_log: bool = False, **fields: t.Any) -> tuple[Handle, dict[str, t.Any]]:
    handle = Handle(jid=name, name=name, no_log=no_log)
    return handle, {"state": state, "record": {"name": name, "no_log": no_log}, **fields}


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        ([job("a", "succeeded"), job("b", "skipped")], "1/2 done, 1 skipped"),
        ([job("a", "running"), job("b", "succeeded", ended_as="skipped")], "0/2 done, 1 running (a), 1 skipped"),
        ([job("a", "queued"), job("b", "queued")], "0/2 done, 2 queued"),
        (
            [job("a", "running", running_for=12.9), job("b", "running", running_for=83), job("c", "succeeded")],
            "1/3 done, 2 running (b 1 min 23 s, a 12 s)",
        ),
        ([job("a", "running", running_for=7620.0)], "0/1 done, 1 running (a 2 h 7 min)"),
        ([job("a", "running")], "0/1 done, 1 running (a)"),
        (
            [job(name, "running", running_for=number) for number, name in enumerate("abcde")],
            "0/5 done, 5 running (e 4 s, d 3 s, c 2 s and 2 more)",
        ),
        (
            [job("haproxy", "failed", reason="exit_code", message="exit code 2"), job("a", "timed_out")],
            "0/2 done, 1 failed (haproxy: exit code 2), 1 timed out (a)",
        ),
        ([job("a", "failed", message="x\n" + 100 * "y")], f"0/1 done, 1 failed (a: x {58 * 'y'}...)"),
        (
            [job("a", "failed", no_log=True, reason="exit_code", message="the secret")],
            "0/1 done, 1 failed (a: exit_code)",
        ),
    ],
)
def test_a_line_says_how_all_jobs_stand(jobs: list[tuple[Handle, dict[str, t.Any]]], line: str) -> None:
    handles, statuses = zip(*jobs)
    assert progress(standing("web1", handles, statuses)) == f"web1: {line}"


def test_a_job_that_the_target_knows_nothing_of_has_the_name_of_its_handle() -> None:
    assert progress(standing("web1", [Handle(jid="j1.0", name="mine")], [{"state": "running", "record": None}])) == (
        "web1: 0/1 done, 1 running (mine)"
    )


def test_jobs_that_had_ended_before_are_counted_with_the_others() -> None:
    before = {"skipped": 2, "succeeded": 1, "failed": 1}
    stands = standing("web1", *zip(job("a", "running"), job("b", "failed", message="x")), before=before)
    assert progress(stands) == "web1: 1/6 done, 1 running (a), 2 failed (b: x and 1 more), 2 skipped"


def test_how_it_stands_is_told_by_state_and_with_the_first_names() -> None:
    jobs = [job(name, "running", running_for=number) for number, name in enumerate("abcd")]
    jobs += [job("e", "queued"), job("f", "succeeded"), job("g", "failed", message="exit code 2")]
    assert standing("web1", *zip(*jobs)) == Standing(
        "web1",
        total=7,
        done=1,
        parts=[
            Part("running", 4, [ShownJob("d", 3), ShownJob("c", 2), ShownJob("b", 1)]),
            Part("queued", 1),
            Part("failed", 1, [ShownJob("g", cause="exit code 2")]),
        ],
    )


def test_a_cause_that_was_told_is_not_told_again() -> None:
    jobs = [job("a", "running"), job("b", "failed", message="exit code 2", jid="j1.1")]
    jobs += [job("c", "failed", message="exit code 3", jid="j1.2")]
    stands = standing("web1", *zip(*jobs), told={"j1.1"})
    assert progress(stands) == "web1: 0/3 done, 1 running (a), 2 failed (b, c: exit code 3)"


class Lines:
    """A display without anybody who draws; keeps the lines."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def display(self, line: str, **options: t.Any) -> None:
        self.said.append(line)


class Drawn(Lines):
    """A display with somebody who draws; keeps what that is told."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[tuple[bool, str]] = []
        setattr(self, HOOK, lambda key, standing, line: self.drawn.append((standing is not None, line)))


STATES = ("running", "running", "failed")
"""Of one job, at three reports."""
SAID = "web1: 0/1 done, 1 running (a)"


def wait_of(display: Lines, quiet: bool = False) -> Progress:
    """The progress of a wait that has seen these states and is over."""
    told = Progress("web1", display, quiet)
    for number, state in enumerate(STATES):
        handle, status = job("a", state)
        told.tell([handle], [status], news=number == 0 or state != STATES[number - 1])
    told.end()
    return told


def test_only_news_are_printed() -> None:
    display = Lines()
    told = wait_of(display)
    assert display.said == [SAID]
    assert told.interval(15) == 15


def test_what_is_over_at_the_first_report_is_not_printed_but_its_result_is() -> None:
    display = Lines()
    handle, status = job("a", "failed")
    Progress("web1", display, quiet=False).tell([handle], [status], news=True)
    assert display.said == []


def test_who_draws_is_told_of_every_report_and_of_the_end_and_nothing_is_printed() -> None:
    display = Drawn()
    told = wait_of(display)
    assert display.said == []
    assert display.drawn == [(True, SAID), (True, ""), (False, ""), (False, "")]
    assert (told.interval(15), told.interval(0)) == (1, 0)


@pytest.mark.parametrize("display", [Lines(), Drawn()])
def test_who_wants_it_quiet_is_told_nothing(display: Lines) -> None:
    told = wait_of(display, quiet=True)
    assert display.said == [] and getattr(display, "drawn", []) == []
    assert told.interval(15) == 15


def test_who_listens_in_the_same_process_is_told_at_once() -> None:
    heard: list[t.Any] = []
    listen(lambda *told: heard.append(told))
    try:
        getattr(Display(), HOOK)(4711, None, "a line")
    finally:
        delattr(Display, HOOK)
    assert heard == [(4711, None, "a line")]


def test_with_no_log_jobs_are_only_counted() -> None:
    jobs = [job("swordfish", "running", running_for=3), job("swordfish", "failed", message="swordfish")]
    display = Lines()
    told = Progress("web1", display, quiet=False, hidden=True)
    told.tell(*zip(*jobs), True)
    assert display.said == ["web1: 0/2 done, 1 running, 1 failed"]
    assert not any(part.jobs for part in standing("web1", *zip(*jobs), hidden=True).parts)


def test_a_name_that_a_host_made_up_is_short_and_in_one_line() -> None:
    (line,) = [progress(standing("web1", *zip(job("a\x1b[2J\n" + 200 * "b", "running"))))]
    assert line == r"web1: 0/1 done, 1 running (a\x1b[2J\n" + 90 * "b" + "...)"
