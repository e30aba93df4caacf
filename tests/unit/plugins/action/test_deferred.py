# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The templates of a job are resolved job by job, wherever its task stands and however it is written."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller

Said = t.Dict[str, t.Any]

SAY = """
    from ansible.plugins.action import ActionBase

    class ActionModule(ActionBase):
        def run(self, tmp=None, task_vars=None):
            self._supports_async = True
            return {**super().run(tmp, task_vars), **self._task.args}
"""
"""An action that returns its arguments: a job that is over without having been on the host."""
JOB: dict[str, t.Any] = {"say": {"msg": "{{ item }} {{ word }}"}}
EACH = {"for_each": ["a", "b"], "job": JOB}
RUN = "background.jobs.run"

TASKS: dict[str, dict[str, t.Any]] = {
    "plain": {RUN: EACH},
    "loop": {
        RUN: {"for_each": ["a", "b"], "job": {"say": {"msg": "{{ outer }} {{ item }}"}}},
        "loop": [1, 2],
        "loop_control": {"loop_var": "outer"},
    },
    "of_the_task": {RUN: EACH, "vars": {"word": "task"}},
    "loop_var": {
        RUN: {
            **EACH,
            "loop_var": "it",
            "index_var": "number",
            "job": {"say": {"msg": "{{ number }} {{ it }}"}},
        }
    },
    "variable": {RUN: {"for_each": ["a", "b"], "job": "{{ a_job }}"}},
    "jobs": {
        RUN: {
            "jobs": [
                {"name": "a", "when": "nobody is defined", "say": {"msg": "{{ nobody }}"}},
                {"name": "b", "say": {"msg": "{{ word }}"}},
            ]
        }
    },
    "delegated": {
        RUN: {**EACH, "job": {"say": {"msg": "{{ item }} {{ inventory_hostname }}"}}},
        "delegate_to": "web2",
    },
    "once": {RUN: EACH, "run_once": True},
    "args": {RUN: None, "args": EACH},
    "args_variable": {RUN: None, "args": "{{ options }}"},
    "action": {"action": {"module": RUN, **EACH}},
    "short": {"run": EACH},
    "omit": {RUN: {"for_each": ["a"], "job": {"say": {"msg": "{{ item }}", "but": "{{ omit }}"}}}},
    "omit_option": {RUN: {**EACH, "group": "{{ omit }}", "label": "{{ omit }}", "concurrency": "{{ omit }}"}},
    "defaults": {RUN: EACH, "module_defaults": {RUN: {"concurrency": 1}}},
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """What each of the tasks registered."""
    controller = Controller(tmp_path_factory.mktemp("deferred"))

    def dump(*names: str) -> dict[str, t.Any]:
        content = "{{ {" + ", ".join(f"'{name}': the_{name}" for name in names) + "} | to_json }}"
        path = str(controller.directory / f"{names[0]}.json")
        return {"name": f"dump {names[0]}", "ansible.builtin.copy": {"content": content, "dest": path}}

    def task(name: str, keywords: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return {"name": name, "register": f"the_{name}", "ignore_errors": True, **keywords}

    controller.write("action_plugins/say.py", SAY)
    included = [task("included", {RUN: EACH}), dump("included")]
    controller.write("included.yml", json.dumps(included))
    controller.write("roles/ours/defaults/main.yml", json.dumps({"of_role": "role"}))
    job = {"say": {"msg": "{{ item }} {{ of_role }}"}}
    role = [task("role", {RUN: {**EACH, "job": job}}), dump("role")]
    controller.write("roles/ours/tasks/main.yml", json.dumps(role))
    controller.write("roles/ours/handlers/main.yml", json.dumps([task("handler", {RUN: EACH}), dump("handler")]))
    keywords = {"vars": {"word": "play", "a_job": JOB, "options": EACH}}
    tasks = [
        *(task(name, each) for name, each in TASKS.items()),
        {"block": [task("block", {RUN: EACH})], "vars": {"word": "block"}},
        dump(*TASKS, "block"),
        {"ansible.builtin.include_tasks": "included.yml", "vars": {"word": "include"}},
        {"ansible.builtin.include_role": {"name": "ours"}},
        {"ansible.builtin.command": "true", "notify": ["handler", "dump handler"]},
    ]
    playbook = controller.playbook("linear.yml", *tasks, collections=["background.jobs"], **keywords)
    free = controller.playbook("free.yml", task("free", {RUN: EACH}), dump("free"), strategy="free", **keywords)
    done = controller.run(playbook, free)
    assert done.status == 0, done.output
    found: dict[str, t.Any] = {}
    for name in (next(iter(TASKS)), "included", "role", "handler", "free"):
        found.update(json.loads((controller.directory / f"{name}.json").read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, ["a play", "b play"]) for name in ("plain", "variable", "once", "args", "args_variable", "action")),
        *((name, ["a play", "b play"]) for name in ("short", "omit_option", "defaults", "handler", "free")),
        ("of_the_task", ["a task", "b task"]),
        ("loop_var", ["0 a", "1 b"]),
        ("delegated", ["a web1", "b web1"]),
        ("omit", ["a"]),
        ("block", ["a block", "b block"]),
        ("included", ["a include", "b include"]),
        ("role", ["a role", "b role"]),
    ],
)
def test_every_item_has_its_own_templates(said: Said, name: str, expected: list[str]) -> None:
    assert not said[name].get("failed"), said[name]
    assert [each["msg"] for each in said[name]["results"]] == expected
    assert not any("but" in each for each in said[name]["results"])


def test_a_loop_around_it_has_its_own_items(said: Said) -> None:
    found = [[each["msg"] for each in turn["results"]] for turn in said["loop"]["results"]]
    assert found == [["1 a", "1 b"], ["2 a", "2 b"]]


def test_templates_of_a_job_that_is_left_out_are_left_alone(said: Said) -> None:
    assert [each["job"]["state"] for each in said["jobs"]["results"]] == ["skipped", "succeeded"]
