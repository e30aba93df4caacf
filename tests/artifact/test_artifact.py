# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as users get it: what was built and installed, what ansible-doc shows, and runs that use all of it.

The session `artifact` of nox says where it is installed (INSTALLED), and what it was built from (SOURCE).
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

INSTALLED = Path(os.environ["INSTALLED"])
SOURCE = Path(os.environ["SOURCE"])
PLAY = Path(__file__).with_name("play.yml")
BIN = Path(sys.executable).parent

FOR_ANSIBLE_TEST = "tests/config.yml"
WITH_A_RELEASE = {"CHANGELOG.md", "CHANGELOG.rst"}
TOP = {
    *("CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "COPYING", "LICENSES", "README.md", "REUSE.toml", "SECURITY.md"),
    *("changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles"),
}
NOT_SHIPPED = ("docs/docsite/migration.json", "docs/pictures/timeline.json", "extensions/molecule/")
JUNK = re.compile(r"(^|/)(__pycache__|tests?|test_[^/]*|conftest\.py|\.(?!keep$)[^/]*)(/|$)|\.(pyc|orig|rej|log|gz)$")


def stems(pattern: str) -> list[str]:
    return sorted(f"background.jobs.{path.stem}" for path in INSTALLED.glob(pattern))


KINDS = {"modules": "module", "callback": "callback", "filter": "filter"}
"""Directories of plugins that users name, and what ansible-doc calls them."""
INSIDE = {"action", "doc_fragments", "module_utils", "plugin_utils"}
"""Directories of what belongs to the others. An action is known by the module that documents it."""

ENTRIES = {
    **{kind: stems(f"plugins/{directory}/*.py") for directory, kind in KINDS.items()},
    "role": stems("roles/*"),
    "playbook": stems("playbooks/*.yml"),
}

# What each of them prints, as a regular expression, when it comes after PLAY.
PLAYBOOKS = {
    "background.jobs.cancel": r"here +j\S+ +long +cancelled",
    "background.jobs.demo": "one after the other",
    "background.jobs.list": r"here +j\S+ +long +artifact +cancelled",
    "background.jobs.logs": r"here \| long: on its way",
    "background.jobs.prune": r"here +long +artifact +cancelled",
}
CALLBACKS = {
    "background.jobs.progress": "",  # there is no terminal
    "background.jobs.timeline": r"Timeline of \d+ jobs: \S+/background-jobs-timeline.html\n",
    "background.jobs.unreaped": r"Jobs that nobody collected:\n +here: j\S+ \(left alone\), .*play\.yml:\d+\n",
}

# The examples that run here, all of a plugin or the tasks with these names. Others are about files that are not here.
EXAMPLES: dict[str, list[str] | None] = {
    "background.jobs.async_status": ["Start something long", "See how it stands, without waiting", "Say so"],
    "background.jobs.async_wrapper": None,
    "background.jobs.by_name": None,
    "background.jobs.cancel": None,
    "background.jobs.job_info": None,
    "background.jobs.launch": [
        "Start two long things",
        "Do something else meanwhile",
        "Collect the results, fail if a job failed",
    ],
    "background.jobs.prune": None,
    "background.jobs.reap": None,
    "background.jobs.run": [
        "Run three things at the same time",
        "Show what one of them printed",
        "Continue if a job fails, and see which did not succeed",
        "Name those that did not succeed",
    ],
    "background.jobs.wait": None,
}
# A collection of ansible-core's own; what we say ourselves where this runs in a container.
KNOWN = re.compile(r"_protomatter|in the same container as Ansible")
LONG = re.compile(r"\bsleep [69]00\b")
PATH = re.compile(r"(?<= )/(?!bin/)")


def run(home: Path, *command: str) -> str:
    """Run a program of ansible-core that sees nothing but the installed collection; returns what it printed."""
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED.parents[2]),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(ENTRIES["callback"]),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "true",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    (home / "ansible.cfg").touch()
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        check=False,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    assert done.returncode == 0
    warnings = [line for line in done.stdout.splitlines() if re.match(r"\[(WARNING|DEPRECATION)", line)]
    assert [line for line in warnings if not KNOWN.search(line)] == []
    return done.stdout


def play(home: Path, *playbooks: str) -> str:
    """Run playbooks on this machine, as the host `here`."""
    interpreter = f"ansible_python_interpreter={sys.executable}"
    options = ("--inventory", "here,", "--connection", "local", "--extra-vars", interpreter)
    return run(home, "ansible-playbook", *options, "--extra-vars", "group=artifact older_than=0", *playbooks)


# -- contents


def installed() -> set[str]:
    """:returns: the files that were built and installed; running them adds others."""
    listed = json.loads((INSTALLED / "FILES.json").read_text("utf-8"))["files"]
    return {entry["name"] for entry in listed if entry["ftype"] == "file"}


def test_it_holds_what_users_need_and_no_more() -> None:
    names = installed()
    assert {name.partition("/")[0] for name in names - {FOR_ANSIBLE_TEST}} - WITH_A_RELEASE == TOP
    assert [name for name in sorted(names) if JUNK.search(name)] == [FOR_ANSIBLE_TEST]


def test_nothing_is_missing() -> None:
    paths = [
        path for name in TOP for path in ((SOURCE / name).rglob("*") if (SOURCE / name).is_dir() else [SOURCE / name])
    ]
    expected = {str(path.relative_to(SOURCE)) for path in paths if path.is_file()}
    assert {name for name in expected - installed() if not name.startswith(NOT_SHIPPED)} == set()


# -- documentation


def test_each_kind_of_plugin_is_known_here() -> None:
    """Those that are not would be neither documented nor used by what follows."""
    plugins = INSTALLED / "plugins"
    assert {path.name for path in plugins.iterdir() if path.is_dir()} == {*KINDS, *INSIDE}
    assert {*stems("plugins/action/*.py")} <= {*ENTRIES["module"]}
    assert {path.name for path in plugins.glob("*.*")} == set()


@pytest.mark.parametrize("kind", [*KINDS.values(), "role"])
def test_ansible_doc_shows_each_entry_with_examples(kind: str, tmp_path: Path) -> None:
    shown = run(tmp_path, "ansible-doc", "--type", kind, *ENTRIES[kind])
    headings = re.findall(r"^> \w+:? \*?([\w.]+)", shown, re.MULTILINE)
    assert sorted(headings) == ENTRIES[kind]
    assert len(re.findall(r"^EXAMPLES:", shown, re.MULTILINE)) == len(ENTRIES[kind])


IN_TASKS = {name: directory for directory, kind in KINDS.items() if kind != "callback" for name in ENTRIES[kind]}
"""Plugins that are used in tasks, and where they are."""


def examples() -> dict[str, str]:
    """:returns: the examples of all entries that are used in tasks."""
    found = {}
    for name, kind in IN_TASKS.items():
        tree = ast.parse((INSTALLED / "plugins" / kind / f"{name.rpartition('.')[2]}.py").read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
                found[name] = ast.literal_eval(node.value)
    for name in ENTRIES["role"]:
        specs = yaml.safe_load(
            (INSTALLED / "roles" / name.rpartition(".")[2] / "meta" / "argument_specs.yml").read_text()
        )
        found[name] = specs["argument_specs"]["main"]["examples"]
    return found


def write_play(path: Path, name: str, tasks: t.Any) -> str:
    path.write_text(yaml.safe_dump([{"name": name, "hosts": "all", "gather_facts": False, "tasks": tasks}]), "utf-8")
    return str(path)


def test_the_syntax_of_all_examples(tmp_path: Path) -> None:
    plays = [write_play(tmp_path / f"{name}.yml", name, yaml.safe_load(text)) for name, text in examples().items()]
    assert len(plays) == len([*IN_TASKS, *ENTRIES["role"]])
    run(tmp_path, "ansible-playbook", "--inventory", "here,", "--syntax-check", *plays)


def test_the_main_examples_run(tmp_path: Path) -> None:
    """In a directory of their own in place of `/`, and with shorter sleeps."""
    for name in ("etc", "opt/app", "tmp", "usr", "var/backups"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("report", "app/index"):
        (tmp_path / "opt" / name).write_text("#!/bin/sh\n", "ascii")
        (tmp_path / "opt" / name).chmod(0o700)
    texts = examples()
    assert set(EXAMPLES) == set(texts)
    plays = []
    for name, text in texts.items():
        tasks = yaml.safe_load(PATH.sub(f"{tmp_path}/", LONG.sub("sleep 6", text)))
        chosen = EXAMPLES[name]
        found = [task for task in tasks if chosen is None or task["name"] in chosen]
        assert chosen is None or [task["name"] for task in found] == chosen
        plays.append(write_play(tmp_path / f"{name}.yml", name, found))
    shown = play(tmp_path, *plays)
    assert "fails" in shown


# -- use


def test_each_entry_is_used_in_a_run(tmp_path: Path) -> None:
    used = set(re.findall(r"background\.jobs\.\w+", PLAY.read_text("utf-8")))
    # What `launch` runs on the target is not called by anybody else.
    assert used == {*IN_TASKS, *ENTRIES["role"]} - {"background.jobs.async_wrapper"}
    assert sorted(PLAYBOOKS) == ENTRIES["playbook"]
    assert sorted(CALLBACKS) == ENTRIES["callback"]
    shown = play(tmp_path, str(PLAY), *PLAYBOOKS)
    sections = shown.split("\nPLAY [")[2:]
    for (name, expected), section in zip(PLAYBOOKS.items(), sections, strict=True):
        assert re.search(expected, section), name
    for name, expected in CALLBACKS.items():
        assert re.search(expected, sections[-1]), name
    left = {path.name.removesuffix(".log") for path in (tmp_path / ".ansible_async").iterdir()}
    assert len(left) == 1, "there is more than what the job that was left alone has written"
