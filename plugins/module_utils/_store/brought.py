# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a job has brought along, such as a script.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import files_name
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    Directory,
    check_jid,
    create,
    native,
)


class BroughtFiles(Directory):
    """A directory for each job that has such files."""

    def make_files(self, jid: str, files: t.Mapping[str, bytes]) -> str:
        """Put files a job brought along into a directory of its own, mode 0700 like the files in it.

        :returns: the path of the directory.
        :raises OSError: they could not be written.
        """
        directory = self._files_path(jid)
        with contextlib.suppress(FileExistsError):  # there are some already
            os.mkdir(directory)
        os.chmod(directory, 0o700)
        for name, data in files.items():
            path = os.path.join(directory, native(os.path.basename(name)))
            handle = create(path, os.O_WRONLY, 0o700)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
        return directory

    def remove_files(self, jid: str) -> None:
        """Remove what `make_files` made, if anything."""
        shutil.rmtree(self._files_path(jid), ignore_errors=True)

    def _files_path(self, jid: str) -> str:
        return os.path.join(self.directory, files_name(check_jid(jid)))
