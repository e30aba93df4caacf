# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing what is left of finished jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._record import LOST
from ansible_collections.background.jobs.plugins.module_utils._status import Status
from ansible_collections.background.jobs.plugins.module_utils._store import Store


def remove(statuses: t.Iterable[Status]) -> None:
    """Remove the files of those jobs that are finished; one that still runs, or is another's, keeps its files."""
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
