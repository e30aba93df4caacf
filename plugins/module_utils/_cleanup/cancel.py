# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cancelling jobs: asking their supervisors, and ending what is left of jobs that have none.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._locks import keeper, named_lock
from ansible_collections.background.jobs.plugins.module_utils._model.names import DRAIN, KILL
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCELLED,
    LOST,
    NOT_ENDED,
    QUEUED,
    STOPPED,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, signals
from ansible_collections.background.jobs.plugins.module_utils._processes import tree as _tree
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import (
    Wrappers,
    mitogen_worker,
    write_cancelled,
)
from ansible_collections.background.jobs.plugins.module_utils._reader.left_running import left_running, survivors
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import LocatedJob
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_PATIENCE = 20.0
"""Seconds beyond a job's own time between TERM and KILL that its supervisor may take, on a host under load."""
_GLANCE = 0.05
_GRACE = 10.0
"""Seconds between TERM and KILL for a job of builtin async, which has no such setting of its own."""


@dataclasses.dataclass
class Cancelled:
    """What became of a job that was to be cancelled, and whether it is ended by that.

    `survivors` are processes of it that could not be ended and run on, as `describe_processes` tells them.
    """

    status: Status
    changed: bool
    survivors: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)


def cancellable(store: Store, group: str | None, names: t.Sequence[str] | None) -> list[LocatedJob]:
    """:returns: the jobs of this collection in the async directory that can be cancelled: those that are not finished,
    and those that are, while processes of theirs run on that should not.

    :arg group: only those of this group.
    :arg names: only those of these names.
    """
    found = []
    census: _tree.Census | None = None
    for jid in store.jids():
        status = read_status(store, jid)
        record = status.record
        if record is None or (group is not None and record.group != group):
            continue
        if names is not None and record.name not in names:
            continue
        if status.finished:
            tree = left_running(status)
            if tree is None:
                continue
            if census is None:
                census = _tree.Census()
                census.refresh()
            if not tree.members(census):
                continue
        found.append((store, jid))
    return found


def cancel_jobs(jobs: t.Sequence[LocatedJob], mode: str, dry: bool) -> list[Cancelled]:
    """End jobs, and wait until they have ended.

    :arg mode: `KILL` or `DRAIN`.
    :arg dry: change nothing, and only tell which jobs would be ended.
    """
    before = [read_status(store, jid) for store, jid in jobs]
    if dry:
        return [Cancelled(status, _would_end(status, mode)) for status in before]
    _ask(jobs, before, mode)
    ended = _end_rest(jobs, before) if mode == KILL else {}
    after = _wait(jobs, before, mode)
    for (store, jid), status in zip(jobs, after):
        if status.finished and status.ours_to_remove:  # it may have ended before its supervisor could take the request
            store.take_cancel(jid)
    return [_tell(was, now, ended.get(index)) for index, (was, now) in enumerate(zip(before, after))]


def _tell(before: Status, now: Status, ended: _tree.Ended | None) -> Cancelled:
    """:arg ended: what was done beside that by `_end_rest`."""
    changed = not before.finished and (now.state == CANCELLED or now.reason == NOT_ENDED)
    if ended is None:
        return Cancelled(now, changed, survivors(now))
    return Cancelled(now, changed or (before.finished and ended.found), ended.survivors)


def _would_end(status: Status, mode: str) -> bool:
    return status.state == QUEUED if mode == DRAIN else not status.finished


def _ask(jobs: t.Sequence[LocatedJob], statuses: t.Sequence[Status], mode: str) -> None:
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
        if holder is None:
            continue  # it reads the requests as it begins
        process = procfs.find(*holder)
        if process is not None:
            signals.send_signal(process, signal.SIGUSR1)
        elif store.lock_owner(batch) == holder[0]:  # there is nothing to see it by, but it holds the lock
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(holder[0], signal.SIGUSR1)


def _end_rest(jobs: t.Sequence[LocatedJob], statuses: t.Sequence[Status]) -> dict[int, _tree.Ended]:
    """End at once what no supervisor of ours can end: jobs of builtin async, and what runs on of those that are lost or
    could not be ended before. What cannot be ended now is noted in the status files.

    :returns: what became of it, by the numbers of these jobs.
    """
    wrappers = Wrappers()
    trees: dict[int, _tree.Tree] = {}
    for index, status in enumerate(statuses):
        tree = None
        if not status.finished and status.record is None:
            tree = wrappers.tree(status.jid, _GRACE, mitogen_worker(status.result, status.results_file))
        elif status.ours_to_remove:
            tree = left_running(status)
        if tree is not None:
            trees[index] = tree
    ended = dict(zip(trees, _tree.end_trees(list(trees.values())))) if trees else {}
    for index, each in ended.items():
        (store, jid), status = jobs[index], statuses[index]
        if status.record is not None:
            if each.survivors:
                _note(store, status, each.survivors)
        elif each.survivors or read_status(store, jid).state == LOST:
            write_cancelled(store, jid, each.survivors)
    return ended


def _note(store: Store, status: Status, left: list[dict[str, t.Any]]) -> None:
    """Note in the status file of a job that nobody works on any more what of it could not be ended.

    The lock of one that was lost was held by what is ended now, so it is kept from now on.
    """
    record: t.Any = status.record  # it has one, or nothing of it would be known
    if not record.survivors:
        record.message = f"{read_status(store, status.jid).message}; {name_survivors(left)}"
        if record.lock is not None:
            lock = named_lock.take(record.lock, store.directory)
            if lock is not None:
                keeper.keep_lock(lock, record.lock, left)
                os.close(lock)
    record.state, record.reason, record.survivors = status.state, status.reason, left
    result = {"failed": True, "msg": record.message} if status.state == LOST else status.result
    with contextlib.suppress(OSError):  # the disk is full: it is told once, and not kept
        store.write(status.jid, encode_record(record, result))


def _wait(jobs: t.Sequence[LocatedJob], before: t.Sequence[Status], mode: str) -> list[Status]:
    grace = max((status.record.kill_after for status in before if status.record is not None), default=0.0)
    deadline = time.monotonic() + grace + _PATIENCE
    statuses = list(before)
    while True:
        for index, (store, jid) in enumerate(jobs):
            if not statuses[index].finished or statuses[index].state == LOST:
                statuses[index] = read_status(store, jid)
        open_jobs = [status for status in statuses if _would_end(status, mode) and status.reason != STOPPED]
        if not open_jobs or time.monotonic() >= deadline:
            return statuses
        time.sleep(_GLANCE)
