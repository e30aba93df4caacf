# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import leftovers
from ansible_collections.background.jobs.plugins.module_utils._cleanup.leftovers import (
    YOUNG,
    by_batch,
    remove_leftovers,
)
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs, tree
from ansible_collections.background.jobs.plugins.module_utils._reader.info import Evidence
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import eventually

NOW = 1_000_000.0
FILES = (
    ".j1.lock",
    ".j1.reserve",
    ".j1.0.kill",
    ".j1.2.drain",
    ".j1.1.47af.tmp",
    "j1.2.log",
    "j1.3.tmp",
)


def age(store: Store, seconds: float = YOUNG) -> None:
    """Make everything that old."""
    for name in os.listdir(store.directory):
        os.utime(os.path.join(store.directory, name), (NOW - seconds, NOW - seconds), follow_symlinks=False)


def litter(store: Store, seconds: float = YOUNG) -> list[str]:
    """What a killed launch and a killed supervisor may leave."""
    for name in FILES:
        Path(store.directory, name).touch()
    store.make_files("j1.0", {"script": b"echo"})
    age(store, seconds)
    return sorted(os.listdir(store.directory))


def removed(store: Store, older_than: float = 0, dry: bool = False) -> list[str]:
    return [os.path.basename(path) for path in remove_leftovers(store, older_than, Evidence(), dry, NOW)]


def left(store: Store) -> list[str]:
    return sorted(os.listdir(store.directory))


def test_files_are_known_by_their_names() -> None:
    names = [
        *FILES,
        ".j1.0.d",
        ".j2.lock",
        "j2.0",
        "j2.0.log",
        "notes",
        ".profile",
        ".x.lock",
        "a.tmp",
        ".j3.d",
        "1.tmp",
    ]
    assert by_batch(names) == {"j1": sorted([*FILES, ".j1.0.d"])}
    assert by_batch([]) == {}


def test_what_belongs_to_no_job_goes(store: Store) -> None:
    names = litter(store)
    assert removed(store, dry=True) == names
    assert left(store) == names
    assert removed(store) == names
    assert left(store) == []


def share(store: Store) -> list[str]:
    """A secret that two launches wait for, and that one of them has collected; another job of the batch is there."""
    store.write("j1.0", {"result": "secret"})
    store.write("j1.1", {})
    os.close(store.open_log("j1.0"))
    store.share("j1.0", "j2.0")
    store.collect("j1.0")
    return [".j1.0.j2.0.sharer", ".j1.0.shared", "j1.0.log"]


def later(store: Store, seconds: float) -> list[str]:
    return [os.path.basename(path) for path in remove_leftovers(store, 0, Evidence(), False, time.time() + seconds)]


def test_what_a_controller_that_has_died_never_collects_goes_after_an_hour(store: Store) -> None:
    names = share(store)
    assert later(store, YOUNG - 60) == []
    assert [
        os.path.basename(path) for path in remove_leftovers(store, 0, Evidence(), True, time.time() + YOUNG + 60)
    ] == names
    assert sorted(later(store, YOUNG + 60)) == names
    assert left(store) == ["j1.1"]


@pytest.mark.parametrize("batch", ["j1", "j2"])
def test_what_somebody_may_still_collect_stays(store: Store, batch: str) -> None:
    names = share(store)
    lock = store.make_lock(batch)  # he waits for other jobs first
    assert later(store, YOUNG + 60) == []
    os.close(lock)
    store.remove_lock(batch)
    os.utime(os.path.join(store.directory, names[0]), (time.time() + YOUNG, time.time() + YOUNG))
    assert later(store, YOUNG + 60) == [], "he has asked since"


def test_what_is_shared_and_not_collected_yet_stays(store: Store) -> None:
    store.write("j1.0", {})
    store.share("j1.0", "j2.0")
    assert later(store, 2 * YOUNG) == []
    os.unlink(store.path("j1.0"))
    assert sorted(later(store, 2 * YOUNG)) == [".j1.0.j1.0.sharer", ".j1.0.j2.0.sharer", ".j1.0.shared"]


def test_no_directory_is_no_files(store: Store) -> None:
    assert removed(Store(f"{store.directory}/missing")) == []


def test_what_a_killed_launch_leaves_goes(store: Store) -> None:
    source = f"""
    import os, signal
    from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
    store = Store({store.directory!r})
    store.make_lock("j7")
    store.make_reserve("j7")
    os.kill(os.getpid(), signal.SIGKILL)
    """
    program = "\n".join(line.strip() for line in source.splitlines())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == -signal.SIGKILL
    assert left(store) == [".j7.lock", ".j7.reserve"]
    age(store)
    assert removed(store) == [".j7.lock", ".j7.reserve"]


@pytest.mark.parametrize(
    ("seconds", "older_than", "goes"),
    [(YOUNG - 1, 0, False), (YOUNG, 0, True), (YOUNG, YOUNG + 1, False), (YOUNG + 1, YOUNG + 1, True)],
)
def test_what_is_young_stays(store: Store, seconds: float, older_than: float, goes: bool) -> None:
    names = litter(store, seconds)
    assert removed(store, older_than) == (names if goes else [])


def test_one_young_file_keeps_all_of_its_batch(store: Store) -> None:
    litter(store)
    os.utime(os.path.join(store.directory, ".j1.reserve"), (NOW - 1, NOW - 1))
    Path(store.lock_path("j2")).touch()
    os.utime(store.lock_path("j2"), (NOW - YOUNG, NOW - YOUNG))
    assert removed(store) == [".j2.lock"]


def test_what_is_locked_stays(store: Store) -> None:
    lock = store.make_lock("j1")
    age(store)
    assert removed(store) == []
    os.close(lock)
    assert removed(store) == [".j1.lock"]


def test_where_locks_do_not_work_the_holder_counts(store: Store) -> None:
    lock = store.make_lock("j1")
    store.name_holder(lock, os.getpid(), procfs.start_time(os.getpid()))
    os.close(lock)
    age(store)
    assert removed(store) == []


def test_a_lock_that_cannot_be_had_for_another_reason_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    litter(store)

    def fail(handle: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    assert removed(store) == []


def test_a_job_that_appears_meanwhile_keeps_its_files(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    litter(store)
    flock = fcntl.flock

    def launch(handle: int, operation: int) -> None:
        flock(handle, operation)
        store.write("j1.0", {})

    monkeypatch.setattr(fcntl, "flock", launch)
    assert removed(store) == []


def test_a_launch_whose_lock_file_is_removed_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has created the file, and before it has the lock, somebody holds that and removes the file."""
    flock = fcntl.flock

    def wait(handle: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        age(store)
        assert removed(store) == [".j1.lock"]
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", wait)
    with pytest.raises(OSError, match="the lock file was removed while the batch was being started"):
        store.make_lock("j1")
    assert left(store) == []


def test_a_process_of_a_job_whose_status_file_has_gone_keeps_its_files(store: Store) -> None:
    names = litter(store)
    environment = {**os.environ, tree.MARK: store.path("j1.0")}
    process = subprocess.Popen(["sleep", "600"], env=environment)
    try:
        eventually(lambda: procfs.variable(process.pid, tree.MARK))
        assert removed(store) == []
    finally:
        process.kill()
        process.wait()
    assert removed(store) == names


def test_a_job_of_builtin_async_that_is_being_written_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(store.directory, "j12.34.tmp").touch()
    age(store)
    at_work: t.Callable[..., list[int]] = lambda wrappers, jid: [1] if jid.startswith("j12.") else []  # noqa: E731
    monkeypatch.setattr(builtin.Wrappers, "of", at_work)
    assert removed(store) == []
    monkeypatch.setattr(builtin.Wrappers, "of", lambda wrappers, jid: [])
    assert removed(store) == ["j12.34.tmp"]


@pytest.mark.parametrize("name", [".j1.lock", ".j1.reserve", ".j1.0.d"])
def test_nothing_is_followed(store: Store, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "keep").touch()
    os.symlink(target, os.path.join(store.directory, name))
    age(store)
    assert removed(store) == []
    assert (target / "keep").exists() and left(store) == [name]


def test_what_is_of_another_kind_stays(store: Store) -> None:
    os.mkdir(os.path.join(store.directory, ".j1.reserve"))
    Path(store.directory, ".j2.0.d").touch()
    age(store)
    assert removed(store) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_is_another_users_stays(store: Store) -> None:
    litter(store)
    os.chown(os.path.join(store.directory, ".j1.reserve"), 12345, -1)
    assert removed(store) == []


def test_what_cannot_be_removed_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    litter(store)

    def refuse(path: str, dir_fd: int | None = None) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(leftovers.os, "unlink", refuse)
    with pytest.raises(PermissionError):
        removed(store)
