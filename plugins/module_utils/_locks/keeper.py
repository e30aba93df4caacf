# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping a job's lock for as long as processes of it run that could not be ended.

PRIVATE to the collection background.jobs. Do not use this from other collections.

They do not hold it themselves: whatever starts programs as another user closes what they would inherit. So a process of
its own does, which outlives the supervisor, and the batch is over all the same.
"""

from __future__ import annotations

import os
import signal
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, this_process, title
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Census, of_survivors

_GLANCE = 0.5
"""Seconds between two looks at the processes that are known to run on."""
_GLANCES = 20
"""How many of these looks, at least, lie between two at all processes of the host, for those that they have started."""


def keep_lock(lock: int, name: str, survivors: t.Sequence[t.Mapping[str, t.Any]]) -> int | None:
    """Start a process that holds a lock until nothing of some processes runs, nor of what they have started.

    :arg lock: file descriptor that holds it; the caller closes its own.
    :arg name: the name of the lock, by which the process list shows this process.
    :arg survivors: the processes, as `_processes.tree.describe_processes` tells them.
    :returns: its pid, a child of ours; `None` if it cannot be started.
    """
    try:
        pid = os.fork()
    except OSError:
        return None
    if pid:
        return pid
    try:
        _leave(lock)
        title.show(title.title("keeper of the lock", name))
        tree = of_survivors(None, survivors)
        census = Census()
        census.refresh()
        while not tree.is_gone(census):
            _sleep(tree.known)
            census.refresh()
    finally:
        os._exit(0)


def _leave(lock: int) -> None:
    """Let go all that we have inherited, but for the lock."""
    os.setsid()
    os.chdir("/")
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    this_process.keep_open((lock,))


def _sleep(known: t.Mapping[int, str]) -> None:
    """Sleep until one of the processes has ended, or it is time to look for others."""
    for dummy in range(_GLANCES):
        time.sleep(_GLANCE)
        if not known or not all(procfs.is_alive(pid, started) for pid, started in known.items()):
            return
