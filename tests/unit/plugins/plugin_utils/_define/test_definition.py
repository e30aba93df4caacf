# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import functools
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import parse_halt
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import (
    Defaults,
    Definition,
    DefinitionError,
    StepDefinition,
    byte_size,
    check_names,
    check_order,
    concurrency,
    duration,
    halt,
    label,
    predecessors,
)
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import define as _define

MODULES = ("command", "get_url", "group", "shell")
define = functools.partial(_define, is_module=lambda name: "." in name or name in MODULES)
DEFAULTS = Defaults(timeout=3600, kill_after=10)
COMMAND = {"ansible.builtin.command": "true"}


def refusal(function: t.Callable[..., t.Any], *arguments: t.Any) -> str:
    """The message with which something is refused."""
    with pytest.raises(DefinitionError) as caught:
        function(*arguments)
    return str(caught.value)


def defined(**keys: t.Any) -> Definition:
    """The job that a command with these keys beside it makes."""
    return define({**COMMAND, **keys}, "jobs[0]", 1, DEFAULTS)


def refused(**keys: t.Any) -> str:
    """The message with which a command with these keys beside it is refused."""
    return refusal(define, {**COMMAND, **keys}, "jobs[0]", 1, DEFAULTS)


def named(name: str, *after: str, loop_var: str | None = None) -> Definition:
    return Definition(name, [], 0, 0, after=list(after), loop_var=loop_var)


def test_a_job_is_taken_apart() -> None:
    job = {
        "name": "backup",
        "ansible.builtin.command": {"cmd": "pg_dump"},
        "timeout": "1h",
        "kill_after": 0,
        "environment": {"PGHOST": "db", 1: 2},
        "no_log": True,
        "args": {"chdir": "/srv"},
        "retries": 3,
        "delay": "1m",
        "backoff": 1.5,
        "retry_on": ["timed_out"],
        "after": "prepare",
        "lock": "database",
        "leave_children": True,
        "max_output": "64K",
    }
    assert define(job, "jobs[0]", 1, DEFAULTS) == Definition(
        name="backup",
        steps=[StepDefinition("backup", "ansible.builtin.command", {"cmd": "pg_dump"}, {"chdir": "/srv"})],
        block=False,
        timeout=3600,
        kill_after=0,
        environment={"PGHOST": "db", "1": "2"},
        no_log=True,
        retries=3,
        delay=60,
        backoff=1.5,
        retry_on=["timed_out"],
        after=["prepare"],
        lock="database",
        leave_children=True,
        max_output=65536,
    )


def test_what_a_job_does_not_say_comes_from_the_task() -> None:
    defaults = Defaults(timeout=7, kill_after=8, leave_children=True, max_output=9)
    job = define({**COMMAND, "name": None, "timeout": None}, "jobs[4]", 5, defaults)
    assert (job.name, job.timeout, job.kill_after) == ("command-5", 7, 8)
    assert (job.leave_children, job.max_output) == (True, 9)
    assert (job.environment, job.no_log, job.steps[0].free_form, job.block) == ({}, False, None, False)
    assert (job.retries, job.delay, job.backoff, job.retry_on) == (0, 5, 1, ["failed", "timed_out"])
    assert (job.after, job.lock) == ([], None)


def test_a_job_can_say_the_opposite_of_the_task() -> None:
    defaults = Defaults(timeout=7, kill_after=8, leave_children=True, max_output=9)
    job = define({**COMMAND, "timeout": 0, "leave_children": False, "max_output": 0}, "jobs[0]", 1, defaults)
    assert (job.timeout, job.leave_children, job.max_output) == (0, False, 0)


@pytest.mark.parametrize("name", ["backup", "ä b", 5, 0])
def test_a_name_is_any_printable_text(name: t.Any) -> None:
    assert define({**COMMAND, "name": name}, "jobs[0]", 1, DEFAULTS).name == str(name)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("true", "jobs[0] is the text 'true', not a job: write the name of its module before it"),
        (None, "jobs[0] is empty, not a job: give a mapping with a module"),
        (5, "jobs[0] is the number 5, not a job: give a mapping with a module"),
        (True, "jobs[0] is true, not a job: give a mapping with a module"),
        ([COMMAND], "jobs[0] is a list, not a job: give a mapping with a module"),
        (
            {"name": "x"},
            "jobs[0] has no module: give one, such as ansible.builtin.command, or a 'block' of several",
        ),
        (
            {**COMMAND, "shell": "x"},
            "jobs[0] has 2 modules, 'ansible.builtin.command' and 'shell': give each a job of its own, or make them "
            "steps of a 'block'",
        ),
        (
            {**COMMAND, "retry": 3, "shell": "x", "depends_on": "a"},
            "jobs[0]: 'retry' is not a key of a job: write 'retries'; 'depends_on' is not a key of a job: write "
            "'after'",
        ),
        (
            {**COMMAND, "colour": "red"},
            "jobs[0]: 'colour' is neither a key of a job nor a module; an option of the module belongs below its name",
        ),
        (
            {**COMMAND, "group": "nightly"},
            "jobs[0]: 'group' is an option of the task, not of a job: write it beside 'jobs'",
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
        ({**COMMAND, "environment": ["A=1"]}, "jobs[0]: environment is a list: give a mapping of names to values"),
        ({5: "true"}, "jobs[0]: the number 5 is no name of a module and no key of a job"),
        *(
            (
                {**COMMAND, "no_log": value},
                f"jobs[0]: no_log is {value!r}: give true or false, or a word for one (yes, no, on, off, 1, 0)",
            )
            for value in ("", "maybe", "{{ x }}", 2, ["true"], {"a": 1})
        ),
    ],
    ids=str,
)
def test_what_is_no_job_is_refused_with_the_reason(job: t.Any, message: str) -> None:
    assert refusal(define, job, "jobs[0]", 1, DEFAULTS) == message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"retries": 10**9}, "retries is 1000000000: give a whole number of up to nine digits, 0 for none"),
        ({"retries": -1}, "retries is -1: give a whole number of up to nine digits, 0 for none"),
        ({"retries": 1.5}, "retries is 1.5: give a whole number of up to nine digits, 0 for none"),
        ({"retries": True}, "retries is true: give a whole number of up to nine digits, 0 for none"),
        ({"retries": "often"}, "retries is 'often': give a whole number of up to nine digits, 0 for none"),
        (
            {"delay": "later"},
            "delay is 'later': give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit",
        ),
        *(
            (
                {"backoff": value},
                f"backoff is {told}: give the factor by which the delay grows, a number from 1 on",
            )
            for value, told in (
                (0, "0"),
                (0.9, "0.9"),
                ("x", "'x'"),
                (True, "true"),
                ([], "[]"),
                (float("inf"), "inf"),
                (float("nan"), "nan"),
            )
        ),
        ({"retry_on": []}, "retry_on is []: give a list with 'failed' or 'timed_out'"),
        ({"retry_on": {"failed": 1}}, "retry_on is {'failed': 1}: give a list with 'failed' or 'timed_out'"),
        ({"retry_on": ["sad"]}, "retry_on: 'sad' is no end of an attempt; give 'failed' or 'timed_out'"),
        ({"retry_on": "running"}, "retry_on: 'running' is no end of an attempt; give 'failed' or 'timed_out'"),
        (
            {"retry_on": ["failed", "lost"]},
            "retry_on: a job that is lost cannot be retried, since the process that would start another attempt is "
            "gone; give 'failed' or 'timed_out'",
        ),
        (
            {"retry_on": "cancelled"},
            "retry_on: a job that is cancelled cannot be retried, since somebody wanted the job to end; give 'failed' "
            "or 'timed_out'",
        ),
        (
            {"retry_on": "skipped"},
            "retry_on: a job that is skipped cannot be retried, since the job was not to run; give 'failed' or "
            "'timed_out'",
        ),
        (
            {"retry_on": "succeeded"},
            "retry_on: a job that is succeeded cannot be retried, since there is nothing left to try; give 'failed' "
            "or 'timed_out'",
        ),
        *(
            ({"after": value}, f"after is {told}: give the name of a job of this task, or a list of names")
            for value, told in (
                ("", "''"),
                ([""], "['']"),
                ({"a": 1}, "{'a': 1}"),
                ([["a"]], "[['a']]"),
                (True, "true"),
                ([None], "[null]"),
            )
        ),
        ({"lock": ""}, "lock is '': give a name of up to 100 characters, all of which can be printed"),
        (
            {"leave_children": "non"},
            "leave_children is 'non': give true or false, or a word for one (yes, no, on, off, 1, 0)",
        ),
        (
            {"max_output": "much"},
            "max_output is 'much': give a number of bytes, or a size such as 64K or 10MB; 0 means no limit",
        ),
        (
            {"rescue": []},
            "'rescue' cannot be in a job, whose block stops at the first step that fails: react to that in a task "
            "after the one that waits for the job",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_would(keys: dict[str, t.Any], message: str) -> None:
    assert refused(**keys) == f"jobs[0]: {message}"


def test_values_out_of_templates_may_be_text() -> None:
    job = defined(retries="2", backoff="1.5", after=7, retry_on="failed", lock=3)
    assert (job.retries, job.backoff, job.after, job.retry_on, job.lock) == (2, 1.5, ["7"], ["failed"], "3")


def test_a_name_or_a_state_that_is_given_twice_counts_once() -> None:
    job = defined(after=["b", "a", "b"], retry_on=["failed", "failed"])
    assert (job.after, job.retry_on) == (["b", "a"], ["failed"])


def test_a_block_is_a_job_of_several_steps() -> None:
    steps = [
        {"name": "first", "ansible.builtin.command": "true", "args": {"chdir": "/"}},
        {"get_url": {"url": "x"}},
    ]
    job = define({"block": steps, "timeout": 9, "retries": 1}, "jobs[1]", 2, DEFAULTS)
    assert (job.name, job.block, job.timeout, job.retries) == ("block-2", True, 9, 1)
    assert job.steps == [
        StepDefinition("first", "ansible.builtin.command", "true", {"chdir": "/"}),
        StepDefinition("get_url-2", "get_url", {"url": "x"}, None),
    ]


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (
            {"block": [COMMAND], "command": "x"},
            "jobs[0] has a 'block' and 'command' beside it: make that a step of the block, or a job of its own",
        ),
        (
            {"block": [COMMAND], "args": {}},
            "jobs[0]: 'args' belongs beside the module it is for, in a step of the block",
        ),
        ({"block": []}, "jobs[0]: block is empty: give a list of steps, each with one module"),
        ({"block": None}, "jobs[0]: block is empty: give a list of steps, each with one module"),
        ({"block": COMMAND}, "jobs[0]: block is a mapping: give a list of steps, each with one module"),
        ({"block": "x"}, "jobs[0]: block is the text 'x': give a list of steps, each with one module"),
    ],
    ids=str,
)
def test_what_is_no_block_is_refused_with_the_reason(job: t.Any, message: str) -> None:
    assert refusal(define, job, "jobs[0]", 1, DEFAULTS) == message


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("true", " is the text 'true', not a job: write the name of its module before it"),
        ({"name": "x"}, " has no module: give one, such as ansible.builtin.command"),
        (
            {**COMMAND, "shell": "x"},
            " has 2 modules, 'ansible.builtin.command' and 'shell': give each a step of its own",
        ),
        ({5: "x"}, ": the number 5 is no name of a module and no key of a job"),
        ({**COMMAND, "name": " "}, ": the name ' ' is empty or has characters that cannot be printed"),
        *(
            (
                {**COMMAND, key: 1},
                f": a step cannot have '{key}': the steps of a job are one list, which stops at the first that fails",
            )
            for key in ("block", "rescue", "always")
        ),
        *(
            (
                {**COMMAND, key: 1},
                f": '{key}' belongs to the job, for all its steps: write it beside the block",
            )
            for key in ("timeout", "environment", "no_log", "retries", "after", "lock", "max_output", "when")
        ),
        *(
            (
                {**COMMAND, key: 1},
                f": '{key}' cannot be used in a block, whose steps run on the host without tasks and templates: use a "
                "job or a task of its own",
            )
            for key in ("register", "loop", "become", "async", "poll")
        ),
    ],
    ids=str,
)
def test_what_is_no_step_is_refused_with_the_reason(step: t.Any, message: str) -> None:
    job = {"block": [COMMAND, step]}
    assert refusal(define, job, "jobs[0]", 1, DEFAULTS) == f"jobs[0].block[1]{message}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rc != 0", ["rc != 0"]),
        (False, ["False"]),
        (["rc != 0", True, "stdout is search('x')"], ["rc != 0", "True", "stdout is search('x')"]),
        ([], []),
        (None, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["changed_when", "failed_when"])
def test_a_condition_is_a_list_of_expressions(key: str, value: t.Any, expected: list[str] | None) -> None:
    conditions = define({**COMMAND, key: value}, "jobs[0]", 1, DEFAULTS).conditions
    assert getattr(conditions, key) == expected


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("failed_when", 3, "jobs[0]: failed_when is 3: give an expression such as 'rc != 0', or true or false"),
        (
            "changed_when",
            ["true", {}],
            "jobs[0]: changed_when is {}: give an expression such as 'rc != 0', or true or false",
        ),
        (
            "failed_when",
            "rc ==",
            "jobs[0]: failed_when is 'rc ==', which is no expression: unexpected 'end of template'",
        ),
        (
            "ignore_errors",
            "perhaps",
            "jobs[0]: ignore_errors is 'perhaps': give true or false, or a word for one (yes, no, on, off, 1, 0)",
        ),
    ],
    ids=str,
)
def test_a_condition_that_cannot_be_is_refused(key: str, value: t.Any, message: str) -> None:
    assert refusal(define, {**COMMAND, key: value}, "jobs[0]", 1, DEFAULTS) == message


def test_names_are_told_apart() -> None:
    check_names([])
    check_names([named("a"), named("b"), named("A")])
    assert refusal(check_names, [named("a"), named("b"), named("a")]) == (
        "jobs[0] and jobs[2] have the same name 'a'; give each its own"
    )
    message = refusal(check_names, [named("a", loop_var="pkg"), named("a", loop_var="pkg")])
    assert message == "for_each[0] and for_each[1] have the same name 'a'; put the pkg into the name"


@pytest.mark.parametrize(
    ("value", "expected"), [("0", "0"), (3, "3"), (" 3 ", "3"), ("50%", "50%"), ("12.5%", "12.5%"), ("0.5%", "0.5%")]
)
def test_concurrency_is_a_number_or_a_share(value: t.Any, expected: str) -> None:
    assert concurrency(value) == expected


@pytest.mark.parametrize("value", ["-1", "", "many", "1.5", "0%", "-5%", "%", "5 %", True, None, "5%%"], ids=repr)
def test_other_concurrency_is_refused(value: t.Any) -> None:
    told = {True: "true", None: "null"}.get(value, repr(value))
    message = f"concurrency is {told}: give a whole number of jobs, N% of the target's CPU threads, or 0 for no limit"
    assert refusal(concurrency, value) == message


def test_a_duration_of_an_option_names_the_option() -> None:
    assert duration("5m", "progress_interval") == 300
    assert refusal(duration, "x", "progress_interval").startswith("progress_interval is 'x': give seconds")


def test_a_size_of_an_option_names_the_option() -> None:
    assert byte_size("1K", "max_output") == 1024
    assert refusal(byte_size, "x", "max_output").startswith("max_output is 'x': give a number of bytes")


def test_halt_is_in_its_grammar() -> None:
    assert [halt(value) for value in (None, "never", " soon,fail=1 ", "now, success = 20%")] == [
        "never",
        "never",
        "soon,fail=1",
        "now,success=20%",
    ]
    assert refusal(halt, "later").startswith("halt is 'later': give 'never', or 'soon' or 'now'")


@pytest.mark.parametrize("value", [None, "now,fail=1", " now, fail=1"])
def test_to_fail_fast_is_to_halt_now_with_one_failure(value: str | None) -> None:
    asked, meant = parse_halt(halt(value, fail_fast=True)), parse_halt("now,fail=1")
    assert asked is not None and meant is not None
    assert asked == dataclasses.replace(meant, text="fail_fast")


def test_to_fail_fast_is_no_way_to_halt() -> None:
    with pytest.raises(DefinitionError, match="write 'fail_fast: true'"):
        halt("fail_fast")


@pytest.mark.parametrize("value", ["never", "soon,fail=1", "now,fail=2", "now,fail=1%", "now,success=1"])
def test_to_fail_fast_is_not_to_halt_in_another_way(value: str) -> None:
    assert refusal(halt, value, True) == (
        f"'fail_fast: true' means 'halt: now,fail=1', but halt is '{value}': give one of them"
    )


@pytest.mark.parametrize("value", ["a", "ä b", "x" * 100, 7])
def test_a_label_is_any_printable_text(value: t.Any) -> None:
    assert label(value, "lock") == str(value)


@pytest.mark.parametrize("value", ["", " ", "a\nb", "\x1b[1m", "x" * 101, None, True, 1.5, ["a"], {}], ids=repr)
def test_another_label_is_refused(value: t.Any) -> None:
    message = refusal(label, value, "group")
    assert message.startswith("group is ")
    assert message.endswith(": give a name of up to 100 characters, all of which can be printed")
    assert len(message) < 200


def test_jobs_come_after_others_of_the_task() -> None:
    check_order([])
    check_order([named("a", "c", "b"), named("b", "c"), named("c")])


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        (
            [named("a", "x", "b", "y"), named("b")],
            "job 'a' depends on 'x' and 'y', which are no jobs of this task: give names of its jobs in 'after'; wait "
            "for jobs of an earlier task with background.jobs.wait in between",
        ),
        ([named("a", "a")], "job 'a' depends on itself: take its own name out of 'after'"),
        (
            [named("x"), named("a", "x", "b"), named("b", "c"), named("c", "x", "b")],
            "these jobs wait for each other, so that none of them could start: b -> c -> b (each depends on the "
            "next); take one of the names out of 'after'",
        ),
    ],
    ids=["unknown", "itself", "ring"],
)
def test_an_order_in_which_a_job_could_never_start_is_refused(jobs: list[Definition], message: str) -> None:
    assert refusal(check_order, jobs) == message


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        ((), ["b", "c"]),
        (("b",), ["c", "d", "e"]),
        (("b", "c"), ["d", "e"]),
        (("b", "c", "d", "e"), []),
        (("e",), ["b", "c"]),
    ],
    ids=str,
)
def test_what_is_finished_leaves_its_own_predecessors(finished: tuple[str, ...], expected: list[str]) -> None:
    after = {"a": ["b", "c"], "b": ["d", "e"], "c": ["d"], "d": [], "e": []}
    assert predecessors("a", after, finished) == expected


@pytest.mark.parametrize("key", ["no_log", "leave_children", "ignore_errors"])
@pytest.mark.parametrize(
    ("word", "means"),
    [
        *((word, True) for word in (True, "true", "True", "yes", "YES", "on", "y", "t", "1", 1, 1.0)),
        *((word, False) for word in (False, "false", "False", "no", "off", "n", "f", "0", 0, None)),
    ],
    ids=repr,
)
def test_a_boolean_takes_what_keywords_of_tasks_take(key: str, word: t.Any, means: bool) -> None:
    found = define({**COMMAND, key: word}, "jobs[0]", 1, DEFAULTS)
    assert getattr(found.conditions if key == "ignore_errors" else found, key) is means
