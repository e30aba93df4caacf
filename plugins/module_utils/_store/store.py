# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files of jobs in one async directory.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os

from ansible_collections.background.jobs.plugins.module_utils._model.names import SHARER
from ansible_collections.background.jobs.plugins.module_utils._store.batch_files import BatchFiles
from ansible_collections.background.jobs.plugins.module_utils._store.brought import BroughtFiles
from ansible_collections.background.jobs.plugins.module_utils._store.log import Logs
from ansible_collections.background.jobs.plugins.module_utils._store.requests import Requests
from ansible_collections.background.jobs.plugins.module_utils._store.shared import SharedFiles


class Store(SharedFiles, Logs, Requests, BroughtFiles, BatchFiles):
    """The files of jobs in one async directory, each kind from a unit of its own."""

    def collect(self, jid: str, sharer: str | None = None) -> None:
        """Remove the files of a job that is finished; one that others wait for is only hidden from all but these.

        :arg sharer: who collects it: see `share`; `None` is whoever started it, or has found it.
        """
        if os.path.lexists(self._shared_path(jid)):
            self.leave(jid, sharer or jid)
            beginning = f".{jid}."
            if any(name.startswith(beginning) and name.endswith(SHARER) for name in os.listdir(self.directory)):
                self.hide(jid)
                return
            self._unlink(os.path.basename(self._shared_path(jid)))
        self.remove(jid)

    def remove(self, jid: str) -> bool:
        """Remove the status file of `jid` and its log; a link is removed, never what it points to.

        :returns: whether there was a status file.
        """
        self.remove_log(jid)
        self.take_cancel(jid)
        return self._unlink(jid)
