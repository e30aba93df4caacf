# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conditions of a job, which the controller judges its final result by.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It keeps them in the job's handle, with the variables of the play that they name. The target has the conditions as well,
for those who find a job by its group or its id: what comes from there sees the keys of the result and nothing else.
Wherever they come from, they are evaluated in Jinja's sandbox, where there are no lookups and no functions, and in a
process that is ended if it takes too long or too much memory.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.filter.core import FilterModule as CoreFilters
from ansible.plugins.filter.mathstuff import FilterModule as MathFilters
from ansible.plugins.test.core import TestModule as CoreTests
from ansible.plugins.test.mathstuff import TestModule as MathTests
from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CONDITION,
    FAILED,
    FAILED_WHEN,
    SUCCEEDED,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY, job_of, state_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import sort
from ansible_collections.background.jobs.plugins.plugin_utils._define.bounded import SECONDS, compute
from ansible_collections.background.jobs.plugins.plugin_utils._define.closure import ClosureError, Resolve, close_over

KEYS = ("changed_when", "failed_when", "ignore_errors")
"""Keys of a job that the controller looks at when it has ended."""

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

_TESTS = (
    "all",
    "any",
    "change",
    "changed",
    "contains",
    "failed",
    "failure",
    "falsy",
    "finished",
    "isnan",
    "issubset",
    "issuperset",
    "match",
    "nan",
    "reachable",
    "regex",
    "search",
    "skip",
    "skipped",
    "started",
    "subset",
    "succeeded",
    "success",
    "successful",
    "superset",
    "timedout",
    "truthy",
    "unreachable",
    "version",
    "version_compare",
)
"""Its tests of that kind. Another one, `vaulted_file`, reads files of the controller."""

_MOST = 10000
"""Characters that the conditions of one job can have."""
_REASON = 300
"""Characters of a condition that cannot be evaluated, and of what is said about it."""
_UNKNOWN = "; of a job that is found by its group, name or id only the keys of its result are known"


class ConditionError(Exception):
    """A condition that cannot be evaluated; the message says why, without naming it."""


@dataclasses.dataclass
class Conditions:
    """What a job says about its own result. Each list holds expressions that must all be true; `None` says nothing.

    `variables` are those of the play that they name, by name; `None` where nobody knows what these were.
    """

    changed_when: list[str] | None = None
    failed_when: list[str] | None = None
    ignore_errors: bool = False
    variables: dict[str, t.Any] | None = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, kept: t.Any) -> Conditions:
        """:returns: what `kept` made, whatever has become of it since then."""
        found = kept if isinstance(kept, t.Mapping) else {}
        conditions = cls.of_the_target(kept)
        conditions.variables = dict(found["variables"]) if isinstance(found.get("variables"), t.Mapping) else {}
        return conditions

    @classmethod
    def of_the_target(cls, stored: t.Any) -> Conditions:
        """:returns: what `stored` made, however much of it the target has kept."""
        found = stored if isinstance(stored, t.Mapping) else {}
        changed_when, failed_when = (
            list(map(str, found[key])) if isinstance(found.get(key), (list, tuple)) else None
            for key in ("changed_when", "failed_when")
        )
        return cls(changed_when, failed_when, found.get("ignore_errors") is True, None)

    def stored(self) -> dict[str, t.Any]:
        """:returns: what the target keeps, as JSON; nothing where nothing was said."""
        told = {"changed_when": self.changed_when, "failed_when": self.failed_when, "ignore_errors": self.ignore_errors}
        return {key: value for key, value in told.items() if value not in (None, False)}

    def kept(self) -> dict[str, t.Any]:
        """:returns: what the handle keeps: the variables, too."""
        return {**self.stored(), **({"variables": self.variables} if self.variables else {})}

    def close(self, variables: t.Collection[str], resolve: Resolve) -> None:
        """Note the values of those `variables` of the play that the conditions name.

        :raises ConditionError: one cannot be kept; the message names the condition.
        """
        for key in ("changed_when", "failed_when"):
            expressions: list[str] = getattr(self, key) or []
            try:
                found = close_over([_parse(expression) for expression in expressions], variables, resolve)
            except ClosureError as exc:
                raise ConditionError(f"{key} ({' and '.join(expressions)}) {exc}") from exc
            self.variables = {**(self.variables or {}), **found}

    @property
    def decide(self) -> bool:
        """Whether there is anything to evaluate."""
        return self.changed_when is not None or self.failed_when is not None


def check_expression(expression: str) -> None:
    """:raises ConditionError: `expression` is none."""
    try:
        _ENVIRONMENT.compile_expression(expression)
    except TemplateError as exc:
        raise ConditionError(exc.message or type(exc).__name__) from exc


def holds(expression: str, variables: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether `expression` is true of `variables`. It may never return; `judge_by_conditions` has a limit.

    :raises ConditionError: it cannot be evaluated, or is neither true nor false.
    """
    try:
        value = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)(dict(variables))
        if not isinstance(value, bool):
            value = _only_bool(value)
    except ConditionError:
        raise
    except TemplateError as exc:
        raise ConditionError(exc.message or type(exc).__name__) from exc
    except MemoryError as exc:
        raise ConditionError("it needs too much memory") from exc
    except RecursionError as exc:
        raise ConditionError("it is nested too deep") from exc
    except Exception as exc:  # whatever a test or a filter makes of what a module returned
        raise ConditionError(str(exc) or type(exc).__name__) from exc
    return value


def judge_by_conditions(judged: t.Sequence[tuple[dict[str, t.Any], Conditions]]) -> None:
    """Let the conditions of jobs decide on their results, as those of a task do, where a module has returned one.

    Sets `changed`, and `failed` with `state`, `reason` and `failed_when` of the job, of which `ignored` says that
    it does not count as a failure. The expressions see the keys of the result, `job` among them.
    """
    asked = [each for each in judged if each[1].decide and state_of(each[0]) in (SUCCEEDED, FAILED)]
    verdicts = compute(lambda number: _verdict(*asked[number]), len(asked)) if asked else []
    for (result, conditions), verdict in zip(asked, verdicts):
        if verdict is None:
            verdict = {"error": f"the conditions of the job take more than {SECONDS} s, or too much memory"}
        if "error" in verdict:
            result.update(failed=True, msg=result.get("msg") or verdict["error"])
            _say(result, state=FAILED, reason=CONDITION, message=verdict["error"])
            continue
        if "changed" in verdict:
            result["changed"] = verdict["changed"]
        if "failed" in verdict:
            _set_failed(result, verdict["failed"], conditions.failed_when or [])
    for result, conditions in judged:
        if conditions.ignore_errors and result["failed"]:
            _say(result, ignored=True)


def _verdict(result: t.Mapping[str, t.Any], conditions: Conditions) -> dict[str, t.Any]:
    """:returns: whether the job has `changed` and `failed`, as far as its conditions say, or an `error`."""
    variables = {**(conditions.variables or {}), **result}
    verdict: dict[str, t.Any] = {}
    try:
        if sum(map(len, [*(conditions.changed_when or ()), *(conditions.failed_when or ())])) > _MOST:
            raise ConditionError(f"the conditions of the job have more than {_MOST} characters")
        if conditions.changed_when is not None:
            verdict["changed"] = variables["changed"] = _all("changed_when", conditions.changed_when, variables)
        if conditions.failed_when is not None:
            verdict["failed"] = _all("failed_when", conditions.failed_when, variables)
    except ConditionError as exc:
        hint = _UNKNOWN if conditions.variables is None and str(exc).endswith(" is undefined") else ""
        return {"error": f"{exc}{hint}"}
    return verdict


def _all(key: str, expressions: t.Sequence[str], variables: t.Mapping[str, t.Any]) -> bool:
    for expression in expressions:
        try:
            if not holds(expression, variables):
                return False
        except ConditionError as exc:
            raise ConditionError(f"{key} ({_short(expression)}) cannot be evaluated: {_short(str(exc))}") from exc
    return True


def _short(text: str) -> str:
    return text if len(text) <= _REASON else f"{text[:_REASON]}..."


def _set_failed(result: dict[str, t.Any], failed: bool, expressions: t.Sequence[str]) -> None:
    message = job_of(result).get("message")
    if message is not None and result.get("msg") == message:  # ours, where the module has said nothing
        del result["msg"]
    result["failed"] = failed
    _say(result, state=SUCCEEDED, reason=None, message=None)
    if failed:
        expression = " and ".join(expressions)
        _say(result, state=FAILED, reason=FAILED_WHEN, failed_when=expression)


def _say(result: dict[str, t.Any], **said: t.Any) -> None:
    """Change what a result says of its job; `None` takes away."""
    result[KEY] = {key: value for key, value in {**job_of(result), **said}.items() if value is not None}


def _parse(expression: str) -> nodes.Template:
    return _ENVIRONMENT.parse(f"{{{{ ({expression}) }}}}")


def _only_bool(value: t.Any) -> bool:
    bool(value)  # says of an undefined one what it is
    raise ConditionError(f"it is {sort(value)}, not true or false; compare it with something")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals.clear()
    del environment.filters["attr"]  # the dot does the same, and no less safely
    filters = {**CoreFilters().filters(), **MathFilters().filters()}
    tests = {**CoreTests().tests(), **MathTests().tests()}
    for known, names, own in ((environment.filters, _FILTERS, filters), (environment.tests, _TESTS, tests)):
        for name in names:
            if name in own:
                known[name] = known[f"ansible.builtin.{name}"] = own[name]
    return environment


_ENVIRONMENT = _environment()
