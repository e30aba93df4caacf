# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Workflows as ansible-runner runs them, and with it automation controller.

What is launched in one node is collected in the next one, and the events stay small.
"""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import ansible_runner
import pytest

HERE = Path(__file__).parent
MOST = 1500
"""Bytes of all events of launch and wait for each job; a loop of builtin async has more than 4,000."""


class Node:
    """What is left of a run."""

    def __init__(self, runner: ansible_runner.Runner) -> None:
        self.status = runner.status
        self.events = [event for event in runner.events if "event_data" in event]

    @property
    def artifacts(self) -> dict[str, t.Any]:
        """What `set_stats` gives to the next node."""
        data: dict[str, t.Any] = self.events[-1]["event_data"]["artifact_data"]
        return data

    def size(self, task: str) -> int:
        """:returns: the bytes of all events of the tasks whose module has this name."""
        return sum(len(json.dumps(event)) for event in self.events if event["event_data"].get("task_action") == task)


@pytest.fixture
def node(tmp_path: Path) -> t.Callable[..., Node]:
    """Runs a playbook with these variables, in a directory and with jobs of its own."""
    for name in ("project", "inventory"):
        shutil.copytree(HERE / name, tmp_path / name)

    def run(playbook: str, **variables: t.Any) -> Node:
        given = {"ansible_async_dir": str(tmp_path / "async"), **variables}
        directory = str(tmp_path)
        return Node(ansible_runner.run(private_data_dir=directory, playbook=playbook, extravars=given, quiet=True))

    return run


def test_handles_travel_from_one_node_of_a_workflow_to_the_next(node: t.Callable[..., Node], tmp_path: Path) -> None:
    launched = node("launch.yml", count=3)
    assert launched.status == "successful"
    collected = node("collect.yml", count=3, **launched.artifacts)
    assert collected.status == "successful"
    assert list((tmp_path / "async").iterdir()) == []


def test_the_next_node_needs_no_handles_where_the_jobs_have_a_group(node: t.Callable[..., Node]) -> None:
    assert node("launch.yml", count=3).status == "successful"
    assert node("collect.yml", count=3).status == "successful"


def test_the_events_of_many_jobs_stay_small(node: t.Callable[..., Node]) -> None:
    count = 200
    launched = node("launch.yml", count=count)
    collected = node("collect.yml", count=count)
    size = launched.size("background.jobs.launch") + collected.size("background.jobs.wait")
    assert 0 < size < count * MOST
    of_jobs = [event for event in launched.events if event["event_data"].get("task_action") == "background.jobs.launch"]
    assert [event["event"] for event in of_jobs] == ["playbook_on_task_start", "runner_on_start", "runner_on_ok"]
