# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launches of jobs that are running already, with real supervisors."""

from __future__ import annotations

import os
import signal
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._launcher import once
from ansible_collections.background.jobs.plugins.module_utils._launcher.if_running import RunningError, settle_running
from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, Job
from ansible_collections.background.jobs.plugins.module_utils._model.record import encode_record
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import jobs_of_group
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import (
    LIMIT,
    Batches,
    Gates,
    altered,
    eventually,
    python_job,
    record,
    runs,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


def named(job: Job, name: str) -> Job:
    job.name = name
    return job


@pytest.fixture
def night(batches: Batches, gates: Gates) -> t.Callable[..., list[str]]:
    """Launches two jobs of a group, of which the second waits for its gate, and returns the jids that were told."""

    def launch(batch: str, if_running: str = "attach", **options: t.Any) -> list[str]:
        jobs = [named(python_job(f"{batch}.0", "print('{}')"), "a"), named(gates.job(f"{batch}.1"), "b")]
        told = batches.launch(*jobs, batch=batch, if_running=if_running, **{"group": "night", **options})
        return [record.jid for record in told]

    return launch


def test_who_attaches_gets_the_running_jobs_and_those_that_ended_beside_them(
    batches: Batches, night: t.Callable[..., list[str]]
) -> None:
    assert night("j1") == ["j1.0", "j1.1"]
    batches.end("j1.0")
    assert night("j2") == ["j1.0", "j1.1"]
    shared = [f".j1.{job}.{end}" for job in (0, 1) for end in (f"j1.{job}.sharer", f"j2.{job}.sharer", "shared")]
    assert sorted(os.listdir(batches.directory)) == [*shared, ".j1.lock", ".j1.reserve", "j1.0", "j1.1", "j1.1.log"]


def test_what_has_ended_is_started_again(batches: Batches, night: t.Callable[..., list[str]], gates: Gates) -> None:
    night("j1")
    gates.open("j1.1")
    batches.end("j1.1")
    batches.supervisor_ends()
    assert night("j2") == ["j2.0", "j2.1"]


@pytest.mark.parametrize("options", [{"group": "day"}, {"if_running": "start"}])
def test_another_group_or_a_plain_start_is_not_concerned(
    night: t.Callable[..., list[str]], options: dict[str, t.Any]
) -> None:
    night("j1")
    assert night("j2", **options) == ["j2.0", "j2.1"]


def test_jobs_that_are_not_running_are_started_beside(
    batches: Batches, night: t.Callable[..., list[str]], gates: Gates
) -> None:
    night("j1")
    jobs = [named(gates.job("j2.0"), "b"), named(gates.job("j2.1"), "c")]
    told = batches.launch(*jobs, batch="j2", if_running="attach", group="night")
    assert [record.jid for record in told] == ["j1.1", "j2.1"]
    gates.open("j2.1")
    assert batches.end("j2.1").state == "succeeded"
    batches.supervisor_ends("j2")
    assert not os.path.exists(f"{batches.directory}/j2.0")


def test_a_job_cannot_come_after_one_of_another_launch(
    batches: Batches, night: t.Callable[..., list[str]], gates: Gates
) -> None:
    night("j1")
    jobs = [named(gates.job("j2.0"), "b"), named(gates.job("j2.1", after=""), "c")]
    jobs[1].after = ["j2.0"]
    with pytest.raises(
        LaunchError, match=r"job 'c' comes after a job that another launch has started already \(j1.1\)"
    ):
        batches.launch(*jobs, batch="j2", if_running="attach", group="night")
    assert not [name for name in os.listdir(batches.directory) if "j2" in name]


def test_who_does_not_want_to_run_twice_is_told_what_runs(batches: Batches, night: t.Callable[..., list[str]]) -> None:
    night("j1")
    batches.reaches("j1.1", "running")
    batches.end("j1.0")
    with pytest.raises(
        LaunchError, match=r"^job 'b' of group 'night' is running already \(j1.1, pid \d+, user \w+\); wait"
    ):
        night("j2", "fail")
    assert not [name for name in os.listdir(batches.directory) if "j2" in name]


def test_what_is_restarted_is_ended_before(batches: Batches, night: t.Callable[..., list[str]]) -> None:
    night("j1")
    assert night("j2", "restart") == ["j2.0", "j2.1"]
    assert batches.look("j1.1").state == "cancelled", "who still waits for it is told"
    assert [jid for dummy, jid in jobs_of_group(Store(batches.directory), "night", ["b"])] == ["j2.1"]


def test_of_many_at_once_one_starts(batches: Batches, night: t.Callable[..., list[str]]) -> None:
    told: list[list[str]] = []
    threads = [threading.Thread(target=lambda batch=batch: told.append(night(batch))) for batch in ("j1", "j2", "j3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 3 and told[0] == told[1] == told[2]


# -- the answer to a launch was lost


def test_a_launch_that_is_sent_again_starts_nothing(
    batches: Batches, night: t.Callable[..., list[str]], gates: Gates
) -> None:
    for if_running in ("start", "attach", "fail", "restart"):
        batch = f"j1{len(if_running)}{ord(if_running[0])}"
        first = night(batch, if_running, group=if_running)
        assert night(batch, if_running, group=if_running) == first, "while it runs"
        gates.open(first[1])
        batches.end(first[1])
        batches.supervisor_ends(batch)
        before = batches.look(first[1]).record
        assert night(batch, if_running, group=if_running) == first, "when it is over"
        assert batches.look(first[1]).record == before
        assert not os.path.exists(batches.store.lock_path(batch))
        batches.store.collect(first[0])
        again = [named(python_job(jid, "raise SystemExit(9)"), "x") for jid in first]
        told = batches.launch(*again, batch=batch, if_running=if_running, group=if_running)
        assert [record.state for record in told] == ["not_found", "succeeded"], "when a part was collected"


def test_a_launch_that_attached_is_attached_to_the_same_jobs_when_they_are_over(
    batches: Batches, night: t.Callable[..., list[str]], gates: Gates
) -> None:
    night("j1")
    assert night("j2") == ["j1.0", "j1.1"]
    gates.open("j1.1")
    batches.end("j1.1")
    batches.supervisor_ends()
    assert night("j2") == ["j1.0", "j1.1"]
    for jid in ("j1.0", "j1.1"):  # the first one collects
        batches.store.collect(jid)
    assert night("j2") == ["j1.0", "j1.1"]
    status = batches.look("j2.1")
    assert status.record is not None and (status.jid, status.record.jid) == ("j2.1", "j1.1")
    for jid, sharer in (("j1.0", "j2.0"), ("j1.1", "j2.1")):
        batches.store.collect(jid, sharer)
    assert os.listdir(batches.directory) == []


def test_a_launch_that_was_asked_for_before_it_has_begun_never_begins(
    batches: Batches, night: t.Callable[..., list[str]]
) -> None:
    once.forestall(batches.store, "j1")
    with pytest.raises(LaunchError, match=r"this launch \(j1\) was sent to .* before, and nothing of it is left"):
        night("j1")
    assert os.listdir(batches.directory) == [".j1.lock"]


def test_who_asks_for_a_launch_that_is_under_way_waits_until_its_jobs_are_there(
    batches: Batches, night: t.Callable[..., list[str]], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    wait = f"[time.sleep(0.01) for dummy in iter(lambda: os.path.exists({str(gate)!r}), True)]"
    reserve = "store.make_reserve(packed.batch.batch)"
    sources = altered("_launcher.start", (reserve, f"{wait}; {reserve}"))

    def ask() -> list[str]:
        once.forestall(batches.store, "j1")
        return batches.store.jids()

    with ThreadPoolExecutor() as pool:
        launch = pool.submit(night, "j1", sources=sources)
        eventually(lambda: batches.store.is_locked("j1"))
        asked = pool.submit(ask)
        time.sleep(0.3)
        assert not asked.done()
        gate.touch()
        assert asked.result(LIMIT) == launch.result(LIMIT) == ["j1.0", "j1.1"]


# -- what cannot be ended


@pytest.fixture
def stopped(batches: Batches, night: t.Callable[..., list[str]]) -> t.Iterator[int]:
    """The supervisor of a batch, which was stopped."""
    night("j1")
    supervisor = batches.supervisor("j1.1")
    os.kill(supervisor, signal.SIGSTOP)
    yield supervisor
    os.kill(supervisor, signal.SIGCONT)


def test_a_supervisor_that_is_stopped_keeps_a_second_copy_from_being_started(
    batches: Batches, night: t.Callable[..., list[str]], stopped: int
) -> None:
    pid = batches.pid("j1.1")
    with pytest.raises(LaunchError) as caught:
        night("j2", "restart")
    assert f"job 'b' of group 'night' is running already (j1.1, pid {pid}, user " in str(caught.value)
    assert f"kill -CONT {stopped}" in str(caught.value)
    assert "could not be ended, so it is not started a second time" in str(caught.value)
    assert not [name for name in os.listdir(batches.directory) if "j2" in name or name.endswith(".kill")]
    os.kill(stopped, signal.SIGCONT)
    assert batches.look("j1.1").state == "running"


@pytest.mark.parametrize(("if_running", "starts"), [("fail", False), ("attach", False), ("restart", True)])
def test_a_lost_job_of_which_a_process_runs_on_counts_as_running(
    batches: Batches, night: t.Callable[..., list[str]], gates: Gates, if_running: str, starts: bool
) -> None:
    night("j1")
    batches.end("j1.0")
    eventually(lambda: gates.is_reached("j1.1"))
    supervisor, pid = batches.supervisor("j1.1"), batches.pid("j1.1")
    os.kill(supervisor, signal.SIGKILL)
    batches.supervisor_ends()
    if starts:
        assert night("j2", if_running) == ["j2.0", "j2.1"]
        assert not runs(pid)
        return
    with pytest.raises(LaunchError, match=rf"job 'b' .* is lost, but processes of it run on \(pid {pid}, user \w+\): "):
        night("j2", if_running)
    assert runs(pid)


@pytest.mark.parametrize("if_running", ["fail", "attach"])
def test_a_job_of_which_not_all_could_be_ended_counts_as_running(store: Store, if_running: str) -> None:
    me = {"pid": os.getppid(), "owner": "root", "command": "sh", "started": procfs.start_time(os.getppid())}
    here = {"node": os.uname().nodename, "boot_id": procfs.boot_id(), "group": "night", "survivors": [me]}
    store.write("j1.0", encode_record(record(state="failed", reason="not_ended", **here), {"failed": True}))
    batch = Batch("j2", [Job("j2.0", "backup")], group="night", if_running=if_running)
    with pytest.raises(RunningError, match=rf"processes of it run on \(pid .*\b{os.getppid()}, "):
        settle_running(store, batch)
