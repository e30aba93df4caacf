# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor writes into the status files of its jobs, also when there is no room on the disk.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import errno
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.record import Record, encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import DISK_FULL, GOOD, LOST, NOT_WRITTEN
from ansible_collections.background.jobs.plugins.module_utils._store.status_file import TOGETHER
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import Teller
from ansible_collections.background.jobs.plugins.module_utils._supervisor.trace import Trace

_SMALL = 4096
"""Characters of a result for which the reserve is given up when the disk is full."""


class Results:
    """The status files of a batch. Results of jobs that end together are kept back to wait for the disk together."""

    def __init__(
        self, store: Store, batch: str, records: t.Mapping[str, Record], trace: Trace, news: Teller | None = None
    ) -> None:
        """:arg records: those of the jobs of `batch`, by jid, as they are now whenever one is written.

        :arg news: is told of what is on disk.
        """
        self._store = store
        self._batch = batch
        self._records = records
        self._trace = trace
        self._news = news or Teller()
        self._ended: dict[str, dict[str, t.Any]] = {}
        """Results of jobs that have ended, which are not on disk yet."""

    def note(self, record: Record) -> None:
        """Write how far a job has come; that is not worth waiting for the disk, nor to fail for."""
        try:
            self._store.write(record.jid, encode_record(record), durable=False)
        except OSError as exc:
            self._trace.note(f"how far it has come could not be written: {exc.strerror}", record.jid)

    def add(self, jid: str, result: dict[str, t.Any]) -> None:
        """Take the result of a job that has ended; `keep` writes it."""
        self._ended[jid] = result
        if len(self._ended) >= TOGETHER:
            self.keep()

    def keep(self) -> None:
        """Write the final records of the jobs that have ended."""
        results, self._ended = self._ended, {}
        failed = self._store.write_all(
            {jid: encode_record(self._records[jid], result) for jid, result in results.items()}
        )
        if results:
            self._trace.note("results are on disk", *(jid for jid in results if jid not in failed))
        for jid, error in failed.items():
            self._trace.note(f"its result could not be written: {error.strerror}", jid)
            self._make_room(self._records[jid], results[jid], error)
        self._news.tell(self._records[jid].state in GOOD for jid in results)

    def _make_room(self, record: Record, result: dict[str, t.Any], error: OSError) -> None:
        """Write a final record that could not be: in the room of the log, or of the reserve, or without its result."""
        self._store.remove_log(record.jid)
        with contextlib.suppress(OSError):
            self._store.write(record.jid, encode_record(record, result))
            return
        if len(repr(result)) < _SMALL and self._store.remove_reserve(self._batch):
            with contextlib.suppress(OSError):
                self._store.write(record.jid, encode_record(record, result))
                with contextlib.suppress(OSError):
                    self._store.make_reserve(self._batch)
                return
        record.reason = DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else NOT_WRITTEN
        record.message = f"the job ended as {record.state}, but its result could not be written: {error.strerror}"
        record.state = LOST
        record.earlier = []
        self._store.remove_reserve(self._batch)
        with contextlib.suppress(OSError):  # else the file says "running"; with the lock gone all readers say lost
            self._store.write(record.jid, encode_record(record, {"failed": True, "msg": record.message}))
        with contextlib.suppress(OSError):
            self._store.make_reserve(self._batch)
