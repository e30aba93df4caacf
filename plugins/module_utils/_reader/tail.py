# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the commands of jobs have printed so far, from where the asker has read to.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.told import Output
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

LIMIT = 1 << 16
"""Bytes of one job's output in one answer; of more, the newest are told."""


def read_output(store: Store, jid: str, offset: int, to_the_end: bool, limit: int = LIMIT) -> Output | None:
    """Read the log of a job on from `offset`.

    :arg to_the_end: whether nothing will be added; else a line that is not complete is left for the next time.
    :returns: `None` if there is nothing new.
    """
    size, data = store.read_log(jid, offset, limit)
    left_out = size - offset - len(data)
    start = offset + max(0, left_out)
    if left_out > 0:
        cut = _behind_first_line(data)
        data, start, left_out = data[cut:], start + cut, left_out + cut
    if not to_the_end:
        data = data[: _behind_last_line(data, limit)]
    if not data:
        return None
    return Output(base64.b64encode(data).decode("ascii"), start + len(data), max(0, left_out))


def _behind_first_line(data: bytes) -> int:
    """:returns: where the first whole line begins; a single longer one is told from where it is."""
    return data.find(b"\n") + 1


def _behind_last_line(data: bytes, limit: int) -> int:
    """:returns: where the last line, or state of a progress bar, ends; a longer line ends behind a whole character."""
    end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1  # of "\r\n" the half may have come
    if end or len(data) < limit:
        return end
    end = len(data)
    while end > limit - 4 and data[end - 1] & 0xC0 == 0x80:  # inside of a character in UTF-8
        end -= 1
    return end - 1 if data[end - 1] >= 0xC0 else len(data)


class Tails:
    """The logs of some jobs, watched for something new."""

    def __init__(self, jobs: t.Sequence[tuple[Store, str]], offsets: t.Mapping[str, int]) -> None:
        """:arg offsets: how far the asker has read, by jid; what is not in it has not been read at all."""
        self._jobs = list(jobs)
        self._offsets = offsets
        self._sizes = {jid: offsets.get(jid, 0) for dummy, jid in jobs}

    def has_news(self) -> bool:
        """:returns: whether a job has printed another line."""
        for store, jid in self._jobs:
            size = store.log_size(jid)
            if size > self._sizes[jid]:
                self._sizes[jid] = size
                if read_output(store, jid, self._offsets.get(jid, 0), False) is not None:
                    return True
        return False

    def read(self, finished: t.Collection[str]) -> dict[str, Output]:
        """:returns: what is new, by jid.

        :arg finished: the jobs that print nothing any more.
        """
        found = {jid: read_output(store, jid, self._offsets.get(jid, 0), jid in finished) for store, jid in self._jobs}
        return {jid: output for jid, output in found.items() if output is not None}
