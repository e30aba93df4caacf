# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor does next: a pure function of what has happened and of the clock.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCEL,
    CANCELLED,
    DEADLINE,
    DEPENDENCY,
    FAILED,
    HALT,
    LOST,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
    TIMEOUT,
)

FAIL_FAST = "fail_fast"
"""In place of `now,fail=1`, which it means: the word that the author has used."""
_HALT = re.compile(r"(now|soon)\s*,\s*(fail|success|done)\s*=\s*(\d+)(%?)")
_COUNTED = {"fail": (FAILED, TIMED_OUT, LOST), "success": (SUCCEEDED,), "done": (SUCCEEDED, FAILED, TIMED_OUT, LOST)}


@dataclasses.dataclass(frozen=True)
class Halt:
    """When to start no more jobs, and with `now` end the running ones too: the grammar of GNU parallel's --halt."""

    text: str
    now: bool
    why: str
    value: int
    percent: bool

    def reached(self, count: int, total: int) -> bool:
        """:returns: whether `count` of `total` jobs are enough to halt."""
        return count * 100 >= self.value * total if self.percent else count >= self.value


def parse_halt(text: str) -> Halt | None:
    """Read the option `halt`.

    :arg text: it, or `FAIL_FAST`, which the option of that name asks for.
    :returns: `None` for `never`.
    :raises ValueError: it is not in the grammar; the message is a sentence.
    """
    if text.strip() == "never":
        return None
    if text == FAIL_FAST:
        return Halt(text, True, "fail", 1, False)
    match = _HALT.fullmatch(text.strip())
    value = int(match.group(3)) if match else 0
    if match is None or value < 1 or (match.group(4) and value > 100):
        raise ValueError(
            f"halt is {text!r}: give 'never', or 'soon' or 'now', a comma, and 'fail', 'success' or 'done' with a "
            "number of jobs or a percentage of them, such as 'soon,fail=1' or 'now,fail=20%'"
        )
    return Halt(text.strip(), match.group(1) == "now", match.group(2), value, bool(match.group(4)))


@dataclasses.dataclass
class ScheduledJob:
    """One job's place in the schedule. All times are seconds of one monotonic clock; 0 as a limit means none.

    The fields after `retry_on` are moved by `Schedule` alone: `state` is set once the job has ended for good,
    `last` tells how its latest attempt ended, `ending` why it is being ended from outside, `not_before` when it may
    start at the earliest.
    """

    key: str
    name: str = ""
    timeout: float = 0
    kill_after: float = 10
    after: t.Sequence[str] = ()
    lock: str | None = None
    retries: int = 0
    delay: float = 0
    backoff: float = 1
    retry_on: t.Collection[str] = ()
    attempts: int = 0
    first_started: float | None = None
    started: float | None = None
    state: str | None = None
    last: str | None = None
    ending: str | None = None
    terminated: float | None = None
    killed: bool = False
    not_before: float = 0
    dropped_because: str | None = None


@dataclasses.dataclass
class Drop:
    """A job that will not be started, or not again: the state it gets, the reason, and a sentence."""

    key: str
    state: str
    reason: str
    message: str


@dataclasses.dataclass
class Decision:
    """What to do now: start these, send TERM to those, KILL to those, end those without a start, and look again at
    `wake` (None: on an event)."""

    start: list[str] = dataclasses.field(default_factory=list)
    term: list[str] = dataclasses.field(default_factory=list)
    kill: list[str] = dataclasses.field(default_factory=list)
    drop: list[Drop] = dataclasses.field(default_factory=list)
    wake: float | None = None


class Schedule:
    """The queue of one batch. A free slot starts the next job at once; nothing waits for the slowest of a wave."""

    def __init__(
        self,
        entries: t.Iterable[ScheduledJob],
        slots: int = 0,
        halt: Halt | None = None,
        deadline: float | None = None,
        start_delay: float = 0,
    ) -> None:
        """:arg slots: how many jobs may run at once; 0 is all of them.

        :arg deadline: when everything has to have ended; `None` for never.
        :arg start_delay: seconds between the starts of two jobs at least.
        """
        self._entries = {entry.key: entry for entry in entries}
        self._slots = slots
        self._halt = halt
        self._deadline = deadline
        self._start_delay = start_delay
        self._next_start = float("-inf")
        self._halted: tuple[str, str] | None = None

    def started(self, key: str, now: float) -> None:
        """Tell that an attempt of a job runs since `now`."""
        entry = self._entries[key]
        entry.started = now
        entry.attempts += 1
        if entry.first_started is None:
            entry.first_started = now
        self._next_start = now + self._start_delay

    def postponed(self, key: str, until: float) -> None:
        """Tell that a job could not start, since its lock is held outside of this batch."""
        self._entries[key].not_before = until

    def settle(self, key: str, state: str, now: float, again: bool = True) -> bool:
        """Tell how an attempt of a job has ended.

        :arg again: whether there may be another at all.
        :returns: whether that was its end; if not, there will be another attempt.
        """
        entry = self._entries[key]
        again = (
            again
            and state in entry.retry_on
            and entry.attempts <= entry.retries
            and self._halted is None
            and not self._is_over(now)
        )
        if again:
            entry.last = state
            entry.not_before = now + _pause(entry)
            entry.started = entry.ending = entry.terminated = None
            entry.killed = False
        else:
            self._end(entry, state)
        return not again

    def note_cancel(self, key: str, message: str, running: bool = True) -> None:
        """Ask for a job to be cancelled.

        :arg running: end it where it runs; else only keep it from being started, again or at all.
        """
        entry = self._entries[key]
        if entry.state is not None:
            return
        if entry.started is None:
            entry.dropped_because = entry.dropped_because or message
            return
        entry.retries = 0  # one that is being ended for its timeout, too, is not tried again
        if running:
            entry.ending = entry.ending or CANCEL

    def cause(self, key: str) -> str | None:
        """:returns: why a job is being ended from outside, `None` where it is not."""
        return self._entries[key].ending

    def since(self, key: str, now: float) -> float:
        """:returns: for how many seconds the present attempt of a job has been running."""
        started = self._entries[key].started
        return 0.0 if started is None else now - started

    def elapsed(self, key: str, now: float) -> float:
        """:returns: the seconds since a job was first started; 0 for one that never was."""
        started = self._entries[key].first_started
        return 0.0 if started is None else now - started

    @property
    def halted(self) -> str | None:
        """Why no more jobs are started, as a clause; `None` while they are."""
        return None if self._halted is None else self._why_halted()

    def _why_halted(self, what: str = "") -> str:
        """:returns: why the batch halts, as a clause; `what` has happened to a job because of it."""
        job, state = self._halted or ("", "")
        text = "" if self._halt is None else self._halt.text
        if text == FAIL_FAST:
            how = state.replace("_", " ") if state in (FAILED, TIMED_OUT) else "did not succeed"
            because = f"{job} {how} (fail_fast)"
            return f"{what} because {because}" if what else because
        return f"halt {text} was reached with {job}"

    @property
    def waiting(self) -> list[str]:
        """The jobs that wait for their start, or for their next attempt, in order."""
        return [entry.key for entry in self._entries.values() if entry.started is None and entry.state is None]

    @property
    def running(self) -> list[str]:
        """The jobs of which an attempt runs."""
        return [entry.key for entry in self._entries.values() if entry.started is not None and entry.state is None]

    @property
    def done(self) -> bool:
        """Whether every job has ended."""
        return all(entry.state is not None for entry in self._entries.values())

    def hold(self, until: float) -> None:
        """Start nothing before `until`."""
        self._next_start = max(self._next_start, until)

    def decide(self, now: float) -> Decision:
        """:returns: what is due at `now`. What it returns counts as done, but for starts, which `started` tells."""
        decision = Decision()
        due: list[float] = []
        self._drop(now, decision, due)
        self._start(now, decision, due)
        for key in self.running:
            self._limit(self._entries[key], now, decision, due)
        decision.wake = min(due) if due else None
        return decision

    def _end(self, entry: ScheduledJob, state: str) -> None:
        entry.state = state
        if self._halt is None or self._halted is not None:
            return
        counted = _COUNTED[self._halt.why]
        count = sum(other.state in counted for other in self._entries.values())
        if self._halt.reached(count, len(self._entries)):
            self._halted = f"job {entry.name or entry.key}", state

    def _is_over(self, now: float) -> bool:
        return self._deadline is not None and now >= self._deadline

    def _drop(self, now: float, decision: Decision, due: list[float]) -> None:
        over = self._is_over(now)
        if self._deadline is not None and not over:
            due.append(self._deadline)
        changed = True
        while changed:  # one that is dropped takes along those that come after it
            changed = False
            for key in self.waiting:
                drop = self._why_drop(self._entries[key], over)
                if drop is not None:
                    decision.drop.append(drop)
                    self._end(self._entries[key], drop.state)
                    changed = True
        for key in self.running:
            entry = self._entries[key]
            if over:
                entry.ending = entry.ending or DEADLINE
            elif self._halted is not None and self._halt is not None and self._halt.now:
                entry.ending = entry.ending or HALT

    def _why_drop(self, entry: ScheduledJob, over: bool) -> Drop | None:
        if entry.dropped_because is not None:
            return Drop(entry.key, CANCELLED, CANCEL, entry.dropped_because)
        if over:
            what = "tried again" if entry.attempts else "started"
            return Drop(entry.key, TIMED_OUT, DEADLINE, f"not {what} before the deadline of its batch")
        for key in entry.after:
            other = self._entries[key]
            if other.state not in (None, SUCCEEDED):
                message = f"depends on {other.name or other.key}, which {_became(str(other.state))}"
                return Drop(entry.key, SKIPPED, DEPENDENCY, message)
        if self._halted is not None:  # one that was to be tried again is what its last attempt has made it
            what = "not started" if entry.last is None else "not tried again"
            return Drop(entry.key, entry.last or SKIPPED, HALT, self._why_halted(what))
        return None

    def _start(self, now: float, decision: Decision, due: list[float]) -> None:
        running = [self._entries[key] for key in self.running]
        free = len(self._entries) if self._slots == 0 else self._slots - len(running)
        locks = {entry.lock for entry in running if entry.lock is not None}
        for key in self.waiting:
            entry = self._entries[key]
            if free <= 0:
                return
            if entry.lock in locks or any(self._entries[other].state is None for other in entry.after):
                continue
            at = max(entry.not_before, self._next_start)
            if at > now:
                due.append(at)
                continue
            decision.start.append(key)
            free -= 1
            if entry.lock is not None:
                locks.add(entry.lock)
            if self._start_delay:
                due.append(now + self._start_delay)
                return

    @staticmethod
    def _limit(entry: ScheduledJob, now: float, decision: Decision, due: list[float]) -> None:
        started: t.Any = entry.started  # it runs
        if entry.ending is None and entry.timeout:
            if now >= started + entry.timeout:
                entry.ending = TIMEOUT
            else:
                due.append(started + entry.timeout)
        if entry.ending is not None and entry.terminated is None:
            entry.terminated = now
            decision.term.append(entry.key)
        if entry.terminated is not None and not entry.killed:
            if now >= entry.terminated + entry.kill_after:
                entry.killed = True
                decision.kill.append(entry.key)
            else:
                due.append(entry.terminated + entry.kill_after)


def _became(state: str) -> str:
    """:returns: what became of a job that did not succeed, as the end of a clause."""
    return state.replace("_", " ") if state in (FAILED, TIMED_OUT) else f"was {state}"


def _pause(entry: ScheduledJob) -> float:
    """:returns: seconds between an attempt of a job and the next one."""
    try:
        return entry.delay and entry.delay * entry.backoff ** (entry.attempts - 1)
    except OverflowError:
        return float("inf")


def find_cycle(after: t.Mapping[str, t.Sequence[str]]) -> list[str] | None:
    """:returns: jobs that wait for each other in a ring, the first again at the end; `None` where there is none.

    :arg after: for each job those that it comes after.
    """
    done: set[str] = set()
    for start in after:
        path = [start]
        branches = [iter(after[start])]
        while path:
            following = next((key for key in branches[-1] if key not in done), None)
            if following is None:
                done.add(path.pop())
                branches.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            else:
                path.append(following)
                branches.append(iter(after.get(following, ())))
    return None


def slots(concurrency: str, cpus: int) -> int:
    """Turn the option `concurrency` into a number of slots.

    :arg concurrency: a whole number, or `N%` of the CPU threads, at least one.
    :arg cpus: how many CPU threads this host gives us.
    :returns: 0 for no limit.
    """
    if concurrency.endswith("%"):
        return max(1, int(float(concurrency[:-1]) * cpus / 100))
    return int(concurrency)
