# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How running jobs are ended from outside, whatever the cause: a limit, the deadline, a request to cancel, `halt`.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The schedule decides when (`_supervisor.schedule`). All processes of the job get SIGTERM, after `kill_after` seconds
SIGKILL, again and again; what is not gone `GIVE_UP` seconds later is named among the survivors.
"""

from __future__ import annotations

import os
import signal
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import CAUSES
from ansible_collections.background.jobs.plugins.module_utils._processes import spawn
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Census
from ansible_collections.background.jobs.plugins.module_utils._supervisor.attempt import Attempt
from ansible_collections.background.jobs.plugins.module_utils._supervisor.fork_client import ForkServers
from ansible_collections.background.jobs.plugins.module_utils._supervisor.held_locks import HeldLocks
from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import Decision, Schedule
from ansible_collections.background.jobs.plugins.module_utils._supervisor.trace import Trace


class Endings:
    """Ends jobs of a batch, and notices the ends of their processes."""

    def __init__(
        self,
        records: t.Mapping[str, Record],
        running: t.Mapping[str, Attempt],
        schedule: Schedule,
        servers: ForkServers,
        locks: HeldLocks,
        clock: t.Callable[[], float],
        trace: Trace,
    ) -> None:
        """:arg running: the attempts that run, by jid.

        :arg clock: monotonic seconds.
        """
        self.census = Census()
        self.child_ended = False
        """Whether SIGCHLD has come since the last look at the children."""
        self._records = records
        self._running = running
        self._schedule = schedule
        self._servers = servers
        self._locks = locks
        self._clock = clock
        self._trace = trace
        self._first_starts: dict[str, int] = {}
        """When the first process of each job was started, in the kernel's ticks."""
        self._looked = 0.0

    def cause(self, jid: str) -> str | None:
        """:returns: why a job that runs is being ended, `None` if it is not."""
        return None if self._running[jid].in_time else self._schedule.cause(jid)

    @property
    def pause(self) -> float | None:
        """Seconds after which to look again, where something may change that no event tells of; `None` for never."""
        wanted = any(attempt.ended_at is not None or self.cause(jid) for jid, attempt in self._running.items())
        return self.census.pause if wanted else None

    def note_start(self, jid: str, ticks: str | None) -> None:
        """Note when a process of a job was started, as `_processes.procfs.start_time` tells it."""
        if (ticks or "").isdigit():
            self._first_starts.setdefault(jid, int(ticks or 0))

    def apply(self, decision: Decision) -> None:
        """Send the signals that are due."""
        if decision.term or decision.kill:
            self.census.refresh()
            self.see_ends()
            self._claim_orphans()
        for jid in decision.term:
            attempt = self._running[jid]
            attempt.in_time = attempt.has_run  # the job is over; what it has left running is not to be ended
            if not attempt.in_time:
                self._trace.note(f"SIGTERM to its processes: {self._schedule.cause(jid)}", jid)
                attempt.signal(self.census, signal.SIGTERM)
                attempt.signal(self.census, signal.SIGCONT)
        for jid in decision.kill:
            attempt = self._running[jid]
            if not attempt.in_time:
                self._trace.note(f"SIGKILL to its processes: {self._schedule.cause(jid)}", jid)
                attempt.killed_at = self._clock()
                attempt.signal(self.census, signal.SIGKILL)

    def kill_all(self) -> None:
        """End all jobs at once: the supervisor itself has failed."""
        self.census.refresh()
        for attempt in self._running.values():
            attempt.signal(self.census, signal.SIGKILL)

    def look(self) -> None:
        """Look for what has come to the jobs that are being ended, and kill it again, if it is time for that."""
        ending = any(self.cause(jid) is not None for jid in self._running)
        if ending and self._clock() >= self._looked + self.census.pause:
            self._looked = self._clock()
            self.census.refresh()
            self._claim_orphans()
            for attempt in self._running.values():
                if attempt.killed_at is not None:
                    attempt.signal(self.census, signal.SIGKILL)

    def see_ends(self) -> None:
        """Note which of the jobs' own processes have ended."""
        if not self.child_ended:
            return
        self.child_ended = False
        by_pid = {attempt.child.pid: attempt for attempt in self._running.values() if attempt.child is not None}
        now = self._clock()
        for pid in spawn.ended_children(by_pid.keys()):
            if by_pid[pid].ended_at is None:
                self._trace.note(f"its process {pid} has ended", by_pid[pid].job.jid)
                by_pid[pid].ended_at = now

    def _claim_orphans(self) -> None:
        """Count orphans without a mark to a job that is being ended, if none but such jobs can have started them."""
        if self._servers.is_asked:
            return  # a process of a server that is no job yet looks like an orphan, and we do not know its pid
        leaders = {attempt.child.pid for attempt in self._running.values() if attempt.child is not None}
        ours = leaders | self._servers.children | self._locks.keepers
        for process in self.census.orphans(os.getpid(), ours):
            if process.session in leaders or process.group in leaders:
                continue  # it says itself whose it is
            owners = [jid for jid, start in self._first_starts.items() if start <= int(process.started)]
            attempts = [self._running[jid] for jid in owners if jid in self._running]
            if attempts and all(self._is_ended_whole(jid) for jid in owners):
                for attempt in attempts:
                    if attempt.tree is not None:
                        attempt.tree.known[process.pid] = process.started

    def _is_ended_whole(self, jid: str) -> bool:
        """Whether nothing that a job has started is to be left: it is, or was, ended from outside."""
        record = self._records[jid]
        cause = self.cause(jid) if jid in self._running else record.reason
        return cause in CAUSES and record.attempts == 1 and not record.leave_children
