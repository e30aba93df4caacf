# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]


def launch(group: str, *jobs: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"background.jobs.launch": {"group": group, "jobs": list(jobs)}}


def job(name: str, script: str, **keys: t.Any) -> dict[str, t.Any]:
    return {"name": name, "ansible.builtin.shell": script, **keys}


def builtin(script: str) -> dict[str, t.Any]:
    return {"ansible.builtin.shell": script, "async": 600, "poll": 0}


def info(**options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.job_info": options}


def prune(**options: t.Any) -> dict[str, t.Any]:
    return {"background.jobs.prune": options}


@pytest.fixture(scope="module")
def done(play: t.Callable[..., Results], tmp_path_factory: pytest.TempPathFactory) -> Results:
    gate = tmp_path_factory.mktemp("gates") / "gate"
    held = f"until [ -e {gate} ]; do sleep 0.1; done"
    secret = job("secret", "echo hunter2 >&2; exit 3", no_log=True)
    return play(
        {
            "nothing": info(),
            "nothing to remove": prune(),
            "launch": launch("nightly", job("held", held), job("bad", "exit 3"), secret),
            "quick": launch("daily", job("quick", "true")),
            "builtin held": builtin(held),
            "builtin bad": builtin("echo hunter2; exit 4"),
            "ended": {
                **info(state=["succeeded", "failed"]),
                "until": "the_ended.jobs | length == 4",
                "retries": 60,
                "delay": 1,
            },
            "all": info(),
            "some": info(group="nightly", name="held"),
            "predicted": {
                **prune(older_than=0, group="daily"),
                "check_mode": True,
                "until": "not the_predicted.kept",  # the supervisor goes a moment after its last job
                "retries": 60,
                "delay": 1,
            },
            "too young": prune(),
            "pruned": prune(older_than=0, group="daily"),
            "kept": prune(older_than=0, name=["bad", "held"]),
            "gate": {"ansible.builtin.file": {"path": str(gate), "state": "touch"}},
            "waited": {"background.jobs.wait": {"jobs": "{{ the_all.jobs | selectattr('state', 'eq', 'running') }}"}},
            "rest": {**prune(older_than=0), "until": "not the_rest.kept", "retries": 60, "delay": 1},
            "left": info(),
            "wrong group": info(group=""),
            "wrong age": prune(older_than="old"),
            "wrong state": prune(state="running"),
            "private": prune(_question={}),
            "async": {**prune(), "async": 60, "poll": 0},
        }
    )


def names(result: t.Mapping[str, t.Any]) -> list[str]:
    return [each["name"] for each in result["jobs"]]


def test_no_directory_is_no_jobs(done: Results) -> None:
    assert (done["nothing"]["jobs"], done["nothing"]["changed"]) == ([], False)
    assert (done["nothing to remove"]["jobs"], done["nothing to remove"]["changed"]) == ([], False)
    assert done["nothing to remove"]["msg"].startswith("nothing to remove on localhost: ")


def test_jobs_of_both_kinds_are_told_in_order(done: Results) -> None:
    ids = [done[f"builtin {name}"]["ansible_job_id"] for name in ("held", "bad")]
    assert names(done["all"]) == ["held", "bad", "secret", "quick", *ids]
    states = [each["state"] for each in done["all"]["jobs"]]
    assert states == ["running", "failed", "failed", "succeeded", "running", "failed"]
    assert [each["builtin"] for each in done["all"]["jobs"]] == [False] * 4 + [True] * 2
    assert done["all"]["summary"]["failed"] == 3
    assert os.path.dirname(done["launch"]["results"][0]["results_file"]) == done["all"]["async_dir"]


def test_what_runs_has_its_processes(done: Results) -> None:
    for each in done["all"]["jobs"]:
        is_running = each["state"] == "running"
        assert (each["pid"] is not None, each["supervisor_pid"] is not None) == (is_running, is_running), each


def test_no_secret_is_told(done: Results) -> None:
    assert "hunter2" not in str(done["all"])


def test_a_selection_is_told_of_alone(done: Results) -> None:
    assert names(done["some"]) == ["held"]
    assert done["some"]["jobs"][0]["ansible_job_id"] == done["launch"]["results"][0]["ansible_job_id"]


def test_check_mode_removes_nothing(done: Results) -> None:
    assert (names(done["predicted"]), done["predicted"]["changed"]) == (["quick"], True)
    assert done["predicted"]["msg"] == "1 job would be removed on localhost (1 succeeded)"
    assert (done["too young"]["jobs"], done["too young"]["changed"]) == ([], False)


def test_what_was_selected_is_removed(done: Results) -> None:
    assert (names(done["pruned"]), done["pruned"]["changed"]) == (["quick"], True)
    assert done["pruned"]["msg"] == "1 job removed on localhost (1 succeeded)"
    assert not os.path.exists(done["pruned"]["jobs"][0]["results_file"])


def test_a_batch_that_goes_on_keeps_its_files(done: Results) -> None:
    assert (done["kept"]["jobs"], names({"jobs": done["kept"]["kept"]}), done["kept"]["changed"]) == (
        [],
        ["bad"],
        False,
    )
    assert "1 job kept: bad (other jobs of the batch have not ended" in done["kept"]["msg"]


def test_what_is_told_can_be_waited_for(done: Results) -> None:
    assert [each["job"]["state"] for each in done["waited"]["results"]] == ["succeeded"] * 2
    assert [each["rc"] for each in done["waited"]["results"]] == [0, 0]


def test_nothing_is_left(done: Results) -> None:
    assert done["left"]["jobs"] == []
    assert os.listdir(done["left"]["async_dir"]) == []
    assert Path(done["left"]["async_dir"]).is_dir()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("wrong group", "group is ''"),
        ("wrong age", "older_than is 'old'"),
        (
            "wrong state",
            "state is 'running': give 'succeeded', 'failed', 'timed_out', 'cancelled', 'skipped' or 'lost'",
        ),
        ("private", "_question"),
        (
            "async",
            "'async: 60' and 'poll: 0' cannot be used with background.jobs.prune: it takes no time to speak of; leave "
            "'poll' out",
        ),
    ],
)
def test_what_cannot_be_fails(done: Results, task: str, message: str) -> None:
    assert done[task]["failed"] is True
    assert message in done[task]["msg"]
