# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job that has ended without its supervisor, or not wholly, has left running.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import LOST
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes.procfs import boot_id, is_alive
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Tree, of_survivors, still_running


def left_running(status: Status) -> Tree | None:
    """:returns: the processes that should not run any more: those of a job that has lost its supervisor while it ran,
        and those that could not be ended; `None` if there are none, or none that we know of.

    Of a lost job whose own process has ended daemons are left, which a job that ends by itself leaves alone too.
    """
    record, mark = status.record, status.results_file
    if record is None or not status.finished:
        return None
    if survivors(status):
        return of_survivors(None if record.leave_children else mark, record.survivors, record.kill_after)
    if status.state != LOST:
        return None
    whole, grace = not record.leave_children, record.kill_after
    if record.pid is None:  # killed before it could note the pid: only the mark tells
        return Tree(mark, 0, None, held=False, whole=whole, grace=grace)
    if not is_alive(record.pid, record.pid_start):
        return None
    return Tree(mark, record.pid, record.pid_start, held=False, whole=whole, grace=grace)


def survivors(status: Status) -> list[dict[str, t.Any]]:
    """:returns: those of the processes that could not be ended when the job was which still run."""
    record = status.record
    if record is None or not record.survivors or record.boot_id != boot_id():
        return []
    return still_running(record.survivors)
