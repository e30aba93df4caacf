# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status files, each replaced only as a whole.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import json
import os
import stat
import threading
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import is_attempt, is_jid, temporary_name
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    OPEN,
    CorruptStatus,
    Directory,
    OthersStatus,
    StoreError,
    check_jid,
    create,
    unguessable,
    user_name,
)

TOGETHER = 16
"""Status files that `Store.write_all` writes at the same time."""
_LARGEST = 2 << 30
"""Bytes of a status file; of what a module prints less than that is kept, even if each character is escaped."""


class StatusFiles(Directory):
    """Writing and reading them."""

    def path(self, jid: str) -> str:
        """:returns: the absolute path of the status file of `jid`."""
        return os.path.join(self.directory, check_jid(jid))

    def write(self, jid: str, document: t.Mapping[str, t.Any], durable: bool = True) -> None:
        """Replace a status file as a whole: own temporary name, write, fsync, and rename only when all that worked.

        :arg durable: whether it must outlast a crash of the host (fsync); what only says how far a job has come, which
            such a crash ends, need not.
        :raises OSError: nothing was replaced, and nothing of the attempt is left.
        """
        path = self.path(jid)
        temporary = os.path.join(self.directory, temporary_name(jid, unguessable()))
        try:
            data = json.dumps(document).encode("ascii")
        except RecursionError as exc:
            raise OSError(errno.EOVERFLOW, "it is nested too deeply") from exc
        handle = create(temporary, os.O_WRONLY, 0o600)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def write_all(self, documents: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, OSError]:
        """`write` status files, several at a time: what waits for the disk (fsync) is then on its way together.

        :arg documents: by jid.
        :returns: what went wrong, by jid; nothing of these was replaced.
        :raises Exception: what no `write` should end with, such as a lack of memory.
        """
        waiting = collections.deque(documents)
        failed: dict[str, OSError] = {}
        strange: list[Exception] = []

        def work() -> None:
            with contextlib.suppress(IndexError):
                while True:
                    jid = waiting.popleft()
                    try:
                        self.write(jid, documents[jid])
                    except OSError as exc:
                        failed[jid] = exc
                    except Exception as exc:
                        strange.append(exc)

        helpers: list[threading.Thread] = []
        with contextlib.suppress(RuntimeError):  # this user may have no more threads
            while len(helpers) < min(len(documents), TOGETHER) - 1:
                helper = threading.Thread(target=work)
                helper.start()
                helpers.append(helper)
        work()
        for helper in helpers:
            helper.join()
        if strange:
            raise strange[0]
        return failed

    @staticmethod
    def _read(path: str) -> dict[str, t.Any]:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | OPEN)
        except FileNotFoundError:
            raise
        except PermissionError as exc:
            raise OthersStatus(
                f"the status file {path} cannot be opened by {user_name(os.geteuid())}: {exc.strerror}; ask as the "
                "user that started the job (become_user)"
            ) from exc
        except OSError as exc:
            what = "is a symbolic link" if exc.errno == errno.ELOOP else f"cannot be opened: {exc.strerror}"
            raise StoreError(f"the status file {path} {what}") from exc
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                raise StoreError(f"the status file {path} is not a regular file")
            if info.st_uid != os.geteuid():
                raise OthersStatus(
                    f"the status file {path} belongs to {user_name(info.st_uid)}, not to {user_name(os.geteuid())}; "
                    "ask as the user that started the job (become_user)"
                )
            if info.st_size > _LARGEST:
                raise CorruptStatus(f"the status file {path} has {info.st_size} bytes, more than any result")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                data = stream.read(_LARGEST)
        finally:
            os.close(handle)
        try:
            document = json.loads(data.decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError) as exc:
            raise CorruptStatus(f"the status file {path} is not JSON ({len(data)} bytes)") from exc
        if not isinstance(document, dict):
            raise CorruptStatus(f"the status file {path} holds no JSON object")
        return document

    def jids(self) -> list[str]:
        """:returns: the names in the directory that could be those of status files, ours or builtin async's.

        :raises StoreError: the directory is not safe.
        """
        self.check()
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if is_jid(name))

    def remove_attempts(self, jid: str) -> None:
        """Remove what a supervisor that was killed while it wrote has left of its attempt."""
        for name in os.listdir(self.directory):
            if is_attempt(name, check_jid(jid)):
                self._unlink(name)
