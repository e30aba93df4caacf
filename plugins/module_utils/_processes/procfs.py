# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes: who is who, starting one in a session of its own, signalling only what is ours.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import os
import resource
import signal
import subprocess
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._processes import python
from ansible_collections.background.jobs.plugins.module_utils._store.directory import native

_PR_SET_CHILD_SUBREAPER = 36
_ARGUMENTS = 1 << 23
"""Bytes of a process's arguments that are looked at."""
_PASSES = 3
"""How often the host is asked at most for processes that `table` has not seen yet."""
_AT_ONCE = 1 << 16
"""Bytes of a file of /proc that are read at once. Less than that is all of it."""
_FILES = 1 << 20
"""File descriptors that are looked at to be closed, where none are listed."""
PROC = "proc"
PS = "ps"
BLIND = "blind"


@dataclasses.dataclass(frozen=True)
class Process:
    """A process that runs. `started` is as `start_time` tells it.

    `image` is another one after each exec: where its environment lies in its memory. It is the same for all processes
    that we may not look into, and while an exec is under way.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: str
    image: str = dataclasses.field(default="", compare=False)


@functools.lru_cache(maxsize=None)
def sight() -> str:
    """:returns: what shows the processes of this host: `PROC`, /proc as Linux has it, or `PS`, what ps(1) says. `BLIND`
    where there is neither, as in a chroot: then nobody can be told by his start, nor what a process has started.
    """
    if os.path.exists("/proc/self/stat"):
        return PROC
    return PS if _ps(os.getpid(), "lstart") else BLIND


def boot_id() -> str | None:
    """:returns: a name for this boot, `None` where there is none (Linux has: proc(5)).

    It is the kernel's name and the start of process 1, which tells the restart of a container too.
    """
    kernel = _first_line("/proc/sys/kernel/random/boot_id")
    return kernel and f"{kernel}/{start_time(1) or ''}"


def start_time(pid: int) -> str | None:
    """:returns: when a process started, in a form only fit to be compared; `None` if it does not run (any more).

    On Linux field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); elsewhere what ps(1) says.
    """
    if sight() == PROC:
        fields = _stat(pid)
        return fields[19] if fields and fields[0] not in ("Z", "X") else None
    state, dummy, started = (_ps(pid, "state", "lstart") or "").partition(" ")
    return None if state.startswith("Z") else started.strip() or None


def is_alive(pid: int | None, started: str | None) -> bool:
    """:returns: whether the process that started at `started` with this pid still runs, and not one that reused it."""
    return pid is not None and started is not None and start_time(pid) == started


def is_stopped(pid: int, started: str | None) -> bool:
    """:returns: whether the process that started at `started` with this pid was stopped (SIGSTOP), or is being traced
    by a debugger that holds it: it does nothing until it is let go on.
    """
    if sight() != PROC:
        return (_ps(pid, "state") or "").startswith("T") and start_time(pid) == started
    fields = _stat(pid)
    return bool(fields) and fields[0] in ("T", "t") and fields[19] == started


def progress(pid: int) -> int | None:
    """:returns: the CPU time that a process has used, in clock ticks (proc(5)); `None` for one that is not idle at
    this moment, but runs, or waits for a CPU or for a disk.
    """
    fields = _stat(pid)
    return None if fields and fields[0] in ("R", "D") else int(fields[11]) + int(fields[12]) if fields else 0


def is_child(pid: int) -> bool:
    """:returns: whether a process, which may have ended, is a child of ours that is left to be waited for."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return True


def become_subreaper() -> bool:
    """Make orphans among our descendants our children (Linux, prctl(2)), so that none escapes and none is a zombie.

    :returns: whether this system can.
    """
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def cpu_count() -> int:
    """:returns: how many CPU threads this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_open(handles: t.Collection[int]) -> None:
    """Let the standard streams of this process be empty, and close all other file descriptors that it has inherited,
    but these: who reads from the other end of one would wait for us.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(null, handle)
    try:
        found = {int(name) for name in os.listdir("/dev/fd")}
    except OSError:
        found = set()
    if found.issuperset(handles):
        for handle in found.difference(handles, range(3)):
            with contextlib.suppress(OSError):  # that of the listing itself
                os.close(handle)
        return
    last = 2  # it shows the first three alone (FreeBSD), or nothing
    for handle in [*sorted(handles), _most_files()]:
        os.closerange(last + 1, handle)
        last = handle


def _most_files() -> int:
    """:returns: above which number no file descriptor of ours is; they are given from below."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _FILES if soft == resource.RLIM_INFINITY else min(soft, _FILES)


class OpenFiles:
    """How many files this process may have open. What it starts gets the limit that it was started with itself."""

    given: int | None = None
    """That limit, where this process has raised its own; else `None`."""

    @classmethod
    def allow(cls, count: int) -> int | None:
        """Raise the limit of this process, if it is lower than `count`, as far as it may.

        :returns: what it is then, `None` where there is none.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return None
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft >= wanted:
            return soft
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft
        cls.given = soft
        return wanted

    @classmethod
    def give_back(cls) -> None:
        """Set the limit to what it was: in a new process, before it becomes another program."""
        if cls.given is not None:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (cls.given, hard))


class Child:
    """A started job process: leader of a session and a process group of its own, so that the group can be signalled.

    `stdout`, `stderr` and `program` are our ends of its pipes; `program` is `None` where nothing is fed to it.
    """

    def __init__(
        self, command: t.Sequence[str], environment: t.Mapping[str, str], feed: bool, keep: t.Sequence[int] = ()
    ) -> None:
        """:arg feed: `command` is a Python that is to run what is written to `self.program`, see `python.fed`.

        :arg keep: file descriptors of ours that the process is to have too.
        :raises OSError: it could not be started.
        """
        ours: int | None = None
        theirs: int | None = None
        argv = list(command)
        if feed:
            theirs, ours = os.pipe()
            argv += ["-c", python.start(theirs, OpenFiles.given)]
        try:
            # The process outlives every AnsibleModule, whose run_command waits for the end: hence no run_command.
            self._popen = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={native(name): native(value) for name, value in environment.items()},
                start_new_session=True,
                pass_fds=(*keep, *(() if theirs is None else (theirs,))),
                # We have one thread. Without a cause for it a process starts faster.
                preexec_fn=None if feed or OpenFiles.given is None else OpenFiles.give_back,
            )
        except BaseException:
            if ours is not None:
                os.close(ours)
            raise
        finally:
            if theirs is not None:
                os.close(theirs)
        self.pid = self._popen.pid
        self.started = start_time(self.pid)
        pipes: t.Any = self._popen
        self.stdout = pipes.stdout.fileno()
        self.stderr = pipes.stderr.fileno()
        self.program = ours
        for handle in (self.stdout, self.stderr, self.program):
            if handle is not None:
                os.set_blocking(handle, False)

    def exit_status(self) -> int:
        """Take the exit status of the process, which has ended (see `ended_children`).

        :returns: the exit status, or minus the number of the signal that ended it.
        """
        return self._popen.wait()

    def close(self) -> None:
        """Close our ends of the pipes."""
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()
        if self.program is not None:
            os.close(self.program)
            self.program = None


class Forked:
    """A job process that a fork server has made; what `Child` is for a process of its own."""

    def __init__(self, fork: t.Callable[[t.Sequence[int]], int | None], keep: t.Sequence[int]) -> None:
        """:arg fork: makes the process, which is to have these file descriptors; `None` if that failed.

        :raises OSError: there is none.
        """
        pipes = [os.pipe() for dummy in range(3)]
        (self.stdout, stdout), (self.stderr, stderr), (program, ours) = pipes
        self.program: int | None = ours
        try:
            pid = fork((stdout, stderr, program, *keep))
        finally:
            for handle in (stdout, stderr, program):
                os.close(handle)
        if pid is None:
            self.close()
            raise ConnectionResetError("there is no fork server")
        self.pid = pid
        self.started = start_time(pid)
        for handle in (self.stdout, self.stderr, ours):
            os.set_blocking(handle, False)

    def exit_status(self) -> int:
        """Take the exit status of the process, which has ended.

        :returns: the exit status, or minus the number of the signal that ended it.
        """
        status = os.waitpid(self.pid, 0)[1]
        return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

    def close(self) -> None:
        """Close our ends of the pipes."""
        for handle in (self.stdout, self.stderr, self.program):
            if handle is not None:
                os.close(handle)
        self.program = None


AnyChild: t.TypeAlias = "Child | Forked"


def ended_children(ours: t.Collection[int]) -> list[int]:
    """Look which of our children have ended. Orphans that we adopted as subreaper are waited for here.

    :arg ours: the children that are left for `Child.exit_status`.
    :returns: those of `ours` that have ended.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13; there is no subreaper there either
        return [pid for pid in ours if (_ps(pid, "state") or "Z").startswith("Z")]
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while True:
        try:
            info = os.waitid(os.P_ALL, 0, options)
        except ChildProcessError:
            break
        if info is None or info.si_pid in ours:
            break
        os.waitpid(info.si_pid, 0)
    return [pid for pid in ours if os.waitid(os.P_PID, pid, options) is not None]


def table() -> dict[int, Process]:
    """:returns: all processes of this host that run, without zombies, by pid."""
    if sight() != PROC:
        return _table_of_ps()
    processes = {}
    seen: set[int] = set()
    for dummy in range(_PASSES):  # one that was forked while we looked, by one that had gone when we came to it
        new = set(pids()) - seen
        if not new:
            break
        for pid in new:
            process = _look(pid)
            if process is not None:
                processes[pid] = process
        seen |= new
    return processes


def pids() -> list[int]:
    """:returns: the numbers of all processes of this host."""
    if sight() != PROC:
        return list(_table_of_ps())
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def find(pid: int, started: str) -> Process | None:
    """:returns: the process that started at `started` with this pid, `None` if it does not run (any more)."""
    process = _look(pid) if sight() == PROC else _table_of_ps().get(pid)
    return process if process is not None and process.started == started else None


def variable(pid: int, name: str) -> str | None:
    """:returns: an environment variable that a process was started with; `None` if it has none, or is not ours to ask.

    Linux (proc(5)); elsewhere nothing is known of a process's environment.
    """
    try:
        environment = _read(f"/proc/{pid}/environ")
    except OSError:
        return None
    prefix = os.fsencode(name) + b"="
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry[len(prefix) :])
    return None


def command_line(pid: int) -> list[str]:
    """:returns: the arguments that a process was started with; none if it has gone."""
    if sight() != PROC:
        return (_ps(pid, "args") or "").split()
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return [os.fsdecode(argument) for argument in stream.read(_ARGUMENTS).split(b"\0")]
    except OSError:
        return []


def owner_and_command(pid: int) -> tuple[int, str]:
    """:returns: the effective uid of a process and the name of its command, at most 15 characters of it (proc(5)).

    :raises ProcessLookupError: it has gone.
    """
    if sight() != PROC:
        uid, command = _ps(pid, "uid"), _ps(pid, "comm")
        if not uid or not command:
            raise ProcessLookupError(errno.ESRCH, "there is no such process")
        return int(uid), os.path.basename(command)
    try:
        lines = _read(f"/proc/{pid}/status").splitlines()
    except OSError as exc:
        raise ProcessLookupError(errno.ESRCH, "there is no such process") from exc
    fields = dict(line.split(b":", 1) for line in lines if b":" in line)
    name = fields.get(b"Name", b"").strip().decode("utf-8", "replace")
    return int(fields[b"Uid"].split()[1]), name


def send_signal(process: Process, number: int) -> None:
    """Send a signal to a process, and to no other that has its number by now."""
    handle = None
    try:
        if hasattr(os, "pidfd_open"):  # Linux 5.3 with Python 3.9
            handle = os.pidfd_open(process.pid)
        if start_time(process.pid) != process.started:
            return
        if handle is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(handle, number)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        if start_time(process.pid) == process.started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)
    finally:
        if handle is not None:
            os.close(handle)


def _stat(pid: int) -> list[str]:
    """:returns: the fields of /proc/PID/stat from the third on, which is the state (proc(5)); none if it is gone."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []


def _look(pid: int) -> Process | None:
    """:returns: a process that runs, by /proc; `None` for a zombie, and if it is gone."""
    fields = _stat(pid)
    if not fields or fields[0] in ("Z", "X"):
        return None
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), fields[19], " ".join(fields[47:49]))


def _read(path: str) -> bytes:
    """:returns: the content of a file of /proc. Thousands are read many times: `open` takes three times as long.

    :raises OSError: it cannot be read, since the process has gone or is another user's.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(handle, _AT_ONCE)
        more = content
        while len(more) == _AT_ONCE:
            more = os.read(handle, _AT_ONCE)
            content += more
        return content
    finally:
        os.close(handle)


def _table_of_ps() -> dict[int, Process]:
    processes = {}
    for line in _ask_ps("-A", "pid", "ppid", "pgid", "state", "lstart").splitlines():
        pid, parent, group, state, started = line.split(None, 4)
        if not state.startswith("Z"):
            processes[int(pid)] = Process(int(pid), int(parent), int(group), _session(int(pid)), started.strip())
    return processes


def _session(pid: int) -> int:
    """:returns: the session of a process, which not every ps(1) tells; 0, which none has, where we may not know."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _ps(pid: int, *columns: str) -> str | None:
    return _ask_ps(f"-p{pid}", *columns).strip() or None


def _ask_ps(which: str, *columns: str) -> str:
    """:returns: what ps(1) says: nothing where there is none, or where it can tell nothing. A start is a time, which it
    writes as the environment wants it: it must be the same for who has another.
    """
    command = ["ps", which, *(f"-o{column}=" for column in columns)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC0"}
    try:
        # The supervisor asks, a program without an AnsibleModule: there is no run_command here.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, check=False
        )
    except OSError:
        return ""
    return done.stdout.decode("ascii", "replace")


def _first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline().strip() or None
    except OSError:
        return None
