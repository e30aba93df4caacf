# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of a job right now: its status file weighed against the evidence that somebody still works on it.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import re

from ansible_collections.background.jobs.plugins.module_utils._model import ids
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import brief, is_failed, with_cause
from ansible_collections.background.jobs.plugins.module_utils._model.record import (
    NewerRecord,
    Record,
    RecordError,
    decode_record,
)
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    FAILED,
    LOST,
    MODULE,
    NEWER,
    NOT_A_JID,
    NOT_FOUND,
    OTHER_HOST,
    OTHER_USER,
    REBOOT,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    SUPERVISOR_GONE,
    TIMED_OUT,
    TIMEOUT,
    UNREADABLE,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes.builtin import (
    MITOGEN_FIRST,
    Wrappers,
    mitogen_worker,
)
from ansible_collections.background.jobs.plugins.module_utils._processes.procfs import (
    BLIND,
    boot_id,
    is_alive,
    is_stopped,
    sight,
)
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    CorruptStatus,
    OthersStatus,
    StoreError,
    check_jid,
    user_name,
)
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_WRITTEN_FIRST = {"started", "finished", "ansible_job_id"}
"""All that async_wrapper.py of ansible-core writes while a module runs. What it writes then is the module's own."""
_MITOGEN_OVER = {"failed", "finished", "msg", "ansible_job_id", "data"}
"""All that Mitogen writes where a job of its strategies has run into its limit, and what it says."""
_MITOGEN_SAYS = re.compile(r"Job reached maximum time limit of [0-9]+ seconds\.")
_OVER = "ran into the limit of its async: keyword"


def read_status(store: Store, jid: str, wrappers: Wrappers | None = None) -> Status:
    """:returns: the status of `jid`. Whatever is wrong with its file is told as a state of the job, never raised.

    :arg wrappers: what the process table said a moment ago of the jobs of builtin async; asked anew if `None`.
    """
    try:
        path = store.path(jid)
    except StoreError as exc:
        return Status(jid, jid, NOT_FOUND, NOT_A_JID, str(exc), ours_to_remove=False)
    status = Status(jid, path, RUNNING)
    for dummy in range(2):  # a supervisor that ended between our two looks, at its file and at its lock, has written
        try:
            status.record, status.result = decode_record(store.read(jid))
            if status.record is not None:
                check_jid(status.record.batch)
        except FileNotFoundError:
            return _attached(store, jid, wrappers) or _not_found(status, None, _where_is_it(store, jid))
        except CorruptStatus as exc:
            return _lost(status, UNREADABLE, f"{exc}; it was damaged, or the disk was full")
        except NewerRecord as exc:
            return _not_found(status, NEWER, str(exc))
        except OthersStatus as exc:
            return _not_found(status, OTHER_USER, str(exc))
        except (StoreError, RecordError) as exc:
            status.ours_to_remove = False
            return _lost(status, UNREADABLE, str(exc))
        if status.record is None:
            _builtin(status)
            if status.finished or mitogen_worker(status.result, path) or (wrappers or Wrappers()).has(jid):
                return status
            wrappers = None
            continue
        status.state, status.reason = status.record.state, status.record.reason
        status.message = status.record.message
        if status.finished:
            return status
        if _is_supervised(store, status.record):
            return _unless_stopped(store, status, status.record)
    return _abandoned(status, status.record) if status.record is not None else _deserted(status)


def _attached(store: Store, jid: str, wrappers: Wrappers | None) -> Status | None:
    """:returns: the status of the running job that a launch has found in place of `jid`, `None` if it has not."""
    try:
        other = store.attached_to(jid)
    except OSError:
        return None
    if other is None or other == jid:
        return None
    status = read_status(store, other, wrappers)
    status.jid = jid
    return None if is_nowhere(status) else status


def locate(jid: str, results_file: str | None, directory: str) -> tuple[Store, str]:
    """Find a job, and the async directory it is in.

    :arg jid: its id; where no `results_file` tells more, a short one will do (`_model.ids`).
    :arg results_file: absolute path that the launch reported; it outranks `directory`, which is only where jobs
        of this connection would be started now.
    :raises StoreError: `results_file` is not the path of the status file of `jid`, or several jobs have the short id.
    """
    check_jid(jid)
    if not results_file:
        store = Store(directory)
        if os.path.lexists(store.path(jid)):  # a whole id, as most are: the directory need not be listed
            return store, jid
        try:
            return store, ids.find_jid(jid, store.jids())
        except ids.AmbiguousId as exc:
            raise StoreError(str(exc)) from exc
    if not os.path.isabs(results_file) or os.path.basename(results_file) != jid:
        raise StoreError(f"results_file {results_file!r} is not the absolute path of the status file of job {jid}")
    return Store(os.path.dirname(results_file)), jid


def is_nowhere(status: Status) -> bool:
    """:returns: whether nothing of a job is there: no file of it, of whomever that may be."""
    return status.state == NOT_FOUND and status.reason is None


def _not_found(status: Status, reason: str | None, message: str) -> Status:
    """:arg reason: `None` where there is nothing of the job; else why what there is cannot be asked."""
    status.state, status.reason, status.message = NOT_FOUND, reason, message
    status.ours_to_remove = False
    return status


def _lost(status: Status, reason: str, message: str) -> Status:
    status.state, status.reason, status.message = LOST, reason, message
    return status


def _builtin(status: Status) -> None:
    result = status.result
    is_first = set(result) in (_WRITTEN_FIRST, MITOGEN_FIRST)
    if is_first and result["ansible_job_id"] == status.jid and not result["finished"]:
        status.state = RUNNING
    elif result.get("msg") == "Timeout exceeded" and "child_pid" in result:  # async_wrapper.py of ansible-core
        status.state, status.reason = TIMED_OUT, TIMEOUT
        status.message = _OVER
    elif set(result) == _MITOGEN_OVER and _MITOGEN_SAYS.fullmatch(str(result["msg"])):
        status.state, status.reason, status.message = TIMED_OUT, TIMEOUT, _OVER
    elif is_failed(result):
        status.state, status.reason = FAILED, MODULE
        code = result.get("rc")
        silent = "the module reported a failure" if code in (0, "0", None) else f"exit code {code}"
        status.message = with_cause(result.get("msg"), brief(result.get("exception"))) or silent
    else:
        status.state = SUCCEEDED


def _deserted(status: Status) -> Status:
    return _lost(
        status,
        SUPERVISOR_GONE,
        f"no async_wrapper process of the job runs on host {os.uname().nodename} (any more): it was killed, or the "
        "host was restarted; it left no result",
    )


def _is_supervised(store: Store, record: Record) -> bool:
    if store.is_locked(record.batch):
        return True
    # A file system without working locks (some network ones): the process itself is the evidence.
    return record.boot_id == boot_id() and is_alive(record.supervisor_pid, record.supervisor_start)


def _unless_stopped(store: Store, status: Status, record: Record) -> Status:
    """:returns: the status of a job that has a supervisor, with what there is to do where that was stopped."""
    pid = stopped(store, record)
    if pid is not None:
        status.reason = STOPPED
        status.message = (
            f"the supervisor of the job (pid {pid} of {record.user} on {record.node}) is stopped, by SIGSTOP or a "
            f"debugger: it keeps no limit, starts nothing and ends nothing; 'kill -CONT {pid}' there lets it go on"
        )
    return status


def stopped(store: Store, record: Record) -> int | None:
    """:returns: the pid of the supervisor of a job if it was stopped, `None` if it was not."""
    if record.supervisor_pid is not None and record.supervisor_start is not None:
        holder: tuple[int, str] | None = (record.supervisor_pid, record.supervisor_start)
    else:  # it has written nothing about the job yet
        holder = store.lock_holder(record.batch)
    return holder[0] if holder is not None and is_stopped(*holder) else None


def _abandoned(status: Status, record: Record) -> Status:
    here = os.uname().nodename
    if record.node != here and record.boot_id != boot_id():
        return _not_found(
            status,
            OTHER_HOST,
            f"the job was started on host {record.node}, this is {here}: both share {status.results_file}, "
            f"only {record.node} can tell how it stands; ask there (delegate_to)",
        )
    was = "running" if record.state == RUNNING else "still queued"
    if record.boot_id != boot_id():
        return _lost(status, REBOOT, f"the host was restarted while the job was {was}; it left no result")
    return _lost(
        status,
        SUPERVISOR_GONE,
        f"the supervisor of the job (pid {record.supervisor_pid or 'unknown'}) has gone while the job was {was}, "
        "killed perhaps, or with its container; it left no result" + _left_running(record),
    )


def _left_running(record: Record) -> str:
    if sight() == BLIND and record.pid is not None:
        return f"; whether its process {record.pid} runs on cannot be seen, since this host shows no processes"
    if not is_alive(record.pid, record.pid_start):
        return ""
    return f", but its process {record.pid} runs on; cancel the job, or clean it up, to end it"


def _where_is_it(store: Store, jid: str) -> str:
    return (
        f"there is no job {jid} on host {os.uname().nodename} for user {user_name(os.geteuid())} in {store.directory}: "
        "it was collected already, or was started as another user, on another host or with another async_dir; give the "
        "whole handle that launch returned, and the become of that task"
    )
