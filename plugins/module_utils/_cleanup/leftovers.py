# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What launches and supervisors that were killed have left behind, once no job is left to which it belongs.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A launch makes its lock before anything else, and holds it until its supervisor does. So what belongs to a batch without
a status file, whose lock is free, is of no use to anybody. Only in the moment between the two steps of making a lock is
it free as well: hence the `YOUNG`, and hence the lock is held while the files are removed. A launch that comes to it
then finds its lock file gone, and fails.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shutil
import stat
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model import names as _naming
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

YOUNG = 3600.0
"""Seconds for which a file without a job is left alone in any case."""


def by_batch(names: t.Iterable[str]) -> dict[str, list[str]]:
    """:returns: those of the names of an async directory that belong to no job, by their batch."""
    names = sorted(names)
    alive = {_naming.batch_of(name) for name in names if _naming.JOB.fullmatch(name)}
    alive |= {match.group("batch") for match in map(_naming.SHARED_FILE.fullmatch, names) if match}
    found: dict[str, list[str]] = {}
    for name in names:
        batch = _naming.leftover_of(name)
        if batch is not None and batch not in alive:
            found.setdefault(batch, []).append(name)
    return found


@dataclasses.dataclass
class Shared:
    """A job that several launches wait for: its files, and those who have not collected it yet, by jids of theirs."""

    files: list[str] = dataclasses.field(default_factory=list)
    sharers: set[str] = dataclasses.field(default_factory=set)


def shared(names: t.Iterable[str]) -> dict[str, Shared]:
    """:returns: of the names of an async directory those of jobs that somebody has collected, and others have not, by
    jid.
    """
    names = sorted(names)
    visible = set(names)
    found: dict[str, Shared] = {}
    for name in names:
        match = _naming.SHARED_FILE.fullmatch(name)
        if match and match.group("jid") not in visible:
            job = found.setdefault(match.group("jid"), Shared())
            job.files.append(name)
            if match.group("sharer"):
                job.sharers.add(match.group("sharer"))
    for jid, job in found.items():
        if _naming.log_name(jid) in visible:
            job.files.append(_naming.log_name(jid))
    return found


def remove_leftovers(store: Store, older_than: float, evidence: Evidence, dry: bool, now: float) -> list[str]:
    """Remove what belongs to no job and was last touched `older_than` seconds before `now`, or `YOUNG` if that is
    longer.

    :arg dry: only tell what would be removed.
    :returns: the paths.
    :raises OSError: something could not be removed.
    """
    removed = []
    for batch, names in _list(store).items():
        with _held(store, batch) as free:
            if not free or _list(store).get(batch) != names or _runs(store, batch, evidence):
                continue
            paths = [os.path.join(store.directory, name) for name in names]
            before = now - max(older_than, YOUNG)
            # A log alone is that of a job which builtin async_status has cleaned up: there is nothing to wait for.
            if not all(_is_old(path, now if path.endswith(_naming.LOG) else before) for path in paths):
                continue
            if not dry:
                for path in paths:
                    with contextlib.suppress(FileNotFoundError):  # somebody else has come to it, too
                        shutil.rmtree(path) if path.endswith(_naming.FILES) else os.unlink(path)
            removed += paths
    return removed + _remove_shared(store, now - max(older_than, YOUNG), dry)


def _remove_shared(store: Store, before: float, dry: bool) -> list[str]:
    """Remove collected jobs for which others wait that have not asked for them since `before`: they may have died.

    :returns: the paths.
    """
    removed: list[str] = []
    for jid, job in shared(_names(store)).items():
        batches = {_naming.batch_of(each) for each in (jid, *job.sharers)}
        paths = [os.path.join(store.directory, name) for name in job.files]
        with contextlib.suppress(FileNotFoundError):  # collected, in this moment
            if not any(map(store.is_locked, batches)) and all(_is_old(path, before) for path in paths):
                removed += paths
                for path in [] if dry else paths:
                    os.unlink(path)
    return removed


def _list(store: Store) -> dict[str, list[str]]:
    return by_batch(_names(store))


def _names(store: Store) -> list[str]:
    try:
        return os.listdir(store.directory)
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def _held(store: Store, batch: str) -> t.Iterator[bool]:
    """Hold the lock of a batch, if there is one, together with whoever else looks at it.

    :returns: whether nobody else holds it, or may be holding it where locks do not work.
    """
    try:
        handle = store.open_lock(batch)
    except (OSError, StoreError) as exc:
        yield isinstance(exc, FileNotFoundError)
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        holder = store.lock_holder(batch)
        yield holder is None or not procfs.is_alive(*holder)
    finally:
        os.close(handle)


def _is_old(path: str, before: float) -> bool:
    """:returns: whether a file, or a directory where there has to be one, is ours and was last touched by then."""
    info = os.lstat(path)
    is_kind = stat.S_ISDIR if path.endswith(_naming.FILES) else stat.S_ISREG
    touched = max(info.st_mtime, info.st_ctime) if path.endswith(_naming.SHARED) and info.st_size else info.st_mtime
    return is_kind(info.st_mode) and info.st_uid == os.geteuid() and touched <= before


def _runs(store: Store, batch: str, evidence: Evidence) -> bool:
    """:returns: whether a process of a job of this batch runs, although its status file has gone."""
    census = evidence.census
    mark = os.path.join(store.directory, f"{batch}.")
    return evidence.wrappers.has(f"{batch}.0") or any(
        (census.mark(process) or "").startswith(mark) for process in census.processes.values()
    )
