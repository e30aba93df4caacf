# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launches of jobs that are running already, with real supervisors."""

from __future__ import annotations

import os
import threading
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._batch import Job
from ansible_collections.background.jobs.plugins.module_utils._detach import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._store import Store
from ansible_collections.background.jobs.plugins.module_utils._waiting import select
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Gates, python_job

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
    shared = [".j1.0.shared", ".j1.1.shared"]
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
    with pytest.raises(LaunchError, match=r"^job 'b' of group 'night' is running already \(j1.1\); wait for it"):
        night("j2", "fail")
    assert not [name for name in os.listdir(batches.directory) if "j2" in name]


def test_what_is_restarted_is_ended_before(batches: Batches, night: t.Callable[..., list[str]]) -> None:
    night("j1")
    assert night("j2", "restart") == ["j2.0", "j2.1"]
    assert batches.look("j1.1").state == "cancelled", "who still waits for it is told"
    assert [jid for dummy, jid in select(Store(batches.directory), "night", ["b"])] == ["j2.1"]


def test_of_many_at_once_one_starts(batches: Batches, night: t.Callable[..., list[str]]) -> None:
    told: list[list[str]] = []
    threads = [threading.Thread(target=lambda batch=batch: told.append(night(batch))) for batch in ("j1", "j2", "j3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 3 and told[0] == told[1] == told[2]
