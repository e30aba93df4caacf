# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of this host, as they are seen: who is who, what runs, what it has used.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import os
import subprocess

_ARGUMENTS = 1 << 23
"""Bytes of a process's arguments that are looked at."""
_PASSES = 3
"""How often the host is asked at most for processes that `table` has not seen yet."""
_AT_ONCE = 1 << 16
"""Bytes of a file of /proc that are read at once. Less than that is all of it."""
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
    by a debugger that holds it: it does nothing until somebody continues it (SIGCONT).
    """
    if sight() != PROC:
        return (_ps(pid, "state") or "").startswith("T") and start_time(pid) == started
    fields = _stat(pid)
    return bool(fields) and fields[0] in ("T", "t") and fields[19] == started


def has_ended(pid: int) -> bool:
    """:returns: whether a child of ours has ended, by what ps(1) says; for systems without waitid(2)."""
    return (_ps(pid, "state") or "Z").startswith("Z")


def progress(pid: int) -> int | None:
    """:returns: the CPU time that a process has used, in clock ticks (proc(5)); `None` for one that is not idle at
    this moment, but runs, or waits for a CPU or for a disk.
    """
    fields = _stat(pid)
    return None if fields and fields[0] in ("R", "D") else int(fields[11]) + int(fields[12]) if fields else 0


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
