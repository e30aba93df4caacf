# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a supervisor that outlives us: first the status files, then the process, which confirms that it is ready.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import sys
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._launcher import once
from ansible_collections.background.jobs.plugins.module_utils._model import batch as _batch
from ansible_collections.background.jobs.plugins.module_utils._model import record as _record
from ansible_collections.background.jobs.plugins.module_utils._model.states import NOT_FOUND
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, this_process
from ansible_collections.background.jobs.plugins.module_utils._store.directory import user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import News

_PATIENCE = 60.0
"""Seconds that a new supervisor may take until it is ready, on a host under load."""
_READY = b"ready\n"


class LaunchError(Exception):
    """The batch was not started, and nothing of it is left; the message says why."""


@dataclasses.dataclass
class Started:
    """A batch that was started. `records` are those of its jobs, in its order, all on disk.

    In place of a job that is attached to a running one (see `_launcher.if_running`) it is the record of the latter. Of
    a batch that was started before, nothing is started again, and they are what its jobs are now.

    `news` is what its supervisor tells; `None` where not all of the jobs are its own.
    """

    records: list[_record.Record]
    news: News | None = None


def start_batch(data: bytes, directory: str, meanwhile: t.Callable[[], object] = lambda: None) -> Started:
    """Start a batch. Its jobs inherit the environment, the umask and the working directory that we have.

    :arg data: what `_model.batch.pack` made on the controller.
    :arg directory: the async directory, absolute.
    :arg meanwhile: called while the supervisor gets ready.
    :raises LaunchError: it could not be done.
    """
    store = Store(directory)
    packed = _batch.Packed(data)
    batch, jids = packed.batch.batch, [job.jid for job in packed.batch.jobs]
    try:
        lock = store.make_lock(batch)
    except FileExistsError:
        if not once.await_launch(store, batch):
            raise LaunchError(
                f"{_before(batch)}, and has not started its jobs yet; see background.jobs.job_info"
            ) from None
        return Started(_again(store, packed.batch))
    except OSError as exc:
        raise LaunchError(_not_written(directory, exc)) from exc
    stands = False
    attached: dict[str, Status] = {}
    try:
        if once.is_there(store, batch):  # it has ended already, so its lock file had gone
            return Started(_again(store, packed.batch))
        if packed.batch.if_running == _batch.START:
            started = _start_new(store, packed, lock, meanwhile)
            stands = True
            return started
        # Few launches need it.
        from ansible_collections.background.jobs.plugins.module_utils._launcher import if_running

        with if_running.alone(store):
            try:
                attached = if_running.settle_running(store, packed.batch)
            except if_running.RunningError as exc:
                raise LaunchError(str(exc)) from exc
            packed.drop(attached)
            by_jid = {jid: status.record for jid, status in attached.items() if status.record is not None}
            if packed.batch.jobs:
                new = _start_new(store, packed, lock, meanwhile)
                by_jid.update((record.jid, record) for record in new.records)
                stands = True
        return Started([by_jid[jid] for jid in jids])
    except LaunchError:
        for jid, status in attached.items():
            store.leave(status.jid, jid)
        raise
    finally:
        if not stands:
            store.remove_lock(batch)
            store.remove_trace(batch)
        os.close(lock)


def _again(store: Store, batch: _batch.Batch) -> list[_record.Record]:
    """:returns: the records of the jobs of a batch that has been here before, as they are now.

    :raises LaunchError: nothing of it is there any more.
    """
    known = once.known_statuses(store, [job.jid for job in batch.jobs])
    if not known:
        raise LaunchError(
            f"{_before(batch.batch)}, and nothing of it is left: it was kept from starting anything, or its jobs were "
            "collected since; it is not started a second time"
        )
    records = {jid: status.record for jid, status in known.items() if status.record is not None}
    return [
        records.get(job.jid)
        or _record.Record(job.jid, name=job.name, batch=batch.batch, state=NOT_FOUND, no_log=job.no_log)
        for job in batch.jobs
    ]


def _before(batch: str) -> str:
    return f"this launch ({batch}) was sent to {os.uname().nodename} before"


def _not_written(directory: str, error: OSError) -> str:
    return f"could not write under {directory}: {error.strerror}"


def _start_new(store: Store, packed: _batch.Packed, lock: int, meanwhile: t.Callable[[], object]) -> Started:
    """:arg lock: file descriptor that holds the lock of the batch, for the supervisor to have it too."""
    records = _first_records(packed)
    written: list[str] = []
    try:
        store.make_reserve(packed.batch.batch)
        with _Starting(packed, records, store, lock) as supervisor:  # it gets ready while the files are written
            failed = store.write_all({record.jid: _record.encode_record(record) for record in records})
            written = [record.jid for record in records if record.jid not in failed]
            if failed:
                raise next(iter(failed.values()))
            news = supervisor.let_go(meanwhile)
    except (OSError, LaunchError) as exc:
        for jid in written:
            store.remove(jid)
        if isinstance(exc, OSError):
            raise LaunchError(_not_written(store.directory, exc)) from exc
        raise
    return Started(records, news)


def _first_records(packed: _batch.Packed) -> list[_record.Record]:
    """:returns: the records of the jobs of a batch, in its order: queued now, on this host, for this user."""
    node, user = os.uname().nodename, user_name(os.geteuid())
    boot, now = procfs.boot_id(), time.time()
    return [
        _record.Record(
            jid=job.jid,
            name=job.name,
            batch=packed.batch.batch,
            group=packed.batch.group,
            lock=job.lock,
            no_log=job.no_log,
            conditions=job.conditions,
            timeout=job.timeout,
            kill_after=job.kill_after,
            leave_children=job.leave_children,
            node=node,
            user=user,
            boot_id=boot,
            queued_at=now,
        )
        for job in packed.batch.jobs
    ]


class _Starting:
    """A supervisor that is starting, in a fork of this process. If the block is left before it is ready, it ends."""

    def __init__(self, packed: _batch.Packed, records: t.Sequence[_record.Record], store: Store, lock: int) -> None:
        """:arg lock: file descriptor that holds the lock of the batch.

        :raises LaunchError: it cannot be started.
        """
        self._packed = packed
        self._stands = False
        self._answer, ready = os.pipe()
        go, self._go = os.pipe()
        try:
            self._pid = os.fork()
        except OSError as exc:
            for handle in (self._answer, self._go):
                os.close(handle)
            raise LaunchError(f"the supervisor could not be started: {exc.strerror}") from exc
        else:
            if self._pid == 0:
                _become_supervisor(packed, records, store, go, ready, lock)
        finally:
            os.close(go)
            os.close(ready)

    def __enter__(self) -> _Starting:
        return self

    def let_go(self, meanwhile: t.Callable[[], object]) -> News:
        """Let it begin, since the status files are on disk.

        :arg meanwhile: called before it is waited for.
        :returns: what it will tell, once it stands.
        :raises LaunchError: it does not.
        """
        with contextlib.suppress(BrokenPipeError):
            os.write(self._go, b"go\n")
        meanwhile()
        said, deadline = b"", time.monotonic() + _PATIENCE
        while b"\n" not in said:
            left = max(0.0, deadline - time.monotonic())
            data = os.read(self._answer, 4096) if select.select([self._answer], [], [], left)[0] else b""
            if not data:
                break
            said += data
        self._stands = said.startswith(_READY)
        if not self._stands:
            late = f"no answer within {_PATIENCE:.0f} s" if time.monotonic() >= deadline else "it ended without a word"
            why = said.decode("utf-8", "replace").strip() or late
            raise LaunchError(
                f"the supervisor did not come up on {os.uname().nodename} with {sys.executable or 'python3'}: {why}"
            )
        return News(self._answer, len(self._packed.batch.jobs), said[len(_READY) :])

    def __exit__(self, *dummy: object) -> None:
        os.close(self._go)
        if not self._stands:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._answer)


def _become_supervisor(
    packed: _batch.Packed,
    records: t.Sequence[_record.Record],
    store: Store,
    go: int,
    ready: int,
    lock: int,
) -> t.NoReturn:
    """Be the supervisor, in a session of its own, with nothing that whoever waits for our answer would wait for.

    :arg go: file descriptor that tells when to begin; it ends before, if nothing is to be begun.
    :arg ready: file descriptor that is told that the supervisor stands, or why it does not; and see `_supervisor.news`.
    """
    code = 1
    pipe = os.fstat(ready)
    try:
        os.setsid()
        this_process.keep_open((go, ready, lock))
        from ansible_collections.background.jobs.plugins.module_utils._supervisor import main

        main.main(packed, records, store, go, ready, lock)
        code = 0
    except BaseException as exc:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(ready), pipe):  # else it stood, and by now that is another file's number
                what = f"{type(exc).__name__}: {exc}"[:1000].replace("\n", " ")
                os.write(ready, what.encode("utf-8", "replace") + b"\n")
    finally:
        os._exit(code)  # on no account back to what we were
