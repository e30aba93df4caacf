# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a supervisor that outlives us: status files first, then the process, then its word that it stands.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import inspect
import json
import os
import select
import subprocess
import sys
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import (
    _attempt,
    _batch,
    _boot,
    _fork_server,
    _lock,
    _outcome,
    _process,
    _record,
    _running,
    _schedule,
    _servers,
    _store,
    _supervisor,
    _tree,
)

_PARTS = (_record, _store, _batch, _schedule, _outcome, _process, _lock, _tree, _servers, _attempt, _supervisor)
"""The supervisor's program, each part after those it imports."""

_WRITERS = 16
"""Files that are written at the same time: what waits for the disk (fsync) is then on its way together."""

_PATIENCE = 60.0
"""Seconds that a new supervisor may take to stand, on a host under load."""

_PROGRAM = """\
import json, sys, types
feed = json.loads(sys.stdin.buffer.read())
package = ""
for name in ("ansible_collections", "background", "jobs", "plugins", "module_utils"):
    package = (package + "." + name).lstrip(".")
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = []
for name, source in feed["parts"]:
    module = sys.modules[name] = types.ModuleType(name)
    setattr(sys.modules[package], name.rpartition(".")[2], module)
    exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
module.main(feed["batch"], feed["without"], feed["directory"], feed["boot"], feed["ready"], feed["lock"])
"""
"""Loads the parts from standard input, so that nothing of the supervisor ever lies on the target's disk."""


class LaunchError(Exception):
    """The batch was not started, and nothing of it is left; the message says why."""


def launch(packed_text: str, directory: str, environment: t.Mapping[str, str]) -> list[_record.Record]:
    """Start a batch.

    :arg packed_text: what C(_batch.pack) made on the controller.
    :arg directory: the async directory, absolute.
    :arg environment: what the jobs inherit.
    :returns: the records of the jobs, in the order of the batch, all on disk; in place of a job that is attached to a
        running one (see C(_running)) that of the latter.
    :raises LaunchError: it could not be done.
    """
    store = _store.Store(directory)
    packed = _batch.Packed(packed_text)
    if packed.batch.if_running == _batch.START:
        return _launch(store, packed, packed_text, [], environment)
    jobs = list(packed.batch.jobs)
    with _running.alone(store):
        try:
            attached = _running.settle(store, packed.batch)
        except _running.RunningError as exc:
            raise LaunchError(str(exc)) from exc
        packed.drop(attached)
        new = _launch(store, packed, packed_text, list(attached), environment) if packed.batch.jobs else []
    records = {record.jid: record for record in new}
    records.update({jid: status.record for jid, status in attached.items() if status.record is not None})
    return [records[job.jid] for job in jobs]


def _launch(
    store: _store.Store,
    packed: _batch.Packed,
    packed_text: str,
    without: list[str],
    environment: t.Mapping[str, str],
) -> list[_record.Record]:
    """:arg without: the jobs of O(packed_text) that are not to be run, and not in O(packed) any more."""
    batch, directory = packed.batch.batch, store.directory
    records = _supervisor.first_records(packed)
    written: list[str] = []
    lock = None

    def write(record: _record.Record) -> None:
        store.write(record.jid, _record.encode(record))
        written.append(record.jid)

    try:
        lock = store.make_lock(batch)
        store.make_reserve(batch)
        with concurrent.futures.ThreadPoolExecutor(_WRITERS) as pool:
            for dummy in pool.map(write, records):
                pass  # an error is raised here
        _start(packed_text, without, directory, environment, lock)
    except (OSError, LaunchError) as exc:
        for jid in written:
            store.remove(jid)
        if lock is not None:
            store.remove_lock(batch)
        if isinstance(exc, OSError):
            raise LaunchError(f"could not write under {directory}: {exc.strerror}") from exc
        raise
    finally:
        if lock is not None:
            os.close(lock)
    return records


def _start(packed_text: str, without: list[str], directory: str, environment: t.Mapping[str, str], lock: int) -> None:
    answer, ready = os.pipe()
    server = inspect.getsource(_fork_server).replace("from __future__ import annotations\n", "")  # it follows _boot
    boot = (inspect.getsource(_boot), _boot.SETTINGS, server, _fork_server.SETTINGS)
    feed = {
        "parts": _sources(),
        "batch": packed_text,
        "without": without,
        "directory": directory,
        "boot": boot,
        "ready": ready,
        "lock": lock,
    }
    command = [sys.executable or "python3", "-I", "-S", "-c", _PROGRAM]
    try:
        # It must outlive this module, which run_command would not let it.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
            pass_fds=(lock, ready),
        )
    except OSError as exc:
        os.close(answer)
        raise LaunchError(f"the supervisor could not be started with {command[0]}: {exc.strerror}") from exc
    finally:
        os.close(ready)
    stdin, stderr = t.cast("t.IO[bytes]", process.stdin), t.cast("t.IO[bytes]", process.stderr)
    try:
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(feed).encode("ascii"))
            stdin.close()
        answered = bool(select.select([answer], [], [], _PATIENCE)[0])
        if answered and os.read(answer, 16) == b"ready\n":
            return
        process.kill()
        process.wait()
        error = stderr.read().decode("utf-8", "replace").strip()
        otherwise = "it ended without a word" if answered else f"no answer within {_PATIENCE:.0f} s"
        why = error.splitlines()[-1] if error else otherwise
        raise LaunchError(f"the supervisor did not come up on {os.uname().nodename} with {command[0]}: {why}")
    finally:
        stderr.close()
        os.close(answer)


def _sources() -> list[tuple[str, str]]:
    return [(part.__name__, inspect.getsource(part)) for part in _PARTS]
