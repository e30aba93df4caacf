# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conditions of a job, which the controller judges its final result by.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A condition comes back from the target with the job's record, so that a later playbook has it too, and is trusted no
more than anything else from there: it is evaluated in Jinja's sandbox, where there are no lookups and no functions.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible.plugins.filter.mathstuff import FilterModule as MathFilters
from ansible.plugins.test.core import TestModule as CoreTests
from ansible.plugins.test.mathstuff import TestModule as MathTests
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.background.jobs.plugins.module_utils._record import FAILED, SUCCEEDED

KEYS = ("changed_when", "failed_when", "ignore_errors")
"""Keys of a job that the controller looks at when it has ended."""

FAILED_WHEN, CONDITION = "failed_when", "condition"
"""Reasons of a job that failed by its condition, and of one whose condition could not be evaluated."""

_FILTERS = (
    "bool",
    "combine",
    "difference",
    "flatten",
    "from_json",
    "from_yaml",
    "human_to_bytes",
    "intersect",
    "regex_findall",
    "regex_replace",
    "regex_search",
    "split",
    "ternary",
    "union",
)
"""Those of ansible-core's filters that compute with what they are given, and with nothing else."""

Resolve = t.Callable[[str], t.Any]
"""Returns the value of a variable of the play, and raises C(KeyError) where there is none."""


class ConditionError(Exception):
    """A condition that cannot be evaluated; the message says why, without naming it."""


@dataclasses.dataclass
class Conditions:
    """What a job says about its own result. Each list holds expressions that must all be true; C(None) says nothing."""

    changed_when: list[str] | None = None
    failed_when: list[str] | None = None
    ignore_errors: bool = False

    @classmethod
    def read(cls, stored: t.Any) -> Conditions:
        """:returns: what L(stored) made, however much of it the target has kept."""
        found = stored if isinstance(stored, t.Mapping) else {}
        changed_when, failed_when = (
            list(map(str, found[key])) if isinstance(found.get(key), list) else None
            for key in ("changed_when", "failed_when")
        )
        return cls(changed_when, failed_when, found.get("ignore_errors") is True)

    def stored(self) -> dict[str, t.Any]:
        """:returns: what there is to keep, as JSON; nothing where nothing was said."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value not in (None, False)}


def check(expression: str) -> None:
    """:raises ConditionError: O(expression) is none."""
    try:
        _ENVIRONMENT.compile_expression(expression)
    except TemplateError as exc:
        raise ConditionError(exc.message or type(exc).__name__) from exc


def holds(expression: str, variables: t.Mapping[str, t.Any], resolve: Resolve) -> bool:
    """:returns: whether O(expression) is true.

    :arg variables: the keys of the result.
    :arg resolve: is asked for what else the expression names.
    :raises ConditionError: it cannot be evaluated, or is neither true nor false.
    """
    try:
        names = meta.find_undeclared_variables(_ENVIRONMENT.parse(f"{{{{ ({expression}) }}}}"))
        known = {**variables, **_resolved(names - set(variables), resolve)}
        value = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)(known)
        if not isinstance(value, bool):
            value = _only_bool(value)
    except ConditionError:
        raise
    except TemplateError as exc:
        raise ConditionError(exc.message or type(exc).__name__) from exc
    except Exception as exc:  # whatever a test or a filter makes of what a module returned
        raise ConditionError(str(exc) or type(exc).__name__) from exc
    return value


def judge(result: dict[str, t.Any], conditions: Conditions, resolve: Resolve) -> None:
    """Let the conditions of a job decide on its result, as those of a task do: only where its module had its say.

    Sets C(changed), and C(failed) with C(state), C(reason) and C(failed_when_result). C(ignored) marks a result that
    does not count as a failure.
    """
    if result["state"] in (SUCCEEDED, FAILED):
        try:
            if conditions.changed_when is not None:
                result["changed"] = _all("changed_when", conditions.changed_when, result, resolve)
            if conditions.failed_when is not None:
                _set_failed(
                    result, _all("failed_when", conditions.failed_when, result, resolve), conditions.failed_when
                )
        except ConditionError as exc:
            result.update(state=FAILED, reason=CONDITION, failed=True, msg=str(exc))
    if conditions.ignore_errors and result["failed"]:
        result["ignored"] = True


def _all(key: str, expressions: t.Sequence[str], result: t.Mapping[str, t.Any], resolve: Resolve) -> bool:
    for expression in expressions:
        try:
            if not holds(expression, result, resolve):
                return False
        except ConditionError as exc:
            raise ConditionError(f"{key} ({expression}) cannot be evaluated: {exc}") from exc
    return True


def _set_failed(result: dict[str, t.Any], failed: bool, expressions: t.Sequence[str]) -> None:
    result.pop("reason", None)
    result.update(failed=failed, failed_when_result=failed, state=FAILED if failed else SUCCEEDED)
    if failed:
        result.update(reason=FAILED_WHEN, failed_when=" and ".join(expressions))


def _resolved(names: t.Collection[str], resolve: Resolve) -> dict[str, t.Any]:
    found = {}
    for name in names:
        with contextlib.suppress(KeyError):  # "is defined" may be the question
            found[name] = resolve(name)
    return found


def _only_bool(value: t.Any) -> bool:
    bool(value)  # says of an undefined one what it is
    raise ConditionError(f"it is a value of type {type(value).__name__}, not true or false; compare it with something")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals.clear()
    filters = {**CoreFilters().filters(), **MathFilters().filters()}
    tests = {**CoreTests().tests(), **MathTests().tests()}
    for known, own in ((environment.filters, {name: filters[name] for name in _FILTERS}), (environment.tests, tests)):
        known.update({**own, **{f"ansible.builtin.{name}": function for name, function in own.items()}})
    return environment


_ENVIRONMENT = _environment()
