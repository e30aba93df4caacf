# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing what is left of finished jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._process import is_alive
from ansible_collections.background.jobs.plugins.module_utils._record import LOST
from ansible_collections.background.jobs.plugins.module_utils._status import Status
from ansible_collections.background.jobs.plugins.module_utils._store import Store
from ansible_collections.background.jobs.plugins.module_utils._tree import Tree, end


def left_running(status: Status) -> Tree | None:
    """:returns: the processes of a job that has lost its supervisor while it ran; C(None) if its own process has ended.

    In that case what is left are daemons, which a job that ends by itself leaves alone too.
    """
    record, mark = status.record, status.results_file
    if status.state != LOST or record is None:
        return None
    if record.pid is None:  # killed before it could note the pid: only the mark tells
        return Tree(mark, 0, None, held=False, whole=not record.leave_children)
    if not is_alive(record.pid, record.pid_start):
        return None
    return Tree(mark, record.pid, record.pid_start, held=False, whole=not record.leave_children)


def end_lost(statuses: t.Sequence[Status]) -> bool:
    """End what jobs have left running that lost their supervisor.

    :returns: whether there was anything.
    """
    left = [tree for tree in map(left_running, statuses) if tree is not None]
    grace = max((status.record.kill_after for status in statuses if status.record is not None), default=0.0)
    return bool(left) and end(left, grace)


def remove(statuses: t.Iterable[Status]) -> None:
    """Remove what is left of those jobs that are finished; one that still runs, or is another's, is not touched."""
    statuses = list(statuses)
    end_lost([status for status in statuses if status.ours_to_remove])
    for status in statuses:
        if not status.finished or not status.ours_to_remove:
            continue
        store = Store(os.path.dirname(status.results_file))
        store.remove(status.jid)
        store.remove_files(status.jid)
        if status.state == LOST and status.record is not None:
            store.remove_attempts(status.jid)
        if status.record is not None and not store.is_locked(status.record.batch):
            store.remove_lock(status.record.batch)
