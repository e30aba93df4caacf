# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a terminal and a program get to see of jobs whose names and output are meant to deceive, or secret."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
import unicodedata
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.tests.unit.controller import Controller

BAD = "\x1b[2J\u202e\u2028\x85\r\nok: [web2]"
"""Clears the screen, turns text around, and adds a line."""
ESCAPED = r"\x1b[2J\u202e\u2028\x85\r\nok: [web2]"
SECRET = "swordfish"
Task = t.Dict[str, t.Any]


def shell(script: str, **keys: t.Any) -> Task:
    return {"ansible.builtin.shell": script, **keys}


def last_words(words: str) -> str:
    """A shell command that fails with these words as its errors."""
    return "printf '" + "".join(f"\\{byte:03o}" for byte in words.encode()) + "\\n' >&2; exit 3"


class Printed(t.NamedTuple):
    """The exit status of a run and what it printed on each stream."""

    status: int
    stdout: str
    stderr: str


def run(directory: Path, *tasks: Task, **environment: str) -> Printed:
    """Run tasks on this host."""
    controller = Controller(directory, "web1")
    controller.playbook("site.yml", *tasks)
    controller.write("variables.json", json.dumps({"secret": SECRET}))  # ansible-core shows lines of a playbook
    command = controller.command(
        "site.yml", "-e", "@variables.json", ANSIBLE_PIPELINING="true", ANSIBLE_NOCOLOR="true", **environment
    )
    done = subprocess.run(**command, capture_output=True, check=False, encoding="utf-8")
    return Printed(done.returncode, done.stdout, done.stderr)


NOT_LONG = {"progress_interval": 0, "wait_timeout": 1}
"""Options of a wait that ends before the jobs do, and has said how they stand."""


def behind(gate: Path) -> str:
    """A shell command that ends when the gate is open."""
    return f"until [ -e {gate} ]; do sleep 0.1; done"


def opened(gate: Path) -> Task:
    return {"ansible.builtin.file": {"path": str(gate), "state": "touch", "mode": "0600"}}


def started(name: str, items: t.Sequence[str], script: str) -> Task:
    """A builtin async task with a job for each item."""
    return {**shell(script), "async": 60, "poll": 0, "loop": list(items), "register": name}


# What deceives


@pytest.fixture(scope="module")
def deceived(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    directory = tmp_path_factory.mktemp("deceived")
    gate = directory / "gate"
    return run(
        directory,
        started("work", [f"name{BAD}"], f"{behind(gate)}; {last_words('why' + BAD)}"),
        {"background.jobs.wait": {"jobs": "{{ work }}", **NOT_LONG}, "ignore_errors": True},
        opened(gate),
        {"background.jobs.wait": {"jobs": "{{ work }}"}, "ignore_errors": True, "register": "waited"},
        {
            "background.jobs.run": {"jobs": [shell(last_words(f"why{BAD}"), name="job")], "stream": True},
            "ignore_errors": True,
        },
        {"background.jobs.wait": {"group": f"group{BAD}"}, "ignore_errors": True},
        {"background.jobs.cancel": {"name": f"none{BAD}"}},
        {"ansible.builtin.debug": {"msg": "{{ waited.msg }}"}},
    )


def test_no_control_reaches_the_terminal_in_a_line_of_ours(deceived: Printed) -> None:
    ours = [line for line in deceived.stdout.split("\n") if line.startswith(("web1: ", "web1 | "))]
    assert len(ours) > 2
    assert not [line for line in ours if any(unicodedata.category(letter)[0] == "C" for letter in line)]
    own = deceived.stdout[
        deceived.stdout.index("TASK [background.jobs.wait]") :
    ]  # before it, an item of ansible-core's
    assert "\x1b" not in own and not re.findall(r"^ok: \[web2\]", own, re.MULTILINE)


def test_names_and_output_are_shown_with_escapes(deceived: Printed) -> None:
    assert re.search(r"^web1: 0/1 done, 1 running \(name" + re.escape(ESCAPED), deceived.stdout, re.MULTILINE)
    assert re.search(r"^web1 \| job: why\\x1b\[2J\\u202e\\u2028\\x85$", deceived.stdout, re.MULTILINE)


def test_messages_are_sentences_in_one_line(deceived: Printed) -> None:
    messages = re.findall(r'"msg": "(1 of 1 job did not succeed.*?)"[,}\n]', deceived.stdout)
    assert len(messages) >= 2
    for message in map(json.loads, (f'"{message}"' for message in messages)):
        assert not any(unicodedata.category(letter)[0] == "C" for letter in message)


# Standard output that is for a program

OUTPUT = """
    import json

    from ansible.plugins.callback import CallbackBase

    class CallbackModule(CallbackBase):
        CALLBACK_VERSION = 2.0
        CALLBACK_TYPE = "stdout"
        CALLBACK_NAME = "machine"

        def v2_playbook_on_stats(self, stats):
            print(json.dumps({"hosts": sorted(stats.processed)}))
"""


ENDED = "changed: [web1] => (job=second, "


@pytest.mark.parametrize("callback", ["machine", "default"])
def test_nothing_of_ours_is_on_standard_output_that_is_for_a_program(tmp_path: Path, callback: str) -> None:
    gate = tmp_path / "gate"
    (tmp_path / "callback_plugins").mkdir()
    (tmp_path / "callback_plugins" / "machine.py").write_text(re.sub("^    ", "", OUTPUT, flags=re.MULTILINE), "utf-8")
    printed = run(
        tmp_path,
        {
            "background.jobs.launch": {"jobs": [shell(f"echo words; {behind(gate)}", name="job")]},
            "register": "work",
        },
        {"background.jobs.wait": {"jobs": "{{ work }}", **NOT_LONG}, "ignore_errors": True},
        opened(gate),
        {"background.jobs.wait": {"jobs": "{{ work }}", "stream": True}},
        {"background.jobs.run": {"jobs": [shell("true", name="first"), shell("true", name="second")]}},
        {"background.jobs.launch": {"jobs": [shell("true", name="left")]}},
        ANSIBLE_STDOUT_CALLBACK=callback,
        ANSIBLE_CALLBACKS_ENABLED="background.jobs.unreaped,background.jobs.timeline,background.jobs.progress",
        ANSIBLE_LOG_PATH=str(tmp_path / "log"),
    )
    assert printed.status == 0, printed
    lines = ["web1 | job: words", "Jobs that nobody collected:", "Timeline of 4 jobs: "]
    if callback == "default":
        assert all(line in printed.stdout for line in [*lines, "web1: 0/1 done", f"\n{ENDED}"]), printed
    else:
        assert json.loads(printed.stdout) == {"hosts": ["web1"]}
        assert all(line in printed.stderr for line in lines), printed
        assert "0/1 done" not in printed.stderr and ENDED not in printed.stderr, printed
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "web1: 0/1 done" in log and ENDED in log


# What no_log hides

HIDE = {"no_log": True, "ignore_errors": True}


def hidden(action: str, **options: t.Any) -> Task:
    return {f"background.jobs.{action}": options, **HIDE}


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Printed, str]:
    """A run of tasks that all have `no_log`, and the page of its timeline."""
    directory = tmp_path_factory.mktemp("silent")
    gate = directory / "gate"
    name = "{{ secret }}"
    fails = f"echo {name}; echo {name} >&2; exit 3"
    jobs = [shell("true", name=f"{name} 0"), shell(fails, name=f"{name} 1")]
    wrong = {"name": name, "ansible.builtin.copy": {"dest": name}, "timeout": name}
    again = {"until": "asked is finished", "retries": 30, "delay": 1, "register": "asked"}
    jids = "{{ ours.results | map(attribute='ansible_job_id') }}"
    printed = run(
        directory,
        {**started("work", [f"{name} a", f"{name} b"], f"{behind(gate)}; {fails}"), **HIDE},
        hidden("wait", jobs="{{ work }}", progress_interval=0, wait_timeout=1),
        opened(gate),
        hidden("wait", jobs="{{ work }}", progress_interval=0, stream=True) | {"register": "waited"},
        {"ansible.builtin.debug": {"msg": "said: {{ waited.msg }}"}},
        hidden("run", jobs=jobs, stream=True),
        hidden("run", jobs=jobs[1:], group=name) | {"no_log": "{{ true }}"},
        hidden("launch", jobs=jobs, group=name) | {"register": "ours"},
        hidden("async_status", jid="{{ ours.results[1].ansible_job_id }}") | again,
        hidden("async_status", jids=jids),
        hidden("cancel", jobs=["j1.0"]),
        hidden("cancel", name=name),
        hidden("wait", group=f"{name} none", name=[name]),
        hidden("wait", jobs=["j1.0"]),
        hidden("wait", jobs=5, wait_timeout=name),
        hidden("run", jobs=[wrong]),
        hidden("prune", older_than=0, group=name, name=["none"]),
        ANSIBLE_CALLBACKS_ENABLED="background.jobs.unreaped,background.jobs.timeline",
        BACKGROUND_JOBS_UNREAPED_CHECK_ON_END="true",
        BACKGROUND_JOBS_TIMELINE_PATH=str(directory / "page.html"),
    )
    return printed, (directory / "page.html").read_text(encoding="utf-8")


def test_no_log_of_the_task_hides_names_items_causes_and_arguments(silent: tuple[Printed, str]) -> None:
    printed, page = silent
    assert printed.status == 0
    lines = f"{printed.stdout}\n{printed.stderr}\n{page}".split("\n")
    assert [line for line in lines if SECRET in line] == []


def test_with_no_log_it_is_told_how_many_jobs_did_not_succeed(silent: tuple[Printed, str]) -> None:
    message = "2 of 2 jobs did not succeed on web1; no_log hides which, and why"
    assert f'"msg": "said: {message}"' in silent[0].stdout
    assert re.search(r"^web1: 0/2 done, 2 running$", silent[0].stdout, re.MULTILINE)
    assert "(job=" not in silent[0].stdout


def test_no_log_of_a_job_hides_what_its_module_said(tmp_path: Path) -> None:
    secret = {"name": "quiet", "no_log": True, "ansible.builtin.shell": "echo {{ secret }} >&2; exit 3"}
    speaks = {
        "name": "quiet",
        "no_log": True,
        "ansible.builtin.stat": {"path": "/", "checksum_algorithm": "{{ secret }}"},
    }
    register = {"ignore_errors": True, "register": "ours"}
    asked = {"background.jobs.async_status": {"jid": "{{ ours.ansible_job_id }}"}, "ignore_errors": True}
    printed = run(
        tmp_path,
        {"background.jobs.run": {"jobs": [secret], "stream": True}, "ignore_errors": True},
        {"background.jobs.run": {"jobs": [speaks]}, "ignore_errors": True},
        {"background.jobs.run": {"jobs": [speaks, {**speaks, "name": "other"}]}, "ignore_errors": True},
        {"background.jobs.launch": {"jobs": [speaks]}, **register},
        {**asked, "register": "told", "until": "told is finished", "retries": 30, "delay": 1},
        {"background.jobs.wait": {"jobs": "{{ ours }}"}, "ignore_errors": True},
    )
    assert printed.status == 0 and printed.stdout.count("...ignoring") == 5, printed
    assert SECRET not in printed.stdout and SECRET not in printed.stderr, printed


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_no_log_of_a_job_hides_its_arguments_from_callbacks(tmp_path: Path, strategy: str) -> None:
    """With the strategy free the heading is printed when the templates are resolved. The task is tried again."""
    job = {"name": "quiet", "no_log": True, "ansible.builtin.shell": "echo {{ secret }}; test -e gate || ! touch gate"}
    job["environment"] = {"SECRET": "{{ secret }}"}
    again = {"until": "ran is succeeded", "retries": 2, "delay": 0, "register": "ran"}
    printed = run(
        tmp_path,
        {"background.jobs.run": {"jobs": [{**job, "args": {"chdir": str(tmp_path)}}]}, **again},
        {
            "background.jobs.run": {"for_each": ["{{ secret }}"], "job": shell("true", no_log=True)},
            "ignore_errors": True,
        },
        ANSIBLE_STRATEGY=strategy,
        ANSIBLE_DISPLAY_ARGS_TO_STDOUT="true",
        ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.junit",
        JUNIT_OUTPUT_DIR=str(tmp_path / "junit"),
    )
    (report,) = (tmp_path / "junit").iterdir()
    assert printed.status == 0 and "FAILED - RETRYING" in printed.stdout, printed
    if strategy == "linear" or not compat.OVERRULES_NO_LOG:  # else no argument is shown
        assert "TASK [background.jobs.run jobs=[{'name': 'quiet'" in printed.stdout
    assert SECRET not in printed.stdout + printed.stderr + report.read_text(encoding="utf-8")
