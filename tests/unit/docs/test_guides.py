# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guides show: playbooks, messages, files of this repository."""

from __future__ import annotations

import ast
import dataclasses
import re
import textwrap
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.playbook.play import Play

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import (
    Defaults,
    Definition,
    DefinitionError,
    check_names,
    check_order,
    define,
    halt,
)

ROOT = Path(__file__).resolve().parents[3]
GENERATED = ("migration", "migration_listing")  # by tests/docs/migration.py, out of playbooks that Molecule runs
GUIDES = sorted(path for path in (ROOT / "docs" / "docsite" / "rst").glob("*.rst") if path.stem not in GENERATED)
BLOCK = re.compile(r"^( *)\.\. code-block:: ([\w+-]+)\n\n((?:\1 +.*\n|\n)+)", re.MULTILINE)
SPECS: dict[str, tuple[_argspec.Spec, dict[str, t.Any]]] = {
    "run": (_argspec.run_options(), _argspec.JOBS_RULES),
    "launch": (_argspec.launch_options(), _argspec.JOBS_RULES),
    "wait": (_argspec.wait_options(), _argspec.WAIT_RULES),
    "cancel": (_argspec.cancel_options(), _argspec.CANCEL_RULES),
    "async_status": (_argspec.async_status_options(), _argspec.ASYNC_STATUS_RULES),
    "job_info": (_argspec.job_info_options(), {}),
    "prune": (_argspec.prune_options(), {}),
}
OURS = "background.jobs."
REAP = yaml.safe_load((ROOT / "roles" / "reap" / "meta" / "argument_specs.yml").read_text("utf-8"))
HOLDERS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")
LONGEST_VALUE = 45
"""Characters between two pieces of a message that are in the code: a path, the name of a job, the name of a module."""


@dataclasses.dataclass
class Block:
    """A code block of a guide."""

    guide: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.guide}:{self.line}"


def blocks_of(guide: Path) -> list[Block]:
    text = guide.read_text("utf-8")
    return [
        Block(guide.name, text.count("\n", 0, found.start()) + 1, found.group(2), textwrap.dedent(found.group(3)))
        for found in BLOCK.finditer(text)
    ]


BLOCKS = [block for guide in GUIDES for block in blocks_of(guide)]
PLAYBOOKS = [block for block in BLOCKS if block.language in ("yaml", "yaml+jinja")]
MESSAGES = [block for block in BLOCKS if block.guide == "troubleshooting.rst" and block.language == "text"]


def test_every_code_block_is_found() -> None:
    directives = sum(guide.read_text("utf-8").count("code-block::") for guide in GUIDES)
    assert len(BLOCKS) == directives
    assert len(PLAYBOOKS) > 20
    assert len(MESSAGES) > 30


# -- playbooks


def tasks_of(entries: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[t.Mapping[str, t.Any]]:
    """:returns: the tasks of plays and blocks, in order."""
    for entry in entries:
        inner = [entry[key] for key in HOLDERS if key in entry]
        for each in inner:
            yield from tasks_of(each)
        if not inner:
            yield entry


def entries(block: Block) -> list[dict[str, t.Any]]:
    found = yaml.safe_load(block.text)
    return found if isinstance(found, list) else []


TASKS = [
    pytest.param(task, id=f"{block}: {task.get('name')}") for block in PLAYBOOKS for task in tasks_of(entries(block))
]


def known_job(job: t.Any, number: int) -> Definition:
    """Take a job apart as launch does, with its templates as they are."""
    definition = define(
        job, f"job {number}", number, Defaults(timeout=0, kill_after=0), is_module=lambda name: "." in name
    )
    for step in definition.steps:
        assert "." in step.module, f"{definition.name}: {step.module} is no full name"
        source = {step.module: step.arguments, **({"args": step.free_form} if step.free_form else {})}
        ModuleArgsParser(source).parse(skip_action_validation=True)
    return definition


def untemplated(value: t.Any, option: t.Mapping[str, t.Any]) -> t.Any:
    """:returns: a number where a template stands for one."""
    return 0 if option.get("type") == "int" and str(value).startswith("{{") else value


@pytest.mark.parametrize("block", PLAYBOOKS, ids=str)
def test_a_playbook_is_a_list_of_named_plays_or_tasks(block: Block) -> None:
    found = yaml.safe_load(block.text)
    assert isinstance(found, list)
    assert all(isinstance(entry, dict) and entry.get("name") for entry in found)
    for play in (entry for entry in found if "hosts" in entry):
        keywords = set(Play.fattributes) | {"hosts", "name"}
        assert set(play) <= keywords


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_only_options_that_there_are(task: dict[str, t.Any]) -> None:
    modules = [key for key in task if "." in key]
    assert len(modules) == 1, f"{task}: which module?"
    action = modules[0]
    assert task.get("name"), f"{task} has no name"
    if action == "ansible.builtin.include_role" and task[action]["name"] == f"{OURS}reap":
        assert set(task["vars"]) <= set(REAP["argument_specs"]["main"]["options"])
    if not action.startswith(OURS):
        return
    spec, rules = SPECS[action[len(OURS) :]]
    options = {name: untemplated(value, spec.get(name, {})) for name, value in (task[action] or {}).items()}
    validated = ArgumentSpecValidator(spec, **rules).validate(options)
    assert validated.error_messages == []
    halt(options.get("halt"), options.get("fail_fast", False))
    if action in (f"{OURS}run", f"{OURS}launch"):
        jobs = [known_job(job, number) for number, job in enumerate(options.get("jobs", []), 1)]
        check_names(jobs)
        check_order(jobs)
    if "job" in options:
        assert "{{" in known_job(options["job"], 1).name, "all jobs would have one name"


def test_a_wrong_example_is_found() -> None:
    with pytest.raises(AssertionError):
        test_a_task_has_only_options_that_there_are({"name": "a", f"{OURS}wait": {"group": "a", "until": 3}})
    with pytest.raises((AssertionError, AnsibleError, DefinitionError)):
        test_a_task_has_only_options_that_there_are({"name": "a", f"{OURS}run": {"jobs": [{"name": "a", "retry": 3}]}})


# -- messages


def pieces() -> list[str]:
    """:returns: the texts in the code, those of f-strings between their values, the longest first."""
    found: set[str] = set()
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
                found.add(node.value.strip())
    return sorted((piece for piece in found if len(piece) > 3), key=len, reverse=True)


PIECES = pieces()


def strange(message: str) -> list[str]:
    """:returns: what of a message is in no text of the code, and too long to be a value."""
    for piece in PIECES:
        message = message.replace(piece, "\0")
    return [rest for rest in message.split("\0") if len(rest) > LONGEST_VALUE]


@pytest.mark.parametrize("block", MESSAGES, ids=str)
def test_a_message_is_one_of_the_code(block: Block) -> None:
    assert strange(" ".join(block.text.split())) == []


def test_a_message_that_was_changed_is_found() -> None:
    assert strange("web1 was out of our sight for all of 61 s, and yet whatever it does will go on without us")


# -- pages


def test_every_guide_is_in_the_table_of_contents() -> None:
    sections = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text("utf-8"))["sections"]
    listed = [name for section in sections for name in section["toctree"]]
    assert sorted(listed) == sorted([*GENERATED, *(guide.stem for guide in GUIDES)])


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_tables_and_messages_fit_into_80_columns(guide: Path) -> None:
    lines = guide.read_text("utf-8").splitlines()
    in_table = False
    for number, line in enumerate(lines, 1):
        border = re.fullmatch(r"=+(  =+)+", line) is not None
        in_table = in_table or border
        assert not in_table or len(line) <= 80, f"{guide.name}:{number}"
        in_table = in_table and bool(line.strip())
    for block in blocks_of(guide):
        longest = max(map(len, block.text.splitlines()))
        assert block.language != "text" or longest <= 80, str(block)
