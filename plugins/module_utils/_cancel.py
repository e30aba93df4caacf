# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cancelling jobs: asking their supervisors, and ending what is left of jobs that have none.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import signal
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _process, _tree
from ansible_collections.background.jobs.plugins.module_utils._builtin import Wrappers, write_cancelled
from ansible_collections.background.jobs.plugins.module_utils._reap import end_lost, left_running
from ansible_collections.background.jobs.plugins.module_utils._record import CANCELLED, LOST, QUEUED
from ansible_collections.background.jobs.plugins.module_utils._status import Status, look
from ansible_collections.background.jobs.plugins.module_utils._store import Store
from ansible_collections.background.jobs.plugins.module_utils._waiting import Job

KILL = "kill"
"""Mode that ends running jobs too."""
DRAIN = "drain"
"""Mode that only keeps jobs from being started."""

_PATIENCE = 20.0
"""Seconds beyond a job's own time between TERM and KILL that its supervisor may take, on a host under load."""
_GLANCE = 0.05
_GRACE = 10.0
"""Seconds between TERM and KILL for a job of builtin async, which has no such setting of its own."""


@dataclasses.dataclass
class Cancelled:
    """What became of a job that was to be cancelled, and whether it is ended by that."""

    status: Status
    changed: bool


def select(store: Store, group: str | None, names: t.Sequence[str] | None) -> list[Job]:
    """:returns: the jobs of this collection in the async directory that can be cancelled: those that are not finished,
    and those that have lost their supervisor while processes of theirs run on.

    :arg group: only those of this group.
    :arg names: only those of these names.
    """
    found = []
    census: _tree.Census | None = None
    for jid in store.jids():
        status = look(store, jid)
        record = status.record
        if record is None or (group is not None and record.group != group):
            continue
        if names is not None and record.name not in names:
            continue
        if status.state == LOST:
            if census is None:
                census = _tree.Census()
                census.refresh()
            tree = left_running(status)
            if tree is None or not tree.members(census):
                continue
        elif status.finished:
            continue
        found.append((store, jid))
    return found


def cancel(jobs: t.Sequence[Job], mode: str, dry: bool) -> list[Cancelled]:
    """End jobs, and wait until they have ended.

    :arg mode: L(KILL) or L(DRAIN).
    :arg dry: change nothing, and only tell which jobs would be ended.
    """
    before = [look(store, jid) for store, jid in jobs]
    if dry:
        return [Cancelled(status, _would_end(status, mode)) for status in before]
    _ask(jobs, before, mode)
    _end_builtin(jobs, before, mode)
    ended = _end_lost(before)
    after = _wait(jobs, before, mode)
    for (store, jid), status in zip(jobs, after):
        if status.finished and status.ours_to_remove:  # it may have ended before its supervisor could take the request
            store.take_cancel(jid)
    return [
        Cancelled(now, (not was.finished and now.state == CANCELLED) or was.jid in ended)
        for was, now in zip(before, after)
    ]


def _would_end(status: Status, mode: str) -> bool:
    return status.state == QUEUED if mode == DRAIN else not status.finished


def _ask(jobs: t.Sequence[Job], statuses: t.Sequence[Status], mode: str) -> None:
    supervisors: dict[tuple[str, str], Store] = {}
    for (store, jid), status in zip(jobs, statuses):
        if not status.finished and status.record is not None:
            try:
                store.request_cancel(jid, mode)
            except OSError:  # the disk is full: that is what the reserve is for
                store.remove_reserve(status.record.batch)
                store.request_cancel(jid, mode)
            supervisors[store.directory, status.record.batch] = store
    for (dummy, batch), store in supervisors.items():
        holder = store.lock_holder(batch)
        process = None if holder is None else _process.find(*holder)
        if process is not None:
            _process.send(process, signal.SIGUSR1)


def _end_builtin(jobs: t.Sequence[Job], statuses: t.Sequence[Status], mode: str) -> None:
    theirs = [
        job for job, status in zip(jobs, statuses) if not status.finished and status.record is None and mode == KILL
    ]
    if theirs:
        wrappers = Wrappers()
        _tree.end([wrappers.tree(jid) for dummy, jid in theirs], _GRACE)
    for store, jid in theirs:
        if look(store, jid).state == LOST:
            write_cancelled(store, jid)


def _end_lost(statuses: t.Sequence[Status]) -> set[str]:
    """:returns: the jids of those lost jobs of which something still ran."""
    return {status.jid for status in statuses if status.ours_to_remove and end_lost([status])}


def _wait(jobs: t.Sequence[Job], before: t.Sequence[Status], mode: str) -> list[Status]:
    grace = max((status.record.kill_after for status in before if status.record is not None), default=0.0)
    deadline = time.monotonic() + grace + _PATIENCE
    statuses = list(before)
    while True:
        for index, (store, jid) in enumerate(jobs):
            if not statuses[index].finished or statuses[index].state == LOST:
                statuses[index] = look(store, jid)
        open_jobs = [status for status in statuses if _would_end(status, mode)]
        if not open_jobs or time.monotonic() >= deadline:
            return statuses
        time.sleep(_GLANCE)
