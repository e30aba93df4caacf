# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes of beginners, and what a real ansible-playbook says about them: whole sentences, and an example."""

from __future__ import annotations

import re
import typing as t

import pytest

from .conftest import Run, Watch

COMMAND = {"ansible.builtin.command": "true"}
NOTHING = "; nothing was started on localhost"


class Mistake(t.NamedTuple):
    """The options of a task, its message, and the lines that are printed as an example."""

    options: t.Any
    message: str
    example: str = ""
    action: str = "run"


MISTAKES = {
    "an unknown key": Mistake(
        {"jobs": [{"name": "backup", **COMMAND, "retry": 3}]},
        f"jobs[0] (backup): 'retry' is not a key of a job: write 'retries'{NOTHING}",
        "- ansible.builtin.command: /opt/backup\n  retries: 3",
    ),
    "an option of the module": Mistake(
        {"jobs": [{"ansible.builtin.command": "make", "chdir": "/srv"}]},
        f"jobs[0]: 'chdir' is an option of a module: write it below the module's name{NOTHING}",
        "ansible.builtin.command:\n  cmd: make\n  chdir: /srv",
    ),
    "an option of the task": Mistake(
        {"jobs": [{**COMMAND, "concurrency": 2}]},
        f"jobs[0]: 'concurrency' is an option of the task, not of a job: write it beside 'jobs'{NOTHING}",
        "background.jobs.run:\n  concurrency: 3\n  jobs: [...]",
    ),
    "a word of other tools": Mistake(
        {"jobs": [{"name": "a", **COMMAND}, {"name": "b", **COMMAND, "depends_on": "a"}]},
        f"jobs[1] (b): 'depends_on' is not a key of a job: write 'after'{NOTHING}",
        "- ansible.builtin.command: /opt/backup\n  after: prepare",
    ),
    "a loop": Mistake(
        {"jobs": [{"name": "a", **COMMAND, "with_items": [1, 2]}]},
        "jobs[0] (a): 'with_items' is a keyword of a task, not of a job; write 'for_each' and 'job' in place of "
        f"'jobs': each item becomes a job{NOTHING}",
        'for_each: [red, green]\njob: {ansible.builtin.command: "/opt/paint {{ item }}"}',
    ),
    "keywords": Mistake(
        {"jobs": [{"name": "a", **COMMAND, "register": "work", "until": "work.rc == 0", "become": True}]},
        "jobs[0] (a): 'register' is a keyword of a task, not of a job; set it on the task: what it registers has the "
        "result of each job in 'results'; 'until' is a keyword of a task, not of a job; write 'retries': the job is "
        "tried again until its module succeeds; 'become' is a keyword of a task, not of a job; set it on the task, "
        f"whose jobs all run as one user{NOTHING}",
        "background.jobs.run:\n  jobs: [...]\n"
        'register: work  # then "{{ (work | background.jobs.by_name).backup.stdout }}"',
    ),
    "one mapping": Mistake(
        {"jobs": {"name": "a", **COMMAND}},
        "jobs is a mapping, as if it were one job: give a list of jobs, with a dash before each",
        "jobs:\n  - ansible.builtin.command: /opt/backup",
    ),
    "a mapping of names": Mistake(
        {"jobs": {"a": COMMAND, "b": COMMAND}},
        "jobs is a mapping: give a list of jobs, each with its name under 'name'",
        "jobs:\n  - name: backup\n    ansible.builtin.command: /opt/backup",
    ),
    "texts": Mistake(
        {"jobs": ["sleep 1"]},
        f"jobs[0] is the text 'sleep 1', not a job: write the name of its module before it{NOTHING}",
        "- ansible.builtin.command: sleep 1",
    ),
    "cmd alone": Mistake(
        {"jobs": [{"name": "a", "cmd": "ls"}]},
        f"jobs[0] (a): 'cmd' is no module: write the name of the module as the key{NOTHING}",
        "- ansible.builtin.command: /opt/backup",
    ),
    "module alone": Mistake(
        {"jobs": [{"module": "command"}]},
        f"jobs[0]: 'module' does not name the module of a job: write the name of the module as the key{NOTHING}",
        "- ansible.builtin.command: /opt/backup",
    ),
    "two modules": Mistake(
        {"jobs": [{"command": "true", "shell": "true"}]},
        "jobs[0] has 2 modules, 'command' and 'shell': give each a job of its own, or make them steps of a 'block'"
        f"{NOTHING}",
        "block:\n  - ansible.builtin.command: /opt/backup\n  - ansible.builtin.command: /opt/upload",
    ),
    "an unknown option": Mistake(
        {"job": [COMMAND]},
        "'job' is not an option of background.jobs.wait: write 'jobs'",
        action="wait",
    ),
    "a near miss": Mistake(
        {"jobs": [COMMAND], "concurency": 2, "colour": "red"},
        "'colour' is not an option of background.jobs.launch: it has 'jobs', 'for_each', 'job', 'loop_var', "
        "'index_var', 'label', 'concurrency', "
        "'timeout', 'kill_after', 'deadline', 'halt', 'fail_fast', 'group', 'if_running', 'start_delay', 'max_output', "
        "'leave_children', 'trace'; 'concurency' is not an option of background.jobs.launch: write "
        "'concurrency'",
        action="launch",
    ),
    "a module in place of jobs": Mistake(
        {"command": "true", "retries": 3, "register": "work"},
        "'command' is a module: write it in a job; 'register' is a keyword of the task: write it beside "
        "background.jobs.run, not below; 'retries' is a key of a job: write it in the job, beside its module",
        "jobs:\n  - command: ...",
    ),
    "no jobs": Mistake(
        {},
        "background.jobs.run needs 'jobs' or 'for_each'",
        "jobs:\n  - name: backup\n    ansible.builtin.command: /opt/backup",
    ),
    "no job": Mistake(
        {"for_each": [1, 2]},
        "'for_each' needs 'job' beside it",
        'for_each: [red, green]\njob: {ansible.builtin.command: "/opt/paint {{ item }}"}',
    ),
    "no boolean": Mistake(
        {"jobs": [COMMAND], "leave_children": "perhaps"}, "leave_children is 'perhaps': give true or false"
    ),
    "no choice": Mistake(
        {"jobs": [COMMAND], "if_running": "kill"},
        "if_running is 'kill': give 'start', 'attach', 'restart' or 'fail'",
    ),
    "each item": Mistake(
        {"for_each": ["a", "b", "c"], "job": {**COMMAND, "retry": 1}},
        f"for_each[0] (a): 'retry' is not a key of a job: write 'retries' (and 2 other jobs like it){NOTHING}",
        "- ansible.builtin.command: /opt/backup\n  retries: 3",
    ),
}

SEVERAL = {
    "jobs": [
        {"name": "first", **COMMAND},
        {"name": "second", "comand": "true"},
        {"name": "third", **COMMAND, "retry": 3},
        {"name": "fourth", **COMMAND, "timeout": "soon"},
        *({"name": f"no {number}", **COMMAND, "environment": number} for number in range(4)),
    ]
}
TOLD = [
    "job 'second': there is no module comand; do you mean command?",
    "jobs[2] (third): 'retry' is not a key of a job: write 'retries'",
    "jobs[3] (fourth): timeout is 'soon': give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit",
    "jobs[4] (no 0): environment is the number 0: give a mapping of names to values",
    "jobs[5] (no 1): environment is the number 1: give a mapping of names to values",
]


@pytest.fixture(scope="module")
def made(watch: Watch) -> Run:
    tasks = {name: {f"background.jobs.{made.action}": made.options} for name, made in MISTAKES.items()}
    tasks["several"] = {"background.jobs.run": SEVERAL}
    tasks["secret"] = {"background.jobs.run": {"jobs": [{"retry": "swordfish", **COMMAND}]}, "no_log": True}
    tasks["a loop over run"] = {
        "background.jobs.run": {"jobs": [{"ansible.builtin.command": "echo {{ item }}"}]},
        "loop": ["a", "b"],
    }
    return watch(tasks)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_what_to_write_instead(made: Run, name: str) -> None:
    assert (made.results[name]["failed"], made.results[name]["msg"]) == (True, MISTAKES[name].message)


@pytest.mark.parametrize("name", [name for name, mistake in MISTAKES.items() if mistake.example])
def test_an_example_of_what_is_right_is_printed(made: Run, name: str) -> None:
    printed = "\n".join(made.task(name))
    example = MISTAKES[name].example.replace("\n", "\n    ")
    assert f"\nFor example:\n    {example}\n" in f"\n{printed}\n"


def test_no_type_of_python_is_named(made: Run) -> None:
    assert not re.findall(
        r"\w*AnsibleTagged\w*|AnsibleUnicode|<class|NoneType|ansible_collections", "\n".join(made.lines)
    )


def test_mistakes_in_several_jobs_are_told_together(made: Run) -> None:
    message = f"7 of 8 jobs have mistakes: {'; '.join(TOLD)}; and 2 more{NOTHING}"
    assert made.results["several"]["msg"] == message
    lines = made.task("several")
    assert [line for line in lines if line in TOLD] == TOLD
    assert lines[lines.index(TOLD[1]) + 1 :][:2] == ["    - ansible.builtin.command: /opt/backup", "      retries: 3"]


def test_no_log_hides_what_was_wrong(made: Run) -> None:
    printed = "\n".join(made.task("secret"))
    assert "retries" not in printed and "the options of this task are not right, and no_log hides how" in printed


def test_a_loop_over_run_is_warned_of(made: Run) -> None:
    printed = " ".join(made.task("a loop over run"))
    warning = (
        "[WARNING]: this task has a 'loop', so that its jobs run one after the other: write 'for_each' in place of "
        "'loop', and 'job' in place of 'jobs', below background.jobs.run, and they run at the same time"
    )
    assert printed.count(warning) == 1
    assert [each["failed"] for each in made.results["a loop over run"]["results"]] == [False, False]
