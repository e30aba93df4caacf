# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of a real ansible-playbook on this host without a connection, for tests of actions and callbacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Run(t.NamedTuple):
    """The exit status of a run and its output."""

    status: int
    output: str


class Controller:
    """A directory with playbooks, for two hosts that are this one, and with this collection."""

    callbacks = ""
    """The callbacks that are enabled in a `run`."""

    def __init__(self, directory: Path, *hosts: str) -> None:
        self.directory = directory
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_async_dir": str(directory / "async"),
        }
        self.write("ansible.cfg", "")
        inventory = {"hosts": {host: {} for host in hosts or ("web1", "web2")}, "vars": variables}
        self.write("hosts.json", json.dumps({"all": inventory}))
        (directory / "ansible_collections" / "background").mkdir(parents=True)
        (directory / "ansible_collections" / "background" / "jobs").symlink_to(ROOT)

    def write(self, name: str, content: str) -> None:
        (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
        (self.directory / name).write_text(textwrap.dedent(content), encoding="utf-8")

    def playbook(self, name: str, *tasks: t.Mapping[str, t.Any], **keywords: t.Any) -> str:
        """Write a playbook with one task per line, from line 2 on; `keywords` are those of its play."""
        play = {"hosts": "web1", "gather_facts": False, **keywords}
        lines = ["- tasks:", *(f"    - {json.dumps(task)}" for task in tasks)]
        lines += [f"  {key}: {json.dumps(value)}" for key, value in play.items()]
        self.write(name, "\n".join(lines) + "\n")
        return name

    def command(self, *arguments: str, **variables: str) -> dict[str, t.Any]:
        """How to start ansible-playbook, for `subprocess`; `variables` go into its environment."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
        return {
            "args": [sys.executable, "-m", "ansible", "playbook", *arguments],
            "cwd": self.directory,
            "env": {
                **inherited,
                "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
                "ANSIBLE_HOME": str(self.directory / "home"),
                "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
                "ANSIBLE_INVENTORY": str(self.directory / "hosts.json"),
                "LC_ALL": "C.UTF-8",
                **variables,
            },
        }

    def run(self, *arguments: str, **options: t.Any) -> Run:
        """Run playbooks; `options` are those of the first callback."""
        prefix = self.callbacks.partition(",")[0].replace(".", "_").upper()
        given = {f"{prefix}_{name.upper()}": str(value) for name, value in options.items()}
        if self.callbacks:
            given["ANSIBLE_CALLBACKS_ENABLED"] = self.callbacks
        command = self.command(*arguments, ANSIBLE_PIPELINING="true", ANSIBLE_NOCOLOR="true", COLUMNS="1000", **given)
        streams: dict[str, t.Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(**command, **streams, stdin=subprocess.DEVNULL, check=False)
        return Run(done.returncode, done.stdout.decode())
