# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of ended jobs may be removed, and removing them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._cleanup import leftovers
from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.names import batch_of
from ansible_collections.background.jobs.plugins.module_utils._model.states import LOST, OTHER_HOST, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._model.told import Info, Status
from ansible_collections.background.jobs.plugins.module_utils._reader.info import (
    Evidence,
    Selection,
    find_jobs,
)
from ansible_collections.background.jobs.plugins.module_utils._reader.left_running import left_running
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def prune_files(store: Store, selection: Selection, older_than: float, dry: bool, now: float) -> wire.Pruned:
    """Remove the files of jobs that have ended, and what killed launches have left behind.

    :arg older_than: seconds; what is younger stays.
    :arg dry: remove nothing, and only tell what would be.
    :arg now: seconds since the epoch.
    :raises StoreError: the async directory is not safe.
    :raises OSError: it cannot be read.
    """
    evidence = Evidence()
    pruned = wire.Pruned([], [], [], None)
    found = find_jobs(store, evidence, now)
    busy = {batch_of(info.ansible_job_id) for dummy, info in found if not _has_ended(info)}
    due: list[tuple[Status, Info]] = []
    for status, info in found:
        if is_due(info, selection, older_than):
            why = needed(store, status, busy, evidence)
            if why is None:
                due.append((status, info))
            else:
                pruned.kept.append({**dataclasses.asdict(info), "message": why})
    try:
        if not dry:
            remove_finished([status for status, dummy in due])
        if selection.group is None and selection.names is None and LOST in (selection.states or ()):
            pruned.files = leftovers.remove_leftovers(store, older_than, evidence, dry, now)
    except OSError as exc:
        pruned.error = f"could not remove {exc.filename or f'a file in {store.directory}'}: {exc.strerror}"
    pruned.jobs = [dataclasses.asdict(info) for dummy, info in due if dry or not os.path.lexists(info.results_file)]
    return pruned


def is_due(info: Info, selection: Selection, older_than: float) -> bool:
    """:returns: whether a job is to be removed, as far as its state and its age tell."""
    return _has_ended(info) and selection.has(info) and info.age >= older_than


def needed(store: Store, status: Status, busy: t.Collection[str], evidence: Evidence) -> str | None:
    """:returns: why the files of a job that has ended must stay all the same; `None` if nobody needs them.

    Who has launched jobs together may be waiting for the last of them, and reads the results of all of them then.

    :arg busy: batches of which not all jobs have ended.
    """
    if not status.ours_to_remove:
        return status.message or "it is not this user's"
    if evidence.wrappers.has(status.jid):
        return "its async_wrapper process has not ended"
    batch = batch_of(status.jid)
    if batch in busy or store.is_locked(batch):
        return "other jobs of the batch have not ended, and somebody may be waiting for all of them"
    pids = evidence.pids(left_running(status))
    if pids:
        return f"processes of it run on: pid {', '.join(map(str, pids))}; cancel it, or wait for it, to end them"
    return None


def _has_ended(info: Info) -> bool:
    return info.state not in UNFINISHED and info.reason != OTHER_HOST
