# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import types
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, Job, Packing
from ansible_collections.background.jobs.plugins.plugin_utils._core.unsent import Unsent
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import launch as _launch
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import reach
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, NoAnswer
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.launch import Along, shown_arguments

BROKEN = AnsibleConnectionFailure("Connection reset by peer")


class Target:
    """A host whose connection breaks while it starts a batch, and the first `breaks` times after that."""

    host = "web1"
    hidden = False
    interpreter = "/usr/bin/python3"
    left: t.Any = None

    def __init__(self, states: t.Sequence[str], breaks: int = 0) -> None:
        self._states = states
        self._breaks = breaks
        self.batch = "j1"
        self.forestalled: list[str] = []
        self.reliable = False
        self.failure: Exception = BROKEN
        self.breaking: Exception = BROKEN
        self.started = 0
        self._connection = self
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    @staticmethod
    def get_options() -> dict[str, t.Any]:
        return {"timeout": 10}

    def send_batch(
        self, batch: bytes, task_vars: t.Any, question: t.Any, secret: bool, if_running: str
    ) -> dict[str, t.Any]:
        self.started += 1
        if self.started == 1 and not self.reliable:
            raise self.failure
        told = {} if question is None else {"jobs": [], "asked": question, "secret": secret}
        return {"records": [self._record(number) for number in range(len(self._states))], "async_dir": "/a", **told}

    def ask(self, jids: list[str], mode: str, task_vars: t.Any, secret: bool, launch: str) -> dict[str, t.Any]:
        self.forestalled.append(launch)
        if self._breaks:
            self._breaks -= 1
            raise self.breaking
        told = zip(jids, self._states)
        jobs = [
            {
                "state": state,
                "results_file": f"/a/{jid}",
                "record": None if state == "not_found" else self._record(number),
            }
            for number, (jid, state) in enumerate(told)
        ]
        return {"jobs": jobs}

    def _record(self, number: int) -> dict[str, t.Any]:
        return {"jid": f"{self.batch}.{number}", "name": f"job {number}", "user": "root", "state": "running"}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(reach.display, "display", lines.append)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return lines


Started = t.Tuple[t.Dict[str, t.Dict[str, t.Any]], t.Optional[t.Dict[str, t.Any]]]


def start(target: Target, if_running: str = "start", along: Along | None = None) -> Started:
    batch = Batch("j1", [Job("j1.0", "job 0"), Job("j1.1", "job 1")], group="g", if_running=if_running)
    packing = Packing()
    for job in batch.jobs:
        packing.add(job)
    return _launch._start(t.cast(JobAction, target), batch, packing, {}, along)


def test_jobs_that_were_started_before_the_connection_broke_are_found(said: list[str]) -> None:
    target = Target(["running", "succeeded"], breaks=1)
    handles, dummy = start(target)
    assert [handle["results_file"] for handle in handles.values()] == ["/a/j1.0", "/a/j1.1"]
    assert handles["j1.0"]["job"] == {
        "name": "job 0",
        "state": "running",
        "group": "g",
        "host": "web1",
        "user": "root",
        "interpreter": "/usr/bin/python3",
    }
    assert (target.started, target.resets) == (1, 2)
    assert said == [
        "web1: no answer to the start of jobs; trying for 3 s",
        "web1: connected again",
    ]


def test_jobs_that_are_not_there_were_not_started(said: list[str]) -> None:
    target = Target(["not_found", "not_found"])
    with pytest.raises(AnsibleConnectionFailure, match="nothing was started on web1: Connection reset by peer"):
        start(target)
    assert target.started == 1


def test_a_host_that_nothing_was_sent_to_is_not_asked(said: list[str]) -> None:
    target = Target(["running", "running"])
    target.failure = Unsent("Connection refused")
    with pytest.raises(AnsibleConnectionFailure, match=r"^nothing was started on web1: Connection refused$"):
        start(target)
    assert (target.forestalled, target.resets, target.left, said) == ([], 0, None, [])


def test_what_nobody_knows_is_not_claimed(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_launch, "_GRACE", 0)
    with pytest.raises(AnsibleConnectionFailure, match=r"it may have started jobs \(see background.jobs.job_info\): C"):
        start(Target(["running", "running"], breaks=1))
    assert said == []


@pytest.mark.parametrize("if_running", ["start", "attach", "restart", "fail"])
def test_nothing_is_sent_twice_and_what_has_not_begun_never_will(said: list[str], if_running: str) -> None:
    target = Target(["running", "succeeded"], breaks=1)
    assert list(start(target, if_running)[0]) == ["j1.0", "j1.1"]
    assert (target.started, target.forestalled) == (1, ["j1", "j1"])


def test_a_job_that_the_lost_answer_had_attached_to_is_told(said: list[str]) -> None:
    target = Target(["running", "running"])
    target.batch = "j9"
    handles, dummy = start(target, "attach")
    assert [
        (handle["ansible_job_id"], handle["results_file"], handle["job"]["attached"], handle["job"]["attached_as"])
        for handle in handles.values()
    ] == [("j9.0", "/a/j9.0", True, "j1.0"), ("j9.1", "/a/j9.1", True, "j1.1")]


def killed(target: Target) -> Target:
    """A target whose module is killed before it answers."""
    target.failure = NoAnswer("could not start jobs on web1: Killed")
    return target


def test_jobs_that_were_started_by_a_module_that_was_killed_are_found(said: list[str]) -> None:
    handles, dummy = start(killed(Target(["running", "succeeded"])), along=Along({}, 60))
    assert [handle["results_file"] for handle in handles.values()] == ["/a/j1.0", "/a/j1.1"]
    assert said == []


def test_a_module_that_was_killed_before_it_started_anything_says_so(said: list[str]) -> None:
    with pytest.raises(NoAnswer, match="could not start jobs on web1: Killed"):
        start(killed(Target(["not_found", "not_found"])))


def test_where_no_module_can_run_the_first_failure_is_told(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    target = killed(Target(["running", "running"], breaks=1))
    target.breaking = NoAnswer("could not ask for jobs on web1: SyntaxError")
    with pytest.raises(NoAnswer, match="could not start jobs"):
        start(target)


# -- the first question of a wait, along with the jobs


def test_what_is_asked_along_is_answered(said: list[str]) -> None:
    target = Target(["running", "running"])
    target.reliable = True
    dummy, answer = start(target, along=Along({"patience": 5}, 60))
    assert answer is not None and (answer["asked"], answer["secret"]) == ({"patience": 5}, False)
    target.started = 0
    assert start(target)[1] is None


@pytest.mark.parametrize(("seconds", "grace"), [(1, 3), (12, 3), (13, 60)])
def test_a_host_that_was_reached_may_be_out_of_reach_for_longer(
    said: list[str], monkeypatch: pytest.MonkeyPatch, seconds: float, grace: int
) -> None:
    """An attempt to reach it takes 10 seconds at most."""
    now = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr(_launch.time, "monotonic", lambda: next(now, 100.0 + seconds))
    target = Target(["running", "running"], breaks=1)
    handles, answer = start(target, along=Along({"patience": 120}, 60))
    assert (len(handles), answer) == (2, None)
    assert said[0] == f"web1: no answer to the start of jobs; trying for {grace} s"


@pytest.mark.parametrize(
    ("options", "longest"),
    [({}, 12), ({"timeout": 30}, 32), ({"timeout": 10, "reconnection_retries": 2}, 92)],
    ids=str,
)
def test_what_takes_longer_than_an_attempt_to_connect_had_a_connection(
    options: dict[str, t.Any], longest: float
) -> None:
    connection = types.SimpleNamespace(get_options=lambda: options)
    action = t.cast(JobAction, types.SimpleNamespace(_connection=connection))
    assert not reach.had_connected(action, longest)
    assert reach.had_connected(action, longest + 0.1)


SEEN = {"name": "a", "no_log": True, "ansible.builtin.shell": "echo swordfish", "environment": {"x": "swordfish"}}
SHOWN = {**SEEN, "ansible.builtin.shell": "(hidden by no_log)", "environment": "(hidden by no_log)"}
OPEN = {"name": "b", "no_log": False, "ansible.builtin.command": "id"}


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"jobs": [SEEN, OPEN, "odd"], "group": "g"}, {"jobs": [SHOWN, OPEN, "odd"], "group": "g"}),
        ({"jobs": [{**SEEN, "no_log": "{{ x }}"}]}, {"jobs": [{**SHOWN, "no_log": "{{ x }}"}]}),
        ({"jobs": [{**OPEN, "no_log": "no"}]}, {"jobs": [{**OPEN, "no_log": "no"}]}),
        ({"job": SEEN, "for_each": ["swordfish"]}, {"job": SHOWN, "for_each": "(hidden by no_log)"}),
        ({"job": OPEN, "for_each": ["a"]}, {"job": OPEN, "for_each": ["a"]}),
        ({"jobs": "{{ jobs }}"}, {"jobs": "{{ jobs }}"}),
        ({}, {}),
    ],
)
def test_callbacks_see_no_arguments_of_jobs_with_no_log(arguments: dict[str, t.Any], shown: dict[str, t.Any]) -> None:
    before = repr(arguments)
    assert shown_arguments(arguments) == shown
    assert repr(arguments) == before
