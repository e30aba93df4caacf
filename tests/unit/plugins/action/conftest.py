# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays for the tests of the actions: a real ansible-playbook, on this host without a connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]

Results = t.Dict[str, t.Dict[str, t.Any]]
Play = t.Callable[..., Results]


def run_play(
    directory: Path, tasks: t.Mapping[str, t.Mapping[str, t.Any]], variables: t.Mapping[str, t.Any]
) -> Results:
    """Run tasks, each of which may fail, and return what each registered, by name.

    A task called C(two words) registers C(the_two_words).
    """
    (directory / "ansible_collections" / "background").mkdir(parents=True)
    (directory / "ansible_collections" / "background" / "jobs").symlink_to(ROOT)
    names = {"the_" + name.replace(" ", "_"): name for name in tasks}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": sys.executable,
            "ansible_async_dir": str(directory / "async"),
            **variables,
        },
        "tasks": [
            *({"register": key, "ignore_errors": True, **tasks[name]} for key, name in names.items()),
            {
                "ansible.builtin.copy": {
                    "dest": str(directory / "results.json"),
                    "content": "{{ {" + ", ".join(f"'{key}': {key}" for key in names) + "} | to_json }}",
                },
            },
        ],
    }
    (directory / "ansible.cfg").touch()
    (directory / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))},
        "ANSIBLE_COLLECTIONS_PATH": str(directory),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_CONFIG": str(directory / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "true",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(directory / "play.yml")]
    done = subprocess.run(
        command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout.decode()
    found = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    return {names[key]: value for key, value in found.items()}


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Runs tasks and returns their results; V(variables) are those of the play."""

    def play(tasks: t.Mapping[str, t.Mapping[str, t.Any]], **variables: t.Any) -> Results:
        return run_play(tmp_path_factory.mktemp("play"), tasks, variables)

    return play
