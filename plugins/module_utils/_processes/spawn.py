# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of jobs: starting one in a session of its own, and taking its end.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import subprocess
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, python
from ansible_collections.background.jobs.plugins.module_utils._processes.this_process import OpenFiles
from ansible_collections.background.jobs.plugins.module_utils._store.directory import native


def is_child(pid: int) -> bool:
    """:returns: whether a process, which may have ended, is a child of ours that is left to be waited for."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return True


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
        self.started = procfs.start_time(self.pid)
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
        self.started = procfs.start_time(pid)
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
        return [pid for pid in ours if procfs.has_ended(pid)]
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
