# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that are to be launched although jobs of the same group and name are running.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel
from ansible_collections.background.jobs.plugins.module_utils._model.batch import ATTACH, FAIL, RESTART, START, Batch
from ansible_collections.background.jobs.plugins.module_utils._model.names import KILL
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes.procfs import is_alive
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence
from ansible_collections.background.jobs.plugins.module_utils._reader.left_running import left_running, survivors
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import jobs_of_group
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

Found: t.TypeAlias = "tuple[Status, list[int]]"
"""A job that runs; of one that has ended, or is lost, with the processes of it that run on."""


class RunningError(Exception):
    """Jobs that are not to be started, because of others; the message is a sentence."""


@contextlib.contextmanager
def alone(store: Store) -> t.Iterator[None]:
    """Let nobody else look for running jobs in the directory, and then start its own, at the same time."""
    handle = os.open(store.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def settle_running(store: Store, batch: Batch) -> dict[str, Status]:
    """Do what `if_running` of a batch says about running jobs of its group that have names of its jobs.

    A job counts as running as long as its batch does, so a job that has ended before the others is not started again.

    :returns: the running jobs to attach to, by the jid of the job that is not to be started for it.
    :raises RunningError: none of the batch is to be started.
    """
    if batch.if_running == START:
        return {}
    found = _running(store, batch.group, [job.name for job in batch.jobs])
    orphans = [(status, pids) for status, pids in found if pids]
    active = orphans + [(status, pids) for status, pids in found if not status.finished]
    if batch.if_running == FAIL and active:
        raise RunningError(f"{_describe(active)}; wait for it, cancel it, or set 'if_running'")
    if batch.if_running == RESTART:
        _end(store, [status for status, dummy in active])
    if batch.if_running == ATTACH and orphans:
        raise RunningError(f"{_describe(orphans)}; nobody can attach to it: cancel it, or set 'if_running: restart'")
    running = {status.record.name: status for status, dummy in found if status.record}
    if batch.if_running != ATTACH:
        return {}
    attached = {job.jid: running[job.name] for job in batch.jobs if job.name in running}
    for job in batch.jobs:
        awaited = [jid for jid in job.after if jid in attached]
        if job.jid not in attached and awaited:
            raise RunningError(
                f"job '{job.name}' comes after a job that another launch has started already "
                f"({attached[awaited[0]].jid}), and it is not running itself; wait for that one before"
            )
    return {jid: status for jid, status in attached.items() if store.share(status.jid, jid)}


def _running(store: Store, group: str | None, names: t.Collection[str]) -> list[Found]:
    """:returns: the jobs of batches that run, and those that have ended, or are lost, of which processes run on."""
    evidence = Evidence()
    found = []
    for dummy, jid in jobs_of_group(store, group, names):
        status = read_status(store, jid)
        pids = _pids(status, evidence)
        if status.record is not None and (pids or store.is_locked(status.record.batch)):
            found.append((status, pids))
    return found


def _pids(status: Status, evidence: Evidence) -> list[int]:
    """:returns: the processes of a job that nobody looks after: of a lost one, and those that could not be ended."""
    return evidence.pids(left_running(status)) or [int(one["pid"]) for one in survivors(status)]


def _end(store: Store, statuses: t.Sequence[Status]) -> None:
    """End jobs that others are to take the place of.

    :raises RunningError: one of them runs on; no request to end it is left.
    """
    ended = [each.status for each in cancel.cancel_jobs([(store, status.jid) for status in statuses], KILL, False)]
    evidence = Evidence()
    found = [(status, _pids(status, evidence)) for status in ended]
    stuck = [(status, pids) for status, pids in found if pids or not status.finished]
    if stuck:
        for status, dummy in stuck:
            store.take_cancel(status.jid)
        raise RunningError(f"{_describe(stuck)}, and could not be ended, so it is not started a second time")
    for status in ended:  # a wait for the group is for those that take their place
        store.hide(status.jid)


def _describe(found: t.Iterable[Found]) -> str:
    """:returns: which jobs run, and as what processes, as the beginning of a sentence."""
    return "; ".join(_describe_one(status, pids) for status, pids in found)


def _describe_one(status: Status, pids: t.Sequence[int]) -> str:
    record = status.record
    name, group, user = (status.jid, None, None) if record is None else (record.name, record.group, record.user)
    what = f"job '{name}' of group '{group}'"
    said = f": {status.message}" if status.message else ""
    if status.finished:
        return (
            f"{what} is {status.state}, but processes of it run on (pid {', '.join(map(str, pids))}, user {user}){said}"
        )
    pid = f", pid {record.pid}" if record is not None and is_alive(record.pid, record.pid_start) else ""
    return f"{what} is {status.state} already ({status.jid}{pid}, user {user}){said}"
