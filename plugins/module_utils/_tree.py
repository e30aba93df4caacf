# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a job: its own, what it started, and what tried to leave it.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A job's process leads a session. Belonging to it are the processes of that session and of its process group, all their
descendants, and those that carry the job's mark in their environment, wherever they have gone: a child that called
setsid, or whose parents have ended, keeps the environment it was started with.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _process

LOOK = 0.1
"""Seconds between two looks at the processes of a job that is being ended."""

GIVE_UP = 5.0
"""Seconds after KILL for which its effect is waited for: a process that hangs in the kernel may never go."""

MARK = "BACKGROUND_JOBS_RESULTS_FILE"
"""Environment variable of every process of a job: the absolute path of the job's status file."""


class Census:
    """The processes of this host at one moment, taken anew by L(refresh)."""

    def __init__(self) -> None:
        self.processes: dict[int, _process.Process] = {}
        self.number = 0
        self._marks: dict[tuple[int, str], str | None] = {}

    def refresh(self) -> None:
        """Look at all processes again."""
        self.processes = _process.table()
        self.number += 1
        here = {(process.pid, process.started) for process in self.processes.values()}
        # Who had no mark may have been seen in the middle of an exec, when there is no environment.
        self._marks = {key: mark for key, mark in self._marks.items() if key in here and mark is not None}

    def mark(self, process: _process.Process) -> str | None:
        """:returns: the mark of the job that a process was started by; C(None) if by none, or if we may not know."""
        key = (process.pid, process.started)
        if key not in self._marks:
            self._marks[key] = _process.variable(process.pid, MARK)
        return self._marks[key]

    def orphans(self, parent: int, claimed: t.Collection[int]) -> list[_process.Process]:
        """:returns: the children of O(parent) that carry no mark at all, but for those it knows.

        Of a subreaper these are orphans that were started with a cleared environment.
        """
        return [
            process
            for process in self.processes.values()
            if process.parent == parent and process.pid not in claimed and self.mark(process) is None
        ]


@dataclasses.dataclass
class Tree:
    """The processes of one job, whose L(MARK) has the value O(mark).

    O(leader) is the job's process, which started at O(started). O(held): it is our child and not reaped, so its number
    is nobody else's, and neither is the session's. O(whole): count those that have left the session too.
    O(known) are processes that were found to belong to it, with their starts, O(gone_since) is the number of the look
    at which there were none any more.
    """

    mark: str
    leader: int
    started: str | None
    held: bool = True
    whole: bool = True
    known: dict[int, str] = dataclasses.field(default_factory=dict)
    gone_since: int | None = None

    def members(self, census: Census) -> list[_process.Process]:
        """:returns: the processes of the job that run, those that were found earlier and have moved on included."""
        leader = census.processes.get(self.leader)
        ours = self.held or (leader is not None and leader.started == self.started)
        found = {
            process.pid
            for process in census.processes.values()
            if (ours and self.leader in (process.pid, process.session, process.group))
            or (self.whole and self.known.get(process.pid) == process.started)
            or (self.whole and census.mark(process) == self.mark)
        }
        if self.whole:
            found = with_descendants(found, census.processes)
        self.known = {pid: census.processes[pid].started for pid in found}
        return [census.processes[pid] for pid in sorted(found)]

    def is_gone(self, census: Census) -> bool:
        """:returns: whether none of the processes runs: two looks in a row have shown none, since a new one that is
        just in the middle of an exec cannot be told by its environment.
        """
        if self.members(census):
            self.gone_since = None
        elif self.gone_since is None:
            self.gone_since = census.number
        return self.gone_since is not None and census.number > self.gone_since

    def signal(self, census: Census, number: int) -> None:
        """Send a signal to every process of the job, to each of them once."""
        if self.held:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.leader, number)  # all of the group at one moment, so that none forks away
        for process in self.members(census):
            if not (self.held and process.group == self.leader):
                _process.send(process, number)


def with_descendants(pids: t.Collection[int], processes: t.Mapping[int, _process.Process]) -> set[int]:
    """:returns: O(pids) and all their descendants among O(processes)."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found = set(pids)
    stack = list(pids)
    while stack:
        for child in children.get(stack.pop(), ()):
            if child not in found:
                found.add(child)
                stack.append(child)
    return found


def end(trees: t.Sequence[Tree], grace: float) -> bool:
    """End the processes of jobs that nobody supervises any more: TERM, and O(grace) seconds later KILL.

    :returns: whether there were any.
    """
    census = Census()
    census.refresh()
    found = any(tree.members(census) for tree in trees)
    start = time.monotonic()
    for tree in trees:
        tree.signal(census, signal.SIGTERM)
        tree.signal(census, signal.SIGCONT)
    while sum(not tree.is_gone(census) for tree in trees) and time.monotonic() < start + grace + GIVE_UP:
        time.sleep(LOOK)
        census.refresh()
        found = found or any(tree.members(census) for tree in trees)
        if time.monotonic() >= start + grace:
            for tree in trees:
                tree.signal(census, signal.SIGKILL)
    return found
