# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes: who is who, starting one in a session of its own, signalling only what is ours.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import typing as t

_RUN_FROM_PIPE = """\
import os, signal
def end(number, frame):
    raise SystemExit(128 + number)
signal.signal(signal.SIGTERM, end)
with os.fdopen({handle}, "rb") as pipe:
    program = compile(pipe.read(), "<background.jobs payload>", "exec", dont_inherit=True)
del os, signal, end, pipe
exec(program)
"""
"""Runs a program that comes through a pipe. TERM unwinds it, so that a payload removes its temporary directory."""

_PR_SET_CHILD_SUBREAPER = 36


def boot_id() -> str | None:
    """:returns: what the kernel calls this boot, C(None) where it has no name for it (Linux has: proc(5))."""
    return _first_line("/proc/sys/kernel/random/boot_id")


def start_time(pid: int) -> str | None:
    """:returns: when a process started, in a form only fit to be compared; C(None) if it does not run (any more).

    On Linux field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); elsewhere what ps(1) says.
    """
    if os.path.isdir("/proc/self"):
        fields = _stat(pid)
        return fields[19] if fields and fields[0] not in ("Z", "X") else None
    return _ps(pid, "lstart")


def is_alive(pid: int | None, started: str | None) -> bool:
    """:returns: whether the process that started at O(started) with this pid still runs, and not one that reused it."""
    return pid is not None and started is not None and start_time(pid) == started


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


class Child:
    """A started job process: leader of a session and a process group of its own, so that the group can be signalled.

    O(stdout), O(stderr) and O(program) are our ends of its pipes; O(program) is C(None) where nothing is fed to it.
    """

    def __init__(self, command: t.Sequence[str], environment: t.Mapping[str, str], feed: bool) -> None:
        """:arg feed: O(command) is a Python that is to run the program written to O(self.program).

        :raises OSError: it could not be started.
        """
        ours: int | None = None
        theirs: int | None = None
        argv = list(command)
        if feed:
            theirs, ours = os.pipe()
            argv += ["-c", _RUN_FROM_PIPE.format(handle=theirs)]
        try:
            # The process outlives every AnsibleModule, whose run_command waits for the end: hence no run_command.
            self._popen = subprocess.Popen(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
                pass_fds=() if theirs is None else (theirs,),
            )
        except BaseException:
            if ours is not None:
                os.close(ours)
            raise
        finally:
            if theirs is not None:
                os.close(theirs)
        self.pid = self._popen.pid
        self.stdout = t.cast(t.IO[bytes], self._popen.stdout).fileno()
        self.stderr = t.cast(t.IO[bytes], self._popen.stderr).fileno()
        self.program = ours
        for handle in (self.stdout, self.stderr, self.program):
            if handle is not None:
                os.set_blocking(handle, False)

    def signal(self, number: int) -> None:
        """Send a signal to the process group; only before L(reap): until then its number cannot be anyone else's."""
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def reap(self) -> int:
        """Take the exit status of the process, which has ended (see L(ended_children)).

        :returns: the exit status, or minus the number of the signal that ended it.
        """
        return self._popen.wait()

    def close(self) -> None:
        """Close our ends of the pipes to its output."""
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()


def ended_children(ours: t.Collection[int]) -> list[int]:
    """Look which of our children have ended. Orphans that we adopted as subreaper are reaped here.

    :arg ours: the children that are left for L(Child.reap).
    :returns: those of O(ours) that have ended.
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


def group_members(group: int) -> list[int]:
    """:returns: the processes of a process group that still run (Linux; elsewhere none are seen)."""
    members = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        fields = _stat(int(name)) if name.isdigit() else []
        if fields and fields[2] == str(group) and fields[0] not in ("Z", "X"):
            members.append(int(name))
    return members


def python_command(interpreter: t.Sequence[str]) -> list[str]:
    """:returns: O(interpreter) where it can be found on this host, else the Python that runs us."""
    if interpreter and shutil.which(interpreter[0]):
        return list(interpreter)
    return [sys.executable]


def _stat(pid: int) -> list[str]:
    """:returns: the fields of /proc/PID/stat from the third on, which is the state (proc(5)); none if it is gone."""
    return (_first_line(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()


def _ps(pid: int, column: str) -> str | None:
    # The supervisor asks, a program without an AnsibleModule: there is no run_command here.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        ["ps", "-o", f"{column}=", "-p", str(pid)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return done.stdout.decode("ascii", "replace").strip() or None


def _first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.readline().strip() or None
    except OSError:
        return None
