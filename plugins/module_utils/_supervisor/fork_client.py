# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fork servers of a batch: which jobs can share one, starting them, and asking them for jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Two payloads of one module are the same line by line, but for those that hold the arguments. So the lines of a program
without these are the name of its server.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.batch import PYTHON, Packed
from ansible_collections.background.jobs.plugins.module_utils._processes import (
    procfs,
    python,
    spawn,
    this_process,
    title,
)
from ansible_collections.background.jobs.plugins.module_utils._store.directory import native

_WRAPPER = re.compile(rb"_ANSIBALLZ_WRAPPER = True\b")
_SPECIAL = re.compile(
    rb"\s*(?:(?P<arguments>ANSIBALLZ_PARAMS = |params=)(?=['\"])"
    rb"|(?P<secrets>secrets=frozenset\()"
    rb"|(?P<time>zinfo\.date_time = \(|date_time=))"
)
"""Lines of an AnsiballZ that differ from job to job: of ansible-core 2.18, and since 2.19; secrets since 2.22."""
_POSSIBLE = hasattr(os, "memfd_create") and hasattr(socket, "SCM_RIGHTS") and sys.platform.startswith("linux")
"""Whether the system has what it takes: a job of a server becomes our child only where there are subreapers."""
_BLANK = {"arguments": b"'{}'", "secrets": b"frozenset()"}
_WARM_UP = 6.0
"""Seconds in which a server has to stand, and half of them more if it was busy; else each of its jobs gets a Python of
its own, with a limit of its own."""
_ANSWER = 5.0
"""Seconds in which a server that stands has to answer; else the same."""
_PATIENCE = 90.0
"""Seconds for which both are waited for at most, while the server is seen to work on it."""
_ANSWER_SIZE = 4096
"""Bytes; an answer has fewer."""
_PAUSE = 1.0
"""Seconds for which a server that could fork no process is not asked again."""
_NUDGE, _FORCE = 0.5, 2.5
"""Seconds after which a server that was to end gets TERM, and KILL."""
_READY = b"ready\n"
_FORKED = re.compile(rb"([0-9]{1,3}) ([0-9]{1,10})")
"""What a server says of a process: which of those asked for it is, and its pid."""
_AT_ONCE = 8
"""Processes that a server is asked for at once. It forks them from a child of its own, which then ends, so that they
become children of the supervisor; each takes a file descriptor.
"""

_SERVE = """
show({title!r})
log = _Log(None, 0)
copy_output(log)
serve_forks(program, control={control}, log=log, show=show)
"""
"""What follows the texts of `_supervisor.boot` and `_supervisor.fork_server`."""

Key: t.TypeAlias = "tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[int, ...]]"
"""Name of a server: interpreter, environment, and the numbers of the lines of its program."""


Feed: t.TypeAlias = "t.Callable[[int], bytes]"
"""Makes what is fed to a server out of the file descriptor of its socket."""


class ProgramLines:
    """The lines of a batch's programs, each looked at once."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._special: dict[int, str] = {}
        self._wrapper: set[int] = set()
        for number, line in enumerate(packed.lines):
            match = _SPECIAL.match(line)
            if match is not None and match.lastgroup is not None:
                self._special[number] = match.lastgroup
            elif _WRAPPER.match(line):
                self._wrapper.add(number)

    def key(self, jid: str, index: int) -> Key | None:
        """:returns: the name of the server that could run a step; `None` if its program has another form."""
        entry = self._packed.entry(jid, index)
        numbers = entry["program"]
        kinds = [self._special[number] for number in numbers if number in self._special]
        if entry["style"] != PYTHON or kinds.count("arguments") != 1 or self._wrapper.isdisjoint(numbers):
            return None
        environment = tuple(sorted(self._packed.job(jid).environment.items()))
        common = tuple(number for number in numbers if number not in self._special)
        return (tuple(entry["interpreter"]), environment, common)

    def own(self, jid: str, index: int) -> tuple[str, list[str]]:
        """:returns: the arguments of a step that has a key, and the values it declares secret."""
        found: dict[str, t.Any] = {"secrets": []}
        for number in self._packed.entry(jid, index)["program"]:
            kind = self._special.get(number)
            if kind in ("arguments", "secrets"):
                text = self._packed.lines[number].decode("utf-8").partition("=")[2].strip().rstrip(",")
                if kind == "secrets":
                    text = text[len("frozenset(") : -1] or "()"
                found[kind] = ast.literal_eval(text)
        return found["arguments"], sorted(found["secrets"])

    def program(self, jid: str, index: int) -> bytes:
        """:returns: the program of a step without its arguments."""
        lines = []
        for number in self._packed.entry(jid, index)["program"]:
            line, kind = self._packed.lines[number], self._special.get(number)
            if kind in _BLANK:
                name, dummy, value = line.partition(b"=")
                line = name + b"= " + _BLANK[kind] + (b"," if value.rstrip().endswith(b",") else b"")
            lines.append(line)
        return b"\n".join(lines)


def _send(control: socket.socket, said: t.Mapping[str, t.Any], handles: t.Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(handles)}i", *handles))]
    control.sendmsg([json.dumps(said).encode("ascii")], rights)


class SpareProcess:
    """A process that a server has forked and that waits to be told which job it is; it ends if it is told nothing."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self._control = control

    def become(self, said: t.Mapping[str, t.Any], handles: t.Sequence[int]) -> None:
        """Tell it.

        :arg handles: file descriptors that the job is to have: standard output, standard error, the pipe that its own
            part comes through, and what `said` tells of.
        :raises OSError: it has gone.
        """
        with self._control:
            _send(self._control, said, handles)

    def dismiss(self) -> None:
        """Let it end."""
        self._control.close()


class ForkClient:
    """One fork server, from our side. Nothing here waits for it."""

    def __init__(self, interpreter: t.Sequence[str], environment: t.Mapping[str, str], feed: Feed, now: float) -> None:
        """:arg feed: see `Feed`.

        :arg now: monotonic seconds, as elsewhere here.
        :raises OSError: it cannot be started.
        """
        self.stands = False
        """Whether it is ready: it has loaded its module."""
        self.due: float | None = now + _WARM_UP
        """When what it has been asked for, first to stand, has to be there; `None` while it has been asked nothing."""
        self._patience = now + _PATIENCE
        self._progress: int | None = 0
        self._said = b""
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._see_off: list[tuple[float, tuple[int, ...]]] = []
        self.control, theirs = socket.socketpair()
        memory = os.memfd_create("fork server")
        try:
            with os.fdopen(memory, "wb", closefd=False) as stream:
                stream.write(feed(theirs.fileno()))
            os.lseek(memory, 0, os.SEEK_SET)
            # It outlives every AnsibleModule, whose run_command waits for the end: hence no run_command.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [*python.command(interpreter, environment), "-c", python.start(memory, this_process.OpenFiles.given)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={native(name): native(value) for name, value in environment.items()},
                start_new_session=True,
                pass_fds=(memory, theirs.fileno()),
            )
        except OSError:
            self.control.close()
            raise
        finally:
            os.close(memory)
            theirs.close()
        self._started = procfs.start_time(self.pid)
        self.control.setblocking(False)

    @property
    def pid(self) -> int:
        """Its process, a child of ours."""
        return self._process.pid

    @property
    def is_asked(self) -> bool:
        """Whether it is to answer, or to stand."""
        return self.due is not None

    def is_late(self, now: float) -> bool:
        """:returns: whether what it has been asked for is due, and it does not even work on it. On a host under load it
        has more time: Pythons of their own would be so much more work.
        """
        if self.due is None or now < self.due:
            return False
        before, self._progress = self._progress, procfs.progress(self.pid)
        self.due = now + (_ANSWER if self.stands else _WARM_UP) / 2
        return now >= self._patience or (self._progress is not None and self._progress == before)

    def ask(self, count: int, now: float) -> None:
        """Ask for new processes. The server is ready (`stands`), and has answered everything it was asked before.

        :raises OSError: there will be none.
        """
        self.due = now + _ANSWER
        self._patience = now + _PATIENCE
        self._progress = procfs.progress(self.pid)
        self._said = b""
        self._pairs = [socket.socketpair() for dummy in range(count)]
        _send(self.control, {}, [theirs.fileno() for dummy, theirs in self._pairs])
        for dummy, theirs in self._pairs:
            theirs.close()

    def hear(self) -> list[SpareProcess]:
        """Take what it says.

        :returns: new processes that wait to be told which job they are, as many as asked for or fewer.
        :raises OSError: it has ended, or says what makes no sense.
        """
        try:
            said = self.control.recv(_ANSWER_SIZE)
        except BlockingIOError:
            return []
        self._said += said
        if not said or not self.is_asked or len(self._said) >= _ANSWER_SIZE:
            raise ConnectionResetError("has ended, or talks nonsense")
        if not self.stands:
            if self._said == _READY:
                self.stands, self.due = True, None
            elif not _READY.startswith(self._said):
                raise ConnectionResetError("talks nonsense")
            return []
        if self._said != b"\n" and not self._said.endswith(b"\n\n"):
            return []
        self.due = None
        return self._spares(self._said)

    def _spares(self, answer: bytes) -> list[SpareProcess]:
        found: dict[int, SpareProcess] = {}
        for line in filter(None, answer.split(b"\n")):
            match = _FORKED.fullmatch(line)
            number, pid = map(int, match.groups()) if match else (-1, 0)
            if not 0 <= number < len(self._pairs) or number in found or not spawn.is_child(pid):
                raise ConnectionResetError("talks nonsense")
            found[number] = SpareProcess(pid, self._pairs[number][0])
        for number, (ours, dummy) in enumerate(self._pairs):
            if number not in found:
                ours.close()
        self._pairs = []
        return [found[number] for number in sorted(found)]

    def leave(self, now: float) -> None:
        """Let it end: by the end of its socket, else by TERM, which unwinds it, and at last by KILL."""
        self.control.close()
        for pair in self._pairs:
            for end in pair:
                end.close()
        self._pairs = []
        self._see_off = [(now + _NUDGE, (signal.SIGTERM, signal.SIGCONT)), (now + _FORCE, (signal.SIGKILL,))]

    def is_gone(self, now: float) -> bool:
        """:returns: whether nothing has to be done any more about one that is to `leave`."""
        if self._process.poll() is not None or not procfs.is_alive(self.pid, self._started):
            return True
        if self._see_off and now >= self._see_off[0][0]:
            for number in self._see_off.pop(0)[1]:
                with contextlib.suppress(OSError):
                    os.kill(self.pid, number)
        return not self._see_off

    @property
    def leaves_at(self) -> float:
        """When `is_gone` has something to do."""
        return self._see_off[0][0]


class _Pool:
    """The processes of one server: those it has made, and how many are wanted."""

    def __init__(self, step: tuple[str, int]) -> None:
        """:arg step: one of the steps that share the server."""
        self.step = step
        self.steps = 1
        self.client: ForkClient | None = None
        self.is_over = False
        self.spares: list[SpareProcess] = []
        self.wanted = 0
        self.empty_until = float("-inf")


class ForkServers:
    """The fork servers of one batch: one for each key that two or more of its steps have."""

    def __init__(
        self,
        packed: Packed,
        server: str,
        selector: selectors.BaseSelector,
        adopts: bool = True,
        clock: t.Callable[[], float] = time.monotonic,
        note: t.Callable[[str], None] = lambda what: None,
    ) -> None:
        """:arg server: the text of a fork server.

        :arg selector: where sockets of servers are registered, with this object as their data; see `handle`.
        :arg adopts: whether this process becomes the parent of orphans. If not, a job of a server would be nobody's
            child, and nobody would be told of its end.
        :arg clock: monotonic seconds.
        :arg note: told of servers that are given up.
        """
        self._note = note
        self._lines = ProgramLines(packed)
        self._text = server
        self._packed = packed
        self._selector = selector
        self._clock = clock
        self._leaving: list[ForkClient] = []
        self._pools: dict[tuple[str, int], _Pool] = {}
        self._all: list[_Pool] = []
        if not (_POSSIBLE and adopts):
            return
        pools: dict[Key, _Pool] = {}
        for job in packed.batch.jobs:
            for index in range(packed.steps(job.jid)):
                key = self._lines.key(job.jid, index)
                if key in pools:
                    pools[key].steps += 1
                elif key is not None:
                    pools[key] = _Pool((job.jid, index))
                if key is not None:
                    self._pools[job.jid, index] = pools[key]
        self._all = [pool for pool in pools.values() if pool.steps > 1]
        self._pools = {step: pool for step, pool in self._pools.items() if pool.steps > 1}

    def want(self, steps: t.Iterable[tuple[str, int]]) -> None:
        """Note which steps are to be started now. Servers are started, and asked for processes, for all of them."""
        for pool in self._all:
            pool.wanted = 0
        for step in steps:
            if step in self._pools:
                self._pools[step].wanted += 1
        for pool in self._all:
            if pool.wanted and pool.client is None and not pool.is_over:
                self._start(pool)
            self._ask(pool)

    def ready(self, jid: str, index: int) -> bool | None:
        """:returns: whether there is a process for a step, `None` if there will be none, and it needs a Python of its
        own. Else `handle` and `expire` will bring it about.
        """
        pool = self._pools.get((jid, index))
        if pool is None or pool.client is None or pool.is_over:
            return None
        if pool.spares:
            return True
        if not pool.client.stands:
            return False if index == 0 else None  # what has begun does not wait for an import
        if self._clock() < pool.empty_until:
            return None
        pool.wanted = max(1, pool.wanted)
        self._ask(pool)
        return None if pool.is_over else False

    def take(self, jid: str, index: int, said: t.Mapping[str, t.Any], handles: t.Sequence[int]) -> int | None:
        """Let a process become a step for which there is one; see `SpareProcess.become`.

        :returns: its pid; it is our child. `None` if that failed.
        """
        pool = self._pools.get((jid, index))
        if pool is None or not pool.spares:
            return None
        pool.wanted -= 1
        spare = pool.spares.pop(0)
        try:
            spare.become(said, handles)
        except OSError:
            return None
        return spare.pid

    def dismiss(self) -> None:
        """Let go the processes that were made for steps that are not wanted any more."""
        for pool in self._all:
            while len(pool.spares) > max(0, pool.wanted):
                pool.spares.pop().dismiss()

    def handle(self, descriptor: int) -> None:
        """Do what can be done with one of the file descriptors that the selector woke us for."""
        for pool in self._all:
            if pool.client is not None and pool.client.control.fileno() == descriptor:
                asked = pool.client.stands
                try:
                    pool.spares += pool.client.hear()
                except OSError as exc:
                    self._give_up(pool, str(exc))
                    return
                if asked and not pool.client.is_asked and not pool.spares:
                    pool.empty_until = self._clock() + _PAUSE  # this user may have no more processes
                self._ask(pool)

    def expire(self) -> None:
        """Give up servers that are late, and signal those that were given up before and have not ended yet."""
        now = self._clock()
        for pool in self._all:
            if pool.client is not None and pool.client.is_late(now):
                self._give_up(pool, "does not answer" if pool.client.stands else "has not loaded its module in time")
        self._leaving = [client for client in self._leaving if not client.is_gone(now)]

    @property
    def due(self) -> float | None:
        """When `expire` has something to do next, `None` for never."""
        clients = [pool.client for pool in self._all if pool.client is not None]
        due = [client.due for client in clients if client.due is not None]
        due += [client.leaves_at for client in self._leaving]
        return min(due) if due else None

    def feed(self, jid: str, index: int, environment: t.Mapping[str, str]) -> bytes:
        """:returns: what is to be written to the pipe of a step's process.

        :arg environment: what it is to have beside the environment of the batch and of the job, which its server has.
        """
        arguments, secrets = self._lines.own(jid, index)
        job = {"environment": dict(environment), "arguments": arguments, "secrets": secrets}
        return json.dumps(job).encode("ascii")

    @property
    def is_asked(self) -> bool:
        """Whether processes that we do not know yet may have become our children."""
        return any(pool.client is not None and pool.client.stands and pool.client.is_asked for pool in self._all)

    @property
    def pids(self) -> set[int]:
        """The processes of the servers."""
        return {client.pid for client in [*(pool.client for pool in self._all if pool.client), *self._leaving]}

    @property
    def children(self) -> set[int]:
        """These, and the processes that are no job yet."""
        return self.pids | {spare.pid for pool in self._all for spare in pool.spares}

    def close(self) -> None:
        """Let all servers end, and see to it that they do; what takes longer than some seconds is left to itself."""
        for pool in self._all:
            self._give_up(pool, None)
        while True:
            self.expire()
            if not self._leaving:
                return
            time.sleep(0.01)

    def _start(self, pool: _Pool) -> None:
        jid, index = pool.step
        program = self._lines.program(jid, index)
        environment = {**python.inherited(os.environ)[0], **self._packed.job(jid).environment}

        name = title.title("fork server", self._packed.batch.batch)

        def feed(control: int) -> bytes:
            return python.fed((self._text + _SERVE.format(title=name, control=control)).encode("utf-8"), program)

        try:
            pool.client = ForkClient(self._packed.entry(jid, index)["interpreter"], environment, feed, self._clock())
        except OSError:
            pool.is_over = True
            return
        self._selector.register(pool.client.control, selectors.EVENT_READ, self)

    def _ask(self, pool: _Pool) -> None:
        missing = min(pool.wanted - len(pool.spares), _AT_ONCE)
        client = pool.client
        if client is None or not client.stands or client.is_asked or missing <= 0 or self._clock() < pool.empty_until:
            return
        try:
            client.ask(missing, self._clock())
        except OSError as exc:
            self._give_up(pool, f"cannot be asked: {exc}")

    def _give_up(self, pool: _Pool, why: str | None) -> None:
        """:arg why: what is wrong with its server, `None` if nothing is, but it is not needed any more."""
        pool.is_over = True
        while pool.spares:
            pool.spares.pop().dismiss()
        if pool.client is not None:
            if why is not None:
                self._note(f"fork server {pool.client.pid} {why}: each of its jobs gets a Python of its own")
            self._selector.unregister(pool.client.control)
            pool.client.leave(self._clock())
            self._leaving.append(pool.client)
            pool.client = None
