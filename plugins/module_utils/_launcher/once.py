# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A launch happens once, however often it is sent, and whoever asks for it after its answer was lost.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Its name is that of its batch, which no other launch has. Whoever makes the lock file of that name first decides: a
launch goes on, and who asks keeps a launch that comes later from it. After the batch has ended the lock file has gone,
and what is left of the jobs tells that there was one.
"""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import is_jid, is_shared_by
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_PATIENCE = 120.0
"""Seconds for which a launch that is under way is waited for: it may have to end other jobs before."""
_GLANCE = 0.05


def is_there(store: Store, batch: str) -> bool:
    """:returns: whether anything tells that the jobs of a batch were started, or attached to others that run."""
    for name in os.listdir(store.directory):
        if name.startswith(f"{batch}.") and is_jid(name):
            return True
        if is_shared_by(name, batch):
            return True
    return False


def known_statuses(store: Store, jids: t.Iterable[str]) -> dict[str, Status]:
    """:returns: those of the jobs of which something is there, by jid: a status file, or the job that one is attached
    to; collected ones that others still wait for, too.
    """
    # Few launches need it, and it takes a while.
    from ansible_collections.background.jobs.plugins.module_utils._reader.status import is_nowhere, read_status

    statuses = {jid: read_status(store, jid) for jid in jids}
    return {jid: status for jid, status in statuses.items() if not is_nowhere(status)}


def await_launch(store: Store, batch: str, patience: float = _PATIENCE) -> bool:
    """Wait until a launch whose lock file is there has started its jobs, or has given up.

    :returns: whether it has come to that.
    """
    deadline = time.monotonic() + patience
    while store.is_locked(batch) and store.lock_holder(batch) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_GLANCE)
    return True


def forestall(store: Store, batch: str) -> None:
    """Keep a launch that has not begun yet from ever beginning, or wait for one that has.

    The lock file that is made for this stays for an hour, as does everything else that belongs to no job.
    """
    with contextlib.suppress(OSError, StoreError):  # where no file can be made, nothing is started either
        try:
            os.close(store.make_lock(batch))
        except FileExistsError:
            await_launch(store, batch)
            return
        if is_there(store, batch):
            store.remove_lock(batch)
