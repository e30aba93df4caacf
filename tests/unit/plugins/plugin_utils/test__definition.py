# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._definition import (
    NOT_YET,
    Defaults,
    Definition,
    DefinitionError,
    check_names,
    concurrency,
    define,
    duration,
)

DEFAULTS = Defaults(timeout=3600, kill_after=10)
COMMAND = {"ansible.builtin.command": "true"}


def refusal(function: t.Callable[..., t.Any], *arguments: t.Any) -> str:
    """The message with which something is refused."""
    with pytest.raises(DefinitionError) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_job_is_taken_apart() -> None:
    job = {
        "name": "backup",
        "ansible.builtin.command": {"cmd": "pg_dump"},
        "timeout": "1h",
        "kill_after": 0,
        "environment": {"PGHOST": "db", 1: 2},
        "no_log": True,
        "args": {"chdir": "/srv"},
    }
    assert define(job, "jobs[0]", 1, DEFAULTS) == Definition(
        name="backup",
        module="ansible.builtin.command",
        arguments={"cmd": "pg_dump"},
        timeout=3600,
        kill_after=0,
        free_form={"chdir": "/srv"},
        environment={"PGHOST": "db", "1": "2"},
        no_log=True,
    )


def test_what_a_job_does_not_say_comes_from_the_task() -> None:
    job = define({**COMMAND, "name": None, "timeout": None}, "jobs[4]", 5, Defaults(timeout=7, kill_after=8))
    assert (job.name, job.timeout, job.kill_after) == ("command-5", 7, 8)
    assert (job.environment, job.no_log, job.free_form) == ({}, False, None)


@pytest.mark.parametrize("name", ["backup", "ä b", 5, 0])
def test_a_name_is_any_printable_text(name: t.Any) -> None:
    assert define({**COMMAND, "name": name}, "jobs[0]", 1, DEFAULTS).name == str(name)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("true", "jobs[0] is not a mapping with a module and its arguments, but str"),
        (None, "jobs[0] is not a mapping with a module and its arguments, but NoneType"),
        (
            {"name": "x"},
            "jobs[0] has no module: beside 'name', 'timeout', 'kill_after', 'environment', 'no_log' give one, such as "
            "ansible.builtin.command",
        ),
        ({**COMMAND, "shell": "x"}, "jobs[0] has 2 modules, 'ansible.builtin.command', 'shell': a job runs one"),
        ({**COMMAND, "async": 5}, "jobs[0]: a job is detached as it is; give its limit as 'timeout'"),
        (
            {**COMMAND, "become": True},
            "jobs[0]: 'become' is a keyword of a task, not of a job: set it on the task, for all its jobs",
        ),
        ({**COMMAND, "name": ""}, "jobs[0]: the name '' is empty or has characters that cannot be printed"),
        ({**COMMAND, "name": "a\nb"}, "jobs[0]: the name 'a\\nb' is empty or has characters that cannot be printed"),
        (
            {**COMMAND, "name": "\x1b[31m"},
            "jobs[0]: the name '\\x1b[31m' is empty or has characters that cannot be printed",
        ),
        (
            {**COMMAND, "timeout": "soon"},
            "jobs[0]: timeout is 'soon': give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit",
        ),
        (
            {**COMMAND, "kill_after": -1},
            "jobs[0]: kill_after is -1: give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit",
        ),
        ({**COMMAND, "environment": ["A=1"]}, "jobs[0]: environment must be a mapping of names to values, not list"),
        ({5: "true"}, "jobs[0]: the key 5 is not a string, so it is no module; quote it if it is one"),
        ({**COMMAND, "no_log": "yes"}, "jobs[0]: no_log must be true or false, not 'yes'"),
    ],
    ids=str,
)
def test_what_is_no_job_is_refused_with_the_reason(job: t.Any, message: str) -> None:
    assert refusal(define, job, "jobs[0]", 1, DEFAULTS) == message


@pytest.mark.parametrize("key", NOT_YET)
def test_a_key_without_effect_is_refused_by_name(key: str) -> None:
    message = refusal(define, {**COMMAND, key: 1}, "jobs[0]", 1, DEFAULTS)
    assert message == f"jobs[0]: the key '{key}' is not supported by this version of background.jobs"


def test_names_are_told_apart() -> None:
    def named(name: str, loop_var: str | None = None) -> Definition:
        return Definition(name, "command", None, 0, 0, loop_var=loop_var)

    check_names([])
    check_names([named("a"), named("b"), named("A")])
    assert refusal(check_names, [named("a"), named("b"), named("a")]) == "jobs 1 and 3 have the same name 'a'"
    message = refusal(check_names, [named("a", "pkg"), named("a", "pkg")])
    assert message == "jobs 1 and 2 have the same name 'a'; put the pkg into the name"


@pytest.mark.parametrize(
    ("value", "expected"), [("0", "0"), (3, "3"), (" 3 ", "3"), ("50%", "50%"), ("12.5%", "12.5%"), ("0.5%", "0.5%")]
)
def test_concurrency_is_a_number_or_a_share(value: t.Any, expected: str) -> None:
    assert concurrency(value) == expected


@pytest.mark.parametrize("value", ["-1", "", "many", "1.5", "0%", "-5%", "%", "5 %", True, None, "5%%"], ids=repr)
def test_other_concurrency_is_refused(value: t.Any) -> None:
    message = (
        f"concurrency is {value!r}: give a whole number of jobs, N% of the target's CPU threads, or 0 for no limit"
    )
    assert refusal(concurrency, value) == message


def test_a_duration_of_an_option_names_the_option() -> None:
    assert duration("5m", "poll") == 300
    assert refusal(duration, "x", "poll").startswith("poll is 'x': give seconds")
