# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor of a batch tells of the ends of its jobs whoever has started it, as long as that one waits.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It is a byte for each job whose result is on disk, in a pipe. What counts is on disk: this only says when to look, which
saves looking at each file whenever another one has changed.
"""

from __future__ import annotations

import os
import select
import time
import typing as t

WELL, WRONG = b"+", b"!"
"""A job has succeeded, or was skipped; it has ended otherwise."""
_CHUNK = 1 << 16


class News:
    """The pipe, from the side of who waits."""

    def __init__(self, handle: int, jobs: int, told: bytes = b"") -> None:
        """:arg handle: file descriptor of the pipe, which is ours from now on.

        :arg jobs: how many jobs there are.
        :arg told: what was read of the pipe already.
        """
        self._handle: int | None = handle
        self._missing = jobs - len(told)
        self._goes_wrong = WRONG in told

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to hear."""
        return self._handle is None

    def wait(self, seconds: float) -> bool:
        """Wait until there is a reason to look at the jobs, but not longer than `seconds`.

        :returns: whether there is one: all of them have ended, one has not ended well, or the supervisor has gone.
        """
        deadline = time.monotonic() + seconds
        while self._handle is not None and self._missing > 0 and not self._goes_wrong:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._handle], [], [], left)[0]:
                return False
            data = os.read(self._handle, _CHUNK)
            self._missing -= len(data)
            self._goes_wrong = WRONG in data
            if not data:
                self.close()
        self._goes_wrong = False
        if self._missing <= 0:
            self.close()
        return True

    def close(self) -> None:
        """Hear no more."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Teller:
    """The pipe, from the side of the supervisor. The jobs do not depend on whether anybody reads it."""

    def __init__(self, handle: int | None = None) -> None:
        """:arg handle: file descriptor of the pipe, which is ours from now on; `None` where nobody hears."""
        self._handle = handle
        if handle is not None:
            os.set_blocking(handle, False)

    def tell(self, ends: t.Iterable[bool]) -> None:
        """Tell that the results of some jobs are on disk, and of each whether it has ended well."""
        data = b"".join(WELL if well else WRONG for well in ends)
        if self._handle is None or not data:
            return
        try:
            os.write(self._handle, data)
        except BlockingIOError:
            return
        except OSError:  # who waited has gone
            os.close(self._handle)
            self._handle = None
