# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks by name, which jobs of this host hold while they run.

PRIVATE to the collection background.jobs. Do not use this from other collections.

On Linux a lock is a socket address in the abstract namespace (unix(7)): one per host, whoever asks and wherever his
async directory is, gone the moment the last process that holds it has ended, and nothing of it ever on a disk. Where
there is no such thing it is a flock(2) on a file of the async directory, so it is one per user there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import socket
import sys

_ABSTRACT = sys.platform.startswith("linux")


def take(name: str, directory: str) -> int | None:
    """Take a lock if it is free.

    :arg directory: the async directory, absolute.
    :returns: the file descriptor that holds it, as do those inherited from it; `None` if somebody else has the lock.
    :raises OSError: it cannot be asked for.
    """
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return _bind(digest) if _ABSTRACT else _flock(os.path.join(directory, f".{digest}.lock"))


def release(handle: int) -> None:
    """Give a lock back, at the end of the job that held it."""
    if not _ABSTRACT:
        fcntl.flock(handle, fcntl.LOCK_UN)  # also for a child of the job that has inherited the descriptor
    os.close(handle)


def _bind(digest: str) -> int | None:
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0background.jobs/{digest}")
    except OSError as exc:
        holder.close()
        if exc.errno == errno.EADDRINUSE:
            return None
        raise
    return holder.detach()


def _flock(path: str) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.fstat(handle).st_uid != os.geteuid():
        os.close(handle)
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
