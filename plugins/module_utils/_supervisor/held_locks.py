# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The named locks that the jobs of a batch hold, and what keeps one after its job.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._locks import keeper, named_lock
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs


class HeldLocks:
    """Takes the locks of jobs, and gives them back when nothing of the job runs any more."""

    def __init__(self, directory: str) -> None:
        """:arg directory: the async directory."""
        self._directory = directory
        self._keepers: dict[int, tuple[str | None, str]] = {}
        """The processes that keep locks (see `_locks.keeper`) by pid: the start of each, and the name of the lock."""

    def take(self, name: str) -> int | None:
        """:returns: a file descriptor that holds the lock, `None` if another holds it.

        :raises OSError: it cannot be had at all.
        """
        return named_lock.take(name, self._directory)

    def holder(self, name: str) -> str:
        """:returns: who holds a lock that could not be taken, in a sentence."""
        kept = any(held == name for dummy, held in self._living().values())
        return "a job of which not all could be ended" if kept else "another batch of jobs"

    def release(self, name: str, lock: int, survivors: t.Sequence[t.Mapping[str, t.Any]] = ()) -> None:
        """Give a lock back, or leave it to a process that keeps it until none of the `survivors` runs any more."""
        if not survivors:
            named_lock.release(lock)
            return
        pid = keeper.keep_lock(lock, name, survivors)
        if pid is not None:
            self._keepers[pid] = (procfs.start_time(pid), name)
            os.close(lock)
        # Else we keep it ourselves, to our end.

    @property
    def keepers(self) -> t.AbstractSet[int]:
        """The pids of the processes that keep locks now."""
        return self._living().keys()

    def _living(self) -> dict[int, tuple[str | None, str]]:
        self._keepers = {pid: kept for pid, kept in self._keepers.items() if procfs.is_alive(pid, kept[0])}
        return self._keepers
