# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to cancel a job: empty files beside its status file.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os

from ansible_collections.background.jobs.plugins.module_utils._model.names import REQUESTS, request_name
from ansible_collections.background.jobs.plugins.module_utils._store.directory import Directory, check_jid, create


class Requests(Directory):
    """Made by who cancels, taken by the supervisor."""

    def request_cancel(self, jid: str, mode: str) -> None:
        """Leave a request for the supervisor of `jid` to cancel it; it is told by a signal that there is one.

        :arg mode: one of `REQUESTS`.
        :raises OSError: it could not be made.
        """
        with contextlib.suppress(FileExistsError):
            os.close(create(self._request_path(jid, mode), os.O_WRONLY, 0o600))

    def take_cancel(self, jid: str) -> str | None:
        """:returns: the mode of the request to cancel `jid`, which is removed; `None` if there is none.

        Of two requests it is the one that ends more. One that comes meanwhile is a file of its own, and stays.
        """
        taken = [mode for mode in REQUESTS if self._take(self._request_path(jid, mode))]
        return taken[0] if taken else None

    @staticmethod
    def _take(path: str) -> bool:
        """:returns: whether there was a file of this user, which is removed."""
        try:
            if os.lstat(path).st_uid != os.geteuid():
                return False
            os.unlink(path)
        except OSError:
            return False
        return True

    def _request_path(self, jid: str, mode: str) -> str:
        """:returns: the path of an empty file, whose being there is the request."""
        return os.path.join(self.directory, request_name(check_jid(jid), mode))
