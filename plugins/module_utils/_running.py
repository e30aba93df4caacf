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

from ansible_collections.background.jobs.plugins.module_utils import _cancel
from ansible_collections.background.jobs.plugins.module_utils._batch import ATTACH, FAIL, RESTART, START, Batch
from ansible_collections.background.jobs.plugins.module_utils._status import Status, look
from ansible_collections.background.jobs.plugins.module_utils._store import Store
from ansible_collections.background.jobs.plugins.module_utils._waiting import select


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


def settle(store: Store, batch: Batch) -> dict[str, Status]:
    """Do what C(if_running) of a batch says about running jobs of its group that have names of its jobs.

    A job counts as running as long as its batch does, so a job that has ended before the others is not started again.

    :returns: the running jobs to attach to, by the jid of the job that is not to be started for it.
    :raises RunningError: none of the batch is to be started.
    """
    if batch.if_running == START:
        return {}
    names = [job.name for job in batch.jobs]
    running = {status.record.name: status for status in _alive(store, batch.group, names) if status.record}
    unfinished = [status for status in running.values() if not status.finished]
    if batch.if_running == FAIL and unfinished:
        raise RunningError(f"{'; '.join(map(_describe, unfinished))}; wait for it, cancel it, or set 'if_running'")
    if batch.if_running == RESTART and unfinished:
        _cancel.cancel([(store, status.jid) for status in unfinished], _cancel.KILL, dry=False)
        for status in unfinished:  # a wait for the group is for those that take their place
            store.hide(status.jid)
    if batch.if_running != ATTACH:
        return {}
    attached = {
        job.jid: running[job.name] for job in batch.jobs if job.name in running and store.share(running[job.name].jid)
    }
    for job in batch.jobs:
        awaited = [jid for jid in job.after if jid in attached]
        if job.jid not in attached and awaited:
            raise RunningError(
                f"job '{job.name}' comes after a job that another launch has started already "
                f"({attached[awaited[0]].jid}), and it is not running itself; wait for that one before"
            )
    return attached


def _alive(store: Store, group: str | None, names: t.Collection[str]) -> list[Status]:
    statuses = [look(store, jid) for store, jid in select(store, group, names)]
    return [status for status in statuses if status.record is not None and store.is_locked(status.record.batch)]


def _describe(status: Status) -> str:
    name = status.record.name if status.record is not None else status.jid
    group = status.record.group if status.record is not None else None
    return f"job '{name}' of group '{group}' is {status.state} already ({status.jid})"
