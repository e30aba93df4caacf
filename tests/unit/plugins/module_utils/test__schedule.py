# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.background.jobs.plugins.module_utils._schedule import Decision, Entry, Schedule, slots


def schedule(*keys: str, slots: int = 0, timeout: float = 0, kill_after: float = 10) -> Schedule:
    return Schedule([Entry(key, timeout, kill_after) for key in keys], slots)


def go(plan: Schedule, now: float) -> Decision:
    """Decide, and start what is to be started."""
    decision = plan.decide(now)
    for key in decision.start:
        plan.started(key, now)
    return decision


@pytest.mark.parametrize(
    ("free", "first"),
    [(0, ["a", "b", "c"]), (1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])],
)
def test_the_first_jobs_start_in_order_as_slots_allow(free: int, first: list[str]) -> None:
    plan = schedule("a", "b", "c", slots=free)
    assert go(plan, 0).start == first
    assert go(plan, 1).start == []
    assert plan.running == first


def test_a_freed_slot_starts_the_next_job_at_once() -> None:
    plan = schedule("a", "b", "c", "d", slots=2)
    go(plan, 0)
    plan.ended("b")
    assert go(plan, 5).start == ["c"]
    assert (plan.running, plan.queued) == (["a", "c"], ["d"])


def test_never_more_run_than_there_are_slots() -> None:
    plan = schedule(*map(str, range(50)), slots=3)
    order = []
    now = 0.0
    while not plan.done:
        order += go(plan, now).start
        assert len(plan.running) <= 3
        plan.ended(plan.running[-1])
        now += 1
    assert order == [str(number) for number in range(50)]


def test_a_job_that_could_not_be_started_frees_its_slot() -> None:
    plan = schedule("a", "b", slots=1)
    go(plan, 0)
    plan.ended("a")
    assert go(plan, 0).start == ["b"]


def test_a_job_that_ends_before_it_starts_is_never_started() -> None:
    plan = schedule("a", "b", slots=1)
    plan.ended("a")
    assert go(plan, 0).start == ["b"]
    assert plan.elapsed("a", 9) == 0
    plan.ended("b")
    assert plan.done


def test_a_limit_counts_from_the_start_of_the_job_not_of_the_batch() -> None:
    plan = schedule("a", "b", slots=1, timeout=10)
    go(plan, 0)
    plan.ended("a")
    go(plan, 9)
    assert plan.decide(18.9).term == []
    assert plan.decide(19).term == ["b"]
    assert plan.cause("b") == "timeout"
    assert plan.cause("a") is None


def test_term_comes_first_and_kill_after_its_grace_each_once() -> None:
    plan = schedule("a", timeout=10, kill_after=5)
    go(plan, 0)
    seen = [plan.decide(now) for now in (9, 10, 11, 14.9, 15, 16)]
    assert [decision.term for decision in seen] == [[], ["a"], [], [], [], []]
    assert [decision.kill for decision in seen] == [[], [], [], [], ["a"], []]
    assert [decision.wake for decision in seen] == [10, 15, 15, 15, None, None]


def test_no_grace_means_both_signals_at_once() -> None:
    plan = schedule("a", timeout=10, kill_after=0)
    go(plan, 0)
    decision = plan.decide(10)
    assert (decision.term, decision.kill) == (["a"], ["a"])


def test_without_a_limit_a_job_may_run_for_ever() -> None:
    plan = schedule("a", timeout=0)
    go(plan, 0)
    assert plan.decide(1e9) == Decision()


def test_the_next_look_is_at_what_is_due_first() -> None:
    plan = Schedule([Entry("slow", timeout=60), Entry("fast", timeout=20), Entry("free")], 0)
    go(plan, 100)
    assert plan.decide(101).wake == 120
    plan.ended("fast")
    assert plan.decide(102).wake == 160


def test_the_first_cause_of_an_end_stays() -> None:
    plan = schedule("a", timeout=10)
    go(plan, 0)
    plan.decide(10)
    plan.end("a", "cancelled")
    assert plan.cause("a") == "timeout"


def test_a_job_asked_to_end_gets_term_at_the_next_decision() -> None:
    plan = schedule("a", "b", timeout=100, kill_after=5)
    go(plan, 0)
    plan.end("a", "cancelled")
    assert plan.decide(1).term == ["a"]
    assert plan.decide(6).kill == ["a"]
    assert plan.cause("a") == "cancelled"


def test_an_ended_job_gets_no_signals() -> None:
    plan = schedule("a", timeout=10)
    go(plan, 0)
    plan.decide(10)
    plan.ended("a")
    assert plan.decide(100) == Decision()
    assert plan.done


def test_elapsed_counts_from_the_start() -> None:
    plan = schedule("a")
    assert plan.elapsed("a", 7) == 0
    go(plan, 5)
    assert plan.elapsed("a", 7.5) == 2.5


def test_an_empty_batch_is_done() -> None:
    assert schedule().done
    assert schedule().decide(0) == Decision()


@pytest.mark.parametrize(
    ("concurrency", "cpus", "expected"),
    [
        ("0", 4, 0),
        ("7", 4, 7),
        ("50%", 4, 2),
        ("50%", 1, 1),
        ("33%", 4, 1),
        ("1%", 4, 1),
        ("100%", 4, 4),
        ("250%", 4, 10),
        ("12.5%", 16, 2),
    ],
)
def test_slots_are_a_number_or_a_share_of_the_cpus(concurrency: str, cpus: int, expected: int) -> None:
    assert slots(concurrency, cpus) == expected
