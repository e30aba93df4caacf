# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor: the one process that runs a batch on the target and writes its jobs' status files.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It needs nothing of Ansible: L(ansible_collections.background.jobs.plugins.module_utils._detach) feeds it to a fresh
Python through a pipe. It sleeps in select(2) until a process ends, writes, or a limit is due.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shutil
import signal
import time
import traceback
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _process
from ansible_collections.background.jobs.plugins.module_utils._batch import FILE, FILES, Job, Packed
from ansible_collections.background.jobs.plugins.module_utils._outcome import Ending, Outcome, judge, spawn_failed
from ansible_collections.background.jobs.plugins.module_utils._record import (
    CANCELLED,
    LOST,
    RUNNING,
    Record,
    encode,
)
from ansible_collections.background.jobs.plugins.module_utils._schedule import Entry, Schedule, slots
from ansible_collections.background.jobs.plugins.module_utils._store import Store, user_name

_CHUNK = 1 << 16
_PIPE = 1 << 20
"""Bytes that a pipe holds at most (fs.pipe-max-size, pipe(7)): more cannot be left of a process that has ended."""
_DRAIN = 0.5
"""Seconds for which output is still read after a job's process has ended while something holds its pipes open."""
_LOOK = 0.1
"""Seconds between two looks at a process group that is being ended."""


def first_record(packed: Packed, jid: str) -> Record:
    """:returns: the record of a job that is queued now, on this host, for this user."""
    job = packed.outline(jid)
    return Record(
        jid=jid,
        name=job.name,
        batch=packed.batch,
        no_log=job.no_log,
        timeout=job.timeout,
        node=os.uname().nodename,
        user=user_name(os.geteuid()),
        boot_id=_process.boot_id(),
        queued_at=time.time(),
    )


class _Running:
    """A job whose process was started, and what it has written so far."""

    def __init__(self, job: Job, child: _process.Child) -> None:
        self.job = job
        self.child = child
        self.feed = memoryview(job.program)
        self.output = {child.stdout: bytearray(), child.stderr: bytearray()}
        self.open = {child.stdout, child.stderr}
        self.ended_at: float | None = None


class Supervisor:
    """Runs one batch to its end."""

    def __init__(self, packed: Packed, store: Store, clock: t.Callable[[], float] = time.monotonic) -> None:
        """:arg clock: monotonic seconds."""
        self._packed = packed
        self._store = store
        self._clock = clock
        self._records = {jid: first_record(packed, jid) for jid in packed.jids}
        for record in self._records.values():
            record.supervisor_pid = os.getpid()
            record.supervisor_start = _process.start_time(os.getpid())
        outlines = (packed.outline(jid) for jid in packed.jids)
        self._schedule = Schedule(
            (Entry(job.jid, job.timeout, job.kill_after) for job in outlines),
            slots(packed.concurrency, _process.cpu_count()),
        )
        self._running: dict[str, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._wake: float | None = None

    def run(self, ready: t.Callable[[], None]) -> None:
        """Run the batch; returns when every job has ended and every result is on disk.

        :arg ready: called once, when the supervisor stands and before the first job starts.
        """
        wake_read, wake_write = os.pipe()
        for handle in (wake_read, wake_write):
            os.set_blocking(handle, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, lambda number, frame: self._stop())
        self._selector.register(wake_read, selectors.EVENT_READ)
        ready()
        while not self._schedule.done:
            self._apply()
            if self._schedule.done:
                break
            for key, dummy in self._selector.select(self._patience()):
                if key.fd == wake_read:
                    self._swallow(wake_read)
                else:
                    self._transfer(key.data, key.fd)
            self._notice_ends()

    def give_up(self, error: str) -> None:
        """Say of every job that is not finished that it is lost: the supervisor itself failed."""
        for jid, record in self._records.items():
            if not record.finished:
                if jid in self._running:
                    self._running[jid].child.signal(signal.SIGKILL)
                self._finish(jid, Outcome(LOST, {"failed": True, "msg": error}, "supervisor_failed", error))

    def _stop(self) -> None:
        self._stopping = True

    def _apply(self) -> None:
        if self._stopping:
            for jid in self._schedule.queued:
                self._cancel(jid)
            for jid in self._schedule.running:
                self._schedule.end(jid, "cancelled")
        decision = self._schedule.decide(self._clock())
        for jid in decision.term:
            self._running[jid].child.signal(signal.SIGTERM)
            self._running[jid].child.signal(signal.SIGCONT)
        for jid in decision.kill:
            self._running[jid].child.signal(signal.SIGKILL)
        for jid in decision.start:
            self._start(jid)
        # What has just been started has limits of its own, and what could not be started has left its slot.
        self._wake = self._clock() if decision.start else decision.wake

    def _patience(self) -> float | None:
        """:returns: seconds until something is due, C(None) for ever."""
        now = self._clock()
        due = [] if self._wake is None else [self._wake]
        if any(running.ended_at is not None for running in self._running.values()):
            due.append(now + _LOOK)
        return max(0.0, min(due) - now) if due else None

    def _start(self, jid: str) -> None:
        job = self._packed.job(jid)
        record = self._records[jid]
        record.attempts += 1
        record.started_at = time.time()
        self._schedule.started(jid, self._clock())
        try:
            child = self._spawn(job)
        except OSError as exc:
            self._finish(jid, spawn_failed(job.name, job.interpreter, exc))
            return
        self._running[jid] = running = _Running(job, child)
        record.pid = child.pid
        record.pid_start = _process.start_time(child.pid)
        record.state = RUNNING
        self._write(record)
        for handle in running.open:
            self._selector.register(handle, selectors.EVENT_READ, jid)
        if child.program is not None:
            self._selector.register(child.program, selectors.EVENT_WRITE, jid)

    def _spawn(self, job: Job) -> _process.Child:
        environment = {**os.environ, **job.environment}
        files = dict(job.files)
        if job.style == FILE:
            files.update(module=job.program, arguments=job.arguments)
        directory = self._store.make_files(job.jid, files) if files else ""
        if job.style == FILE:
            command = [*job.interpreter, os.path.join(directory, "module"), os.path.join(directory, "arguments")]
            return _process.Child(command, environment, feed=False)
        if directory:
            environment[FILES] = directory
        return _process.Child(_process.python_command(job.interpreter), environment, feed=True)

    def _transfer(self, jid: str, handle: int) -> None:
        running = self._running.get(jid)
        if running is None:
            return
        if handle == running.child.program:
            self._feed(running)
        else:
            self._read(running, handle)

    def _feed(self, running: _Running) -> None:
        handle = t.cast(int, running.child.program)
        try:
            written = os.write(handle, running.feed[:_CHUNK])
            running.feed = running.feed[written:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            running.feed = running.feed[:0]
        if not running.feed:
            self._selector.unregister(handle)
            os.close(handle)
            running.child.program = None
            running.job.program = b""

    def _read(self, running: _Running, handle: int) -> bool:
        """:returns: whether there was something to read."""
        try:
            data = os.read(handle, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            running.output[handle] += data
        else:
            self._selector.unregister(handle)
            running.open.discard(handle)
        return bool(data)

    def _notice_ends(self) -> None:
        while self._reap():
            pass  # behind the zombie of a job there may be more

    def _reap(self) -> bool:
        """:returns: whether a job has come to its end."""
        by_pid = {running.child.pid: jid for jid, running in self._running.items()}
        now = self._clock()
        for pid in _process.ended_children(by_pid.keys()):
            jid = by_pid[pid]
            running = self._running[jid]
            if running.ended_at is None:
                running.ended_at = now
            if self._is_over(jid, running, now):
                self._end(jid, running)
                return True
        return False

    def _is_over(self, jid: str, running: _Running, now: float) -> bool:
        """Whether nothing more is to come from a job whose process has ended."""
        if self._schedule.cause(jid) is not None:
            return not _process.group_members(running.child.pid)
        return not running.open or now >= t.cast(float, running.ended_at) + _DRAIN

    def _end(self, jid: str, running: _Running) -> None:
        for handle in list(running.open):
            for dummy in range(_PIPE // _CHUNK):
                if not self._read(running, handle):
                    break
        status = running.child.reap()
        cause = self._schedule.cause(jid)
        now = self._clock()
        ending = Ending(
            stdout=bytes(running.output[running.child.stdout]),
            stderr=bytes(running.output[running.child.stderr]),
            status=status,
            elapsed=self._schedule.elapsed(jid, now),
            timeout=running.job.timeout,
            cause=cause,
        )
        for handle in running.open:
            self._selector.unregister(handle)
        if running.child.program is not None:
            self._selector.unregister(running.child.program)
            os.close(running.child.program)
        running.child.close()
        del self._running[jid]
        outcome = judge(ending)
        if cause == "cancelled":
            self._cancel(jid, outcome.result)
        else:
            self._finish(jid, outcome)

    def _cancel(self, jid: str, result: dict[str, t.Any] | None = None) -> None:
        message = "the supervisor was told to end (SIGTERM), as it is when the host shuts down"
        self._finish(jid, Outcome(CANCELLED, {**(result or {}), "failed": True, "msg": message}, "cancelled", message))

    def _finish(self, jid: str, outcome: Outcome) -> None:
        record = self._records[jid]
        record.state = outcome.state
        record.reason = outcome.reason
        record.message = outcome.message
        record.ended_at = time.time()
        record.elapsed = round(self._schedule.elapsed(jid, self._clock()), 3)
        self._schedule.ended(jid)
        self._store.remove_files(jid)
        for directory in self._packed.outline(jid).remove:
            shutil.rmtree(directory, ignore_errors=True)
        self._write(record, outcome.result)

    def _write(self, record: Record, result: dict[str, t.Any] | None = None) -> None:
        try:
            self._store.write(record.jid, encode(record, result))
        except OSError as exc:
            if record.finished:
                self._write_without_result(record, exc)

    def _write_without_result(self, record: Record, error: OSError) -> None:
        record.reason = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "not_written"
        record.message = f"the job ended as {record.state}, but its result could not be written: {error.strerror}"
        record.state = LOST
        with contextlib.suppress(OSError):  # the file says "running" then; with the lock gone all readers say lost
            self._store.write(record.jid, encode(record, {"failed": True, "msg": record.message}))

    @staticmethod
    def _swallow(handle: int) -> None:
        try:
            while os.read(handle, _CHUNK):
                pass
        except BlockingIOError:
            pass


def main(packed_text: str, directory: str, ready: int) -> None:
    """Run a batch in this process; it holds the lock of the batch through an inherited file descriptor.

    :arg packed_text: what C(_batch.pack) made.
    :arg directory: the async directory, absolute.
    :arg ready: file descriptor that is told, by one line, that the supervisor stands.
    """
    _process.become_subreaper()
    store = Store(directory)
    packed = Packed(packed_text)
    supervisor = Supervisor(packed, store)

    told = False

    def tell() -> None:
        nonlocal told
        null = os.open(os.devnull, os.O_RDWR)
        for handle in range(3):
            os.dup2(null, handle)
        os.close(null)
        os.write(ready, b"ready\n")
        os.close(ready)
        told = True

    try:
        supervisor.run(tell)
    except Exception:
        if not told:
            raise  # the launcher reads it from our standard error
        supervisor.give_up(f"the supervisor failed: {traceback.format_exc(limit=-2)}")
    finally:
        store.remove_lock(packed.batch)
