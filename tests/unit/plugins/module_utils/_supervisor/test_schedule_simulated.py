# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole batches in a world without processes and without time: what has to be true of every schedule.

Times are whole numbers, so that "when it is due" can be compared exactly.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import (
    Decision,
    Halt,
    Schedule,
    ScheduledJob,
    find_cycle,
    parse_halt,
)

CAUSES = {"timeout": "timed_out", "deadline": "timed_out", "cancelled": "cancelled", "halted": "cancelled"}
COUNTED = {
    "fail": {"failed", "timed_out", "lost"},
    "success": {"succeeded"},
    "done": {"failed", "timed_out", "lost", "succeeded"},
}


@dataclasses.dataclass(frozen=True)
class Attempt:
    """How an attempt goes. It ends so long after a TERM (`None`: it ignores it) or a KILL, if not by itself before."""

    lasts: int
    state: str
    after_term: int | None
    after_kill: int


@dataclasses.dataclass(frozen=True)
class Cancel:
    """Somebody asks for a job to be cancelled."""

    at: int
    key: str
    running: bool


@dataclasses.dataclass
class Scenario:
    """A batch, and everything that will happen to it. `held` are times until which the lock of a job is another's."""

    entries: list[ScheduledJob]
    attempts: dict[str, list[Attempt]]
    slots: int
    halt: Halt | None
    deadline: int | None
    start_delay: int
    cancels: list[Cancel]
    held: dict[str, int]
    glances: list[int]


# One draw for what would take several: examples are made faster than they are run.
STATES = ("succeeded", "succeeded", "failed", "lost")
ATTEMPTS = st.sampled_from(
    [Attempt(*each) for each in itertools.product((0, 1, 2, 4, 9, 20), STATES, (None, 0, 1, 6), (0, 2))]
)
LIMITS = st.sampled_from([*itertools.product((0, 1, 5, 12), (0, 1, 4))])
RETRY_ON: list[list[str]] = [["failed"], ["timed_out"], ["failed", "timed_out", "lost", "cancelled"], []]
RETRIES = st.sampled_from([(0, 0, 1, []), *itertools.product((1, 2), (0, 1, 4), (1, 3), RETRY_ON)])
HALTS = st.sampled_from(
    [
        ",".join((when, f"{why}={number}"))
        for when in ("soon", "now")
        for why in ("fail", "success", "done")
        for number in ("1", "2", "3", "1%", "30%", "50%", "100%")
    ]
)
WHEN = st.integers(0, 40)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    keys = [f"j{number}" for number in range(draw(st.integers(1, 7)))]
    entries, attempts = [], {}
    for number, key in enumerate(keys):
        timeout, kill_after = draw(LIMITS)
        retries, delay, backoff, retry_on = draw(RETRIES)
        entries.append(
            ScheduledJob(
                key,
                timeout=timeout,
                kill_after=kill_after,
                after=draw(st.lists(st.sampled_from(keys[:number]), max_size=2, unique=True)) if number else [],
                lock=draw(st.sampled_from([None, None, "dpkg", "rpm"])),
                retries=retries,
                delay=delay,
                backoff=backoff,
                retry_on=retry_on,
            )
        )
        attempts[key] = [draw(ATTEMPTS) for dummy in range(retries + 1)]
    return Scenario(
        entries=draw(st.sampled_from([entries, entries[::-1], [*entries[1::2], *entries[::2]]])),
        attempts=attempts,
        slots=draw(st.integers(0, 4)),
        halt=parse_halt(draw(st.just("never") | HALTS)),
        deadline=draw(st.none() | st.integers(1, 30)),
        start_delay=draw(st.sampled_from([0, 0, 1, 4])),
        cancels=draw(st.lists(st.builds(Cancel, WHEN, st.sampled_from(keys), st.booleans()), max_size=2)),
        held={entry.key: draw(WHEN) for entry in entries if entry.lock == "rpm"},
        glances=draw(st.lists(WHEN, max_size=2)),
    )


@dataclasses.dataclass
class Process:
    """An attempt that runs."""

    entry: ScheduledJob
    attempt: Attempt
    started: int
    ends: int
    term: int | None = None
    killed: int | None = None
    cancelled: int | None = None


class World:
    """Does what the schedule decides, and knows by itself what it has to decide."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.entries = {entry.key: entry for entry in scenario.entries}
        # the schedule has its own copies: nothing here is to be true only because it said so
        copies = [dataclasses.replace(entry) for entry in scenario.entries]
        self.plan = Schedule(copies, scenario.slots, scenario.halt, scenario.deadline, scenario.start_delay)
        self.now = 0
        self.running: dict[str, Process] = {}
        self.final: dict[str, str] = {}
        self.tries = dict.fromkeys(self.entries, 0)
        self.ready = dict.fromkeys(self.entries, 0)
        self.last: dict[str, str] = {}
        self.no_retry: set[str] = set()
        self.to_drop: set[str] = set()
        self.last_start: int | None = None
        self.halted_at: int | None = None
        self.steps = 0

    def run(self) -> None:
        events = {cancel.at for cancel in self.scenario.cancels} | set(self.scenario.glances)
        while True:
            self.happen()
            wake = self.decide()
            if self.plan.done:
                break
            assert wake is None or wake > self.now
            ends = [process.ends for process in self.running.values()]
            future = [*ends, *(at for at in events if at > self.now), *([] if wake is None else [t.cast(int, wake)])]
            assert future, "it waits for ever"
            self.now = min(future)
        assert self.final.keys() == self.entries.keys()
        assert not self.running
        assert dataclasses.replace(self.plan.decide(self.now), wake=None) == Decision()

    def happen(self) -> None:
        """What others do at this instant."""
        for cancel in self.scenario.cancels:
            if cancel.at == self.now:
                self.cancel(cancel)
        while True:
            over = [process for process in self.running.values() if process.ends <= self.now]
            if not over:
                break
            self.end(over[0])

    def cancel(self, cancel: Cancel) -> None:
        self.plan.note_cancel(cancel.key, "for a reason", cancel.running)
        if cancel.key in self.final:
            return
        self.no_retry.add(cancel.key)
        process = self.running.get(cancel.key)
        if process is None:
            self.to_drop.add(cancel.key)
        elif cancel.running and process.cancelled is None:
            process.cancelled = self.now

    def end(self, process: Process) -> None:
        key = process.entry.key
        cause = self.plan.cause(key)
        self.check_cause(process, cause)
        state = process.attempt.state if cause is None else CAUSES[cause]
        again = (
            state in process.entry.retry_on
            and self.tries[key] <= process.entry.retries
            and cause in (None, "timeout")
            and key not in self.no_retry
            and self.halted_at is None
            and (self.scenario.deadline is None or self.now < self.scenario.deadline)
        )
        del self.running[key]
        assert self.plan.settle(key, state, self.now) is not again
        if again:
            self.last[key] = state
            pause = process.entry.delay * process.entry.backoff ** (self.tries[key] - 1)
            self.ready[key] = self.now + t.cast(int, pause)
        else:
            self.finish(key, state)
        assert (self.plan.halted is not None) is (self.halted_at is not None)

    def finish(self, key: str, state: str) -> None:
        assert key not in self.final
        self.final[key] = state
        halt = self.scenario.halt
        if halt is not None and self.halted_at is None:
            count = sum(state in COUNTED[halt.why] for state in self.final.values())
            if (count * 100 if halt.percent else count) >= halt.value * (len(self.entries) if halt.percent else 1):
                self.halted_at = self.now

    def decide(self) -> float | None:
        """Do what is decided until nothing is to be started."""
        while True:
            self.steps += 1
            assert self.steps < 1000, "it goes round in circles"
            decision = self.plan.decide(self.now)
            assert len({*decision.start}) == len(decision.start)
            for drop in decision.drop:
                self.drop(drop.key, drop.state, drop.reason)
            assert (self.plan.halted is not None) is (self.halted_at is not None)
            for key in decision.term:
                self.term(self.running[key])
            for key in decision.kill:
                self.kill(self.running[key])
            self.check_signals()
            for key in decision.start:
                self.start(key)
            if not decision.start:
                self.check_idle()
                return decision.wake

    def start(self, key: str) -> None:
        entry, scenario = self.entries[key], self.scenario
        assert key not in self.running and key not in self.final
        assert self.halted_at is None
        assert scenario.deadline is None or self.now < scenario.deadline
        if scenario.held.get(key, 0) > self.now:
            self.ready[key] = scenario.held[key]
            self.plan.postponed(key, scenario.held[key])
            return
        assert self.can_start(entry)
        self.plan.started(key, self.now)
        attempt = scenario.attempts[key][self.tries[key]]
        self.running[key] = Process(entry, attempt, self.now, self.now + attempt.lasts)
        self.tries[key] += 1
        self.last_start = self.now

    def can_start(self, entry: ScheduledJob) -> bool:
        return (
            (self.scenario.slots == 0 or len(self.running) < self.scenario.slots)
            and entry.key not in self.no_retry
            and all(self.final.get(key) == "succeeded" for key in entry.after)
            and (entry.lock is None or entry.lock not in [process.entry.lock for process in self.running.values()])
            and self.ready[entry.key] <= self.now
            and (self.last_start is None or self.last_start + self.scenario.start_delay <= self.now)
        )

    def drop(self, key: str, state: str, reason: str) -> None:
        assert key not in self.running
        deadline = self.scenario.deadline
        if reason == "cancelled":
            assert key in self.to_drop and state == "cancelled"
        elif reason == "deadline":
            assert deadline == self.now and state == "timed_out"
        elif reason == "dependency":
            assert state == "skipped"
            assert any(self.final.get(other, "succeeded") != "succeeded" for other in self.entries[key].after)
        else:
            assert reason == "halted" and self.halted_at == self.now
            assert state == self.last.get(key, "skipped")
        self.finish(key, state)

    def term(self, process: Process) -> None:
        assert process.term is None
        process.term = self.now
        if process.attempt.after_term is not None:
            process.ends = min(process.ends, self.now + process.attempt.after_term)
        self.check_cause(process, self.plan.cause(process.entry.key))

    def kill(self, process: Process) -> None:
        assert process.killed is None and process.term is not None
        assert self.now == process.term + process.entry.kill_after
        process.killed = self.now
        process.ends = min(process.ends, self.now + process.attempt.after_kill)

    def why(self, process: Process) -> dict[str, int]:
        """All that should end a process from outside, and when."""
        halt, reasons = self.scenario.halt, {}
        if process.entry.timeout:
            reasons["timeout"] = process.started + t.cast(int, process.entry.timeout)
        if self.scenario.deadline is not None:
            reasons["deadline"] = self.scenario.deadline
        if halt is not None and halt.now and self.halted_at is not None:
            reasons["halted"] = self.halted_at
        if process.cancelled is not None:
            reasons["cancelled"] = process.cancelled
        return {cause: at for cause, at in reasons.items() if at <= self.now}

    def check_cause(self, process: Process, cause: str | None) -> None:
        """Why a process is being ended is one of those that came first; what comes later does not change it."""
        reasons = self.why(process)
        if cause is not None:
            assert reasons[cause] == min(reasons.values())
        elif process.term is not None:
            raise AssertionError("a TERM without a cause")

    def check_signals(self) -> None:
        """Each signal came to the tick."""
        for process in self.running.values():
            reasons = self.why(process)
            assert process.term == (min(reasons.values()) if reasons else None)
            if process.term is not None:
                assert (process.killed is not None) is (self.now >= process.term + process.entry.kill_after)

    def check_idle(self) -> None:
        """Nothing waits that could run, or that cannot run any more."""
        assert set(self.plan.running) == self.running.keys()
        waiting = [self.entries[key] for key in self.plan.waiting]
        assert {entry.key for entry in waiting} == self.entries.keys() - self.running.keys() - self.final.keys()
        assert not [entry.key for entry in waiting if self.can_start(entry)]
        over = self.scenario.deadline is not None and self.now >= self.scenario.deadline
        assert not waiting or not (over or self.halted_at is not None)
        for entry in waiting:
            assert entry.key not in self.to_drop
            assert all(self.final.get(key, "succeeded") == "succeeded" for key in entry.after)


@settings(max_examples=8 * settings.default.max_examples)  # type: ignore[union-attr]
@given(scenarios())
def test_a_batch_keeps_all_the_rules(scenario: Scenario) -> None:
    World(scenario).run()


@given(st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3)))
def test_a_ring_is_found_where_there_is_one_and_it_is_one(numbers: dict[int, list[int]]) -> None:
    after = {str(key): [str(other) for other in others] for key, others in numbers.items()}
    ring = find_cycle(after)
    if ring is not None:
        assert ring[0] == ring[-1] and len(ring) == len({*ring}) + 1
        assert all(following in after[key] for key, following in zip(ring, ring[1:]))
        return
    left = dict(after)
    while left:  # what waits for nothing that is left can be taken away, until nothing is
        free = [key for key, others in left.items() if not left.keys() & {*others}]
        assert free
        for key in free:
            del left[key]
