# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a supervisor does, line by line, for those who look for the cause of something; only if that was asked for.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Nothing of a job's arguments and of its output is in it, and no name of a job with `no_log`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_LIMIT = 1 << 20
"""Bytes after which nothing more is written, but how the supervisor ends."""
_RESERVED = 1 << 16
"""Bytes for that."""
_FULL = "the trace is full; what follows is left out, but how the supervisor ends"


class Trace:
    """A trace that nobody has asked for: it does nothing."""

    def note(self, what: str, *jids: str) -> None:
        """Write a line. `jids`: the jobs that it is about; they come first in it."""

    def servers(self, pids: t.Collection[int]) -> None:
        """Write a line if other fork servers run than before."""

    def last(self, what: str) -> None:
        """Write lines about the end of the supervisor, for which there is always room."""


OFF = Trace()


class File(Trace):
    """A trace in a file beside the status files. An error while it is written does not affect the jobs."""

    def __init__(self, handle: int, batch: Batch, clock: t.Callable[[], float] = time.monotonic) -> None:
        """:arg handle: file descriptor, which is kept.

        :arg clock: monotonic seconds; those in the trace begin with 0.
        """
        self._handle = handle
        self._clock = clock
        self._began = clock()
        self._names = {
            job.jid: f"{job.jid.rpartition('.')[2]}{'' if job.no_log else ' ' + json.dumps(job.name)}"
            for job in batch.jobs
        }
        self._written = 0
        self._lost = 0
        self._pids: set[int] = set()
        python = ".".join(map(str, sys.version_info[:3]))
        self.note(f"supervisor {os.getpid()} of {batch.batch} on {os.uname().nodename}, Python {python}")
        self.note(
            f"{len(batch.jobs)} jobs, concurrency {batch.concurrency}, halt {batch.halt}, deadline {batch.deadline:g} s"
        )
        wall = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.note(f"0 is {self._began:.6f} s of the monotonic clock, and {wall}")

    def note(self, what: str, *jids: str) -> None:
        """See `Trace.note`."""
        if self._written < _LIMIT:
            jobs = ", ".join(self._names.get(jid, jid) for jid in jids)
            self._write(f"job {jobs}: {what}" if jobs else what)
            if self._written >= _LIMIT:
                self._write(_FULL)

    def servers(self, pids: t.Collection[int]) -> None:
        """See `Trace.servers`."""
        if set(pids) != self._pids:
            self._pids = set(pids)
            self.note(f"fork servers: {', '.join(map(str, sorted(pids))) or 'none'}")

    def last(self, what: str) -> None:
        """See `Trace.last`."""
        for line in what.splitlines():
            if self._written < _LIMIT + _RESERVED:
                self._write(line)

    def _write(self, line: str) -> None:
        lost = f"({self._lost} lines before this one could not be written) " if self._lost else ""
        text = f"{self._clock() - self._began:.6f} {lost}{ascii(line)[1:-1]}\n".encode("ascii")
        try:
            self._written += os.write(self._handle, text)
            self._lost = 0
        except OSError:
            self._lost += 1


def begin_trace(store: Store, batch: Batch) -> Trace:
    """:returns: the trace of a batch, which writes nothing where it was not asked for, or cannot be written."""
    if not batch.trace:
        return OFF
    try:
        return File(store.make_trace(batch.batch), batch)
    except OSError:
        return OFF
