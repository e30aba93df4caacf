# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of an action has the options of its specification: there is no module that sanity could compare."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import KEYS, RETRY_ON, Definition
from ansible_collections.background.jobs.tests.unit.controller import Controller
from ansible_collections.background.jobs.tests.unit.docs.test_guides import SPECS


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """The options of each action, as ansible-doc reads them."""
    controller = Controller(tmp_path_factory.mktemp("docs"))
    how = controller.command(ANSIBLE_NOCOLOR="true")
    command = [sys.executable, "-m", "ansible", "doc", "--json", *(f"background.jobs.{name}" for name in SPECS)]
    done = subprocess.run(command, cwd=how["cwd"], env=how["env"], stdout=subprocess.PIPE, check=True)
    return {name.rpartition(".")[2]: found["doc"]["options"] for name, found in json.loads(done.stdout).items()}


def known(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What is said of an option in both places. What is no mapping among jobs is refused by a sentence of ours."""
    choices = option.get("choices")
    elements = option.get("elements")
    return {
        "type": option["type"],
        "elements": "dict" if elements == "raw" else elements,
        "default": option.get("default"),
        "choices": None if choices is None else sorted(choices),
        "required": bool(option.get("required")),
    }


@pytest.mark.parametrize("action", SPECS)
def test_options_are_documented_as_they_are(documented: dict[str, t.Any], action: str) -> None:
    spec = SPECS[action][0]
    told = documented[action]
    assert sorted(told) == sorted(spec)
    for name, option in spec.items():
        assert known(told[name]) == known(option), name


@pytest.mark.parametrize("action", ["launch", "run"])
def test_each_key_of_a_job_is_documented_with_its_default(documented: dict[str, t.Any], action: str) -> None:
    keys = documented[action]["jobs"]["suboptions"]
    assert sorted(keys) == sorted({*KEYS, "block", "args"})
    of_task = {"timeout", "kill_after", "leave_children", "max_output"}  # what is not given is that of the task
    fields = {
        field.name: field.default
        for field in dataclasses.fields(Definition)
        if field.name in KEYS and field.name not in of_task and field.default not in (None, dataclasses.MISSING)
    }
    told = {name: key["default"] for name, key in keys.items() if "default" in key}
    assert {name: float(value) for name, value in told.items() if name not in {"retry_on", "ignore_errors"}} == fields
    assert sorted(told["retry_on"]) == sorted(RETRY_ON)
