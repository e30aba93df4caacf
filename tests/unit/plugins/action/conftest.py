# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays for the tests of the actions: a real ansible-playbook, on this host without a connection."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller

Results = t.Dict[str, t.Dict[str, t.Any]]
Tasks = t.Mapping[str, t.Mapping[str, t.Any]]
Play = t.Callable[..., Results]
Watch = t.Callable[..., "Run"]

PROBE = """
    import dataclasses

    from ansible_collections.background.jobs.plugins.module_utils import _argspec
    from ansible_collections.background.jobs.plugins.module_utils._model.batch import Packed
    from ansible_collections.background.jobs.plugins.plugin_utils._tasks.launch import LaunchAction, launch

    class ActionModule(LaunchAction):
        def options(self):
            return _argspec.launch_options(), _argspec.JOBS_RULES

        def perform(self, options, task_vars):
            self.sent = None
            return {**launch(self, options, task_vars), "sent": self.sent}

        def send_batch(self, batch, task_vars, question, secret, if_running):
            unpacked = Packed(batch)
            jobs = [self.told(unpacked, job.jid) for job in unpacked.batch.jobs]
            self.sent = {**dataclasses.asdict(unpacked.batch), "jobs": jobs}
            records = [{"jid": job["jid"], "name": job["name"], "state": "queued", "user": "me"} for job in jobs]
            return {"records": records, "async_dir": "/a"}

        def told(self, unpacked, jid):
            steps = [unpacked.step(jid, index) for index in range(unpacked.steps(jid))]
            return {**dataclasses.asdict(unpacked.job(jid)), "steps": [self.step(step) for step in steps]}

        def step(self, step):
            return {
                "name": step.name,
                "style": step.style,
                "files": {name: data.decode() for name, data in step.files.items()},
                "result": step.result,
                "words": [word for word in ("alpha", "beta", "gamma") if word.encode() in step.program],
            }
"""
"""An action `probe`: a launch that starts nothing and returns what it would have sent."""

ANSWERS = """
    from ansible.module_utils.basic import AnsibleModule

    module = AnsibleModule({"answer": {"type": "dict"}}, supports_check_mode=True)
    module.exit_json(**module.params["answer"])
"""
"""A module `answers` that returns what it is told to, as the modules do that use names of ours for something else."""


@dataclasses.dataclass
class Run:
    """What the tasks of a run registered, by name, and the lines that it printed."""

    results: Results
    lines: list[str]

    def task(self, name: str) -> list[str]:
        """:returns: the lines below the heading of a task, or of all tasks of that name."""
        found, is_in = [], False
        for line in self.lines:
            if re.match("(TASK|PLAY).* \\*+$", line):
                is_in = line.startswith(f"TASK [{name}] ")
            elif is_in and line:
                found.append(line)
        return found


def run_play(directory: Path, tasks: Tasks, variables: t.Mapping[str, t.Any], gates: t.Mapping[str, Path]) -> Run:
    """Run tasks, each of which may fail.

    A task called `two words` registers `the_two_words`.

    :arg gates: files to make as soon as a line is printed in which the regular expression is found.
    """
    controller = Controller(directory)
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
            *({"name": name, "register": key, "ignore_errors": True, **tasks[name]} for key, name in names.items()),
            {
                "ansible.builtin.copy": {
                    "dest": str(directory / "results.json"),
                    "content": "{{ {" + ", ".join(f"'{key}': {key}" for key in names) + "} | to_json }}",
                },
            },
        ],
    }
    controller.write("action_plugins/probe.py", PROBE)
    controller.write("library/answers.py", ANSWERS)
    controller.write("play.yml", json.dumps([play]))
    command = controller.command(
        "-i",
        "localhost,",
        "play.yml",
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_PIPELINING="true",
        ANSIBLE_NOCOLOR="true",
        PYTHONUNBUFFERED="1",  # ansible-core leaves what it prints in the buffer until the next task
    )
    lines = []
    with subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as process:
        for line in t.cast("t.IO[str]", process.stdout):
            lines.append(line.rstrip("\n"))
            for pattern, gate in gates.items():
                if re.search(pattern, line):
                    gate.touch()
    assert process.returncode == 0, "\n".join(lines)
    found = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    return Run({names[key]: value for key, value in found.items()}, lines)


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """Runs tasks as `run_play` does; `variables` are those of the play."""

    def watch(tasks: Tasks, gates: t.Mapping[str, Path] | None = None, **variables: t.Any) -> Run:
        return run_play(tmp_path_factory.mktemp("play"), tasks, variables, gates or {})

    return watch


@pytest.fixture(scope="session")
def play(watch: Watch) -> Play:
    """Runs tasks and returns their results; `variables` are those of the play."""

    def play(tasks: Tasks, **variables: t.Any) -> Results:
        return watch(tasks, **variables).results

    return play
