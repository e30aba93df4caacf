# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import (
    Decision,
    Drop,
    Schedule,
    ScheduledJob,
    find_cycle,
    parse_halt,
    slots,
)


def entries(keys: str, **fields: t.Any) -> list[ScheduledJob]:
    """One entry for each letter, all alike."""
    return [ScheduledJob(key, name=f"job-{key}", **fields) for key in keys]


def schedule(keys: str, slots: int = 0, halt: str = "never", **fields: t.Any) -> Schedule:
    return Schedule(entries(keys, **fields), slots, parse_halt(halt))


def go(plan: Schedule, now: float, held: t.Mapping[str, float] | None = None) -> Decision:
    """Do what the supervisor does at one instant: decide, start, and decide again, until nothing is to be started.

    :arg held: jobs whose lock is held outside of the batch, and when to ask again.
    :returns: all decisions as one.
    """
    together = Decision()
    while True:
        decision = plan.decide(now)
        together.term += decision.term
        together.kill += decision.kill
        together.drop += decision.drop
        together.wake = decision.wake
        if not decision.start:
            return together
        for key in decision.start:
            if held and key in held:
                plan.postponed(key, held[key])
            else:
                together.start.append(key)
                plan.started(key, now)


def dropped(decision: Decision) -> list[tuple[str, str, str]]:
    return [(drop.key, drop.state, drop.reason) for drop in decision.drop]


# Slots


@pytest.mark.parametrize(
    ("free", "first"),
    [(0, ["a", "b", "c"]), (1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])],
)
def test_the_first_jobs_start_in_order_as_slots_allow(free: int, first: list[str]) -> None:
    plan = schedule("abc", slots=free)
    assert go(plan, 0).start == first
    assert go(plan, 1).start == []
    assert plan.running == first


def test_a_freed_slot_starts_the_next_job_at_once() -> None:
    plan = schedule("abcd", slots=2)
    go(plan, 0)
    assert plan.settle("b", "succeeded", 5)
    assert go(plan, 5).start == ["c"]
    assert (plan.running, plan.waiting) == (["a", "c"], ["d"])


def test_never_more_run_than_there_are_slots() -> None:
    plan = Schedule([ScheduledJob(str(number)) for number in range(50)], 3)
    order = []
    now = 0.0
    while not plan.done:
        order += go(plan, now).start
        assert len(plan.running) == min(3, 50 - int(now))
        plan.settle(plan.running[-1], "succeeded", now)
        now += 1
    assert order == [str(number) for number in range(50)]


def test_what_is_to_be_started_is_named_until_it_is_started() -> None:
    plan = schedule("a")
    assert plan.decide(0).start == ["a"]
    assert plan.decide(0).start == ["a"]
    plan.started("a", 0)
    assert plan.decide(0).start == []


def test_an_empty_batch_is_done() -> None:
    assert schedule("").done
    assert schedule("").decide(0) == Decision()


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


# Limits


def test_a_limit_counts_from_the_start_of_the_job_not_of_the_batch() -> None:
    plan = schedule("ab", slots=1, timeout=10)
    go(plan, 0)
    plan.settle("a", "succeeded", 9)
    go(plan, 9)
    assert plan.decide(18.9).term == []
    assert plan.decide(19).term == ["b"]
    assert (plan.cause("a"), plan.cause("b")) == (None, "timeout")


def test_term_comes_first_and_kill_after_its_grace_each_once() -> None:
    plan = schedule("a", timeout=10, kill_after=5)
    go(plan, 0)
    seen = [plan.decide(now) for now in (9, 10, 11, 14.9, 15, 16)]
    assert [decision.term for decision in seen] == [[], ["a"], [], [], [], []]
    assert [decision.kill for decision in seen] == [[], [], [], [], ["a"], []]
    assert [decision.wake for decision in seen] == [10, 15, 15, 15, None, None]


def test_the_grace_counts_from_the_term_however_late_it_was_sent() -> None:
    plan = schedule("a", timeout=10, kill_after=5)
    go(plan, 0)
    assert plan.decide(13).term == ["a"]
    assert plan.decide(17.9).kill == []
    assert plan.decide(18).kill == ["a"]


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
    plan = Schedule([ScheduledJob("slow", timeout=60), ScheduledJob("fast", timeout=20), ScheduledJob("free")])
    assert go(plan, 100).wake == 120
    assert plan.decide(101).wake == 120
    plan.settle("fast", "succeeded", 102)
    assert plan.decide(102).wake == 160


def test_an_ended_job_gets_no_signals() -> None:
    plan = schedule("a", timeout=10)
    go(plan, 0)
    plan.decide(10)
    assert plan.settle("a", "timed_out", 11)
    assert plan.decide(100) == Decision()
    assert plan.done


def test_elapsed_counts_from_the_first_start_and_since_from_the_latest() -> None:
    plan = schedule("a", retries=1, retry_on=["failed"])
    assert (plan.elapsed("a", 7), plan.since("a", 7)) == (0, 0)
    go(plan, 5)
    assert (plan.elapsed("a", 7.5), plan.since("a", 7.5)) == (2.5, 2.5)
    plan.settle("a", "failed", 8)
    assert (plan.elapsed("a", 9), plan.since("a", 9)) == (4, 0)
    go(plan, 9)
    assert (plan.elapsed("a", 11), plan.since("a", 11)) == (6, 2)


# Retries


def test_an_attempt_that_failed_is_followed_by_as_many_as_are_allowed() -> None:
    plan = schedule("a", retries=2, retry_on=["failed"])
    for attempt in (1, 2, 3):
        assert go(plan, attempt).start == ["a"]
        assert plan.settle("a", "failed", attempt) is (attempt == 3)
    assert plan.done
    assert go(plan, 9) == Decision()


@pytest.mark.parametrize("state", ["succeeded", "failed", "timed_out", "lost"])
def test_only_the_states_that_were_named_are_tried_again(state: str) -> None:
    plan = schedule("a", retries=1, retry_on=["failed", "timed_out"])
    go(plan, 0)
    assert plan.settle("a", state, 1) is (state not in ("failed", "timed_out"))


def test_a_success_ends_the_attempts() -> None:
    plan = schedule("a", retries=5, retry_on=["failed"])
    go(plan, 0)
    assert not plan.settle("a", "failed", 1)
    go(plan, 1)
    assert plan.settle("a", "succeeded", 2)
    assert plan.done


def test_each_wait_is_longer_by_the_backoff() -> None:
    plan = schedule("a", retries=3, delay=5, backoff=3, retry_on=["failed"])
    go(plan, 0)
    for at, ready in ((10, 15), (20, 35), (40, 85)):
        assert not plan.settle("a", "failed", at)
        assert go(plan, at) == Decision(wake=ready)
        assert go(plan, ready - 0.1) == Decision(wake=ready)
        assert go(plan, ready).start == ["a"]
    assert plan.settle("a", "failed", 90)


def test_endless_attempts_without_a_delay_do_not_outgrow_a_float() -> None:
    plan = schedule("a", retries=5000, backoff=2.5, retry_on=["failed"])
    for dummy in range(3000):
        assert go(plan, 1).start == ["a"]
        assert not plan.settle("a", "failed", 1)


def test_a_pause_that_is_no_float_any_more_lasts_for_ever() -> None:
    plan = schedule("a", retries=5, delay=1e-300, backoff=1e300, retry_on=["failed"])
    for now in (0, 1):
        assert go(plan, now).start == ["a"]
        assert not plan.settle("a", "failed", now)
    assert go(plan, 2).start == ["a"]
    assert not plan.settle("a", "failed", 2)
    assert go(plan, 1e9) == Decision(wake=float("inf"))


def test_every_attempt_has_the_whole_limit_and_the_whole_grace() -> None:
    plan = schedule("a", timeout=10, kill_after=2, retries=1, retry_on=["timed_out"])
    go(plan, 0)
    assert plan.decide(10).term == ["a"]
    assert plan.decide(12).kill == ["a"]
    assert not plan.settle("a", "timed_out", 13)
    assert plan.cause("a") is None
    assert go(plan, 13) == Decision(start=["a"], wake=23)
    assert plan.decide(22.9) == Decision(wake=23)
    assert plan.decide(23) == Decision(term=["a"], wake=25)
    assert plan.decide(24.9) == Decision(wake=25)
    assert plan.decide(25) == Decision(kill=["a"])
    assert plan.settle("a", "timed_out", 26)


def test_a_job_that_waits_for_its_next_attempt_has_no_slot() -> None:
    plan = schedule("ab", slots=1, retries=1, delay=60, retry_on=["failed"])
    go(plan, 0)
    plan.settle("a", "failed", 1)
    assert go(plan, 1) == Decision(start=["b"])
    assert (plan.running, plan.waiting) == (["b"], ["a"])
    assert go(plan, 70) == Decision()
    plan.settle("b", "succeeded", 80)
    assert go(plan, 80).start == ["a"]


def test_what_comes_after_a_job_waits_for_all_its_attempts() -> None:
    plan = Schedule([ScheduledJob("a", retries=1, delay=5, retry_on=["failed"]), ScheduledJob("b", after=["a"])])
    go(plan, 0)
    plan.settle("a", "failed", 1)
    assert go(plan, 1) == Decision(wake=6)
    assert go(plan, 6).start == ["a"]
    plan.settle("a", "succeeded", 7)
    assert go(plan, 7).start == ["b"]


# Deadline


def test_the_deadline_ends_what_runs_and_drops_what_waits() -> None:
    plan = Schedule(entries("abc", kill_after=5), slots=2, deadline=100)
    assert go(plan, 0).wake == 100
    assert plan.decide(99.9) == Decision(wake=100)
    message = "not started before the deadline of its batch"
    decision = plan.decide(100)
    assert decision == Decision(term=["a", "b"], drop=[Drop("c", "timed_out", "deadline", message)], wake=105)
    assert (plan.cause("a"), plan.cause("b")) == ("deadline", "deadline")
    assert plan.decide(105) == Decision(kill=["a", "b"])
    assert plan.settle("a", "timed_out", 106) and plan.settle("b", "timed_out", 106)
    assert plan.done


def test_the_deadline_drops_a_job_that_waits_for_its_next_attempt() -> None:
    plan = Schedule(entries("a", retries=3, delay=50, retry_on=["failed"]), deadline=100)
    go(plan, 0)
    plan.settle("a", "failed", 60)
    assert go(plan, 60).wake == 100
    message = "not tried again before the deadline of its batch"
    assert go(plan, 100) == Decision(drop=[Drop("a", "timed_out", "deadline", message)])
    assert plan.done


def test_no_attempt_starts_after_the_deadline() -> None:
    plan = Schedule(entries("a", retries=1, retry_on=["timed_out"]), deadline=100)
    go(plan, 0)
    plan.decide(100)
    assert plan.settle("a", "timed_out", 101)
    assert go(plan, 101) == Decision()


def test_a_limit_before_the_deadline_stays_the_cause() -> None:
    plan = Schedule(entries("a", timeout=95, kill_after=10, retries=1, retry_on=["timed_out"]), deadline=100)
    go(plan, 0)
    assert plan.decide(95).term == ["a"]
    assert plan.decide(100) == Decision(wake=105)
    assert plan.cause("a") == "timeout"
    assert plan.settle("a", "timed_out", 101)


def test_an_attempt_that_fails_when_the_deadline_is_over_was_the_last() -> None:
    plan = Schedule(entries("a", retries=1, retry_on=["failed"]), deadline=100)
    go(plan, 0)
    assert plan.settle("a", "failed", 100)
    assert plan.done


def test_all_that_wait_at_the_deadline_end_by_it_whatever_else_they_wait_for() -> None:
    """Not one by the deadline and those after it, or the rest by a halt that this one would make."""
    waiting = [
        ScheduledJob("a"),
        ScheduledJob("b", after=["a"]),
        ScheduledJob("c", after=["d"]),
        ScheduledJob("d", after=["b"]),
    ]
    plan = Schedule(waiting, slots=1, halt=parse_halt("now,fail=1"), deadline=10)
    go(plan, 0)
    decision = go(plan, 10)
    assert dropped(decision) == [(key, "timed_out", "deadline") for key in "bcd"]
    assert (decision.term, plan.cause("a")) == (["a"], "deadline")


# Halt


@pytest.mark.parametrize("text", ["never", " never\n"])
def test_never_is_no_halt(text: str) -> None:
    assert parse_halt(text) is None


@pytest.mark.parametrize(
    ("text", "now", "why", "value", "percent"),
    [
        ("soon,fail=1", False, "fail", 1, False),
        ("now,fail=1", True, "fail", 1, False),
        ("soon,success=2", False, "success", 2, False),
        ("now,success=1", True, "success", 1, False),
        ("soon,done=10", False, "done", 10, False),
        ("now,done=50%", True, "done", 50, True),
        ("soon,fail=100%", False, "fail", 100, True),
        ("soon,fail=101", False, "fail", 101, False),
        (" soon , fail = 20% ", False, "fail", 20, True),
    ],
)
def test_halt_has_the_grammar_of_gnu_parallel(text: str, now: bool, why: str, value: int, percent: bool) -> None:
    halt = parse_halt(text)
    assert halt is not None
    assert (halt.text, halt.now, halt.why, halt.value, halt.percent) == (text.strip(), now, why, value, percent)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Never",
        "fail=1",
        "soon",
        "soon,",
        "soon,fail",
        "soon,fail=",
        "soon,fail=0",
        "now,fail=0%",
        "now,fail=101%",
        "now,fail=-1",
        "now,fail=1.5",
        "now,fail=12.5%",
        "later,fail=1",
        "now,failed=1",
        "now;fail=1",
        "now,fail=1,success=1",
        "now,fail=1 %",
        "now,fail=1%%",
        "2",
    ],
)
def test_another_halt_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_halt(text)
    assert str(caught.value) == (
        f"halt is {text!r}: give 'never', or 'soon' or 'now', a comma, and 'fail', 'success' or 'done' with a number "
        "of jobs or a percentage of them, such as 'soon,fail=1' or 'now,fail=20%'"
    )


@pytest.mark.parametrize(
    ("halt", "states", "halts"),
    [
        ("soon,fail=1", ["failed"], True),
        ("soon,fail=1", ["timed_out"], True),
        ("soon,fail=1", ["lost"], True),
        ("soon,fail=1", ["succeeded", "cancelled", "skipped"], False),
        ("soon,fail=2", ["failed"], False),
        ("soon,fail=2", ["failed", "succeeded", "lost"], True),
        ("soon,success=1", ["failed", "timed_out", "lost", "cancelled", "skipped"], False),
        ("soon,success=1", ["succeeded"], True),
        ("soon,success=3", ["succeeded"] * 2, False),
        ("soon,success=3", ["succeeded"] * 3, True),
        ("soon,done=2", ["succeeded"], False),
        ("soon,done=2", ["succeeded", "failed"], True),
        ("soon,done=2", ["timed_out", "lost"], True),
        ("soon,done=2", ["succeeded", "cancelled", "skipped"], False),
        ("soon,fail=20%", ["failed"], False),  # of ten
        ("soon,fail=20%", ["failed", "failed"], True),
        ("soon,fail=11%", ["failed"], False),
        ("soon,fail=11%", ["failed", "failed"], True),
        ("soon,fail=10%", ["failed"], True),
        ("soon,done=50%", ["succeeded"] * 4, False),
        ("soon,done=50%", ["succeeded"] * 5, True),
        ("soon,fail=1%", ["succeeded"], False),
    ],
)
def test_halt_counts_jobs_by_their_final_state(halt: str, states: list[str], halts: bool) -> None:
    plan = schedule("abcdefghij", halt=halt)
    go(plan, 0)
    for key, state in zip("abcdefghij", states):
        assert plan.halted is None
        plan.settle(key, state, 1)
    last = "abcdefghij"[len(states) - 1]
    assert plan.halted == (f"halt {halt} was reached with job job-{last}" if halts else None)


def test_soon_starts_no_more_and_lets_the_running_ones_end() -> None:
    plan = schedule("abcd", slots=2, halt="soon,fail=1", timeout=50, kill_after=5)
    go(plan, 0)
    plan.settle("a", "failed", 10)
    why = "halt soon,fail=1 was reached with job job-a"
    assert go(plan, 10) == Decision(
        drop=[Drop("c", "skipped", "halted", why), Drop("d", "skipped", "halted", why)], wake=50
    )
    assert plan.cause("b") is None
    assert plan.decide(50).term == ["b"]
    assert plan.cause("b") == "timeout"
    assert plan.settle("b", "timed_out", 51)
    assert plan.done


@pytest.mark.parametrize(
    ("state", "why"), [("failed", "failed"), ("timed_out", "timed out"), ("lost", "did not succeed")]
)
def test_to_fail_fast_is_said_in_that_word(state: str, why: str) -> None:
    plan = schedule("abc", slots=2, halt="fail_fast")
    go(plan, 0)
    plan.settle("a", state, 10)
    decision = go(plan, 10)
    assert decision.term == ["b"]
    assert plan.halted == f"job job-a {why} (fail_fast)"
    assert [drop.message for drop in decision.drop] == [f"not started because job job-a {why} (fail_fast)"]


def test_now_ends_the_running_ones_too() -> None:
    plan = schedule("abcd", slots=2, halt="now,success=1", kill_after=5)
    go(plan, 0)
    plan.settle("a", "succeeded", 10)
    decision = go(plan, 10)
    assert (decision.term, decision.wake, plan.cause("b")) == (["b"], 15, "halted")
    assert dropped(decision) == [("c", "skipped", "halted"), ("d", "skipped", "halted")]
    assert go(plan, 12) == Decision(wake=15)
    assert go(plan, 15) == Decision(kill=["b"])
    assert plan.settle("b", "cancelled", 16)
    assert plan.done


def test_an_attempt_that_is_to_be_repeated_does_not_count_for_halt() -> None:
    plan = schedule("ab", slots=1, halt="soon,fail=1", retries=1, retry_on=["failed"])
    go(plan, 0)
    assert not plan.settle("a", "failed", 1)
    assert plan.halted is None
    go(plan, 1)
    assert plan.settle("a", "failed", 2)
    assert plan.halted == "halt soon,fail=1 was reached with job job-a"


@pytest.mark.parametrize("when", ["soon", "now"])
def test_a_job_that_waits_for_its_next_attempt_at_a_halt_is_what_its_last_one_made_it(when: str) -> None:
    """It is not skipped: it ran, and failed."""
    both = [ScheduledJob("a"), ScheduledJob("b", retries=1, delay=60, retry_on=["failed"])]
    plan = Schedule(both, halt=parse_halt(f"{when},success=1"))
    go(plan, 0)
    plan.settle("b", "failed", 1)
    go(plan, 1)
    plan.settle("a", "succeeded", 2)
    assert dropped(go(plan, 2)) == [("b", "failed", "halted")]
    assert plan.done


def test_nothing_is_tried_again_after_a_halt() -> None:
    plan = schedule("ab", halt="soon,success=1", retries=1, retry_on=["failed"])
    go(plan, 0)
    plan.settle("a", "succeeded", 1)
    go(plan, 1)
    assert plan.settle("b", "failed", 2)
    assert plan.done


# Order


def test_a_job_starts_once_all_that_it_comes_after_have_succeeded() -> None:
    plan = Schedule([ScheduledJob("c", after=["a", "b"]), ScheduledJob("a"), ScheduledJob("b")])
    assert go(plan, 0).start == ["a", "b"]
    plan.settle("a", "succeeded", 1)
    assert go(plan, 1) == Decision()
    plan.settle("b", "succeeded", 2)
    assert go(plan, 2).start == ["c"]


def test_a_job_that_has_to_wait_for_another_is_overtaken() -> None:
    plan = Schedule([ScheduledJob("a"), ScheduledJob("b", after=["a"]), ScheduledJob("c")], slots=2)
    assert go(plan, 0).start == ["a", "c"]


@pytest.mark.parametrize("state", ["failed", "timed_out", "cancelled", "skipped", "lost"])
def test_what_comes_after_a_job_that_did_not_succeed_is_skipped_all_the_way(state: str) -> None:
    chain = [
        ScheduledJob("d", "last", after=["c"]),
        ScheduledJob("c", "third", after=["b"]),
        ScheduledJob("b", after=["a"]),
    ]
    plan = Schedule([*chain, ScheduledJob("a", "first"), ScheduledJob("e")])
    go(plan, 0)
    plan.settle("a", state, 1)
    decision = go(plan, 1)
    shown = {"failed": "failed", "timed_out": "timed out"}.get(state, f"was {state}")
    assert sorted(decision.drop, key=lambda drop: drop.key) == [
        Drop("b", "skipped", "dependency", f"depends on first, which {shown}"),
        Drop("c", "skipped", "dependency", "depends on b, which was skipped"),
        Drop("d", "skipped", "dependency", "depends on third, which was skipped"),
    ]
    assert plan.running == ["e"]


def test_one_failure_is_enough_to_skip() -> None:
    plan = Schedule([ScheduledJob("a"), ScheduledJob("b"), ScheduledJob("c", after=["a", "b"])])
    go(plan, 0)
    plan.settle("b", "failed", 1)
    assert dropped(go(plan, 1)) == [("c", "skipped", "dependency")]
    assert plan.running == ["a"]


@pytest.mark.parametrize(
    ("after", "ring"),
    [
        ({}, None),
        ({"a": [], "b": ["a"], "c": ["a", "b"]}, None),
        ({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}, None),
        ({"a": ["elsewhere"]}, None),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c", "b"]),
        ({"x": [], "a": ["x", "b"], "b": ["x", "c"], "c": ["x", "a"]}, ["a", "b", "c", "a"]),
    ],
    ids=["empty", "a line", "a diamond", "a stranger", "itself", "two", "behind another", "three"],
)
def test_a_ring_is_found(after: dict[str, list[str]], ring: list[str] | None) -> None:
    assert find_cycle(after) == ring


def test_a_ring_is_looked_for_in_long_chains_too() -> None:
    chain = {str(number): [str(number + 1)] for number in range(5000)}
    assert find_cycle(chain) is None
    ring = find_cycle({**chain, "5000": ["4998"]})
    assert ring == ["4998", "4999", "5000", "4998"]


# Locks


def test_jobs_with_one_lock_never_overlap_and_others_overtake_them() -> None:
    plan = Schedule(
        [
            ScheduledJob("a", lock="dpkg"),
            ScheduledJob("b", lock="dpkg"),
            ScheduledJob("c", lock="rpm"),
            ScheduledJob("d"),
        ],
        slots=3,
    )
    assert go(plan, 0).start == ["a", "c", "d"]
    plan.settle("c", "succeeded", 1)
    assert go(plan, 1) == Decision()
    plan.settle("a", "failed", 2)
    assert go(plan, 2).start == ["b"]


def test_a_lock_is_free_while_its_job_waits_for_its_next_attempt() -> None:
    plan = schedule("ab", lock="dpkg", retries=1, delay=10, retry_on=["failed"])
    assert go(plan, 0).start == ["a"]
    plan.settle("a", "failed", 1)
    assert go(plan, 1).start == ["b"]
    assert go(plan, 30) == Decision()
    plan.settle("b", "succeeded", 40)
    assert go(plan, 40).start == ["a"]


def test_a_job_whose_lock_is_held_elsewhere_is_overtaken_and_comes_again() -> None:
    plan = Schedule([ScheduledJob("a", lock="dpkg"), ScheduledJob("b"), ScheduledJob("c")], slots=1)
    assert go(plan, 0, held={"a": 2}) == Decision(start=["b"])
    assert plan.waiting == ["a", "c"]
    plan.settle("b", "succeeded", 1)
    assert go(plan, 1) == Decision(start=["c"])
    plan.settle("c", "succeeded", 1.5)
    assert go(plan, 1.5) == Decision(wake=2)
    assert go(plan, 2, held={"a": 4}) == Decision(wake=4)
    assert plan.elapsed("a", 4) == 0
    assert go(plan, 4).start == ["a"]
    assert plan.elapsed("a", 5) == 1


def test_a_postponed_job_uses_up_no_attempt_and_no_pause() -> None:
    plan = Schedule(entries("ab", lock="dpkg", retries=1, retry_on=["failed"]), start_delay=5)
    assert go(plan, 0, held={"a": 100, "b": 7}) == Decision(wake=7)
    assert go(plan, 7).start == ["b"]
    assert not plan.settle("b", "failed", 8)


# Pauses between starts


def test_starts_keep_their_distance() -> None:
    plan = Schedule(entries("abc"), start_delay=5)
    assert go(plan, 10) == Decision(start=["a"], wake=15)
    assert go(plan, 14.9) == Decision(wake=15)
    assert go(plan, 15) == Decision(start=["b"], wake=20)
    assert go(plan, 30).start == ["c"]
    assert go(plan, 30) == Decision()


def test_the_distance_is_kept_to_attempts_too_and_counts_from_the_real_start() -> None:
    plan = Schedule(entries("ab", retries=1, retry_on=["failed"]), start_delay=5)
    assert plan.decide(0).start == ["a"]
    plan.started("a", 2)
    assert go(plan, 5) == Decision(wake=7)
    plan.settle("a", "failed", 6)
    assert go(plan, 6) == Decision(wake=7)
    assert go(plan, 7).start == ["a"]
    assert go(plan, 12).start == ["b"]


# Cancelling


def test_a_job_that_waits_is_cancelled_with_the_next_decision() -> None:
    plan = schedule("ab", slots=1)
    go(plan, 0)
    plan.note_cancel("b", "for a reason")
    plan.note_cancel("b", "for another")
    assert go(plan, 1) == Decision(drop=[Drop("b", "cancelled", "cancelled", "for a reason")])
    assert go(plan, 2) == Decision()
    assert plan.waiting == []


def test_a_job_that_was_never_started_can_be_cancelled() -> None:
    plan = schedule("a")
    plan.note_cancel("a", "for a reason")
    assert dropped(go(plan, 0)) == [("a", "cancelled", "cancelled")]
    assert plan.done
    assert plan.elapsed("a", 9) == 0


def test_a_job_that_runs_is_ended() -> None:
    plan = schedule("ab", timeout=100, kill_after=5)
    go(plan, 0)
    plan.note_cancel("a", "for a reason")
    plan.note_cancel("a", "for another")
    assert plan.decide(1).term == ["a"]
    plan.note_cancel("a", "again")
    assert plan.decide(2) == Decision(wake=6)
    assert plan.decide(6).kill == ["a"]
    assert plan.cause("a") == "cancelled"
    assert plan.settle("a", "cancelled", 7)
    assert plan.running == ["b"]


def test_a_job_that_runs_may_end_where_only_those_that_wait_are_cancelled() -> None:
    plan = schedule("ab", slots=1, retries=3, retry_on=["failed"])
    go(plan, 0)
    plan.note_cancel("a", "for a reason", running=False)
    plan.note_cancel("b", "for a reason", running=False)
    assert go(plan, 1) == Decision(drop=[Drop("b", "cancelled", "cancelled", "for a reason")])
    assert plan.cause("a") is None
    assert plan.settle("a", "failed", 2)
    assert plan.done


def test_a_job_left_running_can_still_be_ended() -> None:
    plan = schedule("a")
    go(plan, 0)
    plan.note_cancel("a", "for a reason", running=False)
    plan.note_cancel("a", "for a reason")
    assert plan.decide(1).term == ["a"]


@pytest.mark.parametrize("running", [True, False])
def test_a_job_that_waits_for_its_next_attempt_is_cancelled(running: bool) -> None:
    plan = schedule("a", retries=3, delay=60, retry_on=["failed"])
    go(plan, 0)
    plan.settle("a", "failed", 1)
    plan.note_cancel("a", "for a reason", running)
    assert dropped(go(plan, 2)) == [("a", "cancelled", "cancelled")]
    assert plan.done


@pytest.mark.parametrize("running", [True, False])
def test_a_job_that_is_cancelled_while_it_is_ended_for_its_limit_is_not_tried_again(running: bool) -> None:
    plan = schedule("a", timeout=10, retries=3, retry_on=["timed_out"])
    go(plan, 0)
    plan.decide(10)
    plan.note_cancel("a", "for a reason", running)
    assert plan.cause("a") == "timeout"
    assert plan.settle("a", "timed_out", 11)


def test_a_cancelled_job_that_fails_by_itself_meanwhile_is_not_tried_again() -> None:
    plan = schedule("a", retries=3, retry_on=["failed", "cancelled"])
    go(plan, 0)
    plan.note_cancel("a", "for a reason")
    assert plan.settle("a", "failed", 1)


def test_a_job_that_has_ended_stays_as_it_is() -> None:
    plan = schedule("a", halt="soon,fail=1")
    go(plan, 0)
    plan.settle("a", "succeeded", 1)
    plan.note_cancel("a", "for a reason")
    assert go(plan, 2) == Decision()
    assert (plan.cause("a"), plan.done, plan.halted) == (None, True, None)


def test_nothing_starts_while_the_queue_is_held() -> None:
    schedule = Schedule([ScheduledJob("a"), ScheduledJob("b")])
    schedule.hold(3.0)
    decision = schedule.decide(0.0)
    assert decision.start == [] and decision.wake == 3.0
    assert schedule.decide(3.0).start == ["a", "b"]
