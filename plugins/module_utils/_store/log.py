# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the commands of a job have printed.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os

from ansible_collections.background.jobs.plugins.module_utils._model.names import log_name
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    Directory,
    StoreError,
    check_jid,
    create,
)


class Logs(Directory):
    """A file for each job that prints something."""

    def open_log(self, jid: str) -> int:
        """:returns: a file descriptor that appends to the log of `jid`, which is made if there is none yet."""
        path = self._log_path(jid)
        try:
            return create(path, os.O_RDWR | os.O_APPEND, 0o600)
        except FileExistsError:  # an earlier attempt's
            return self._open(path, os.O_RDWR | os.O_APPEND)

    def log_size(self, jid: str) -> int:
        """:returns: the bytes in the log of `jid`, 0 if there is none."""
        try:
            return os.lstat(self._log_path(jid)).st_size
        except OSError:
            return 0

    def read_log(self, jid: str, offset: int, limit: int) -> tuple[int, bytes]:
        """:returns: the size of the log of `jid`, and `limit` bytes at most behind `offset`, the last."""
        try:
            self.check()
            handle = self._open(self._log_path(jid), os.O_RDONLY)
        except (OSError, StoreError):
            return offset, b""
        try:
            size = os.fstat(handle).st_size
            start = max(offset, size - limit)
            return max(offset, size), os.pread(handle, max(0, size - start), start)
        finally:
            os.close(handle)

    def remove_log(self, jid: str) -> None:
        """Remove the log of `jid`, if there is one."""
        self._unlink(os.path.basename(self._log_path(jid)))

    def _log_path(self, jid: str) -> str:
        return os.path.join(self.directory, log_name(check_jid(jid)))
