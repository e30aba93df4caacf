# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks of ansible-core register, handed to wait as it is, in one real play."""

from __future__ import annotations

import typing as t

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]


def answers(**result: t.Any) -> dict[str, t.Any]:
    return {"answers": {"answer": {"changed": False, **result}}}


@pytest.fixture(scope="module")
def registered(play: t.Callable[..., Results]) -> Results:
    poll_1 = {"async": 60, "poll": 1}
    poll_0 = {"async": 60, "poll": 0}
    kinds: dict[str, dict[str, t.Any]] = {
        "dry": {"ansible.builtin.command": "echo dry", "async": 0},
        "failed": {"ansible.builtin.command": "false", "async": 0},
        "installed": answers(results=["Installed: vim"], rc=0),
        "nothing": answers(results=[], rc=0, msg="Nothing to do"),
        "polled": {**answers(results=["Installed: vim"], name="x", state="failed"), **poll_1},
        "started": {**answers(started=True, jobs=[{"id": 1}]), **poll_0},
        "loop": {**answers(results=["{{ item }}"], jobs=[]), **poll_0, "loop": ["a", "b"]},
    }
    held = {"name": "held", "ansible.builtin.command": "sleep 4"}
    named = [{"name": "mine", "job": "{{ the_held }}"}, {"name": "both", "job": "{{ the_loop }}"}]
    others: dict[str, dict[str, t.Any]] = {
        "held": {"background.jobs.launch": {"group": "g", "jobs": [held]}},
        "attached": {"background.jobs.run": {"group": "g", "jobs": [held], "if_running": "attach"}},
        "wait named": {"background.jobs.wait": {"jobs": named}},
    }
    waits = {f"wait {kind}": {"background.jobs.wait": {"jobs": f"{{{{ the_{kind} }}}}"}} for kind in kinds}
    return play({**kinds, **others, **waits})


def collected(registered: Results, kind: str) -> list[tuple[str, t.Any]]:
    return [(each["job"]["state"], each["job"].get("reason")) for each in registered[f"wait {kind}"]["results"]]


@pytest.mark.parametrize("kind", ["dry", "installed", "nothing", "polled", "started"])
def test_a_job_that_has_done_well_is_collected_as_such(registered: Results, kind: str) -> None:
    assert collected(registered, kind) == [("succeeded", None)]
    assert not registered[f"wait {kind}"]["failed"]


def test_a_task_without_async_that_failed_fails_the_wait(registered: Results) -> None:
    assert collected(registered, "failed") == [("failed", "exit_code")]
    assert registered["wait failed"]["failed"]


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("dry", "stdout", "dry"),
        ("installed", "results", ["Installed: vim"]),
        ("nothing", "results", []),
        ("polled", "results", ["Installed: vim"]),
        ("started", "jobs", [{"id": 1}]),
    ],
)
def test_what_the_module_returned_is_there(registered: Results, kind: str, key: str, value: t.Any) -> None:
    assert registered[f"wait {kind}"]["results"][0][key] == value


def test_each_item_of_a_loop_is_a_job(registered: Results) -> None:
    results = registered["wait named"]["results"][1:]
    assert [(each["item"], each["results"], each["jobs"]) for each in results] == [("a", ["a"], []), ("b", ["b"], [])]


def test_what_was_registered_can_be_given_a_name(registered: Results) -> None:
    results = registered["wait named"]["results"]
    assert [each["job"]["name"] for each in results] == ["mine", "both (a)", "both (b)"]
    assert results[0]["job"]["state"] == "succeeded"


def test_a_run_tells_that_its_job_was_started_by_another(registered: Results) -> None:
    (result,) = registered["attached"]["results"]
    assert result["job"]["attached"] is True
    assert result["ansible_job_id"] == registered["held"]["ansible_job_id"]
