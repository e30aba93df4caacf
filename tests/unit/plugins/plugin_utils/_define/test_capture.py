# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the temporary directories of the actions; what they build is tested with whole plays."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job, Step
from ansible_collections.background.jobs.plugins.plugin_utils._define import capture as capture_module
from ansible_collections.background.jobs.plugins.plugin_utils._define.capture import Capture, CaptureError, _Place
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import Definition, StepDefinition


class Action:
    """An action that launches, with the temporary directory of its connection."""

    def __init__(self) -> None:
        self.shell = types.SimpleNamespace(tmpdir=None)
        self._connection = types.SimpleNamespace(_shell=self.shell)
        self._task: t.Any = types.SimpleNamespace(no_log=False)
        self.removed: list[str] = []
        self.environment: dict[str, t.Any] = {"PYTHONPATH": "/of/task", "PYTHONHASHSEED": 1, "LANG": "C"}

    def _compute_environment_string(self, raw_environment_out: dict[str, t.Any]) -> str:
        raw_environment_out.update(self.environment)
        return ""

    def _remove_tmp_path(self, path: str | None, force: bool = False) -> None:
        if path is not None:
            self.removed.append(path)


@pytest.fixture
def action() -> Action:
    return Action()


@pytest.fixture
def capture(action: Action, monkeypatch: pytest.MonkeyPatch) -> Capture:
    """Each step takes a directory of its own; one that is called `bad` cannot be built."""
    capture: t.Any = Capture(t.cast(t.Any, action), {})

    def step(place: _Place) -> Step:
        capture._taken.append(f"/tmp/{place.job.name}-{place.step.name}")
        if place.step.name == "bad":
            raise CaptureError(f"{place} is bad")
        if place.step.name == "hidden":
            place.no_log = True
        return Step(place.step.name, program=b"x")

    monkeypatch.setattr(capture, "_step", step)
    return t.cast(Capture, capture)


def job(capture: Capture, name: str, *steps: str, **fields: t.Any) -> Job:
    definition = Definition(name, [StepDefinition(step, "command", None) for step in steps], 0, 0, block=True, **fields)
    made = capture.job(definition, f"j1.{name}")
    assert made.job is not None
    return made.job


def test_what_the_task_says_to_pythons_goes_along_and_a_job_outranks_it(capture: Capture) -> None:
    assert job(capture, "a", "x").environment == {"PYTHONPATH": "/of/task", "PYTHONHASHSEED": "1"}
    own = {"PYTHONPATH": "/of/job", "LANG": "de"}
    assert job(capture, "b", "x", environment=own).environment == {**own, "PYTHONHASHSEED": "1"}


@pytest.mark.parametrize(("runs", "stored"), [(50, True), (51, False)])
def test_zips_of_many_module_runs_are_built_as_ansible_core_builds_them(
    action: Action, monkeypatch: pytest.MonkeyPatch, runs: int, stored: bool
) -> None:
    made: t.Any = Capture(t.cast(t.Any, action), {})
    monkeypatch.setattr(made, "_parse", lambda place: ("ansible.builtin.command", {}))
    monkeypatch.setattr(made, "_handler_name", lambda module: module)
    action._task.copy = lambda **dummy: types.SimpleNamespace()
    action._task._parent = None
    built: list[bool] = []

    def intercept(*args: t.Any) -> t.Any:
        built.append(args[-1])
        raise CaptureError("no more of it is needed")

    monkeypatch.setattr(capture_module, "_Intercept", intercept)
    steps = [StepDefinition(str(number), "command", None) for number in range(runs)]
    definitions = [Definition("a", steps[:1], 0, 0), Definition("b", steps[1:], 0, 0, block=True)]
    made.check(definitions)
    with pytest.raises(CaptureError, match="no more of it is needed"):
        made.job(definitions[0], "j1.0")
    assert built == [stored]


def test_a_job_removes_what_its_own_steps_left(capture: Capture) -> None:
    assert job(capture, "a", "x", "y").remove == ["/tmp/a-x", "/tmp/a-y"]
    assert job(capture, "b", "x").remove == ["/tmp/b-x"]


def test_the_last_job_removes_what_no_step_took(capture: Capture, action: Action) -> None:
    jobs = [job(capture, "a", "x"), job(capture, "b", "x")]
    action.shell.tmpdir = "/tmp/rest"
    capture.hand_over(jobs)
    assert [each.remove for each in jobs] == [["/tmp/a-x"], ["/tmp/b-x", "/tmp/rest"]]
    assert action.shell.tmpdir is None
    assert action.removed == []


def test_nothing_stays_of_jobs_that_are_not_started(capture: Capture, action: Action) -> None:
    job(capture, "a", "x")
    with pytest.raises(CaptureError, match="job 'b', step 'bad' is bad"):
        job(capture, "b", "x", "bad")
    action.shell.tmpdir = "/tmp/rest"
    capture.give_up()
    assert sorted(action.removed) == ["/tmp/a-x", "/tmp/b-bad", "/tmp/b-x", "/tmp/rest"]


def test_what_was_handed_over_goes_too_if_the_start_fails(capture: Capture, action: Action) -> None:
    action.shell.tmpdir = "/tmp/rest"
    capture.hand_over([job(capture, "a", "x")])
    capture.give_up()
    assert sorted(action.removed) == ["/tmp/a-x", "/tmp/rest"]


@pytest.mark.parametrize(
    ("steps", "job_hides", "task_hides", "hidden"),
    [
        (("x",), False, False, False),
        (("x",), True, False, True),
        (("x",), False, True, True),
        (("hidden", "x"), False, False, True),
    ],
)
def test_one_step_that_hides_hides_the_job(
    capture: Capture, action: Action, steps: tuple[str, ...], job_hides: bool, task_hides: bool, hidden: bool
) -> None:
    action._task.no_log = task_hides
    assert job(capture, "a", *steps, no_log=job_hides).no_log is hidden
