# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]


def launch(*names: str, gate: Path | None = None, **options: t.Any) -> dict[str, t.Any]:
    """Jobs that would run for long; each makes a file at `gate` first."""
    touch = "" if gate is None else f"touch {gate}.$NAME; "
    jobs = [
        {"name": name, "ansible.builtin.shell": f"{touch}exec sleep 600", "environment": {"NAME": name}}
        for name in names
    ]
    return {"background.jobs.launch": {"jobs": jobs, **options}}


def cancel(**options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.cancel": options}


@pytest.fixture(scope="module")
def done(play: t.Callable[..., Results], tmp_path_factory: pytest.TempPathFactory) -> Results:
    gate = tmp_path_factory.mktemp("gates") / "gate"
    quick = {"name": "quick", "ansible.builtin.command": "true"}
    return play(
        {
            "nothing": cancel(all=True),
            "launch": launch("a", "b", "c", group="nightly"),
            "other": launch("a", group="daily"),
            "quick": {"background.jobs.launch": {"jobs": [quick], "group": "nightly"}},
            "quick ended": {"background.jobs.wait": {"jobs": "{{ the_quick }}", "cleanup": False}},
            "predicted": {**cancel(group="nightly"), "check_mode": True},
            "by name": cancel(group="nightly", name="a"),
            "by jobs": cancel(jobs=["{{ the_launch }}", "{{ the_quick }}"]),
            "again": cancel(jobs="{{ the_launch }}"),
            "collected": {"background.jobs.wait": {"jobs": "{{ the_launch }}"}},
            "unknown": cancel(jobs="j9999.0"),
            "not a jid": cancel(jobs="../x"),
            "left": cancel(all=True),
            "queue": launch("first", "second", gate=gate, concurrency="1"),
            "first runs": {"ansible.builtin.wait_for": {"path": f"{gate}.first", "timeout": 60}},
            "drained": cancel(all=True, mode="drain"),
            "killed": cancel(jobs="{{ the_queue }}"),
            "which": cancel(mode="kill"),
            "two ways": cancel(jobs=[], group="x"),
            "everything and": cancel(all=True, name="x"),
            "private": cancel(all=True, _question={}),
        }
    )


def states(result: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {each["job"]["name"]: each["job"]["state"] for each in result["results"]}


def test_nothing_to_cancel_is_no_failure(done: Results) -> None:
    assert (done["nothing"]["changed"], done["nothing"]["failed"]) == (False, False)
    assert done["nothing"]["msg"] == "nothing to cancel on localhost: there is no unfinished job"


def test_check_mode_ends_nothing(done: Results) -> None:
    result = done["predicted"]
    assert sorted(states(result)) == ["a", "b", "c"]
    assert set(states(result).values()) <= {"queued", "running"}
    assert (result["changed"], result["msg"]) == (True, "3 jobs would be cancelled on localhost")


def test_a_job_is_found_by_group_and_name(done: Results) -> None:
    result = done["by name"]
    assert states(result) == {"a": "cancelled"}
    assert result["results"][0]["ansible_job_id"] == done["launch"]["results"][0]["ansible_job_id"]
    assert (result["changed"], result["failed"]) == (True, False)


def test_jobs_are_found_by_what_was_registered(done: Results) -> None:
    result = done["by jobs"]
    assert states(result) == {"a": "cancelled", "b": "cancelled", "c": "cancelled", "quick": "succeeded"}
    assert [each["changed"] for each in result["results"]] == [False, True, True, False]
    assert (result["changed"], result["failed"]) == (True, False)
    assert result["msg"] == "2 jobs cancelled on localhost, 2 had finished already"
    assert done["again"]["changed"] is False


def test_the_files_of_cancelled_jobs_are_left_to_the_wait(done: Results) -> None:
    assert done["collected"]["summary"]["cancelled"] == 3
    assert not os.path.exists(done["launch"]["results"][0]["results_file"])


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("unknown", "could not cancel 1 of 1 job: j9999.0: there is no job j9999.0"),
        ("not a jid", "could not cancel jobs on localhost: "),
        ("which", "background.jobs.cancel needs 'jobs', 'group', 'name' or 'all'"),
        ("two ways", "'jobs' and 'group' cannot be used together: give one of them"),
        ("everything and", "'all' and 'name' cannot be used together: give one of them"),
        ("private", "_question"),
    ],
)
def test_what_cannot_be_cancelled_fails(done: Results, task: str, message: str) -> None:
    assert done[task]["failed"] is True
    assert message in done[task]["msg"]


def test_all_are_those_that_are_left(done: Results) -> None:
    assert states(done["left"]) == {"a": "cancelled"}
    assert done["left"]["results"][0]["ansible_job_id"] == done["other"]["results"][0]["ansible_job_id"]


def test_a_drain_leaves_alone_what_runs(done: Results) -> None:
    assert states(done["drained"]) == {"first": "running", "second": "cancelled"}
    assert done["drained"]["msg"] == "1 job cancelled on localhost, 1 goes on to its end"
    assert states(done["killed"]) == {"first": "cancelled", "second": "cancelled"}
    assert done["killed"]["msg"] == "1 job cancelled on localhost, 1 had finished already"
