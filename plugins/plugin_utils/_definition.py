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

from ansible_collections.background.jobs.plugins.plugin_utils._duration import seconds

KEYS = ("name", "timeout", "kill_after", "environment", "no_log")
"""Keys of a job beside its module."""

NOT_YET = (
    "block",
    "retries",
    "delay",
    "backoff",
    "retry_on",
    "changed_when",
    "failed_when",
    "ignore_errors",
    "after",
    "lock",
)
"""Keys that belong to a job by design and do nothing yet: refused by name, never ignored."""

TASK_KEYWORDS = frozenset(
    [
        "become",
        "become_user",
        "become_method",
        "become_flags",
        "become_exe",
        "check_mode",
        "collections",
        "connection",
        "debugger",
        "delegate_facts",
        "delegate_to",
        "diff",
        "ignore_unreachable",
        "loop",
        "loop_control",
        "module_defaults",
        "notify",
        "poll",
        "port",
        "register",
        "remote_user",
        "run_once",
        "tags",
        "throttle",
        "until",
        "vars",
        "when",
    ]
)

_CONCURRENCY = re.compile(r"\d+|\d+(?:\.\d+)?%")


class DefinitionError(Exception):
    """A job, or an option about jobs, that cannot be; the message is a sentence that names it."""


@dataclasses.dataclass
class Definition:
    """One job: its name, its one module with the arguments as written, and its limits in seconds (0: none).

    O(free_form) is the value of an C(args) key beside a module that takes a string. O(item) and O(loop_var) are set
    for a job of C(for_each), O(index) with the variable's name where it has one.
    """

    name: str
    module: str
    arguments: t.Any
    timeout: float
    kill_after: float
    free_form: t.Mapping[str, t.Any] | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    no_log: bool = False
    item: t.Any = None
    loop_var: str | None = None
    index: tuple[str, int] | None = None


@dataclasses.dataclass
class Defaults:
    """The options of the task that every job inherits, in seconds."""

    timeout: float
    kill_after: float


def concurrency(value: t.Any) -> str:
    """:returns: the option O(concurrency), checked: a whole number, or V(N%) of the target's CPU threads."""
    text = str(value).strip()
    if isinstance(value, bool) or not _CONCURRENCY.fullmatch(text) or text.startswith("0%"):
        raise DefinitionError(
            f"concurrency is {value!r}: give a whole number of jobs, N% of the target's CPU threads, or 0 for no limit"
        )
    return text


def duration(value: t.Any, option: str) -> float:
    """:returns: O(value) in seconds.

    :raises DefinitionError: it is not a duration.
    """
    try:
        return seconds(value, option)
    except ValueError as exc:
        raise DefinitionError(str(exc)) from exc


def define(job: t.Any, place: str, number: int, defaults: Defaults) -> Definition:
    """Take one job apart.

    :arg job: what the author wrote, with its templates resolved.
    :arg place: where it stands, for messages: C(jobs[0]), or the item of C(for_each).
    :arg number: which job of the batch it is, from 1; it gives a job without a name one.
    """
    if not isinstance(job, t.Mapping):
        raise DefinitionError(f"{place} is not a mapping with a module and its arguments, but {type(job).__name__}")
    keys = list(job)
    for key in keys:
        if not isinstance(key, str):
            raise DefinitionError(
                f"{place}: the key {key!r} is not a string, so it is no module; quote it if it is one"
            )
        if key in NOT_YET:
            raise DefinitionError(f"{place}: the key '{key}' is not supported by this version of background.jobs")
        if key in TASK_KEYWORDS:
            raise DefinitionError(
                f"{place}: '{key}' is a keyword of a task, not of a job: set it on the task, for all its jobs"
            )
        if key == "async":
            raise DefinitionError(f"{place}: a job is detached as it is; give its limit as 'timeout'")
    modules = [key for key in keys if key not in KEYS and key != "args"]
    if not modules:
        raise DefinitionError(
            f"{place} has no module: beside {_listed(KEYS)} give one, such as ansible.builtin.command"
        )
    if len(modules) > 1:
        raise DefinitionError(f"{place} has {len(modules)} modules, {_listed(modules)}: a job runs one")
    module = modules[0]
    name = str(job["name"]) if job.get("name") is not None else f"{module.rpartition('.')[2]}-{number}"
    if not name.strip() or not name.isprintable():
        raise DefinitionError(f"{place}: the name {name!r} is empty or has characters that cannot be printed")
    return Definition(
        name=name,
        module=module,
        arguments=job[module],
        free_form=job.get("args"),
        timeout=_limit(job, "timeout", place, defaults.timeout),
        kill_after=_limit(job, "kill_after", place, defaults.kill_after),
        environment=_environment(job.get("environment"), place),
        no_log=_boolean(job.get("no_log", False), f"{place}: no_log"),
    )


def check_names(definitions: t.Sequence[Definition]) -> None:
    """:raises DefinitionError: two jobs have one name, by which nobody could tell their results apart."""
    seen: dict[str, int] = {}
    for index, definition in enumerate(definitions):
        if definition.name in seen:
            hint = "" if definition.loop_var is None else f"; put the {definition.loop_var} into the name"
            raise DefinitionError(
                f"jobs {seen[definition.name] + 1} and {index + 1} have the same name '{definition.name}'{hint}"
            )
        seen[definition.name] = index


def _limit(job: t.Mapping[str, t.Any], key: str, place: str, default: float) -> float:
    return default if job.get(key) is None else duration(job[key], f"{place}: {key}")


def _environment(value: t.Any, place: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, t.Mapping):
        raise DefinitionError(f"{place}: environment must be a mapping of names to values, not {type(value).__name__}")
    return {str(key): str(content) for key, content in value.items()}


def _boolean(value: t.Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise DefinitionError(f"{what} must be true or false, not {value!r}")
    return value


def _listed(words: t.Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
