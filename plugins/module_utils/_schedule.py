# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor does next: a pure function of what has happened and of the clock.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass
class Entry:
    """One job's place in the schedule. All times are seconds of one monotonic clock; 0 as a limit means none."""

    key: str
    timeout: float = 0
    kill_after: float = 10
    started: float | None = None
    ended: bool = False
    ending: str | None = None
    terminated: float | None = None
    killed: bool = False


@dataclasses.dataclass
class Decision:
    """What to do now: start these, send TERM to those, KILL to those, and look again at O(wake) (None: on an event)."""

    start: list[str] = dataclasses.field(default_factory=list)
    term: list[str] = dataclasses.field(default_factory=list)
    kill: list[str] = dataclasses.field(default_factory=list)
    wake: float | None = None


class Schedule:
    """The queue of one batch. A free slot starts the next job at once; nothing waits for the slowest of a wave."""

    def __init__(self, entries: t.Iterable[Entry], slots: int) -> None:
        """:arg slots: how many jobs may run at once; 0 is all of them."""
        self._entries = {entry.key: entry for entry in entries}
        self._slots = slots

    def started(self, key: str, now: float) -> None:
        """Tell that a job's process runs since O(now)."""
        self._entries[key].started = now

    def ended(self, key: str) -> None:
        """Tell that a job has come to its end, whether it ever started or not."""
        self._entries[key].ended = True

    def end(self, key: str, cause: str) -> None:
        """Ask for a running job to be ended because of O(cause); a second cause does not replace the first."""
        entry = self._entries[key]
        if entry.ending is None:
            entry.ending = cause

    def cause(self, key: str) -> str | None:
        """:returns: why a job was ended from outside, C(None) where it was not."""
        return self._entries[key].ending

    def elapsed(self, key: str, now: float) -> float:
        """:returns: how many seconds a job has been running at O(now); 0 for one that never started."""
        started = self._entries[key].started
        return 0.0 if started is None else now - started

    @property
    def queued(self) -> list[str]:
        """The jobs that have not started, in order."""
        return [entry.key for entry in self._entries.values() if entry.started is None and not entry.ended]

    @property
    def running(self) -> list[str]:
        """The jobs that have started and not ended."""
        return [entry.key for entry in self._entries.values() if entry.started is not None and not entry.ended]

    @property
    def done(self) -> bool:
        """Whether every job has ended."""
        return all(entry.ended for entry in self._entries.values())

    def decide(self, now: float) -> Decision:
        """:returns: what is due at O(now). What it returns counts as done: it is not returned a second time."""
        decision = Decision()
        running = self.running
        free = len(self._entries) if self._slots == 0 else self._slots - len(running)
        decision.start = self.queued[: max(0, free)]
        due = []
        for key in running:
            entry = self._entries[key]
            started = t.cast(float, entry.started)
            if entry.ending is None and entry.timeout:
                if now >= started + entry.timeout:
                    entry.ending = "timeout"
                else:
                    due.append(started + entry.timeout)
            if entry.ending is not None and entry.terminated is None:
                entry.terminated = now
                decision.term.append(key)
            if entry.terminated is not None and not entry.killed:
                if now >= entry.terminated + entry.kill_after:
                    entry.killed = True
                    decision.kill.append(key)
                else:
                    due.append(entry.terminated + entry.kill_after)
        decision.wake = min(due) if due else None
        return decision


def slots(concurrency: str, cpus: int) -> int:
    """Turn the option C(concurrency) into a number of slots.

    :arg concurrency: a whole number, or V(N%) of the CPU threads, at least one.
    :arg cpus: how many CPU threads this host gives us.
    :returns: 0 for no limit.
    """
    if concurrency.endswith("%"):
        return max(1, int(float(concurrency[:-1]) * cpus / 100))
    return int(concurrency)
