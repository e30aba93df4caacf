# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a supervisor that outlives us: status files first, then the process, then its word that it stands.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._launcher import once
from ansible_collections.background.jobs.plugins.module_utils._model import batch as _batch
from ansible_collections.background.jobs.plugins.module_utils._model import record as _record
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._store.directory import user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

_PATIENCE = 60.0
"""Seconds that a new supervisor may take to stand, on a host under load."""

_LOADER = """\
import base64, json, sys, types, zlib
program = json.loads(zlib.decompress(base64.b64decode(sys.stdin.buffer.readline())))
for name, source in program.pop("parts"):
    path = name.split(".")
    for level in range(1, len(path)):
        package = ".".join(path[:level])
        if package not in sys.modules:
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = []
    module = sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[package], path[-1], module)
    exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
module.main(**program, **json.loads(sys.stdin.buffer.read()))
"""
"""Loads the supervisor's program from standard input, so that nothing of it ever lies on the target's disk."""


class LaunchError(Exception):
    """The batch was not started, and nothing of it is left; the message says why."""


def launch(packed_text: str, program: str, directory: str, environment: t.Mapping[str, str]) -> list[_record.Record]:
    """Start a batch.

    :arg packed_text: what `_model.batch.pack` made on the controller.
    :arg program: what `_launcher.program.packed` made there.
    :arg directory: the async directory, absolute.
    :arg environment: what the jobs inherit.
    :returns: the records of the jobs, in the order of the batch, all on disk; in place of a job that is attached to a
        running one (see `_launcher.if_running`) that of the latter. Of a batch that was started before, nothing is
        started again, and they are what its jobs are now.
    :raises LaunchError: it could not be done.
    """
    store = Store(directory)
    packed = _batch.Packed(packed_text)
    batch, jids = packed.batch.batch, [job.jid for job in packed.batch.jobs]
    try:
        lock = store.make_lock(batch)
    except FileExistsError:
        if not once.settle(store, batch):
            raise LaunchError(
                f"{_before(batch)}, and has not started its jobs yet; see background.jobs.job_info"
            ) from None
        return _again(store, packed.batch)
    except OSError as exc:
        raise LaunchError(_not_written(directory, exc)) from exc
    stands = False
    attached: dict[str, Status] = {}
    try:
        if once.is_there(store, batch):  # it has ended already, so its lock file had gone
            return _again(store, packed.batch)
        if packed.batch.if_running == _batch.START:
            records = _launch(store, packed, packed_text, [], program, environment, lock)
            stands = True
            return records
        from ansible_collections.background.jobs.plugins.module_utils._launcher import (
            if_running,  # few launches need it
        )

        with if_running.alone(store):
            try:
                attached = if_running.settle(store, packed.batch)
            except if_running.RunningError as exc:
                raise LaunchError(str(exc)) from exc
            packed.drop(attached)
            by_jid = {jid: status.record for jid, status in attached.items() if status.record is not None}
            if packed.batch.jobs:
                new = _launch(store, packed, packed_text, list(attached), program, environment, lock)
                by_jid.update((record.jid, record) for record in new)
                stands = True
        return [by_jid[jid] for jid in jids]
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
    known = once.known(store, [job.jid for job in batch.jobs])
    if not known:
        raise LaunchError(
            f"{_before(batch.batch)}, and nothing of it is left: it was kept from starting anything, or its jobs were "
            "collected since; it is not started a second time"
        )
    records = {jid: status.record for jid, status in known.items() if status.record is not None}
    return [
        records.get(job.jid)
        or _record.Record(job.jid, name=job.name, batch=batch.batch, state=_record.NOT_FOUND, no_log=job.no_log)
        for job in batch.jobs
    ]


def _before(batch: str) -> str:
    return f"this launch ({batch}) was sent to {os.uname().nodename} before"


def _not_written(directory: str, error: OSError) -> str:
    return f"could not write under {directory}: {error.strerror}"


def _launch(
    store: Store,
    packed: _batch.Packed,
    packed_text: str,
    without: list[str],
    program: str,
    environment: t.Mapping[str, str],
    lock: int,
) -> list[_record.Record]:
    """:arg without: the jobs of `packed_text` that are not to be run, and not in `packed` any more.

    :arg lock: file descriptor that holds the lock of the batch, for the supervisor to have it too.
    """
    directory = store.directory
    records = _first_records(packed)
    written: list[str] = []
    try:
        store.make_reserve(packed.batch.batch)
        with _Starting(environment, lock) as supervisor:
            supervisor.teach(program)  # it loads it while the files are written
            failed = store.write_all({record.jid: _record.encode(record) for record in records})
            written = [record.jid for record in records if record.jid not in failed]
            if failed:
                raise next(iter(failed.values()))
            supervisor.command(
                packed_text=packed_text,
                without=without,
                records=[dataclasses.asdict(record) for record in records],
                directory=directory,
            )
    except (OSError, LaunchError) as exc:
        for jid in written:
            store.remove(jid)
        if isinstance(exc, OSError):
            raise LaunchError(_not_written(directory, exc)) from exc
        raise
    return records


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
    """A supervisor's process that comes up. Where it is left before it stands, it ends."""

    def __init__(self, environment: t.Mapping[str, str], lock: int) -> None:
        """:arg environment: what the jobs inherit.

        :arg lock: file descriptor that holds the lock of the batch.
        :raises LaunchError: it cannot be started.
        """
        self._answer, self._ready = os.pipe()
        self._lock = lock
        self._stands = False
        self._command = [sys.executable or "python3", "-I", "-S", "-c", _LOADER]
        try:
            # It must outlive this module, which run_command would not let it.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=dict(environment),
                start_new_session=True,
                pass_fds=(lock, self._ready),
            )
        except OSError as exc:
            os.close(self._answer)
            raise LaunchError(f"the supervisor could not be started with {self._command[0]}: {exc.strerror}") from exc
        finally:
            os.close(self._ready)
        self._stdin = t.cast("t.IO[bytes]", self._process.stdin)
        self._stderr = t.cast("t.IO[bytes]", self._process.stderr)

    def __enter__(self) -> _Starting:
        return self

    def teach(self, program: str) -> None:
        """Send it its program. If it has ended, `command` says so."""
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(program.encode("ascii") + b"\n")
            self._stdin.flush()

    def command(self, **task: t.Any) -> None:
        """Give it its batch, whose status files are on disk; it has its program by now.

        :arg task: arguments of `_supervisor.main.main`, beside the file descriptors.
        :returns: when it stands.
        :raises LaunchError: it does not.
        """
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(json.dumps({**task, "ready": self._ready, "lock": self._lock}).encode("ascii"))
            self._stdin.close()
        answered = bool(select.select([self._answer], [], [], _PATIENCE)[0])
        self._stands = answered and os.read(self._answer, 16) == b"ready\n"
        if not self._stands:
            self._end()
            error = self._stderr.read().decode("utf-8", "replace").strip()
            otherwise = "it ended without a word" if answered else f"no answer within {_PATIENCE:.0f} s"
            why = error.splitlines()[-1] if error else otherwise
            raise LaunchError(f"the supervisor did not come up on {os.uname().nodename} with {self._command[0]}: {why}")

    def __exit__(self, *dummy: object) -> None:
        if not self._stands:
            self._end()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._stderr.close()
        os.close(self._answer)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
