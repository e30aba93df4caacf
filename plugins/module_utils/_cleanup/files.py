# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing what is left of finished jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import LOST
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Ended, end_trees
from ansible_collections.background.jobs.plugins.module_utils._reader.left_running import left_running, survivors
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


def end_lost(statuses: t.Sequence[Status]) -> dict[str, Ended]:
    """End what jobs have left running that lost their supervisor, all of them at once. What is known as not to be ended
    is left alone.

    :returns: what became of it, by the jids of these jobs.
    """
    lost = (status for status in statuses if status.state == LOST and not survivors(status))
    trees = {status.jid: left_running(status) for status in lost}
    left = {jid: tree for jid, tree in trees.items() if tree is not None}
    return dict(zip(left, end_trees(list(left.values())))) if left else {}


def remove_finished(
    statuses: t.Iterable[Status], sharers: t.Mapping[str, str] | None = None
) -> dict[str, list[dict[str, t.Any]]]:
    """Remove what is left of those jobs that are finished; one that still runs, or is another's, is not touched.

    :arg sharers: by jid, who collects a job that several wait for: see `_store.store.Store.collect`.
    :returns: by jid, the processes of lost jobs that could not be ended.
    """
    sharers = sharers or {}
    statuses = list(statuses)
    ended = end_lost([status for status in statuses if status.ours_to_remove])
    for status in statuses:
        if not status.finished or not status.ours_to_remove:
            continue
        store = Store(os.path.dirname(status.results_file))
        store.collect(status.jid, sharers.get(status.jid))
        store.remove_files(status.jid)
        if status.state == LOST and status.record is not None:
            store.remove_attempts(status.jid)
        if status.record is not None and not store.is_locked(status.record.batch):
            store.remove_lock(status.record.batch)
        if status.record is not None:
            store.remove_trace(status.record.batch)
    return {jid: each.survivors for jid, each in ended.items() if each.survivors}
