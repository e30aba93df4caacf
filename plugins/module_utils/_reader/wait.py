# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting on the target for many jobs at once, without asking each of them again and again.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A status file is only ever replaced, so every change shows in the time stamp of its directory: while that stands still
nothing is read. What leaves no trace there, a killed supervisor, is looked for once a second.
"""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import CANCELLED, GOOD, STOPPED, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status, seen_as
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import Wrappers
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status, stopped
from ansible_collections.background.jobs.plugins.module_utils._reader.tail import Tails
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import News

_GLANCES = (0.02, 0.1)
"""Least and most seconds between two looks at the directories' time stamps."""
_LATE = 0.02
"""Part of the time waited by which the end of a wait may be noticed late, where the above permits it."""
_SWEEP = 1.0
"""Seconds between two looks for jobs that nobody works on any more."""
_REQUESTED = "it was cancelled"
"""How the message of a job begins that was cancelled on request; see `_supervisor.main` and `_model.outcome`."""
_SOON = 1.0
"""Seconds after which output, and a job that did not succeed, are reason enough to answer."""


LocatedJob: t.TypeAlias = "tuple[Store, str]"


def wait_for_jobs(
    jobs: t.Sequence[LocatedJob],
    patience: float,
    report: float,
    known: t.Mapping[str, str],
    tails: Tails | None = None,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
    started: t.Sequence[Record] = (),
    news: News | None = None,
) -> list[Status]:
    """Wait until all of `jobs` are finished, or there is something to report.

    :arg patience: seconds after which to answer in any case; 0 asks without waiting.
    :arg report: seconds after which to answer if any state differs from `known`.
    :arg known: the states, by jid, that the asker has seen already.
    :arg tails: the output of the jobs; new lines are something to report.
    :arg started: the records of the jobs, if they have been written just now.
    :arg news: what their supervisor tells; until then they are only looked at when a report is due.
    :returns: the status of every job, in order.
    """
    start = clock()
    watch = _Watch(jobs, known, started)
    is_stale = False
    while True:
        waited = clock() - start
        if is_stale and waited >= min(patience, report):
            watch.refresh(clock())
        if watch.all_finished:
            return watch.statuses
        if waited >= patience or (waited >= report and watch.differs):
            return watch.statuses
        if waited >= _SOON and (watch.is_alarming or (tails is not None and tails.has_news())):
            return watch.statuses
        pause = min(max(_GLANCES[0], waited * _LATE), _GLANCES[1])
        if news is None or news.is_over or tails is not None:
            sleep(pause)
            is_stale = False
        else:
            is_stale = not news.wait(pause if watch.is_alarming else max(pause, min(_SWEEP, patience - waited)))
        watch.refresh(clock(), look=not is_stale)


def jobs_of_group(store: Store, group: str | None, names: t.Collection[str] | None) -> list[LocatedJob]:
    """:returns: the jobs of this collection in an async directory, finished ones too, in the order of their launch.

    :arg group: only those of this group.
    :arg names: only those of these names.
    """
    return [(store, record.jid) for record in _records(store, group, names)]


def awaited(store: Store, group: str | None, names: t.Collection[str] | None) -> list[LocatedJob]:
    """:returns: those of `jobs_of_group` that a wait is for: of a group not what was cancelled and then launched again.

    Whoever has cancelled it was told so. Its files stay, for those who ask for it by its id.
    """
    records = _records(store, group, names)
    last = {record.name: record.queued_at or 0.0 for record in records}
    return [
        (store, record.jid)
        for record in records
        if group is None or not _was_cancelled(record) or last[record.name] < (record.ended_at or 0.0)
    ]


def _was_cancelled(record: Record) -> bool:
    """Whether somebody has asked for it, in contrast to a shutdown of the host, and to `halt`."""
    return record.state == CANCELLED and str(record.message).startswith(_REQUESTED)


def _records(store: Store, group: str | None, names: t.Collection[str] | None) -> list[Record]:
    found = []
    for jid in store.jids():
        record = read_status(store, jid).record
        if record is None or (group is not None and record.group != group):
            continue
        if names is None or record.name in names:
            number = jid.rpartition(".")[2]
            place = (record.queued_at or 0.0, record.batch, int(number) if number.isdigit() else 0, jid)
            found.append((place, record))
    return [record for dummy, record in sorted(found, key=lambda each: each[0])]


class _Watch:
    """The last known status of some jobs."""

    def __init__(
        self, jobs: t.Sequence[LocatedJob], known: t.Mapping[str, str], started: t.Sequence[Record] = ()
    ) -> None:
        """:arg known: the states, by jid, that the asker has seen already.

        :arg started: the records of the jobs, if they have been written just now.
        """
        self._jobs = list(jobs)
        self._known = known
        self._directories = sorted({store.directory for store, dummy in jobs})
        self._stamps = self._read_stamps()
        self._restless = True  # two changes within one tick of the file system's clock look like one
        self._swept: float | None = None
        if started:
            self._seen: list[tuple[int, int] | None] = [None] * len(jobs)
            self.statuses = [
                Status(record.jid, store.path(jid), record.state, record=record)
                for (store, jid), record in zip(jobs, started)
            ]
            self._judge()
            return
        # Marks before looks: a file replaced in between is then read once more, not never.
        self._seen = [self._mark(index) for index in range(len(jobs))]
        wrappers = Wrappers()
        self.statuses = [read_status(store, jid, wrappers) for store, jid in jobs]
        self._judge()

    def _judge(self) -> None:
        self.all_finished = all(status.finished for status in self.statuses)
        states = [(status.jid, seen_as(status.state, status.reason)) for status in self.statuses]
        news = [state for jid, state in states if self._known.get(jid) != state]
        self.differs = bool(news)
        self.is_alarming = any(state not in GOOD and state not in UNFINISHED for state in news)

    def refresh(self, now: float, look: bool = True) -> None:
        """:arg look: at files that have changed; else only whether somebody still works on the jobs."""
        stamps = self._read_stamps() if look else self._stamps
        if look and (stamps != self._stamps or self._restless):
            self._restless = stamps != self._stamps
            self._stamps = stamps
            self._read_changed()
            self._judge()
        if self._swept is None or now - self._swept >= _SWEEP:
            self._swept = now
            self._sweep()
            self._judge()

    def _read_stamps(self) -> list[int | None]:
        return [_stamp(directory) for directory in self._directories]

    def _mark(self, index: int) -> tuple[int, int] | None:
        store, jid = self._jobs[index]
        try:
            info = os.lstat(os.path.join(store.directory, jid))
        except OSError:
            return None
        return info.st_ino, info.st_mtime_ns

    def _read_changed(self) -> None:
        for index, status in enumerate(self.statuses):
            if not status.finished:
                mark = self._mark(index)
                if mark != self._seen[index]:
                    self._seen[index] = mark
                    self._look_again(index)

    def _sweep(self) -> None:
        """Look again at the jobs of batches whose supervisor has gone, or was stopped, or goes on."""
        alive: dict[tuple[str, str], bool] = {}
        stands: dict[tuple[str, str], bool] = {}
        wrappers = Wrappers()
        for index, status in enumerate(self.statuses):
            if status.finished:
                continue
            if status.record is None:
                if not wrappers.has(status.jid):
                    self._look_again(index, wrappers)
                continue
            store = self._jobs[index][0]
            key = (store.directory, status.record.batch)
            if key not in alive:
                alive[key] = store.is_locked(status.record.batch)
                stands[key] = stopped(store, status.record) is not None
            if not alive[key] or stands[key] != (status.reason == STOPPED):
                self._look_again(index)

    def _look_again(self, index: int, wrappers: Wrappers | None = None) -> None:
        self.statuses[index] = read_status(*self._jobs[index], wrappers)


def _stamp(directory: str) -> int | None:
    try:
        return os.stat(directory).st_mtime_ns
    except OSError:
        return None
