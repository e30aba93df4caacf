# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a batch: the lock that proves that its supervisor lives, the reserve, the trace.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import sys

from ansible_collections.background.jobs.plugins.module_utils._model.names import lock_name, reserve_name, trace_name
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    Directory,
    StoreError,
    check_jid,
    create,
)

_HOLDER = 128
"""Bytes of a lock file: the pid of who holds it and its start."""
_LINUX, _BSD = ("linux",), ("darwin", "dragonfly", "freebsd", "netbsd", "openbsd")
_LOCK, _TYPE, _PID = ("qqihh", 3, 2) if sys.platform.startswith(_BSD) else ("hhqqi", 0, 4)
"""The first fields of struct flock (fcntl(2)), and which of them are the type of a lock and the pid of who has it."""
_NO_LOCKS = (
    "file locks do not work in the async directory {} as they have to, as on some network file systems: nobody could "
    "tell whether jobs run; set the shell option 'async_dir' (variable ansible_async_dir, or ANSIBLE_ASYNC_DIR) to a "
    "directory on a local file system"
)
_RESERVE = 16384
"""Bytes; a record without a result takes less than a thousand."""


class BatchFiles(Directory):
    """One of each for a batch; they are gone when it is over, but for the trace."""

    def lock_path(self, batch: str) -> str:
        """:returns: the path of the lock file of `batch`."""
        return os.path.join(self.directory, lock_name(check_jid(batch)))

    def make_lock(self, batch: str) -> int:
        """Create the lock file of a batch and take the lock.

        :returns: a file descriptor; the lock lives as long as any process has it open, however that process ends.
        :raises OSError: it cannot be made.
        :raises StoreError: locks do not work there, or are no flock(2), and would end with whoever took them.
        """
        handle = create(self.lock_path(batch), os.O_RDWR, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError as exc:
                raise StoreError(_NO_LOCKS.format(self.directory)) from exc
            if not os.fstat(handle).st_nlink:
                raise OSError(errno.ENOENT, "the lock file was removed while the batch was being started")
            if not self.is_locked(batch):
                raise StoreError(_NO_LOCKS.format(self.directory))
            os.pwrite(handle, b" " * _HOLDER, 0)  # the room, while there is some
        except BaseException:
            os.close(handle)
            self._unlink(os.path.basename(self.lock_path(batch)))
            raise
        return handle

    @staticmethod
    def name_holder(lock: int, pid: int, started: str | None) -> None:
        """Note in the lock file `lock` who holds it: a supervisor, by its pid and its start, if that can be told.

        It is this process: it takes a lock of its own on it besides, of which the kernel tells who has it.
        """
        with contextlib.suppress(OSError):  # the two are one on some file systems
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(lock, f"{pid} {started or ''}".ljust(_HOLDER).encode("ascii", "replace"), 0)

    def lock_holder(self, batch: str) -> tuple[int, str] | None:
        """:returns: pid and start of the supervisor that has the lock of `batch`, `None` where nobody is named. The
        start is empty where it could not be told.
        """
        try:
            handle = self.open_lock(batch)
        except (OSError, StoreError):
            return None
        try:
            pid, dummy, started = os.pread(handle, _HOLDER, 0).decode("ascii", "replace").strip().partition(" ")
        finally:
            os.close(handle)
        return (int(pid), started) if pid.isdigit() else None

    def lock_owner(self, batch: str) -> int | None:
        """:returns: the pid of the supervisor that has the lock of `batch` at this moment, as the kernel tells it to
        this process; `None` where it tells of none.
        """
        if not sys.platform.startswith((*_LINUX, *_BSD)):
            return None
        fields = [0] * 5
        fields[_TYPE] = fcntl.F_WRLCK
        try:
            handle = self.open_lock(batch)
        except (OSError, StoreError):
            return None
        try:
            told = fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(_LOCK, *fields).ljust(64, b"\0"))
        except OSError:
            return None
        finally:
            os.close(handle)
        fields = list(struct.unpack_from(_LOCK, told))
        return fields[_PID] if fields[_TYPE] != fcntl.F_UNLCK and fields[_PID] > 0 else None

    def open_lock(self, batch: str) -> int:
        """:returns: a file descriptor of the lock file of `batch`, to ask for the lock, or to share it.

        :raises OSError: there is none, or it cannot be opened, or is not this user's.
        :raises StoreError: the directory is not safe.
        """
        self.check()
        return self._open(self.lock_path(batch), os.O_RDONLY)

    def remove_lock(self, batch: str) -> None:
        """Remove the lock file of a batch and its reserve, if they are still there."""
        self.remove_reserve(batch)
        self._unlink(os.path.basename(self.lock_path(batch)))

    def is_locked(self, batch: str) -> bool:
        """:returns: whether a supervisor holds the lock of `batch`, that is, whether it lives.

        The lock is asked for as one that others may share: so several readers at once do not take each other for the
        supervisor, which has it for itself alone.
        """
        try:
            handle = self.open_lock(batch)
        except (OSError, StoreError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        else:
            return False
        finally:
            os.close(handle)

    def make_reserve(self, batch: str) -> None:
        """Keep some room on the disk, so that what has become of a job can be said even when the disk is full.

        :raises OSError: there is none.
        """
        handle = create(self._reserve_path(batch), os.O_WRONLY, 0o600)
        try:
            os.write(handle, b"\0" * _RESERVE)
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove_reserve(self, batch: str) -> bool:
        """:returns: whether there was a reserve, which is gone now."""
        return self._unlink(os.path.basename(self._reserve_path(batch)))

    def _reserve_path(self, batch: str) -> str:
        return os.path.join(self.directory, reserve_name(check_jid(batch)))

    def trace_path(self, batch: str) -> str:
        """:returns: the path of the trace of `batch`; see `_supervisor.trace`."""
        return os.path.join(self.directory, trace_name(check_jid(batch)))

    def make_trace(self, batch: str) -> int:
        """:returns: a file descriptor of the new trace of `batch`.

        :raises OSError: it cannot be made, or is there already.
        """
        return create(self.trace_path(batch), os.O_WRONLY | os.O_APPEND, 0o600)

    def remove_trace(self, batch: str) -> None:
        """Remove the trace of `batch`, if there is one, once no job of it is left."""
        path = self.trace_path(batch)
        if os.path.lexists(path) and not any(name.startswith(f"{batch}.") for name in os.listdir(self.directory)):
            self._unlink(os.path.basename(path))
