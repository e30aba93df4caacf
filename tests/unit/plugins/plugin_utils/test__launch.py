# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.background.jobs.plugins.module_utils._batch import Batch, Job, Packing
from ansible_collections.background.jobs.plugins.plugin_utils import _launch, _reach
from ansible_collections.background.jobs.plugins.plugin_utils._job_action import JobAction

BROKEN = AnsibleConnectionFailure("Connection reset by peer")


class Target:
    """A host whose connection breaks while it starts a batch, and the first C(breaks) times after that."""

    host = "web1"

    def __init__(self, states: t.Sequence[str], breaks: int = 0) -> None:
        self._states = states
        self._breaks = breaks
        self.started = 0
        self._connection = self
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def start(self, packed: str, task_vars: t.Any) -> dict[str, t.Any]:
        self.started += 1
        if self.started == 1:
            raise BROKEN
        return {"jobs": [self._record(number) for number in range(len(self._states))], "async_dir": "/a"}

    def ask(self, jids: list[str], mode: str, task_vars: t.Any, secret: bool) -> dict[str, t.Any]:
        if self._breaks:
            self._breaks -= 1
            raise BROKEN
        told = zip(jids, self._states)
        jobs = [
            {
                "state": state,
                "results_file": f"/a/{jid}",
                "record": None if state == "lost" else self._record(number),
            }
            for number, (jid, state) in enumerate(told)
        ]
        return {"jobs": jobs}

    @staticmethod
    def _record(number: int) -> dict[str, t.Any]:
        return {"jid": f"j1.{number}", "name": f"job {number}", "user": "root", "state": "running"}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(_reach.display, "display", lines.append)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return lines


def start(target: Target, if_running: str = "start") -> dict[str, dict[str, t.Any]]:
    batch = Batch("j1", [Job("j1.0", "job 0"), Job("j1.1", "job 1")], group="g", if_running=if_running)
    packing = Packing()
    for job in batch.jobs:
        packing.add(job)
    return _launch._start(t.cast(JobAction, target), batch, packing, {})


def test_jobs_that_were_started_before_the_connection_broke_are_found(said: list[str]) -> None:
    target = Target(["running", "succeeded"], breaks=1)
    handles = start(target)
    assert [handle["results_file"] for handle in handles.values()] == ["/a/j1.0", "/a/j1.1"]
    assert (target.started, target.resets) == (1, 2)
    assert said == [
        "web1: no answer to the start of jobs; trying for 3 s",
        "web1: connected again",
    ]


def test_jobs_that_are_not_there_were_not_started(said: list[str]) -> None:
    target = Target(["lost", "lost"])
    with pytest.raises(AnsibleConnectionFailure, match="nothing was started on web1: Connection reset by peer"):
        start(target)
    assert target.started == 1


def test_what_nobody_knows_is_not_claimed(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_launch, "_GRACE", 0)
    with pytest.raises(AnsibleConnectionFailure, match=r"it may have started jobs \(see background.jobs.job_info\): C"):
        start(Target(["running", "running"], breaks=1))
    assert said == []


def test_who_attaches_to_what_runs_just_starts_again(said: list[str]) -> None:
    target = Target(["running", "running"])
    assert list(start(target, "attach")) == ["j1.0", "j1.1"]
    assert target.started == 2
