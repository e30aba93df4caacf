# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples that ansible-doc shows, and those in Markdown: what holds for the guides holds for them."""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.background.jobs.tests.unit.docs import test_guides as guides

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
SPECS = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/*.md"), *ROOT.glob("extensions/**/*.md")]


def of_module(path: Path) -> str:
    (text,) = [
        ast.literal_eval(node.value)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES"
    ]
    return str(text)


def examples() -> t.Iterator[tuple[str, str]]:
    """:returns: where each block is, and its text."""
    for path in MODULES:
        yield path.stem, of_module(path)
    for path in SPECS:
        yield path.parts[-3], yaml.safe_load(path.read_text("utf-8"))["argument_specs"]["main"]["examples"]
    for path in PAGES:
        for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text("utf-8"), re.M | re.S), 1):
            yield f"{path.relative_to(ROOT)} {number}", text


LISTS = {place: found for place, text in examples() if isinstance(found := yaml.safe_load(text), list)}
TASKS = [
    pytest.param(task, id=f"{place}: {task.get('name')}")
    for place, found in LISTS.items()
    for task in guides.tasks_of(found)
]


def test_examples_are_found() -> None:
    assert {path.stem for path in MODULES} | {"reap", "README.md 1", "roles/reap/README.md 2"} <= set(LISTS)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_only_options_that_there_are(task: dict[str, t.Any]) -> None:
    guides.test_a_task_has_only_options_that_there_are(task)
