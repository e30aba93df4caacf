# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor is killed at each of its write points in turn: no file is ever incomplete, every job's end is true."""

from __future__ import annotations

import itertools
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup.files import remove_finished
from ansible_collections.background.jobs.plugins.module_utils._launcher import start
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, Job, pack
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.directory import prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    altered,
    eventually,
    marked,
    script_job,
    script_step,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

# What runs in the supervisor before it begins. A write that it does not survive has written half.
CRASH = """
import os, signal, subprocess
def crash_at(number):
    count, here = [0], os.getpid()
    def point():
        count[0] += os.getpid() == here
        return count[0] == number and os.getpid() == here
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
    def wrap(owner, name):
        real = getattr(owner, name)
        def counted(*args, **kwargs):
            if point():
                if name in ("write", "pwrite"):
                    real(args[0], args[1][: len(args[1]) // 2], *args[2:])
                die()
            result = real(*args, **kwargs)
            if name == "Popen" and point():
                die()
            return result
        setattr(owner, name, counted)
    for name in ("open", "write", "pwrite", "rename", "unlink", "mkdir"):
        wrap(os, name)
    wrap(subprocess, "Popen")
crash_at(int(os.environ["CRASH_AT"]))
"""
UNHARMED = 'open(os.environ["UNHARMED"], "w").close()'
MAIN = "main.main(packed, records, store, go, ready, lock)"
TOGETHER = 6
"""How many batches run at once: they mostly sleep."""


def jobs(directory: Path) -> list[Job]:
    again = f"sleep 0.15; echo x >> {directory}/n; printf '{{\"rc\": %d}}' $(($(wc -l < {directory}/n) < 2))"
    step = script_step("sleep 0.15; echo '{}'")
    with_files = script_step("sleep 0.5; echo '{}'", files={"a": b"1"})
    return [
        script_job("j1.0", again, retries=2, delay=0.01, retry_on=["failed"]),
        Job("j1.1", "j1.1", [step, with_files], block=True),
        script_job("j1.2", "sleep 0.15; echo '{\"failed\": true}'", remove=[str(directory / "given")]),
        script_job("j1.3", "sleep 0.15; echo '{}'", after=["j1.1"], no_log=True),
    ]


EXPECTED = {"j1.0": "succeeded", "j1.1": "succeeded", "j1.2": "failed", "j1.3": "succeeded"}


def assert_complete(store: Store) -> int:
    """Every status file is one whole JSON object; returns how many there are."""
    names = [name for name in os.listdir(store.directory) if re.fullmatch(r"j1\.[0-9]", name)]
    for name in names:
        assert json.loads(Path(store.path(name)).read_bytes())["ansible_job_id"] == name
    return len(names)


def ended(store: Store) -> list[Status] | None:
    """The statuses of all jobs when their supervisor has gone and they are what they will always be."""
    assert assert_complete(store) == len(EXPECTED)
    gone = not store.is_locked("j1")
    statuses = [read_status(store, jid) for jid in EXPECTED]
    return statuses if gone and all(status.finished for status in statuses) else None


def run_to_its_death(directory: Path, number: int) -> bool:
    """Kill a supervisor at its write point `number`, and see that all is well.

    :returns: whether it has so many.
    """
    (directory / "given").mkdir(parents=True)
    store = Store(prepare_directory(str(directory / "async")))
    unharmed = directory / "unharmed"
    environment = {**os.environ, "CRASH_AT": str(number), "UNHARMED": str(unharmed)}
    sources = altered("_launcher.start", (MAIN, f"exec({CRASH!r}, {{}}); {MAIN}; exec({f'import os; {UNHARMED}'!r})"))
    try:
        Batches(store.directory).launch(*jobs(directory), environment=environment, sources=sources)
    except start.LaunchError:
        assert os.listdir(store.directory) == [], f"left by a launch that failed at point {number}"
        assert marked(store.directory, EXPECTED) == []
        return True
    statuses = eventually(lambda: ended(store))
    for status in statuses:
        if status.state == "lost":
            assert status.reason == "supervisor_gone", f"point {number}: {status}"
            assert not unharmed.exists()
        else:
            assert status.state == EXPECTED[status.jid], f"point {number}: {status}"
    remove_finished(statuses)
    assert os.listdir(store.directory) == [], f"left by a reap after a death at point {number}"
    assert [process.pid for process in marked(store.directory, EXPECTED)] == [], f"runs on after point {number}"
    return not unharmed.exists()


def test_no_death_of_a_supervisor_spoils_anything(tmp_path: Path) -> None:
    def die(number: int) -> bool:
        return run_to_its_death(tmp_path / str(number), number)

    points = 0
    with ThreadPoolExecutor(TOGETHER) as pool:
        for first in itertools.count(1, TOGETHER):
            harmed = list(pool.map(die, range(first, first + TOGETHER)))
            points += sum(harmed)
            if not all(harmed):
                break
    assert points > 40, "there are fewer write points than this batch can have"


def one_ended(store: Store) -> Status | None:
    status = read_status(store, "j1.0")
    return status if status.finished and not store.is_locked("j1") else None


def test_a_launcher_that_dies_leaves_a_batch_that_is_whole_or_none(tmp_path: Path) -> None:
    """The other side: the process that launches is killed at each of its own write points."""
    unharmed = tmp_path / "unharmed"
    for number in itertools.count(1):
        directory = tmp_path / str(number)
        (directory / "given").mkdir(parents=True)
        store = Store(prepare_directory(str(directory / "async")))
        child = os.fork()
        if child == 0:
            try:
                os.environ.update(CRASH_AT=str(number))
                exec(CRASH, {})
                batch = pack(Batch("j1", [script_job("j1.0", "echo '{}'")]))
                start.start_batch(batch, store.directory)
                unharmed.touch()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        status = eventually(lambda store=store: one_ended(store))  # type: ignore[misc]
        assert status.state in ("succeeded", "lost", "not_found"), f"point {number}: {status}"
        assert marked(store.directory, ["j1.0"]) == []
        if unharmed.exists():
            break
    assert number > 6
    assert status.state == "succeeded"
