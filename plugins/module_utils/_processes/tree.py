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

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, signals
from ansible_collections.background.jobs.plugins.module_utils._store.directory import user_name

LOOK = 0.1
"""Seconds between two looks at the processes of a job that is being ended."""

_SHARE = 9.0
"""How many times as long as a look takes to wait until the next: a tenth of a CPU at most."""

GIVE_UP = 5.0
"""Seconds after KILL for which its effect is waited for: another user's process does not get it, and one that hangs in
the kernel may never go."""

MARK = "BACKGROUND_JOBS_RESULTS_FILE"
"""Environment variable of every process of a job: the absolute path of the job's status file."""


NOBODY = "\0"
"""A mark that no process can have."""


class Census:
    """The processes of this host at one moment, taken anew by `refresh`.

    `pause` is how long to wait until the next look, in seconds: where there are so many processes that a look takes
    long, longer than `LOOK`.
    """

    def __init__(self) -> None:
        self.processes: dict[int, procfs.Process] = {}
        self.number = 0
        self.pause = LOOK
        self._marks: dict[tuple[int, str], str] = {}
        self._unmarked: dict[tuple[int, str], str] = {}
        """Those that had no mark, and their images then: with the next exec they may have one."""

    def refresh(self) -> None:
        """Look at all processes again."""
        start = time.process_time()
        self.processes = procfs.table()
        self.pause = max(LOOK, _SHARE * (time.process_time() - start))
        self.number += 1
        here = {(process.pid, process.started): process.image for process in self.processes.values()}
        self._marks = {key: mark for key, mark in self._marks.items() if key in here}
        self._unmarked = {key: image for key, image in self._unmarked.items() if here.get(key) == image}

    def mark(self, process: procfs.Process) -> str | None:
        """:returns: the mark of the job that a process was started by; `None` if by none, or if we may not know."""
        key = (process.pid, process.started)
        if key in self._marks or key in self._unmarked:
            return self._marks.get(key)
        mark = procfs.variable(process.pid, MARK)
        if mark is not None:
            self._marks[key] = mark
        elif process.image:
            self._unmarked[key] = process.image
        return mark

    def orphans(self, parent: int, claimed: t.Collection[int]) -> list[procfs.Process]:
        """:returns: the children of `parent` that carry no mark at all, but for those it knows.

        Of a subreaper these are orphans that were started with a cleared environment.
        """
        return [
            process
            for process in self.processes.values()
            if process.parent == parent and process.pid not in claimed and self.mark(process) is None
        ]


@dataclasses.dataclass
class Tree:
    """The processes of one job, whose `MARK` has the value `mark`.

    `leader` is the job's process, which started at `started`. `held`: it is our child, and its exit status is not taken
    yet, so its number is nobody else's, and neither is the session's. `whole`: count those that have left the session
    too.
    `known` are processes that were found to belong to it, with their starts, `gone_since` is the number of the look
    at which there were none any more. `grace` are the seconds between TERM and KILL for `end_trees`.
    """

    mark: str
    leader: int
    started: str | None
    held: bool = True
    whole: bool = True
    known: dict[int, str] = dataclasses.field(default_factory=dict)
    gone_since: int | None = None
    grace: float = 0

    def members(self, census: Census) -> list[procfs.Process]:
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
                signals.send_signal(process, number)


def with_descendants(pids: t.Collection[int], processes: t.Mapping[int, procfs.Process]) -> set[int]:
    """:returns: `pids` and all their descendants among `processes`."""
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


@dataclasses.dataclass
class Ended:
    """What `end_trees` did with a tree.

    `found` tells whether there was a process, `survivors` are those that run on.
    """

    found: bool
    survivors: list[dict[str, t.Any]]


def end_trees(trees: t.Sequence[Tree]) -> list[Ended]:
    """End the processes of jobs that nobody supervises any more, all at once: TERM, and the grace of each later KILL.

    :returns: what became of each of `trees`, in order.
    """
    census = Census()
    census.refresh()
    found = [bool(tree.members(census)) for tree in trees]
    start = time.monotonic()
    for tree in trees:
        tree.signal(census, signal.SIGTERM)
        tree.signal(census, signal.SIGCONT)
    left = list(trees)
    while True:
        left = [tree for tree in left if not tree.is_gone(census) and time.monotonic() < start + tree.grace + GIVE_UP]
        if not left:
            break
        time.sleep(census.pause)
        census.refresh()
        for tree in left:
            if time.monotonic() >= start + tree.grace:
                tree.signal(census, signal.SIGKILL)
        found = [before or bool(tree.members(census)) for before, tree in zip(found, trees)]
    return [Ended(there, describe_processes(tree.members(census))) for there, tree in zip(found, trees)]


def describe_processes(processes: t.Iterable[procfs.Process]) -> list[dict[str, t.Any]]:
    """:returns: `pid`, `owner`, `command` and `started` of each of `processes` that runs, for a record."""
    found = []
    for process in processes:
        try:
            uid, command = procfs.owner_and_command(process.pid)
        except ProcessLookupError:
            continue
        name = "".join(letter if letter.isprintable() else "?" for letter in command)
        one = {"pid": process.pid, "owner": user_name(uid), "command": name, "started": process.started}
        if procfs.is_alive(process.pid, process.started):
            found.append(one)
    return found


def still_running(survivors: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """:returns: those of the processes that `describe_processes` has told of which still run."""
    return [dict(one) for one in survivors if procfs.is_alive(one["pid"], one["started"])]


def of_survivors(mark: str | None, survivors: t.Iterable[t.Mapping[str, t.Any]], grace: float = 0) -> Tree:
    """:returns: the processes that `describe_processes` has told of, with all that they have started since.

    :arg mark: the mark of their job, if whatever carries it is meant, too.
    """
    known = {one["pid"]: one["started"] for one in survivors}
    return Tree(mark or NOBODY, leader=0, started=None, held=False, known=known, grace=grace)
