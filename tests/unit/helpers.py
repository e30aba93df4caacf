# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several unit tests need."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import pickle
import shlex
import signal
import struct
import subprocess
import sys
import textwrap
import time
import traceback
import typing as t
from pathlib import Path

from ansible_collections.background.jobs.plugins.module_utils._launcher import start
from ansible_collections.background.jobs.plugins.module_utils._model import batch as _batch
from ansible_collections.background.jobs.plugins.module_utils._model import record as _record
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.states import GOOD, RUNNING
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, signals, tree
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor import main
from ansible_collections.background.jobs.plugins.plugin_utils._core import program as _program
from ansible_collections.background.jobs.plugins.plugin_utils._core import sources as _sources

LIMIT = 30.0
"""Seconds after which what has not happened counts as never happening, however busy this host is."""


def python() -> str:
    """The Python of the target, where the program and the jobs run: this one, or an older or newer one."""
    return os.environ.get("TARGET_PYTHON") or sys.executable  # another user may have another one: see `Unprivileged`


VERSION = tuple(map(int, subprocess.check_output([python(), "-c", "import sys; print(*sys.version_info[:2])"]).split()))

T = t.TypeVar("T")


def eventually(predicate: t.Callable[[], T], seconds: float = LIMIT) -> T:
    """Wait until `predicate` is true and return what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children(pid: int) -> dict[int, str]:
    """The children of a process, and the state of each as one letter."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                found[int(entry.name)] = fields[0]
    return found


def record(jid: str = "j1.0", **fields: t.Any) -> _record.Record:
    """A record of a job of the batch `j1`."""
    return _record.Record(**{"jid": jid, "name": "backup", "batch": "j1", **fields})


def entry(name: str, state: str, job: t.Mapping[str, t.Any] | None = None, /, **result: t.Any) -> dict[str, t.Any]:
    """The result of a job, or its handle. `job` is what more is said of it, `result` what its module returned."""
    finished = state not in _record.UNFINISHED
    return {
        "started": True,
        "finished": finished,
        "failed": finished and state not in GOOD,
        "changed": False,
        **result,
        "job": {"name": name, "state": state, **(job or {})},
    }


def python_job(jid: str, source: str, **fields: t.Any) -> _batch.Job:
    """A job that runs a Python program."""
    return _batch.Job(**{"jid": jid, "name": jid, "steps": [python_step(source)], **fields})


def python_step(source: str, **fields: t.Any) -> _batch.Step:
    """A step that runs a Python program."""
    program = textwrap.dedent(source).encode()
    return _batch.Step(**{"name": "python", "program": program, "interpreter": [python()], **fields})


def script_job(jid: str, script: str, **fields: t.Any) -> _batch.Job:
    """A job that runs a shell script."""
    return _batch.Job(**{"jid": jid, "name": jid, "steps": [script_step(script)], **fields})


def script_step(script: str, **fields: t.Any) -> _batch.Step:
    """A step that runs a shell script."""
    step = {"name": "script", "program": script.encode(), "interpreter": ["/bin/sh"], "style": _batch.FILE}
    return _batch.Step(**{**step, **fields})


def marked(directory: str, jids: t.Collection[str]) -> list[procfs.Process]:
    """The processes that jobs of this async directory have started, wherever they are now."""
    marks = {f"{directory}/{jid}" for jid in jids}
    return [process for process in procfs.table().values() if procfs.variable(process.pid, tree.MARK) in marks]


class Family:
    """Programs for the processes of a job. Each notes its pid, so that a test knows them all."""

    def __init__(self, directory: Path) -> None:
        self._pids = directory / "pids"
        self._directory = directory

    def program(self, name: str, lines: str) -> str:
        """The path of a shell script that notes its pid and goes on with `lines`."""
        path = self._directory / name
        path.write_text(f'#!/bin/sh\necho "$$ ${{{tree.MARK}##*/}}" >> {self._pids}\n{lines}\n', encoding="ascii")
        path.chmod(0o700)
        return str(path)

    def pids(self, count: int, jid: str = "") -> list[int]:
        """The pids of the processes of `jid`, those with an empty environment if none is named; waits for `count`."""
        return eventually(lambda: self._noted(count, jid))

    def kill_all(self) -> None:
        for line in self._lines():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), signal.SIGKILL)

    def _lines(self) -> list[str]:
        return self._pids.read_text(encoding="ascii").splitlines() if self._pids.exists() else []

    def _noted(self, count: int, jid: str) -> list[int] | None:
        found = [int(pid) for pid, dummy, mark in (line.partition(" ") for line in self._lines()) if mark == jid]
        return found if len(found) >= count else None


class Gates:
    """Where jobs wait until a test lets them go on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def job(self, jid: str, before: str = "", after: str = "", **fields: t.Any) -> _batch.Job:
        """A job that succeeds once its gate is opened; it runs `before` and `after` on the two sides of it."""
        source = textwrap.dedent(before) + textwrap.dedent(
            f"""
            import os, time
            open({self._path(jid, "reached")!r}, "w").close()
            while not os.path.exists({self._path(jid, "open")!r}):
                time.sleep(0.01)
            """
        )
        return python_job(jid, source + textwrap.dedent(after) + "\nprint('{\"changed\": true}')\n", **fields)

    def is_reached(self, jid: str) -> bool:
        return os.path.exists(self._path(jid, "reached"))

    def open(self, jid: str) -> None:
        Path(self._path(jid, "open")).touch()

    def _path(self, jid: str, what: str) -> str:
        return str(self._directory / f"{jid}.{what}")


class Unprivileged:
    """Does things as a user who may do nothing but become another one, as sudo may: not even signal root's processes.

    There `directory` is his own.
    """

    _UID = 65534
    _CAP_SETUID = 7

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        # That of these tests may lie where nobody else may look.
        self._python = self.do(lambda: sys.executable)
        os.chown(directory, self._UID, self._UID)

    def as_root(self, script: str) -> str:
        """A shell command that runs a shell script as root, in the same process."""
        source = "import os, sys; os.setresuid(0, 0, 0); os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])"
        return f"exec {self._python} -c {shlex.quote(source)} {shlex.quote(script)}"

    def do(self, work: t.Callable[[], T]) -> T:
        """Do it in a process of its own.

        :raises AssertionError: it failed there.
        """
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                self._become()
                told: tuple[bool, t.Any] = (True, work())
            except BaseException:
                told = (False, traceback.format_exc())
            os.write(write, pickle.dumps(told))
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as stream:
            done, result = pickle.loads(stream.read())
        os.waitpid(pid, 0)
        assert done, result
        return t.cast(T, result)

    def _become(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setgroups([])
        os.setresgid(self._UID, self._UID, self._UID)
        os.setresuid(self._UID, self._UID, self._UID)
        one = 1 << self._CAP_SETUID
        header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
        assert libc.capset(header, struct.pack("6I", one, one, one, 0, 0, 0)) == 0
        assert libc.prctl(47, 2, self._CAP_SETUID, 0, 0) == 0  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE
        sys.executable = next(python for python in (sys.executable, "/usr/bin/python3") if os.access(python, os.X_OK))


Sources = t.Callable[[str], str]


def altered(part: str, *changes: tuple[str, str]) -> Sources:
    """The sources of the program, with other text in one of its parts, so that it meets what a test cannot wait for."""
    text = _sources.source(part)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return lambda name: text if name == part else _sources.source(name)


def serve(
    request: wire.Request,
    environment: t.Mapping[str, str] | None = None,
    sources: Sources | None = None,
) -> wire.Answer:
    """What the program answers, as the controller would start it on this host.

    :raises AssertionError: there is no answer.
    """
    done = subprocess.run(
        [python(), *_program.OPTIONS, _program.LINE],
        input=_program.payload(request, sources),
        capture_output=True,
        env=None if environment is None else dict(environment),
        check=False,
    )
    lines = done.stdout.decode("ascii").splitlines()
    answers = [line[len(wire.MARK) :] for line in lines if line.startswith(wire.MARK)]
    assert answers, done
    return wire.decode_answer(answers[-1])[0]


def supervise(store: Store, batch: _batch.Batch) -> None:
    """Run a batch in a supervisor that is a fork of this process, so that it is what a test has made of it here."""
    records = [_record.Record(job.jid, job.name, batch.batch) for job in batch.jobs]
    lock = store.make_lock(batch.batch)
    told, ready = os.pipe()
    begin, go = os.pipe()
    os.write(go, b"go\n")
    child = os.fork()
    if child == 0:
        try:
            main.main(_batch.Packed(_batch.pack(batch)), records, store, begin, ready, lock)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(told, 100).startswith(b"ready\n")
    for handle in (lock, told, ready, begin, go):
        os.close(handle)


class Batches:
    """Real batches, launched into one async directory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.store = Store(directory)
        self._jids: list[str] = []

    def launch(
        self,
        *jobs: _batch.Job,
        batch: str = "j1",
        environment: t.Mapping[str, str] | None = None,
        sources: Sources | None = None,
        **options: t.Any,
    ) -> list[_record.Record]:
        """Launch jobs; `options` are fields of `_model.batch.Batch`. `sources` is what `altered` made.

        :raises LaunchError: they were not launched.
        """
        self._jids += [job.jid for job in jobs]
        whole = _batch.Batch(batch, list(jobs), **options)
        request = wire.Launch(self.directory, batch=_batch.pack(whole), if_running=whole.if_running)
        answer = serve(request, environment, sources)
        if isinstance(answer, wire.Refusal):
            raise start.LaunchError(answer.message)
        assert isinstance(answer, wire.Started)
        return [_record.Record(**json.loads(told)) for told in answer.records]

    def adopt(self, *jids: str) -> None:
        """See to it that jobs that somebody else launches here are ended with the test."""
        self._jids += jids

    def look(self, jid: str) -> Status:
        return read_status(self.store, jid)

    def reaches(self, jid: str, state: str) -> Status:
        """Wait for a state of a job."""
        return eventually(lambda: self._in_state(jid, state))

    def end(self, jid: str) -> Status:
        """Wait for the end of a job."""
        return eventually(lambda: self.finished(jid))

    def supervisor_ends(self, batch: str = "j1") -> None:
        eventually(lambda: not self.store.is_locked(batch))

    def supervisor(self, jid: str) -> int:
        """The pid of the supervisor of a running job."""
        status = self.reaches(jid, RUNNING)
        assert status.record is not None and status.record.supervisor_pid is not None
        return status.record.supervisor_pid

    def pid(self, jid: str) -> int:
        """The pid of a job that has been started."""
        status = self.look(jid)
        assert status.record is not None and status.record.pid is not None
        return status.record.pid

    def kill_all(self) -> None:
        """End what a test left running, the supervisors with their jobs, and jobs that have lost theirs."""
        for batch in {jid.rpartition(".")[0] for jid in self._jids}:
            eventually(lambda batch=batch: self._is_ended(batch))  # type: ignore[misc]
        for process in [*marked(self.directory, set(self._jids)), *self._forked()]:
            signals.send_signal(process, signal.SIGKILL)

    def _forked(self) -> list[procfs.Process]:
        """The processes of jobs that a fork server has made: they cannot be marked before they run a command."""
        records = [self.look(jid).record for jid in self._jids]
        known = [(record.pid, record.pid_start) for record in records if record and record.pid and record.pid_start]
        return [process for process in itertools.starmap(procfs.find, known) if process is not None]

    def _is_ended(self, batch: str) -> bool:
        """Whether a batch has no supervisor; one that it has is killed, as soon as it is known."""
        if not self.store.is_locked(batch):
            return True
        holder = self.store.lock_holder(batch)
        process = None if holder is None else procfs.find(*holder)
        if process is not None:
            signals.send_signal(process, signal.SIGKILL)
        return False

    def finished(self, jid: str) -> Status | None:
        """The status of a job, if it is finished."""
        status = self.look(jid)
        return status if status.finished else None

    def _in_state(self, jid: str, state: str) -> Status | None:
        status = self.look(jid)
        assert status.state == state or not status.finished, status
        return status if status.state == state else None
