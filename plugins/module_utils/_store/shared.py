# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that several controllers wait for.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import (
    SHARER,
    is_jid,
    shared_name,
    sharer_name,
)
from ansible_collections.background.jobs.plugins.module_utils._store.directory import check_jid, create
from ansible_collections.background.jobs.plugins.module_utils._store.status_file import StatusFiles


class SharedFiles(StatusFiles):
    """Status files that stay until the last who waits has collected the job."""

    def read(self, jid: str) -> dict[str, t.Any]:
        """:returns: the content of a status file, also of one that was collected and is `share`d.

        :raises FileNotFoundError: there is none.
        :raises CorruptStatus: it is not a complete JSON object; since it is only replaced as a whole, that is final.
        :raises StoreError: it is a link, not a file, or another user's, or the directory is not safe.
        """
        self.check()
        try:
            return self._read(self.path(jid))
        except FileNotFoundError:
            if self._is_collected(jid):
                return self._read(self._shared_path(jid))
            raise

    def share(self, jid: str, sharer: str) -> bool:
        """Note that one more launch waits for `jid`: whoever collects it then renames its status file to an empty one
        that is made here, in place of removing it, so that the others find it, too. The last of them removes it.

        :arg sharer: the jid that the job would have in that launch, by which it `collect`s it.
        :returns: whether the job is still there.
        :raises OSError: it could not be noted.
        """
        flag = self._shared_path(jid)
        made = [self._sharer_path(jid, sharer)]
        if not os.path.lexists(flag):
            made += [self._sharer_path(jid, jid), flag]  # the launch that has started it waits for it as well
        for path in made:
            with contextlib.suppress(FileExistsError):
                os.close(create(path, os.O_WRONLY, 0o600))
        if os.path.lexists(self.path(jid)) or self._is_collected(jid):
            return True
        for path in made:
            self._unlink(os.path.basename(path))
        return False

    def attached_to(self, sharer: str) -> str | None:
        """:returns: the job that a launch waits for in place of `sharer`, which it did not start."""
        ending = f".{check_jid(sharer)}{SHARER}"
        for name in os.listdir(self.directory):
            if name.startswith(".") and name.endswith(ending) and is_jid(name[1 : -len(ending)]):
                return name[1 : -len(ending)]
        return None

    def refresh(self, jid: str, sharer: str) -> None:
        """Note that `sharer` still waits for `jid`, if it is shared."""
        with contextlib.suppress(OSError):
            os.utime(self._sharer_path(jid, sharer), follow_symlinks=False)

    def leave(self, jid: str, sharer: str) -> None:
        """Note that `sharer` does not wait for `jid` after all."""
        self._unlink(os.path.basename(self._sharer_path(jid, sharer)))

    def hide(self, jid: str) -> None:
        """Take `jid`, if it is there, out of what is found in the directory; a wait for its id still finds it.

        :raises OSError: it could not be renamed.
        """
        with contextlib.suppress(FileNotFoundError):  # collected, in this moment
            os.rename(self.path(jid), self._shared_path(jid))

    def _is_collected(self, jid: str) -> bool:
        try:
            return os.lstat(self._shared_path(jid)).st_size > 0
        except FileNotFoundError:
            return False

    def _shared_path(self, jid: str) -> str:
        return os.path.join(self.directory, shared_name(check_jid(jid)))

    def _sharer_path(self, jid: str, sharer: str) -> str:
        return os.path.join(self.directory, sharer_name(check_jid(jid), check_jid(sharer)))
