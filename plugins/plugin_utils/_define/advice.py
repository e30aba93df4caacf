# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to write in place of a key that cannot stand where it was written, with an example of two lines or so.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _argspec

Advice = t.Tuple[str, str]
"""A clause that says what to write, and the example, empty where none helps."""

ONLY = "- ansible.builtin.command: /opt/backup"
"""The example of a job in one line."""
JOB = "- name: backup\n  ansible.builtin.command: /opt/backup"
"""The example of a job with a name."""


def in_job(line: str) -> str:
    """:returns: the example of a job with this line."""
    return f"{ONLY}\n  {line}"


def below(key: str, lines: str) -> str:
    """:returns: lines as the value of a key."""
    return f"{key}:\n  " + lines.replace("\n", "\n  ")


def _on_the_task(line: str) -> str:
    return f"background.jobs.run:\n  jobs: [...]\n{line}"


def _beside_jobs(line: str) -> str:
    return below("background.jobs.run", f"{line}\njobs: [...]")


FOR_EACH = 'for_each: [red, green]\njob: {ansible.builtin.command: "/opt/paint {{ item }}"}'
_BLOCK = "block:\n  - ansible.builtin.command: /opt/backup\n  - ansible.builtin.command: /opt/upload"
_FOR_ALL = "set it on the task, for all its jobs"
_ONE_USER = "set it on the task, whose jobs all run as one user"
_ONE_HOST = "set it on the task, whose jobs all run on its host"
_ONE_CONNECTION = "set it on the task, whose jobs all go over one connection"
_DETACHED = "leave it out: every job is detached, and its limit is 'timeout'"

_ON_THE_TASK: dict[str, tuple[str, str]] = {
    "any_errors_fatal": (_FOR_ALL, "true"),
    "become": (_ONE_USER, "true"),
    "become_exe": (_ONE_USER, "/usr/local/bin/sudo"),
    "become_flags": (_ONE_USER, "-H"),
    "become_method": (_ONE_USER, "sudo"),
    "become_user": (_ONE_USER, "postgres"),
    "check_mode": (_FOR_ALL, "true"),
    "collections": ("set it on the play, or write the whole names of modules", "[community.general]"),
    "connection": (_ONE_CONNECTION, "ssh"),
    "debugger": (_FOR_ALL, "on_failed"),
    "delegate_facts": (_ONE_HOST, "true"),
    "delegate_to": (_ONE_HOST, "db1"),
    "diff": (_FOR_ALL, "true"),
    "ignore_unreachable": (_FOR_ALL, "true"),
    "module_defaults": (_FOR_ALL, "{ansible.builtin.command: {chdir: /srv}}"),
    "notify": ("set it on the task, which notifies if any of its jobs has changed something", "restart nginx"),
    "port": (_ONE_CONNECTION, "2222"),
    "remote_user": (_ONE_CONNECTION, "deploy"),
    "run_once": (_FOR_ALL, "true"),
    "tags": ("set it on the task: tags select tasks, and 'when' selects jobs", "[nightly]"),
    "throttle": ("set it on the task; how many jobs run at a time on a host is its option 'concurrency'", "2"),
    "vars": ("set it on the task, and use the variables in any of its jobs", "{target: /srv}"),
}
"""Keywords that belong on the task: a clause, and a value for the example."""

_KEYWORDS: dict[str, Advice] = {
    **{key: (clause, _on_the_task(f"{key}: {value}")) for key, (clause, value) in _ON_THE_TASK.items()},
    "async": (_DETACHED, in_job("timeout: 3600")),
    "listen": ("leave it out: it is for handlers", ""),
    "local_action": (
        "give jobs of the controller a task of their own with 'delegate_to: localhost'",
        _on_the_task("delegate_to: localhost"),
    ),
    "loop": ("write 'for_each' and 'job' in place of 'jobs': each item becomes a job", FOR_EACH),
    "loop_control": (
        "write 'loop_var', 'index_var' and 'label' beside 'for_each'",
        f"loop_var: colour\n{FOR_EACH}".replace("item", "colour"),
    ),
    "poll": (_DETACHED, in_job("timeout: 3600")),
    "register": (
        "set it on the task: what it registers has the result of each job in 'results'",
        _on_the_task('register: work  # then "{{ (work | background.jobs.by_name).backup.stdout }}"'),
    ),
    "until": ("write 'retries': the job is tried again until its module succeeds", in_job("retries: 3")),
}
"""Keywords of a task that are no keys of a job."""

_NO_RESCUE = "react to that in a task after the one that waits for the job"
_OTHER_WORDS = {
    "retries": ("attempts", "max_retries", "retry", "retry_count", "tries"),
    "delay": ("interval", "pause", "retry_delay", "sleep", "wait"),
    "after": ("depend", "dependencies", "depends", "depends_on", "needs", "requires", "run_after"),
    "environment": ("env", "environ", "environment_variables"),
    "lock": ("lockfile", "mutex", "semaphore"),
    "timeout": ("limit", "max_time", "runtime", "time_limit"),
    "when": ("condition", "if", "only_if"),
    "ignore_errors": ("allow_failure", "continue_on_error", "ignore_error"),
    "block": ("commands", "modules", "steps", "tasks"),
    "name": ("id", "title"),
}
"""Words of other tools, and near misses, for keys of a job."""
_VALUES = {
    "retries": "3",
    "delay": "30",
    "backoff": "2",
    "retry_on": "[timed_out]",
    "after": "prepare",
    "environment": "{PGHOST: db1}",
    "lock": "packages",
    "timeout": "30m",
    "kill_after": "10",
    "when": "backup_wanted",
    "ignore_errors": "true",
    "name": "backup",
    "no_log": "true",
    "leave_children": "true",
    "max_output": "64K",
    "changed_when": "\"'saved' in stdout\"",
    "failed_when": "rc > 1",
}
"""Values of keys of a job, for examples."""

_INSTEAD_OF_A_NAME = ("module", "action", "run", "command_line")
"""Keys by which a module is named elsewhere."""
_ON_A_TASK_TOO = ("name", "when", "changed_when", "failed_when", "ignore_errors")
"""Keys of a job that are keywords of a task, too."""
_OF_COMMAND = ("argv", "chdir", "cmd", "creates", "executable", "removes", "stdin", "stdin_add_newline")
"""Options of command and its like."""
_OPTION_VALUES = {"cmd": "make", "argv": "[make, all]", "executable": "/bin/bash", "stdin": "yes"}
_BELOW_THE_MODULE = "ansible.builtin.command:\n  cmd: make"

OPTIONS: dict[str, str] = {
    "concurrency": "3",
    "deadline": "1h",
    "fail_fast": "true",
    "for_each": "[red, green]",
    "group": "nightly",
    "halt": "now,fail=1",
    "if_running": "attach",
    "index_var": "number",
    "job": "{ansible.builtin.command: /opt/backup}",
    "jobs": "[...]",
    "label": '"{{ item.name }}"',
    "loop_var": "colour",
    "progress_interval": "5",
    "quiet": "true",
    "set_facts": "true",
    "start_delay": "2",
    "stream": "true",
    "trace": "true",
    "unreachable_grace": "60",
}
"""Options of run and launch that are no keys of a job, with values for examples."""


def keyword(key: str) -> Advice | None:
    """:returns: what to do about a keyword of a task in a job, `None` where `key` is none, or is one of a job too."""
    if key.startswith("with_"):
        return _KEYWORDS["loop"]
    return _KEYWORDS.get(key)


def of_job(key: str, keys: t.Sequence[str]) -> Advice | None:
    """:returns: what to do about a word in a job that is neither a key of it nor a module, as the rest of a sentence
        about the word; `None` where it may be meant for a module.

    :arg keys: the keys of a job.
    """
    told = keyword(key)
    if told is not None:
        return f"is a keyword of a task, not of a job; {told[0]}", told[1]
    if key in ("rescue", "always"):
        return f"cannot be in a job, whose block stops at the first step that fails: {_NO_RESCUE}", ""
    if key in OPTIONS:
        where = "it takes the place of 'jobs'" if key in ("for_each", "job") else "write it beside 'jobs'"
        return f"is an option of the task, not of a job: {where}", _option_example(key)
    meant = next((own for own, words in _OTHER_WORDS.items() if key.lower() in words), None)
    meant = meant or next(iter(difflib.get_close_matches(key.lower(), (*keys, "block"), n=1, cutoff=0.75)), None)
    if meant is not None:
        return f"is not a key of a job: write '{meant}'", key_example(meant)
    if key in _OF_COMMAND:
        line = "" if key == "cmd" else f"\n  {key}: {_OPTION_VALUES.get(key, '/srv')}"
        return "is an option of a module: write it below the module's name", _BELOW_THE_MODULE + line
    return None


def _option_example(key: str) -> str:
    if key in ("for_each", "job"):
        return below("background.jobs.run", FOR_EACH)
    return "background.jobs.run:\n  jobs: [...]" if key == "jobs" else _beside_jobs(f"{key}: {OPTIONS[key]}")


def key_example(key: str) -> str:
    """:returns: how a key of a job is written."""
    return _BLOCK if key == "block" else in_job(line_of(key))


def line_of(key: str) -> str:
    """:returns: a key of a job, with a value."""
    return f"{key}: {_VALUES.get(key, '...')}"


def module_as_value(key: str) -> Advice | None:
    """:returns: what to do about a job that has no module but a key like those of old ways to name one."""
    if key == "cmd":
        return "is no module: write the name of the module as the key", ONLY
    if key in _INSTEAD_OF_A_NAME:
        return "does not name the module of a job: write the name of the module as the key", ONLY
    return None


def option(key: str, action: str, spec: _argspec.Spec, keys: t.Sequence[str], is_module: bool) -> Advice:
    """:returns: what to do about an option that `action` does not have, as the rest of a sentence about its name.

    :arg action: the whole name of the action.
    :arg spec: its options.
    :arg keys: the keys of a job.
    :arg is_module: whether there is a module of that name.
    """
    starts = "job" in spec
    near = difflib.get_close_matches(key.lower(), list(spec), n=1, cutoff=0.7)
    if near:
        return f"is not an option of {action}: write '{near[0]}'", ""
    if starts and (key in keys or key == "block"):
        return "is a key of a job: write it in the job, beside its module", below("jobs", key_example(key))
    if starts and is_module:
        return "is a module: write it in a job", below("jobs", f"- {key}: ...")
    if starts and (key.startswith("with_") or key in ("loop", "loop_control")):
        return f"is not an option of {action}; {_KEYWORDS['loop' if key != 'loop_control' else key][0]}", FOR_EACH
    if keyword(key) is not None or key in _ON_A_TASK_TOO:
        return f"is a keyword of the task: write it beside {action}, not below", ""
    return f"is not an option of {action}: it has {', '.join(repr(each) for each in spec)}", ""
