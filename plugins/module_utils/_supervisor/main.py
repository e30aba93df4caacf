# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor: the one process that runs a batch on the target and writes its jobs' status files.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It is a fork of the process that has started the batch (`_launcher.start`), and needs nothing of Ansible. It sleeps in
select(2) until a process ends, writes, or a limit is due.
"""

from __future__ import annotations

import gc
import os
import selectors
import shutil
import signal
import time
import traceback
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Packed
from ansible_collections.background.jobs.plugins.module_utils._model.names import DRAIN
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import Outcome, part
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCEL,
    FAILED,
    HALT,
    LOCKED,
    LOST,
    NO_ROOM,
    OPEN_FILES,
    QUEUED,
    RUNNING,
    SKIPPED,
    SPAWN,
    SUPERVISOR_FAILED,
    TIMED_OUT,
)
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, this_process, title
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor import texts
from ansible_collections.background.jobs.plugins.module_utils._supervisor import trace as _trace
from ansible_collections.background.jobs.plugins.module_utils._supervisor.attempt import Attempt, AttemptContext
from ansible_collections.background.jobs.plugins.module_utils._supervisor.ending import Endings
from ansible_collections.background.jobs.plugins.module_utils._supervisor.fork_client import ForkServers
from ansible_collections.background.jobs.plugins.module_utils._supervisor.held_locks import HeldLocks
from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import Teller
from ansible_collections.background.jobs.plugins.module_utils._supervisor.results import Results
from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import (
    Drop,
    Schedule,
    ScheduledJob,
    parse_halt,
    slots,
)

_EARLIER = 1 << 20
"""Bytes that are kept of each text in the result of an attempt that was not the last."""
_ROOM_LOOK = 1.0
"""Seconds after which a process that could not be started, while others ran, is started again if none has ended."""
_NO_ROOM = "it waits until this user may have one more process"
_LOCK_LOOK = 0.25
"""Seconds between two looks at a lock that somebody outside of this batch holds."""
_SHUTDOWN = "the supervisor was told to end (SIGTERM), as it is when the host shuts down"
_DESCRIPTORS = 40
"""File descriptors that the supervisor needs for itself, and while it starts a process or writes a file."""
_DESCRIPTORS_OF_JOB = 4
"""File descriptors that a job takes as long as it runs: two outputs, its log, its program."""
_NAP = 3600.0
"""Seconds for which to sleep at most: poll(2) takes milliseconds in an int, which end after 24 days."""


def affordable(wanted: int, jobs: int, locks: int) -> int:
    """:returns: `wanted` slots, where 0 is no limit, or as many as this process can have file descriptors for.

    :arg jobs: how many jobs there are.
    :arg locks: how many different locks they may hold beside that.
    """
    at_once = min(wanted or jobs, jobs)
    limit = this_process.OpenFiles.allow(_DESCRIPTORS + locks + at_once * _DESCRIPTORS_OF_JOB)
    most = at_once if limit is None else max(1, (limit - _DESCRIPTORS - locks) // _DESCRIPTORS_OF_JOB)
    return most if most < at_once else wanted


class Supervisor:
    """Runs one batch to its end."""

    def __init__(
        self,
        packed: Packed,
        records: t.Sequence[Record],
        store: Store,
        boot: t.Sequence[str],
        adopts: bool = True,
        clock: t.Callable[[], float] = time.monotonic,
        trace: _trace.Trace = _trace.OFF,
        news: Teller | None = None,
    ) -> None:
        """:arg records: those of its jobs, as they are on disk.

        :arg boot: the texts of `_supervisor.boot` and of `_supervisor.fork_server`.
        :arg adopts: whether orphans of its descendants become its children.
        :arg clock: monotonic seconds.
        :arg news: is told of the ends of jobs.
        """
        self._packed = packed
        self._store = store
        self._clock = clock
        self._trace = trace
        self._selector = selectors.DefaultSelector()
        text, server = boot
        self._servers = ForkServers(packed, server, self._selector, adopts, clock, trace.note)
        self._running: dict[str, Attempt] = {}
        self._context = AttemptContext(packed, store, self._selector, self._servers, text, self._running, clock)
        batch = packed.batch
        self._records = {record.jid: record for record in records}
        pid, start = os.getpid(), procfs.start_time(os.getpid())
        for record in self._records.values():
            record.supervisor_pid, record.supervisor_start = pid, start
        wanted = slots(batch.concurrency, this_process.cpu_count())
        given = affordable(wanted, len(batch.jobs), len({job.lock for job in batch.jobs if job.lock}))
        if given != wanted:
            for record in list(self._records.values())[given:]:
                record.reason = OPEN_FILES
                record.message = f"not more than {given} jobs run at once: this user may not have more open files"
        self._first = [job.jid for job in batch.jobs if not job.after][: given or None]
        self._schedule = Schedule(
            (
                ScheduledJob(
                    job.jid,
                    name=job.name,
                    timeout=job.timeout,
                    kill_after=job.kill_after,
                    after=job.after,
                    lock=job.lock,
                    retries=job.retries,
                    delay=job.delay,
                    backoff=job.backoff,
                    retry_on=job.retry_on,
                )
                for job in batch.jobs
            ),
            slots=given,
            halt=parse_halt(batch.halt),
            deadline=clock() + batch.deadline if batch.deadline else None,
            start_delay=batch.start_delay,
        )
        self._last: dict[str, Outcome] = {}
        self._results = Results(store, batch.batch, self._records, trace, news)
        self._locks = HeldLocks(store.directory)
        self._endings = Endings(self._records, self._running, self._schedule, self._servers, self._locks, clock, trace)
        self._stopping = False
        self._asked = True
        self._wake: float | None = None
        self._room_at: float | None = None

    def prepare(self) -> None:
        """Start the fork servers of the jobs that will start first: they take a while to load their modules."""
        self._servers.want((jid, 0) for jid in self._first)

    def abandon(self) -> None:
        """End what `prepare` has started: nothing is to be run."""
        self._servers.close()

    def run(self, ready: t.Callable[[], None]) -> None:
        """Run the batch; returns when every job has ended and every result is on disk.

        :arg ready: called once, when the supervisor stands and before the first job starts.
        """
        wake_read, wake_write = os.pipe()
        for handle in (wake_read, wake_write):
            os.set_blocking(handle, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: self._note(child_ended=True))
        signal.signal(signal.SIGTERM, lambda number, frame: self._note(stopping=True))
        signal.signal(signal.SIGUSR1, lambda number, frame: self._note(asked=True))
        self._selector.register(wake_read, selectors.EVENT_READ)
        ready()
        self._trace.note("ready")
        for record in self._records.values():
            if record.reason is not None:
                self._results.note(record)
        while not self._schedule.done:
            self._apply()
            if self._schedule.done:
                break
            for key, dummy in self._selector.select(self._patience()):
                if key.fd == wake_read:
                    self._swallow(wake_read)
                elif key.data is self._servers:
                    self._servers.handle(key.fd)
                elif key.data in self._running:
                    self._running[key.data].handle(key.fd)
            self._notice_ends()
        self._servers.close()
        self._trace.last("all jobs have ended")

    def give_up(self, error: str) -> None:
        """Say of every job that is not finished that it is lost: the supervisor itself failed."""
        self._trace.last(traceback.format_exc())
        self._endings.kill_all()
        for record in self._records.values():
            if not record.finished:
                self._finish(record.jid, Outcome(LOST, {"failed": True, "msg": error}, SUPERVISOR_FAILED, error))
        self._results.keep()

    def _note(self, stopping: bool = False, asked: bool = False, child_ended: bool = False) -> None:
        self._stopping |= stopping
        self._asked |= asked
        self._endings.child_ended |= child_ended

    def _apply(self) -> None:
        if self._stopping:
            self._trace.note("told to end (SIGTERM)")
            for jid in self._records:
                self._schedule.note_cancel(jid, _SHUTDOWN)
        if self._asked:
            self._asked = False
            self._take_requests()
        decision = self._schedule.decide(self._clock())
        for drop in decision.drop:
            self._drop(drop)
        self._endings.apply(decision)
        self._servers.expire()
        for jid, attempt in list(self._running.items()):
            if attempt.waits and self._endings.cause(jid) is None and (self._has_room() or not attempt.lacks_room):
                self._go_on(jid, attempt.proceed())
                self._note_room(attempt)
        started = self._start_all(decision.start)
        self._results.keep()
        # What has just been started has limits of its own, and what could not be started has left its slot.
        self._wake = self._clock() if started or decision.drop else decision.wake

    def _take_requests(self) -> None:
        for jid, record in self._records.items():
            if not record.finished:
                mode = self._store.take_cancel(jid)
                if mode is not None:
                    self._trace.note(f"asked to cancel it ({mode})", jid)
                    self._schedule.note_cancel(jid, "it was cancelled", running=mode != DRAIN)

    def _patience(self) -> float | None:
        """:returns: seconds until something is due, or `_NAP`; `None` for no limit."""
        now = self._clock()
        due = [when for when in (self._wake, self._servers.due) if when is not None]
        if self._room_at is not None:
            due.append(self._room_at)
        pause = self._endings.pause
        if pause is not None:
            due.append(now + pause)
        return min(max(0.0, min(due) - now), _NAP) if due else None

    def _start_all(self, jids: t.Sequence[str]) -> bool:
        """Start jobs in their order; one that waits for its fork server keeps its slot, and no other waiting.

        :returns: whether anything has changed.
        """
        locks = {jid: self._take_lock(jid) for jid in jids if self._packed.job(jid).lock is not None}
        free = [jid for jid in jids if locks.get(jid, 0) is not None]
        self._servers.want((jid, 0) for jid in free)
        started = len(free) < len(jids)
        for jid in free:
            lock = locks.get(jid)
            if self._has_room() and self._servers.ready(jid, 0) is not False:
                started = self._start(jid, lock) or started
                continue
            if lock is not None:
                self._locks.release(self._packed.job(jid).lock or "", lock)
            if not self._has_room():
                self._say(self._records[jid], NO_ROOM, _NO_ROOM)
        self._servers.dismiss()
        self._trace.servers(self._servers.pids)
        return started

    def _take_lock(self, jid: str) -> int | None:
        """:returns: a file descriptor that holds the lock of a job; `None` if it cannot be had, and the job does not
        start now.
        """
        name, record = self._packed.job(jid).lock or "", self._records[jid]
        try:
            lock = self._locks.take(name)
        except OSError as exc:
            self._schedule.started(jid, self._clock())
            message = f"its lock '{name}' cannot be taken: {exc.strerror}"
            self._settle(jid, Outcome(FAILED, {"failed": True, "msg": message}, SPAWN, message))
            return None
        if lock is None:
            self._schedule.postponed(jid, self._clock() + _LOCK_LOOK)
            self._say(record, LOCKED, f"it waits for the lock '{name}', which {self._locks.holder(name)} holds")
        return lock

    def _start(self, jid: str, lock: int | None) -> bool:
        """:returns: whether the job has been started, or has failed to; else there is no room for it now."""
        record = self._records[jid]
        self._running[jid] = attempt = Attempt(self._context, self._packed.job(jid), lock)
        outcome = attempt.proceed()
        self._note_room(attempt)
        if attempt.lacks_room:
            del self._running[jid]
            attempt.close()
            if lock is not None:
                self._locks.release(attempt.job.lock or "", lock)
            self._say(record, NO_ROOM, _NO_ROOM)
            return False
        record.attempts += 1
        record.started_at = record.started_at or time.time()
        self._schedule.started(jid, self._clock())
        self._go_on(jid, outcome)
        return True

    def _note_room(self, attempt: Attempt) -> None:
        if attempt.lacks_room:
            self._room_at = self._clock() + _ROOM_LOOK

    def _has_room(self) -> bool:
        """Whether a process can be tried to be started: not when the last one could not be, and no job has ended."""
        if self._room_at is not None and self._clock() >= self._room_at:
            self._room_at = None
        return self._room_at is None

    def _go_on(self, jid: str, outcome: Outcome | None) -> None:
        """Note that the next step of a job runs, or that there is none."""
        attempt, record = self._running[jid], self._records[jid]
        if outcome is None and attempt.child is not None:
            record.pid, record.pid_start = attempt.child.pid, attempt.child.started
            self._endings.note_start(jid, record.pid_start)
            record.state, record.reason, record.message = RUNNING, None, None
            self._trace.note(f"runs as pid {record.pid}, attempt {record.attempts}", jid)
            self._results.note(record)
        elif outcome is not None:
            del self._running[jid]
            attempt.close()
            if attempt.lock is not None:
                self._locks.release(attempt.job.lock or "", attempt.lock, outcome.survivors)
            self._settle(jid, outcome)

    def _settle(self, jid: str, outcome: Outcome) -> None:
        """Note how an attempt has ended: either the job has, or it is tried again."""
        record, now = self._records[jid], self._clock()
        self._trace.note(f"attempt {record.attempts} {_as_ended(outcome.state, outcome.reason)}", jid)
        seconds = round(self._schedule.since(jid, now), 3)
        if self._schedule.settle(jid, outcome.state, now, again=not outcome.survivors):
            self._finish(jid, outcome)
            return
        self._last[jid] = outcome
        record.earlier.append(part(outcome, _EARLIER, elapsed=seconds))
        self._say(record, "retry", f"attempt {record.attempts} {outcome.state}: {outcome.message}; it is tried again")

    def _say(self, record: Record, reason: str, message: str) -> None:
        """Tell what a job waits for, once."""
        if record.reason != reason or record.message != message:
            self._trace.note(f"waits: {reason}", record.jid)
            record.reason, record.message = reason, message
            if record.state != QUEUED:
                record.pid = record.pid_start = None
            self._results.note(record)

    def _drop(self, drop: Drop) -> None:
        """End a job that waits, for its first attempt or for another."""
        result: dict[str, t.Any] = {"failed": drop.state != SKIPPED, "changed": False, "msg": drop.message}
        if drop.state in (SKIPPED, TIMED_OUT):
            result[drop.state] = True
        outcome = Outcome(drop.state, result, drop.reason, drop.message)
        last = self._last.get(drop.key)
        if last is not None:
            self._records[drop.key].earlier.pop()
            if drop.reason == HALT:
                outcome = Outcome(
                    last.state, last.result, last.reason, f"{last.message}; not tried again: {drop.message}"
                )
            else:
                outcome.result = {**last.result, **result}
            outcome.truncated = last.truncated
        self._finish(drop.key, outcome)

    def _notice_ends(self) -> None:
        self._endings.look()
        while self._end_step():
            pass
        self._results.keep()

    def _end_step(self) -> bool:
        """:returns: whether a step of a job has come to its end."""
        self._endings.see_ends()
        now = self._clock()
        for jid, attempt in self._running.items():
            cause = self._endings.cause(jid)
            if attempt.is_over(cause, self._endings.census, now):
                if cause is None and not attempt.in_last_step:
                    # Should we be killed now, nobody must take the next step's process for a daemon of this one.
                    self._records[jid].pid = self._records[jid].pid_start = None
                    self._results.note(self._records[jid])
                why = {CANCEL: _SHUTDOWN if self._stopping else None, HALT: self._schedule.halted}.get(cause or "")
                survivors = attempt.survivors(cause, self._endings.census)
                self._go_on(jid, attempt.end_step(cause, why, self._schedule.since(jid, now), survivors))
                self._room_at = None
                self._endings.child_ended = True  # behind its zombie there may be more
                return True
        return False

    def _finish(self, jid: str, outcome: Outcome) -> None:
        record = self._records[jid]
        record.state = outcome.state
        record.reason = outcome.reason
        record.message = outcome.message
        record.survivors = outcome.survivors
        record.truncated = outcome.truncated
        record.ended_at = time.time()
        record.elapsed = round(self._schedule.elapsed(jid, self._clock()), 3)
        self._trace.note(f"{_as_ended(record.state, record.reason)}, after {record.elapsed:g} s", jid)
        self._last.pop(jid, None)
        self._store.take_cancel(jid)
        if not self._store.log_size(jid):
            self._store.remove_log(jid)
        for directory in self._packed.job(jid).remove:
            shutil.rmtree(directory, ignore_errors=True)
        self._results.add(jid, outcome.result)

    @staticmethod
    def _swallow(handle: int) -> None:
        try:
            while os.read(handle, 4096):
                pass
        except BlockingIOError:
            pass


def _as_ended(state: str, reason: str | None) -> str:
    return f"{state}, {reason}" if reason else state


def main(
    packed: Packed,
    records: t.Sequence[Record],
    store: Store,
    go: int,
    ready: int,
    lock: int,
) -> None:
    """Run a batch in this process; it holds the lock of the batch through an inherited file descriptor.

    :arg records: those of its jobs.
    :arg go: file descriptor that tells, by one line, that the status files of the jobs are on disk. Where it ends
        before, nothing is begun.
    :arg ready: file descriptor that is told, by one line, that the supervisor stands, and then of the ends of jobs.
    :arg lock: file descriptor that holds the lock of the batch.
    """
    adopts = this_process.become_subreaper()
    title.show(title.title("supervisor", packed.batch.batch))
    trace = _trace.begin_trace(store, packed.batch)
    boot = texts.boot(), texts.fork_server()
    supervisor = Supervisor(packed, records, store, boot, adopts, trace=trace, news=Teller(ready))
    supervisor.prepare()
    if hasattr(gc, "freeze"):  # Python 3.7
        gc.freeze()
    gc.enable()
    if not os.read(go, 16):
        supervisor.abandon()
        store.remove_trace(packed.batch.batch)
        return
    os.close(go)
    told = False

    def tell() -> None:
        nonlocal told
        # From now on a signal is understood: who asked before was not able to send one, and is heard as we begin.
        store.name_holder(lock, os.getpid(), procfs.start_time(os.getpid()))
        os.write(ready, b"ready\n")
        told = True

    try:
        supervisor.run(tell)
    except Exception:
        if not told:
            raise  # the launcher is told
        supervisor.give_up(f"the supervisor failed: {traceback.format_exc(limit=-2)}")
    finally:
        store.remove_lock(packed.batch.batch)
