# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs in an async directory, ours and those of builtin async, and what may be told of each.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Nothing that a job's module returned is told, but the message of a failed job of ours without `no_log`: who looks
around on a host is not always who may see a result, and a file of builtin async does not say whether it is secret.
"""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import (
    JOB,
    batch_of,
    log_name,
    number_of,
    trace_name,
)
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record, told_of
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    LOST,
    MODULE,
    NEWER,
    NOT_FOUND,
    OTHER_USER,
    RUNNING,
    UNREADABLE,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import Info, Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import Wrappers, mitogen_worker
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Census, Tree
from ansible_collections.background.jobs.plugins.module_utils._reader.left_running import left_running, survivors
from ansible_collections.background.jobs.plugins.module_utils._reader.status import is_nowhere, read_status
from ansible_collections.background.jobs.plugins.module_utils._store.directory import user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which jobs are meant: those of this group, with one of these names, in one of these states; `None` is any."""

    group: str | None = None
    names: t.Collection[str] | None = None
    states: t.Collection[str] | None = None

    def has(self, info: Info) -> bool:
        """:returns: whether `info` is one of them."""
        return (
            (self.group is None or info.group == self.group)
            and (self.names is None or info.name in self.names)
            and (self.states is None or info.state in self.states)
        )


class Evidence:
    """The processes of this host, looked at when they are first asked for."""

    def __init__(self) -> None:
        self.wrappers = Wrappers()
        self._census: Census | None = None

    @property
    def census(self) -> Census:
        """All processes."""
        if self._census is None:
            self._census = Census()
            self._census.refresh()
        return self._census

    def pids(self, tree: Tree | None) -> list[int]:
        """:returns: the processes of a job that run."""
        return [] if tree is None else [process.pid for process in tree.members(self.census)]

    def wrapper_pids(self, jid: str) -> tuple[int | None, int | None]:
        """:returns: the two processes of a running job of builtin async: the one that runs it, and the one over it."""
        pids = self.wrappers.of(jid)
        for pid in pids:
            process = self.census.processes.get(pid)
            if process is not None and process.parent in pids:
                return pid, process.parent
        return (pids[0] if pids else None), None


def find_jobs(store: Store, evidence: Evidence, now: float) -> list[tuple[Status, Info]]:
    """Look at every job in an async directory.

    :arg now: seconds since the epoch.
    :returns: the jobs, in the order in which they were launched. Whatever is wrong with one is its state. Those that
        only another host can tell of, with which this one shares the directory, are `OTHER_HOST`.
    :raises StoreError: the directory is not safe.
    :raises OSError: it cannot be read. One that is not there holds no jobs.
    """
    found = []
    launched: dict[str, float] = {}
    for jid in store.jids():
        if JOB.fullmatch(jid) is None:
            continue
        try:
            owner, touched = _touched(store.path(jid))
        except FileNotFoundError:  # collected a moment ago
            continue
        status = read_status(store, jid, evidence.wrappers)
        if status.reason == OTHER_USER:  # not to be found for who asks for it, but here it lies
            status.state, status.reason = LOST, UNREADABLE
        if not is_nowhere(status):
            found.append((status, describe_job(status, owner, touched, evidence, now)))
            queued = None if status.record is None else _believable(status.record.queued_at)
            first = touched if queued is None else queued
            launched[batch_of(jid)] = min(first, launched.get(batch_of(jid), first))

    def place(job: tuple[Status, Info]) -> tuple[float, str, int]:
        jid = job[0].jid
        return launched[batch_of(jid)], jid.rpartition(".")[0], number_of(jid)

    return sorted(found, key=place)


def describe_job(status: Status, owner: int, touched: float, evidence: Evidence, now: float) -> Info:
    """:returns: what is told of a job.

    :arg owner: the uid that the status file belongs to.
    :arg touched: when the file, or the job's log, was last written: seconds since the epoch, as `now` is.
    """
    record, jid, state = status.record, status.jid, status.state
    if record is None:  # of builtin async, or unreadable
        record = Record(jid, name=jid, batch=jid, attempts=0)
        if state == RUNNING:
            record.started_at = touched
        elif state not in (LOST, NOT_FOUND):
            record.ended_at = touched
    by_core = record.batch == jid
    queued, started, ended = map(_believable, (record.queued_at, record.started_at, record.ended_at))
    since = ended if status.finished else queued
    elapsed = _believable(record.elapsed)
    if state == RUNNING and started is not None:
        elapsed = max(0.0, now - started)
    pid, supervisor = _pids(status, evidence)
    return Info(
        ansible_job_id=jid,
        name=str(record.name),
        group=record.group,
        state=state,
        reason=status.reason,
        message=_message(status),
        user=record.user or user_name(owner),
        pid=pid,
        supervisor_pid=supervisor,
        queued_at=_iso(queued),
        started_at=_iso(started),
        ended_at=_iso(ended),
        age=round(max(0.0, now - (touched if since is None else since)), 3),
        elapsed=None if elapsed is None else round(elapsed, 3),
        attempts=None if by_core else record.attempts,
        timeout=None if by_core else _believable(record.timeout),
        results_file=status.results_file,
        builtin=by_core and status.reason not in (UNREADABLE, NEWER),
        no_log=bool(record.no_log),
        trace=_trace(status.results_file, record.batch),
        rc=_return_code(status),
        survivors=told_of(survivors(status)),
    )


def _trace(results_file: str, batch: str) -> str | None:
    """:returns: the path of what the supervisor of a batch writes down of its doings, `None` where it does not."""
    path = os.path.join(os.path.dirname(results_file), trace_name(batch))
    return path if os.path.lexists(path) else None


def _touched(path: str) -> tuple[int, float]:
    """:returns: the owner of a status file, and when it, or the log beside it, was last written."""
    info = os.lstat(path)
    try:
        return info.st_uid, max(info.st_mtime, os.lstat(log_name(path)).st_mtime)
    except OSError:
        return info.st_uid, info.st_mtime


def _pids(status: Status, evidence: Evidence) -> tuple[int | None, int | None]:
    record = status.record
    if record is None:
        worker = None if status.finished else mitogen_worker(status.result, status.results_file)
        if worker is not None:
            return worker[0], None
        return (None, None) if status.finished else evidence.wrapper_pids(status.jid)
    if status.finished and left_running(status) is None:
        return None, None
    return (
        record.pid if procfs.is_alive(record.pid, record.pid_start) else None,
        record.supervisor_pid if procfs.is_alive(record.supervisor_pid, record.supervisor_start) else None,
    )


def _message(status: Status) -> str | None:
    """:returns: the sentence about a job, `None` where it would be a module's and may be secret."""
    record = status.record
    hidden = status.reason == MODULE if record is None else record.no_log and record.finished
    return None if hidden else status.message


def _return_code(status: Status) -> int | None:
    """:returns: the return code of a module, which is no secret unless its job has `no_log`."""
    code = status.result.get("rc")
    hidden = status.record is not None and status.record.no_log
    return code if isinstance(code, int) and not isinstance(code, bool) and status.finished and not hidden else None


def _believable(value: t.Any) -> float | None:
    """:returns: a number of a record, `None` for anything else: a file may have been damaged."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e11 else None


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
