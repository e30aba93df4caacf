# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of builtin async as the process table shows them: their status files do not tell who works on them, unless
a strategy of Mitogen has started them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record, encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import CANCEL, CANCELLED, FAILED, NOT_ENDED
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Tree
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_PROGRAM = "async_wrapper.py"
MITOGEN_FIRST = {"started", "finished", "pid", "ansible_job_id", "data"}
"""All that Mitogen writes into a status file while a module runs."""
_MITOGEN = "(mitogen:"
"""What stands in the name of each Python of Mitogen."""
_CLOCK_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", 7)
_SLACK = 2.0
"""Seconds by which two clocks may tell something else of one moment."""


class Wrappers:
    """The async_wrapper processes of ansible-core on this host, at the moment they are first asked for.

    Each job has two as long as it lives.
    """

    def __init__(self) -> None:
        self._pids: dict[str, list[int]] | None = None

    def has(self, jid: str) -> bool:
        """:returns: whether somebody works on `jid`."""
        return bool(self.of(jid))

    def of(self, jid: str) -> list[int]:
        """:returns: the processes that work on `jid`."""
        if self._pids is None:
            self._pids = {}
            for pid in procfs.pids():
                job = _job(procfs.command_line(pid))
                if job is not None:
                    self._pids.setdefault(job, []).append(pid)
        return self._pids.get(jid.rpartition(".")[0], [])

    def tree(self, jid: str, grace: float, worker: tuple[int, str] | None = None) -> Tree:
        """:returns: the processes of the job, module and all.

        :arg grace: seconds between TERM and KILL.
        :arg worker: what `mitogen_worker` says.
        """
        known = {pid: procfs.start_time(pid) or "" for pid in self.of(jid)}
        if worker is not None:
            known[worker[0]] = worker[1]
        return Tree(jid, leader=0, started=None, held=False, known=known, grace=grace)


def mitogen_worker(result: t.Mapping[str, t.Any], path: str) -> tuple[int, str] | None:
    """:returns: the process that runs a job of Mitogen's, with its start; `None` if there is none (any more).

    :arg result: what the status file at `path` says. It names the process, which began before it was written: one that
        has got the same number since did not.
    """
    pid = result.get("pid")
    if set(result) != MITOGEN_FIRST or result["finished"] or isinstance(pid, bool) or not isinstance(pid, int):
        return None
    started = procfs.start_time(pid)
    if started is None or not any(_MITOGEN in word for word in procfs.command_line(pid)[:1]):
        return None
    try:
        written = time.time() - os.stat(path).st_mtime
        is_ours = procfs.owner_and_command(pid)[0] == os.geteuid()
    except OSError:
        return None
    if started.isdigit():  # clock ticks since boot
        age = time.clock_gettime(_CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")
        is_ours = is_ours and age + _SLACK >= written
    return (pid, started) if is_ours else None


def write_cancelled(store: Store, jid: str, survivors: t.Sequence[dict[str, t.Any]] = ()) -> None:
    """Say in the status file of a job of builtin async, whose processes were ended, that it was cancelled.

    :arg survivors: the processes that could not be ended (see `_processes.tree.describe_processes`); if there are any,
        it was not cancelled.
    """
    record = Record(jid, name=jid, batch=jid, state=CANCELLED, reason=CANCEL, message="it was cancelled")
    if survivors:
        record.state, record.reason, record.survivors = FAILED, NOT_ENDED, list(survivors)
        record.message = f"it was cancelled; {name_survivors(survivors)}"
    message = record.message
    record.node, record.boot_id = os.uname().nodename, procfs.boot_id()
    store.write(jid, encode_record(record, {"failed": True, "msg": message}))


def _job(command: t.Sequence[str]) -> str | None:
    """:returns: the job that a command line of async_wrapper names: its first argument, the jid without the pid."""
    for program, argument in zip(command, command[1:]):
        if os.path.basename(program) == _PROGRAM:
            return argument
    return None
