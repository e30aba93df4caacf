# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as a playbook author writes them, checked and taken apart before anything is built.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCELLED,
    FAILED,
    LOST,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
)
from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import (
    FAIL_FAST,
    find_cycle,
    parse_halt,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import is_visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import kind, listed, yaml
from ansible_collections.background.jobs.plugins.plugin_utils._define import advice, condition
from ansible_collections.background.jobs.plugins.plugin_utils._define.duration import seconds
from ansible_collections.background.jobs.plugins.plugin_utils._define.size import size

IsModule = t.Callable[[str], bool]
"""Returns whether there is a module of a name."""

KEYS = (
    "name",
    "when",
    "timeout",
    "kill_after",
    "environment",
    "no_log",
    "retries",
    "delay",
    "backoff",
    "retry_on",
    "after",
    "lock",
    "leave_children",
    "max_output",
    *condition.KEYS,
)
"""Keys of a job beside its module or block."""

RETRY_ON = (FAILED, TIMED_OUT)
"""The states after which there can be another attempt; all of them, unless the job says otherwise."""

_NO_RETRY = {
    LOST: "the process that would start another attempt is gone",
    CANCELLED: "somebody wanted the job to end",
    SKIPPED: "the job was not to run",
    SUCCEEDED: "there is nothing left to try",
}
_CONCURRENCY = re.compile(r"\d{1,9}|\d{1,9}(?:\.\d{1,9})?%")
_PLAIN = re.compile(r"[\w./][\w ./=-]{0,59}")
"""Texts that need no quotes in YAML."""
_LABEL = 100
"""Characters that the name of a lock or of a group can have."""


class DefinitionError(Exception):
    """A job, or an option about jobs, that cannot be; the message is a sentence that names it.

    `example` are lines that would be right, empty where none help. `at` is the word, or the value, whose place in the
    playbook can be shown. `kind` is the message without where in the task it is. `headline` is a shorter one, for where
    the whole stands below it.
    """

    kind = ""
    headline = ""

    def __init__(self, message: str, example: str = "", at: t.Any = None) -> None:
        super().__init__(message)
        self.example = example
        self.at = at


@dataclasses.dataclass
class StepDefinition:
    """One module run: its name, and its module with the arguments as written.

    `free_form` is the value of an `args` key beside a module that takes a string.
    """

    name: str
    module: str
    arguments: t.Any
    free_form: t.Mapping[str, t.Any] | None = None


@dataclasses.dataclass
class Definition:
    """One job: its name, its steps, and its limits in seconds and bytes (0: none).

    It has one step, or, with `block`, those of the `block` that the author wrote. The fields from `retries` to
    `lock` are those of `_model.batch.Job`, but `after` has names. `conditions` judge its result. `item` and `loop_var`
    are set for a job of `for_each`, `index` with the variable's name where it has one. `false_condition` is set for
    a job whose `when` is false; it has no steps.
    """

    name: str
    steps: list[StepDefinition]
    timeout: float
    kill_after: float
    block: bool = False
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    no_log: bool = False
    leave_children: bool = False
    max_output: int = 0
    retries: int = 0
    delay: float = 5
    backoff: float = 1
    retry_on: list[str] = dataclasses.field(default_factory=lambda: list(RETRY_ON))
    after: list[str] = dataclasses.field(default_factory=list)
    lock: str | None = None
    conditions: condition.Conditions = dataclasses.field(default_factory=condition.Conditions)
    item: t.Any = None
    loop_var: str | None = None
    index: tuple[str, int] | None = None
    false_condition: t.Any = None


@dataclasses.dataclass
class Defaults:
    """The options of the task that every job inherits, in seconds and bytes."""

    timeout: float
    kill_after: float
    leave_children: bool = False
    max_output: int = 0


def concurrency(value: t.Any) -> str:
    """:returns: the option `concurrency`, checked: a whole number, or `N%` of the target's CPU threads."""
    text = str(value).strip()
    if isinstance(value, bool) or not _CONCURRENCY.fullmatch(text) or text.startswith("0%"):
        raise DefinitionError(
            f"concurrency is {yaml(value)}: give a whole number of jobs, N% of the target's CPU threads, or 0 for no "
            "limit"
        )
    return text


def duration(value: t.Any, option: str) -> float:
    """:returns: `value` in seconds.

    :raises DefinitionError: it is not a duration.
    """
    try:
        return seconds(value, option)
    except ValueError as exc:
        raise DefinitionError(str(exc)) from exc


def byte_size(value: t.Any, option: str) -> int:
    """:returns: `value` in bytes.

    :raises DefinitionError: it is not a size.
    """
    try:
        return size(value, option)
    except ValueError as exc:
        raise DefinitionError(str(exc)) from exc


_FAIL_FAST = "now,fail=1"
"""What `fail_fast` means, as a `halt`."""


def halt(value: str | None, fail_fast: bool = False) -> str:
    """:returns: when to give up, by the options `halt` and `fail_fast`, as `parse_halt` takes it.

    :raises DefinitionError: `halt` is not in the grammar, or says something else than `fail_fast`.
    """
    if value is not None and value.strip() == FAIL_FAST:
        raise DefinitionError("halt is 'fail_fast', which is an option of its own: write 'fail_fast: true'")
    try:
        parse_halt("never" if value is None else value)
    except ValueError as exc:
        raise DefinitionError(str(exc)) from exc
    asked = "never" if value is None else "".join(value.split())
    if fail_fast and value is not None and asked != _FAIL_FAST:
        raise DefinitionError(
            f"'fail_fast: true' means 'halt: {_FAIL_FAST}', but halt is {yaml(value)}: give one of them"
        )
    return FAIL_FAST if fail_fast else asked


def label(value: t.Any, what: str) -> str:
    """:returns: `value`, the name of a group or of a lock.

    :raises DefinitionError: it is no name.
    """
    text = "" if isinstance(value, (bool, float)) or not isinstance(value, (str, int)) else str(value)
    if not text.strip() or not is_visible(text) or len(text) > _LABEL:
        raise DefinitionError(
            f"{what} is {yaml(value)}: give a name of up to {_LABEL} characters, all of which can be printed"
        )
    return text


def jobs_of(value: t.Any, option: str) -> list[t.Any]:
    """:returns: the value of the option `jobs` or `for_each`, which is a list.

    :raises DefinitionError: it is none.
    """
    if isinstance(value, (list, tuple)):
        return list(value)
    is_mapping = isinstance(value, t.Mapping)
    message, example = f"{option} is {kind(value)}: give a list; for none, give []", advice.below("jobs", advice.ONLY)
    if option == "for_each":
        example = 'for_each: "{{ colours | dict2items }}"' if is_mapping else "for_each: [red, green]"
        message += "; dict2items makes one of a mapping" if is_mapping else ""
    elif is_mapping and _looks_like_a_job(value):
        message = "jobs is a mapping, as if it were one job: give a list of jobs, with a dash before each"
    elif is_mapping:
        message = "jobs is a mapping: give a list of jobs, each with its name under 'name'"
        example = advice.below("jobs", advice.JOB)
    raise DefinitionError(message, example, value)


def _looks_like_a_job(value: t.Mapping[t.Any, t.Any]) -> bool:
    return any(key in KEYS or key in ("block", "command", "shell") or "." in str(key) for key in value)


def define(
    job: t.Any, place: str, number: int, defaults: Defaults, called: str = "", *, is_module: IsModule
) -> Definition:
    """Take one job apart.

    :arg job: what the author wrote, with its templates resolved.
    :arg place: where it stands, for messages: `jobs[0]`, or the item of `for_each`.
    :arg number: which job of the batch it is, from 1; it gives a job without a name one.
    :arg called: what to call it in place of that, unless it has `no_log`.
    :arg is_module: whether there is a module of a name.
    """
    _check_keys(job, place, is_module)
    block = "block" in job
    module = "block" if block else _module(job, place)
    no_log = _boolean(job, "no_log", place, False)
    name = _name(job, module, number, place, "" if no_log else called)
    return Definition(
        name=name,
        steps=_block(job, place) if block else [_step(job, module, name)],
        block=block,
        timeout=_duration(job, "timeout", place, defaults.timeout),
        kill_after=_duration(job, "kill_after", place, defaults.kill_after),
        environment=_environment(job.get("environment"), place),
        no_log=no_log,
        leave_children=_boolean(job, "leave_children", place, defaults.leave_children),
        max_output=_given(job, "max_output", place, byte_size, defaults.max_output),
        retries=_given(job, "retries", place, _count, 0),
        delay=_duration(job, "delay", place, 5),
        backoff=_given(job, "backoff", place, _factor, 1.0),
        retry_on=_given(job, "retry_on", place, _retry_on, list(RETRY_ON)),
        after=_given(job, "after", place, _names, []),
        lock=_given(job, "lock", place, label, None),
        conditions=condition.Conditions(
            changed_when=_given(job, "changed_when", place, _expressions, None),
            failed_when=_given(job, "failed_when", place, _expressions, None),
            ignore_errors=_boolean(job, "ignore_errors", place, False),
        ),
    )


def define_skipped(
    job: t.Mapping[str, t.Any],
    place: str,
    number: int,
    defaults: Defaults,
    false: t.Any,
    called: str = "",
    *,
    is_module: IsModule,
) -> Definition:
    """Take a job apart that is not to run; the other arguments are those of `define`.

    :arg job: what the author wrote; only its name, `after` and `no_log` are resolved.
    :arg false: the condition that is false.
    """
    _check_keys(job, place, is_module)
    module = "block" if "block" in job else _module(job, place)
    no_log = _boolean(job, "no_log", place, False)
    return Definition(
        name=_name(job, module, number, place, "" if no_log else called),
        steps=[],
        timeout=defaults.timeout,
        kill_after=defaults.kill_after,
        no_log=no_log,
        after=_given(job, "after", place, _names, []),
        false_condition=false,
    )


def check_names(definitions: t.Sequence[Definition]) -> None:
    """:raises DefinitionError: two jobs have one name, by which nobody could tell their results apart."""
    seen: dict[str, int] = {}
    for index, definition in enumerate(definitions):
        if definition.name in seen:
            variable = definition.loop_var
            option = "jobs" if variable is None else "for_each"
            hint = "; give each its own" if variable is None else f"; put the {variable} into the name"
            example = "" if variable is None else advice.in_job(f'name: "backup {{{{ {variable} }}}}"')
            raise DefinitionError(
                f"{option}[{seen[definition.name]}] and {option}[{index}] have the same name '{definition.name}'{hint}",
                example,
            )
        seen[definition.name] = index


def check_order(definitions: t.Sequence[Definition]) -> None:
    """:raises DefinitionError: a job comes after one that is not there, or after itself, directly or in a ring."""
    after = {definition.name: definition.after for definition in definitions}
    for name, others in after.items():
        unknown = [other for other in others if other not in after]
        if unknown:
            raise DefinitionError(
                f"job '{name}' depends on {listed(unknown)}, which {'is no job' if len(unknown) < 2 else 'are no jobs'}"
                " of this task: give names of its jobs in 'after'; wait for jobs of an earlier task with "
                "background.jobs.wait in between"
            )
        if name in others:
            raise DefinitionError(f"job '{name}' depends on itself: take its own name out of 'after'")
    ring = find_cycle(after)
    if ring:
        raise DefinitionError(
            f"these jobs wait for each other, so that none of them could start: {' -> '.join(ring)} (each depends on "
            "the next); take one of the names out of 'after'"
        )


def predecessors(name: str, after: t.Mapping[str, t.Sequence[str]], finished: t.Collection[str]) -> list[str]:
    """:returns: the jobs that have to end before the job `name`.

    :arg after: for each job those that it comes after, without rings.
    :arg finished: jobs that have ended before anything is started; in place of one come those that it comes after.
    """
    pending, found, seen = list(after[name]), [], set()
    while pending:
        other = pending.pop(0)
        if other in seen:
            continue
        seen.add(other)
        if other in finished:
            pending += after[other]
        else:
            found.append(other)
    return found


# -- the keys of a job


def _check_keys(job: t.Any, place: str, is_module: IsModule) -> None:
    if not isinstance(job, t.Mapping):
        raise _no_mapping(job, place)
    faults: list[tuple[str, advice.Advice]] = []
    for key in job:
        _check_is_string(key, place)
        told = _misplaced(key, job, is_module)
        if told is not None:
            faults.append((key, told))
    if faults:
        clauses = [f"'{key}' {clause}" for key, (clause, dummy) in faults]
        raise DefinitionError(
            f"{place}: {'; '.join(clauses)}",
            next((example for dummy, (clause, example) in faults if example), ""),
            faults[0][0],
        )
    if "block" in job:
        modules = [key for key in job if key not in KEYS and key not in ("block", "args")]
        if modules:
            raise DefinitionError(
                f"{place} has a 'block' and {listed(modules)} beside it: make that a step of the block, or a job of "
                "its own",
                advice.key_example("block"),
                modules[0],
            )
        if "args" in job:
            raise DefinitionError(f"{place}: 'args' belongs beside the module it is for, in a step of the block")


def _misplaced(key: str, job: t.Mapping[str, t.Any], is_module: IsModule) -> advice.Advice | None:
    """:returns: what is wrong with a key of a job, as the rest of a sentence about it, `None` where nothing is."""
    if key in KEYS or key in ("block", "args"):
        return None
    if advice.keyword(key) is not None:
        return advice.of_job(key, KEYS)
    others = [other for other in job if other not in KEYS and other not in (key, "args") and is_module(other)]
    if is_module(key):
        return advice.of_job(key, KEYS) if key in advice.OPTIONS and others else None
    if not others and "block" not in job:
        told = advice.module_as_value(key)
        if told is not None:
            return told
    told = advice.of_job(key, KEYS)
    if told is None and others:
        return "is neither a key of a job nor a module; an option of the module belongs below its name", ""
    return told


def _no_mapping(job: t.Any, place: str) -> DefinitionError:
    if not isinstance(job, str):
        return DefinitionError(f"{place} is {kind(job)}, not a job: give a mapping with a module", advice.JOB, job)
    example = f"- ansible.builtin.command: {job}" if _PLAIN.fullmatch(job) else advice.ONLY
    return DefinitionError(f"{place} is {kind(job)}, not a job: write the name of its module before it", example, job)


def _check_is_string(key: t.Any, place: str) -> None:
    if not isinstance(key, str):
        raise DefinitionError(f"{place}: {kind(key)} is no name of a module and no key of a job", advice.ONLY)


def _module(job: t.Mapping[str, t.Any], place: str) -> str:
    modules = [key for key in job if key not in KEYS and key != "args"]
    if not modules:
        raise DefinitionError(
            f"{place} has no module: give one, such as ansible.builtin.command, or a 'block' of several", advice.ONLY
        )
    if len(modules) > 1:
        raise DefinitionError(
            f"{place} has {len(modules)} modules, {listed(modules)}: give each a job of its own, or make them steps "
            "of a 'block'",
            advice.key_example("block"),
            modules[1],
        )
    return modules[0]


def _name(holder: t.Mapping[str, t.Any], module: str, number: int, place: str, called: str = "") -> str:
    """:returns: the name of a job or of a step; `called`, or one of its module and its place, where it has none."""
    derived = called or f"{module.rpartition('.')[2]}-{number}"
    name = str(holder["name"]) if holder.get("name") is not None else derived
    if not name.strip() or not is_visible(name):
        raise DefinitionError(f"{place}: the name {name!r} is empty or has characters that cannot be printed")
    return name


# -- blocks


def _block(job: t.Mapping[str, t.Any], place: str) -> list[StepDefinition]:
    steps = job["block"]
    if not isinstance(steps, t.Sequence) or isinstance(steps, (str, bytes)) or not steps:
        what = "empty" if isinstance(steps, t.Sequence) and not steps else kind(steps)
        raise DefinitionError(
            f"{place}: block is {what}: give a list of steps, each with one module", advice.key_example("block")
        )
    return [_block_step(step, f"{place}.block[{index}]", index + 1) for index, step in enumerate(steps)]


def _block_step(step: t.Any, place: str, number: int) -> StepDefinition:
    if not isinstance(step, t.Mapping):
        raise _no_mapping(step, place)
    for key in step:
        _check_is_string(key, place)
        reason, example = _not_in_a_block(key)
        if reason:
            raise DefinitionError(f"{place}: {reason}", example, key)
    modules = [key for key in step if key not in ("name", "args")]
    if not modules:
        raise DefinitionError(f"{place} has no module: give one, such as ansible.builtin.command")
    if len(modules) > 1:
        raise DefinitionError(
            f"{place} has {len(modules)} modules, {listed(modules)}: give each a step of its own",
            advice.key_example("block"),
            modules[1],
        )
    return _step(step, modules[0], _name(step, modules[0], number, place))


def _not_in_a_block(key: str) -> advice.Advice:
    """:returns: why a step cannot have `key`, empty where it can, and an example."""
    if key in ("block", "rescue", "always"):
        return f"a step cannot have '{key}': the steps of a job are one list, which stops at the first that fails", ""
    if key in KEYS and key != "name":
        example = f"- block: [...]\n  {advice.line_of(key)}"
        return f"'{key}' belongs to the job, for all its steps: write it beside the block", example
    if advice.keyword(key) is not None:
        return (
            f"'{key}' cannot be used in a block, whose steps run on the host without tasks and templates: use a job or "
            "a task of its own",
            "",
        )
    return "", ""


def _step(holder: t.Mapping[str, t.Any], module: str, name: str) -> StepDefinition:
    return StepDefinition(name, module, holder[module], holder.get("args"))


# -- values

_Value = t.TypeVar("_Value")


def _given(
    job: t.Mapping[str, t.Any], key: str, place: str, read: t.Callable[[t.Any, str], _Value], default: _Value
) -> _Value:
    """:returns: the value of `key` as `read` understands it, `default` where there is none."""
    return default if job.get(key) is None else read(job[key], f"{place}: {key}")


def _duration(job: t.Mapping[str, t.Any], key: str, place: str, default: float) -> float:
    return _given(job, key, place, duration, default)


def _count(value: t.Any, what: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 10):
        raise DefinitionError(f"{what} is {yaml(value)}: give a whole number of up to nine digits, 0 for none")
    return int(text)


def _factor(value: t.Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = 0
    if isinstance(value, bool) or not 1 <= number < float("inf"):
        raise DefinitionError(f"{what} is {yaml(value)}: give the factor by which the delay grows, a number from 1 on")
    return number


def _retry_on(value: t.Any, what: str) -> list[str]:
    states = _strings(value)
    if not states:
        raise DefinitionError(f"{what} is {yaml(value)}: give a list with {listed(RETRY_ON, 'or')}")
    for state in states:
        if state in _NO_RETRY:
            raise DefinitionError(
                f"{what}: a job that is {state} cannot be retried, since {_NO_RETRY[state]}; give "
                f"{listed(RETRY_ON, 'or')}"
            )
        if state not in RETRY_ON:
            raise DefinitionError(f"{what}: {state!r} is no end of an attempt; give {listed(RETRY_ON, 'or')}")
    return states


def _expressions(value: t.Any, what: str) -> list[str]:
    """:returns: the expressions of a condition, of which all must be true."""
    values = value if isinstance(value, t.Sequence) and not isinstance(value, (str, bytes)) else [value]
    for each in values:
        if not isinstance(each, (str, bool)):
            raise DefinitionError(f"{what} is {yaml(each)}: give an expression such as 'rc != 0', or true or false")
        try:
            condition.check_expression(str(each))
        except condition.ConditionError as exc:
            raise DefinitionError(f"{what} is {yaml(each)}, which is no expression: {exc}") from exc
    return [str(each) for each in values]


def _names(value: t.Any, what: str) -> list[str]:
    names = _strings(value)
    if names is None or not all(name.strip() for name in names):
        raise DefinitionError(f"{what} is {yaml(value)}: give the name of a job of this task, or a list of names")
    return names


def _strings(value: t.Any) -> list[str] | None:
    """:returns: a word, or a list of words, each once, as a list; `None` for anything else."""
    values = value if isinstance(value, t.Sequence) and not isinstance(value, (str, bytes)) else [value]
    if not all(isinstance(each, (str, int)) and not isinstance(each, bool) for each in values):
        return None
    return list(dict.fromkeys(str(each) for each in values))


def _environment(value: t.Any, place: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, t.Mapping):
        raise DefinitionError(
            f"{place}: environment is {kind(value)}: give a mapping of names to values",
            advice.key_example("environment"),
        )
    return {str(key): str(content) for key, content in value.items()}


def _boolean(job: t.Mapping[str, t.Any], key: str, place: str, default: bool) -> bool:
    value = job.get(key)
    if value is None:
        return default
    try:
        return bool(boolean(value, strict=True))  # as ansible-core reads keywords of tasks
    except TypeError:
        raise DefinitionError(
            f"{place}: {key} is {yaml(value)}: give true or false, or a word for one (yes, no, on, off, 1, 0)"
        ) from None
