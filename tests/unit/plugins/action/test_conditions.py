# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conditions of jobs in a real play, and a host that has others in place of them."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]

FORGE = """
import glob, json, sys

for path in glob.glob(sys.argv[1] + "/j*.0"):
    document = json.load(open(path))
    document["background_jobs"]["conditions"] = {
        "failed_when": ["spy == ''"], "changed_when": ["spy != ''"], "ignore_errors": True, "variables": {"spy": ""}
    }
    json.dump(document, open(path, "w"))
"""


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("owned") / "file"


@pytest.fixture(scope="module")
def judged(play: t.Callable[..., Results], owned: Path) -> Results:
    exits = {"name": "exits", "ansible.builtin.command": "sh -c 'exit 3'", "failed_when": "rc not in fine"}
    kept = {"cleanup": False}
    reply = {"ansible_job_id": "{{ the_launch.ansible_job_id }}", "conditions": {"failed_when": ["spy == ''"]}}
    return play(
        {
            "launch": {"background.jobs.launch": {"group": "g", "jobs": [exits]}, "vars": {"fine": [0, 3]}},
            "run": {"background.jobs.run": {"jobs": [exits]}, "vars": {"fine": [0, 3]}},
            "each": {
                "background.jobs.run": {
                    "for_each": [{"fine": 3}, {"fine": 4}],
                    "job": {**exits, "name": "{{ item.fine }}", "failed_when": "rc != item.fine"},
                },
            },
            "kept": {"background.jobs.wait": {"jobs": "{{ the_launch }}", **kept}},
            "unknown": {"background.jobs.wait": {"group": "g", **kept}},
            "forge": {"ansible.builtin.command": {"argv": [sys.executable, "-c", FORGE, "{{ ansible_async_dir }}"]}},
            "forged": {"background.jobs.wait": {"jobs": "{{ the_launch }}", **kept}},
            "group": {"background.jobs.wait": {"group": "g", **kept}},
            "status": {"background.jobs.async_status": {"jid": "{{ the_launch.ansible_job_id }}"}},
            "reply": {"background.jobs.wait": {"jobs": reply, **kept}},
            "info": {"background.jobs.job_info": {}},
            "listed": {"background.jobs.wait": {"jobs": "{{ the_info }}"}},
            "whole": {"background.jobs.launch": {"jobs": [{**exits, "failed_when": "hostvars | length > 0"}]}},
        },
        spy=f"{{{{ lookup('ansible.builtin.pipe', 'touch {owned}') }}}}",
    )


def result(judged: Results, task: str) -> dict[str, t.Any]:
    (found,) = judged[task]["results"]
    return t.cast("dict[str, t.Any]", found)


@pytest.mark.parametrize("task", ["run", "kept", "forged"])
def test_a_condition_knows_the_variables_of_the_task_that_launched_it(judged: Results, task: str) -> None:
    assert (result(judged, task)["job"]["state"], result(judged, task)["job"].get("ignored")) == ("succeeded", None)
    assert result(judged, task)["changed"] is True
    assert judged[task]["failed"] is False


def test_a_condition_knows_its_item(judged: Results) -> None:
    assert [each["job"]["state"] for each in judged["each"]["results"]] == ["succeeded", "failed"]


def test_a_handle_keeps_the_conditions_with_their_variables(judged: Results) -> None:
    conditions = {"failed_when": ["rc not in fine"], "variables": {"fine": [0, 3]}}
    assert result(judged, "launch")["job"]["conditions"] == conditions


@pytest.mark.parametrize(
    ("task", "name"), [("unknown", "fine"), ("group", "spy"), ("reply", "spy"), ("listed", "spy"), ("status", "spy")]
)
def test_what_only_the_host_knows_sees_no_variable(judged: Results, task: str, name: str) -> None:
    told = judged[task] if task == "status" else result(judged, task)
    assert (told["job"]["state"], told["job"]["reason"]) == ("failed", "condition")
    assert f"'{name}' is undefined" in told["job"]["message"]


def test_no_variable_of_the_play_was_looked_at(judged: Results, owned: Path) -> None:
    assert judged["listed"]["results"]
    assert not owned.exists()


def test_what_cannot_be_kept_is_refused_before_anything_starts(judged: Results) -> None:
    assert "jobs[0] (exits): failed_when (hostvars | length > 0) names all of 'hostvars'" in judged["whole"]["msg"]
    assert "nothing was started" in judged["whole"]["msg"]
