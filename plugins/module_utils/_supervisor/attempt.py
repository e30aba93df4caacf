# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One attempt at a job: its steps' processes one after the other, what they write, and how they end.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.batch import FILE, FILES, Job, Packed, Step
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import (
    PARTIAL,
    Ending,
    Outcome,
    joined,
    judge_ending,
    of_block,
    of_result,
    spawn_failed,
)
from ansible_collections.background.jobs.plugins.module_utils._model.states import SUCCEEDED
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, python, spawn
from ansible_collections.background.jobs.plugins.module_utils._processes import title as _title
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import (
    GIVE_UP,
    MARK,
    Census,
    Tree,
    describe_processes,
)
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor.fork_client import ForkServers

_CHUNK = 1 << 16
_PIPE = 1 << 20
"""Bytes that a pipe holds at most (fs.pipe-max-size, pipe(7)): more cannot be left of a process that has ended."""
_DRAIN = 0.5
"""Seconds for which output is still read after a job's process has ended while something holds its pipes open."""
_SHORTAGES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Why a process cannot be started that could be when others have ended."""
_ALONE = 10.0
"""Seconds for which such a shortage is waited out while no job runs: it may be of what has started the batch, or asks
for it, or of another program of this user."""
_LOG = 64 << 20
"""Bytes that a job's log may have where `max_output` sets no limit."""
_RESULT = 256 << 20
"""Bytes that are kept of what a module prints: its result. ansible-core itself takes minutes for that much."""
_ERRORS = 16 << 20
"""Bytes that are kept of a module's error output."""
_RUN = "\nshow({title!r})\nrun(program, log={log!r}, limit={limit!r}, keep={keep!r}, environment={environment!r})\n"
"""What follows the text of `_supervisor.boot`."""


class AttemptContext:
    """What attempts need of their supervisor. `boot` is the text of `_supervisor.boot`."""

    def __init__(
        self,
        packed: Packed,
        store: Store,
        selector: selectors.BaseSelector,
        servers: ForkServers,
        boot: str,
        running: t.Mapping[str, Attempt],
        clock: t.Callable[[], float],
    ):
        self.packed = packed
        self.store = store
        self.selector = selector
        self.servers = servers
        self.boot = boot
        self._running = running
        self._clock = clock
        self._short_since: float | None = None

    def may_find_room(self, attempt: Attempt) -> bool:
        """:returns: whether a process that cannot be started now is to be tried again: as long as one of another job
        runs, whose end makes room, and else for `_ALONE` seconds.
        """
        if any(other.child is not None for other in self._running.values() if other is not attempt):
            self._short_since = None
            return True
        if self._short_since is None:
            self._short_since = self._clock()
        return self._clock() < self._short_since + _ALONE

    def has_found_room(self) -> None:
        """Note that a process has been started."""
        self._short_since = None


class Attempt:
    """A job that runs."""

    def __init__(self, context: AttemptContext, job: Job, lock: int | None) -> None:
        """:arg lock: file descriptor that holds the job's lock, which the job holds too as long as it runs."""
        self.job = job
        self.lock = lock
        self.child: spawn.AnyChild | None = None
        self.tree: Tree | None = None
        self.ended_at: float | None = None
        self.killed_at: float | None = None
        self.in_time = False
        self.waits = False
        """Whether the next step waits for its process; `proceed` looks again."""
        self.lacks_room = False
        """Whether it does so since this user may have no more processes or open files just now."""
        self._context = context
        self._mark = context.store.path(job.jid)
        self._outcomes: list[Outcome] = []
        self._feed = memoryview(b"")
        self._output: dict[int, bytearray] = {}
        self._left_out: dict[int, int] = {}
        self._stdout = -1
        self._open: set[int] = set()
        self._log: int | None = None
        self._log_start = 0
        if not job.no_log:
            with contextlib.suppress(OSError):  # no room for a log: the job does without
                self._log = context.store.open_log(job.jid)

    def proceed(self) -> Outcome | None:
        """Start the next step.

        :returns: `None` if it runs, or `waits`, or else how the job has ended.
        """
        self.waits = self.lacks_room = False
        while self._goes_on():
            if self._context.servers.ready(self.job.jid, len(self._outcomes)) is False:
                self.waits = True
                return None
            step = self._context.packed.step(self.job.jid, len(self._outcomes), whole=False)
            if step.result is None:
                try:
                    self._start(step)
                    self._context.has_found_room()
                    return None
                except OSError as exc:
                    self._context.store.remove_files(self.job.jid)
                    if exc.errno in _SHORTAGES and self._context.may_find_room(self):
                        self.waits = self.lacks_room = True
                        return None
                    self._outcomes.append(spawn_failed(self.job.name, step.interpreter, exc))
            else:
                self._outcomes.append(of_result(step.result))
        return self._outcome()

    @property
    def _is_blind(self) -> bool:
        """Whether processes cannot be seen here: what has its outputs open is all that is known of those of the job."""
        return procfs.sight() == procfs.BLIND

    @property
    def in_last_step(self) -> bool:
        """Whether no step comes after the one that runs."""
        return len(self._outcomes) + 1 >= self._context.packed.steps(self.job.jid)

    @property
    def has_run(self) -> bool:
        """Whether the last step has ended, and only what is left in its pipes is waited for."""
        return self.ended_at is not None and self.in_last_step

    def handle(self, descriptor: int) -> None:
        """Do what can be done with one of the file descriptors that the selector woke us for."""
        if self.child is not None and descriptor == self.child.program:
            self._write_program(self.child)
        elif descriptor in self._open:
            self._read(descriptor)

    def is_over(self, cause: str | None, census: Census, now: float) -> bool:
        """:returns: whether nothing more is to come from the step that runs.

        :arg cause: why it is being ended, `None` if it is not; then all its processes have to go.
        """
        if self.child is None:
            return cause is not None
        if cause is not None and self.tree is not None:
            if self.killed_at is not None and now >= self.killed_at + GIVE_UP:
                return True
            return self.ended_at is not None and (not self._open if self._is_blind else self.tree.is_gone(census))
        return self.ended_at is not None and (not self._open or now >= self.ended_at + _DRAIN)

    def signal(self, census: Census, number: int) -> None:
        """Send a signal to all processes of the job."""
        if self.tree is not None:
            self.tree.signal(census, number)

    def survivors(self, cause: str | None, census: Census) -> list[dict[str, t.Any]]:
        """:returns: those processes of a step that `is_over` which could not be ended (see `describe_processes`).

        :arg cause: why it was ended, `None` if it was not; then nothing had to go.
        """
        return [] if cause is None or self.tree is None else describe_processes(self.tree.members(census))

    def end_step(
        self, cause: str | None, why: str | None, elapsed: float, survivors: t.Sequence[t.Mapping[str, t.Any]] = ()
    ) -> Outcome | None:
        """Take the result of the step that has ended, and start the next one.

        :arg survivors: what `survivors` has told.
        :arg elapsed: seconds since the attempt began.
        :returns: how the job has ended, `None` if it goes on.
        """
        child = self.child
        if child is None:
            self._outcomes.append(
                judge_ending(Ending(b"", b"", -signal.SIGTERM, elapsed, self.job.timeout, cause, why))
            )
            return self._outcome()
        is_unseen = cause is not None and self._is_blind
        if is_unseen:
            self.signal(Census(), signal.SIGKILL)  # there may be some of its group that have closed its outputs
        for descriptor in list(self._open):
            for dummy in range(_PIPE // _CHUNK):
                if not self._read(descriptor):
                    break
        hangs = self.ended_at is None  # it is among the survivors
        ending = Ending(
            stdout=bytes(self._output[child.stdout]),
            stderr=self._errors(child.stderr),
            status=-9 if hangs else child.exit_status(),
            elapsed=elapsed,
            timeout=self.job.timeout,
            cause=cause,
            why=why,
            log=self._logged,
            max_output=self.job.max_output,
            left_out=self._left_out[child.stdout],
            survivors=survivors,
            is_unseen=is_unseen and not self.job.leave_children,
        )
        self._release(child)
        self._outcomes.append(judge_ending(ending))
        if cause is not None:
            return self._outcome()
        return self.proceed()

    def close(self) -> None:
        """Give back what the attempt holds, its lock excepted."""
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _goes_on(self) -> bool:
        return len(self._outcomes) < self._context.packed.steps(self.job.jid) and (
            not self._outcomes or self._outcomes[-1].state == SUCCEEDED
        )

    def _outcome(self) -> Outcome:
        if not self.job.block:
            return self._outcomes[-1]
        packed = self._context.packed
        names = [packed.step_name(self.job.jid, index) for index in range(packed.steps(self.job.jid))]
        return of_block(names, self._outcomes)

    def _start(self, step: Step) -> None:
        job = self.job
        own = {MARK: self._mark}
        if step.files:
            own[FILES] = self._context.store.make_files(job.jid, step.files)
        child: spawn.AnyChild
        if step.style == FILE:
            child, feed = self._start_file(step, own), b""
        else:
            child, feed = self._start_python(step, own)
        self.child = child
        self.tree = Tree(self._mark, child.pid, child.started, whole=not job.leave_children)
        self.ended_at = self.killed_at = None
        self._feed = memoryview(feed)
        self._output = {child.stdout: bytearray(), child.stderr: bytearray()}
        self._left_out = {child.stdout: 0, child.stderr: 0}
        self._stdout = child.stdout
        self._open = {child.stdout, child.stderr}
        self._log_start = 0 if self._log is None else os.fstat(self._log).st_size
        for descriptor in self._open:
            self._context.selector.register(descriptor, selectors.EVENT_READ, job.jid)
        if child.program is not None:
            self._context.selector.register(child.program, selectors.EVENT_WRITE, job.jid)

    def _start_python(self, step: Step, own: dict[str, str]) -> tuple[spawn.AnyChild, bytes]:
        """Start a Python module, in a fork of a server that has loaded it already, or in a Python of its own.

        :arg own: environment variables that only this step has.
        """
        keep = [handle for handle in (self._log, self.lock) if handle is not None]
        limit = self.job.max_output or _LOG
        place = (self.job.jid, len(self._outcomes))
        title = _title.title(None if self.job.no_log else self.job.name, self.job.jid)
        inherited, hidden = python.inherited(os.environ)
        hidden = {name: value for name, value in hidden.items() if name not in self.job.environment}
        if self._context.servers.ready(*place):
            said = {"log": self._log is not None, "limit": limit, "title": title}
            with contextlib.suppress(OSError):
                forked = spawn.Forked(lambda handles: self._context.servers.take(*place, said, handles), keep)
                return forked, self._context.servers.feed(*place, {**hidden, **own})
        environment = {**inherited, **self.job.environment, **own}
        child = spawn.Child(python.command(step.interpreter, environment), environment, feed=True, keep=keep)
        keep = [] if self.lock is None else [self.lock]
        run = _RUN.format(title=title, log=self._log, limit=limit, keep=keep, environment=hidden)
        return child, python.fed((self._context.boot + run).encode("utf-8"), self._program())

    def _start_file(self, step: Step, own: dict[str, str]) -> spawn.Child:
        """Start a module that has to be a file, with its arguments in another: both in memory, if the system can.

        :arg own: environment variables that only this step has.
        """
        environment = python.for_file(step.interpreter, os.environ, {**self.job.environment, **own})
        contents = {"module": self._program(), "arguments": step.arguments}
        handles = _in_memory(contents)
        if not handles:
            directory = self._context.store.make_files(self.job.jid, contents)
            files = [os.path.join(directory, name) for name in contents]
            return spawn.Child([*step.interpreter, *files], environment, feed=False)
        try:
            files = [f"/proc/self/fd/{handle}" for handle in handles]
            return spawn.Child([*step.interpreter, *files], environment, feed=False, keep=handles)
        finally:
            for handle in handles:
                os.close(handle)

    def _program(self) -> bytes:
        return self._context.packed.step(self.job.jid, len(self._outcomes)).program

    def _write_program(self, child: spawn.AnyChild) -> None:
        handle: t.Any = child.program  # there is one, or nothing would be written
        try:
            written = os.write(handle, self._feed[:_CHUNK])
            self._feed = self._feed[written:]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._feed = self._feed[:0]
        if not self._feed:
            self._feed = memoryview(b"")
            self._context.selector.unregister(handle)
            os.close(handle)
            child.program = None

    def _read(self, descriptor: int) -> bool:
        """:returns: whether there was something to read."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            kept = self._output[descriptor]
            room = (_RESULT if descriptor == self._stdout else _ERRORS) - len(kept)
            kept += data[: max(0, room)]
            self._left_out[descriptor] += max(0, len(data) - max(0, room))
        else:
            self._context.selector.unregister(descriptor)
            self._open.discard(descriptor)
        return bool(data)

    def _errors(self, descriptor: int) -> bytes:
        kept, left_out = bytes(self._output[descriptor]), self._left_out[descriptor]
        return joined(kept, left_out, b"") if left_out else kept

    def _logged(self) -> bytes:
        """:returns: what the step has written to the log."""
        if self._log is None:
            return b""
        end = os.fstat(self._log).st_size
        size = max(0, end - self._log_start)
        if size <= PARTIAL:
            return os.pread(self._log, size, self._log_start)
        half = PARTIAL // 2  # the job could have made it as long as it likes
        head, tail = os.pread(self._log, half, self._log_start), os.pread(self._log, half, end - half)
        return joined(head, size - 2 * half, tail)

    def _release(self, child: spawn.AnyChild) -> None:
        for descriptor in self._open:
            self._context.selector.unregister(descriptor)
        if child.program is not None:
            self._context.selector.unregister(child.program)
        child.close()
        self._open = set()
        self._output = {}
        self._feed = memoryview(b"")
        self.child = self.tree = self.ended_at = self.killed_at = None
        self._context.store.remove_files(self.job.jid)


def _in_memory(contents: t.Mapping[str, bytes]) -> list[int]:
    """:returns: file descriptors of files in memory that can be run, by the paths that /proc gives them. None where
    there is no such thing: on another system, without /proc, or where a setting forbids to run them (memfd_create(2)).
    """
    handles: list[int] = []
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        return handles
    try:
        for name, data in contents.items():
            handle = os.memfd_create(name)
            handles.append(handle)
            os.fchmod(handle, 0o700)
            with os.fdopen(handle, "wb", closefd=False) as stream:
                stream.write(data)
    except OSError:
        for handle in handles:
            os.close(handle)
        return []
    return handles
