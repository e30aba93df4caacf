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
import collections
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _python
from ansible_collections.background.jobs.plugins.module_utils._batch import PYTHON, Packed

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
_ANSWER = 10.0
"""Seconds in which a server that stands has to answer; else the job gets a Python of its own."""
_AT_ONCE = 8
"""Processes that a server is asked for at once: one of its own passes away for them, and each takes a descriptor."""

_SERVE = "\nlog = _Log(None, 0)\ncopy_output(log)\nserve(program, control=%d, log=log)\n"
"""What follows the texts of C(_boot) and C(_fork_server)."""

Key = t.Tuple[t.Tuple[str, ...], t.Tuple[t.Tuple[str, str], ...], t.Tuple[int, ...]]
"""Name of a server: interpreter, environment, and the numbers of the lines of its program."""


Feed = t.Callable[[int], bytes]
"""Makes what is fed to a server out of the file descriptor of its socket."""


class Lines:
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
        """:returns: the name of the server that could run a step; C(None) if its program has another form."""
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


class Blank:
    """A process that a server has forked and that waits to be told which job it is; it ends if it is told nothing."""

    def __init__(self, pid: int, control: socket.socket) -> None:
        self.pid = pid
        self._control = control

    def become(self, said: t.Mapping[str, t.Any], handles: t.Sequence[int]) -> None:
        """Tell it.

        :arg handles: file descriptors that the job is to have: standard output, standard error, the pipe that its own
            part comes through, and what O(said) tells of.
        :raises OSError: it has gone.
        """
        with self._control:
            _send(self._control, said, handles)

    def dismiss(self) -> None:
        """Let it end."""
        self._control.close()


class Server:
    """One fork server, from our side."""

    def __init__(self, interpreter: t.Sequence[str], environment: t.Mapping[str, str], feed: Feed) -> None:
        """:arg feed: see L(Feed).

        :raises OSError: it cannot be started.
        """
        self._is_ready = False
        self._control, theirs = socket.socketpair()
        memory = os.memfd_create("fork server")
        try:
            with os.fdopen(memory, "wb", closefd=False) as stream:
                stream.write(feed(theirs.fileno()))
            os.lseek(memory, 0, os.SEEK_SET)
            # It outlives every AnsibleModule, whose run_command waits for the end: hence no run_command.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [*_python.command(interpreter, environment), "-c", _python.start(memory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
                pass_fds=(memory, theirs.fileno()),
            )
        except OSError:
            self._control.close()
            raise
        finally:
            os.close(memory)
            theirs.close()

    def is_ready(self) -> bool:
        """:returns: whether it has loaded its module.

        :raises OSError: it never will.
        """
        if not self._is_ready and select.select([self._control], [], [], 0)[0]:
            if self._control.recv(16) != b"ready\n":
                raise ConnectionResetError("the fork server has ended")
            self._is_ready = True
        return self._is_ready

    def fork(self, count: int) -> list[Blank]:
        """:returns: new processes that wait to be told which job they are, O(count) of them or fewer.

        :raises OSError: there will be none.
        """
        pairs = [socket.socketpair() for dummy in range(count)]
        try:
            _send(self._control, {}, [theirs.fileno() for dummy, theirs in pairs])
            answer = b""
            while not answer.endswith(b"\n\n") and answer != b"\n":
                if not select.select([self._control], [], [], _ANSWER)[0]:
                    raise TimeoutError("the fork server does not answer")
                said = self._control.recv(4096)
                if not said:
                    raise ConnectionResetError("the fork server has ended")
                answer += said
        finally:
            for dummy, theirs in pairs:
                theirs.close()
        pids = [line.split() for line in answer.splitlines() if line]
        return [Blank(int(pid), pairs[int(number)][0]) for number, pid in pids]

    @property
    def pid(self) -> int:
        """Its process, a child of ours."""
        return self._process.pid

    def close(self) -> None:
        """Let it end, and see to it that it does."""
        self._control.close()
        try:
            self._process.wait(_ANSWER)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Servers:
    """The fork servers of one batch: one for each key that two or more of its steps have."""

    def __init__(self, packed: Packed, boot: str, server: str) -> None:
        """:arg boot: the text of C(_boot).

        :arg server: the text of C(_fork_server).
        """
        self._lines = Lines(packed)
        self._boot = boot + server.replace("from __future__ import annotations\n", "")
        self._packed = packed
        self._servers: dict[Key, Server | None] = {}
        self._expected: collections.Counter[Key | None] = collections.Counter()
        self._blanks: dict[Key, list[Blank]] = {}
        steps = [(job.jid, index) for job in packed.batch.jobs for index in range(packed.steps(job.jid))]
        self._keys = {step: self._lines.key(*step) for step in steps} if _POSSIBLE else {}
        self._counts = collections.Counter(self._keys.values())

    def is_ready(self, jid: str, index: int) -> bool | None:
        """:returns: whether the server for a step is ready, C(None) if there is none; it is started if need be."""
        key = self._keys.get((jid, index))
        if key is None or self._counts[key] < 2:
            return None
        try:
            if key not in self._servers:
                self._servers[key] = None
                environment = {**_python.inherited(os.environ)[0], **self._packed.job(jid).environment}
                program = self._lines.program(jid, index)
                self._servers[key] = Server(
                    key[0],
                    environment,
                    lambda control: _python.fed((self._boot + _SERVE % control).encode("utf-8"), program),
                )
            server = self._servers[key]
            return None if server is None else server.is_ready()
        except OSError:
            self._give_up(key)
            return None

    def expect(self, steps: t.Iterable[tuple[str, int]]) -> None:
        """Note which steps are about to be started, so that a server is asked for several processes at once."""
        self._expected = collections.Counter(self._keys.get(step) for step in steps)

    def dismiss(self) -> None:
        """Let go what was made for expected steps that have not been started."""
        self._expected.clear()
        for blanks in self._blanks.values():
            while blanks:
                blanks.pop().dismiss()

    def fork(self, jid: str, index: int, said: t.Mapping[str, t.Any], handles: t.Sequence[int]) -> int | None:
        """Start the process of a step whose server is ready; see L(Blank.become).

        :returns: its pid; it is our child. C(None) if that failed.
        """
        key = self._keys[jid, index]
        server = self._servers.get(key) if key is not None else None
        if key is None or server is None:
            return None
        blanks = self._blanks.setdefault(key, [])
        try:
            if not blanks:
                blanks += reversed(server.fork(max(1, min(self._expected[key], _AT_ONCE))))
            if not blanks:
                return None
            self._expected[key] -= 1
            blank = blanks.pop()
            blank.become(said, handles)
        except OSError:
            self._give_up(key)
            return None
        return blank.pid

    def feed(self, jid: str, index: int, environment: t.Mapping[str, str]) -> bytes:
        """:returns: what is to be written to the pipe of a step's process.

        :arg environment: what it is to have beside the environment of the batch and of the job, which its server has.
        """
        arguments, secrets = self._lines.own(jid, index)
        job = {"environment": dict(environment), "arguments": arguments, "secrets": secrets}
        return json.dumps(job).encode("ascii")

    @property
    def pids(self) -> set[int]:
        """The processes of the servers."""
        return {server.pid for server in self._servers.values() if server is not None}

    def close(self) -> None:
        """Let all servers end."""
        for key in list(self._servers):
            self._give_up(key)

    def _give_up(self, key: Key) -> None:
        server = self._servers.get(key)
        self._servers[key] = None
        if server is not None:
            server.close()
