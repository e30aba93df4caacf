# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a task, checked before ansible-core does: in words that say what to write.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.background.jobs.plugins.module_utils._argspec import Spec
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import kind, listed, yaml
from ansible_collections.background.jobs.plugins.plugin_utils._define import advice
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import (
    KEYS,
    DefinitionError,
    IsModule,
    jobs_of,
)


def check_options(
    action: str, given: t.Mapping[str, t.Any], spec: Spec, rules: t.Mapping[str, t.Any], is_module: IsModule
) -> None:
    """Check the options of a task.

    :arg action: the whole name of its action.
    :arg given: what the author wrote, with the templates resolved that are not left for later.
    :arg spec: the options that there are.
    :arg rules: what holds between them.
    :raises DefinitionError: one of them is unknown, or has a value that it cannot have, or some are missing.
    """
    unknown = sorted(key for key in given if key not in spec)
    if unknown:
        told = [(key, advice.option(key, action, spec, KEYS, is_module(key))) for key in unknown]
        raise DefinitionError(
            "; ".join(f"'{key}' {clause}" for key, (clause, dummy) in told),
            next((example for dummy, (clause, example) in told if example), ""),
            unknown[0],
        )
    for key, value in given.items():
        if value is not None or key in ("jobs", "for_each"):
            _check_value(key, value, spec[key])
    _check_rules(action, {key for key, value in given.items() if value is not None}, rules)


def _check_value(key: str, value: t.Any, spec: t.Mapping[str, t.Any]) -> None:
    """:raises DefinitionError: an option cannot have this value."""
    wanted = None
    if spec["type"] == "list" and spec["elements"] == "raw":
        jobs_of(value, key)
    elif spec["type"] == "list":
        if isinstance(value, t.Mapping):
            wanted = "a list"
        elif "choices" in spec:
            each = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
            others = [other for other in each if other not in spec["choices"]]
            value, wanted = (others[0], _choices(spec)) if others else (value, None)
    elif spec["type"] == "bool":
        try:
            boolean(value, strict=True)
        except TypeError:
            wanted = "true or false"
    elif spec["type"] == "int":
        wanted = None if str(value).strip().lstrip("+-").isdigit() else "a whole number"
    elif spec["type"] == "str" and isinstance(value, (t.Mapping, list, tuple)):
        raise DefinitionError(f"{key} is {kind(value)}: give a text or a number", "", value)
    elif "choices" in spec and value not in spec["choices"]:
        wanted = _choices(spec)
    if wanted is not None:
        raise DefinitionError(f"{key} is {yaml(value)}: give {wanted}", "", value)


def _choices(spec: t.Mapping[str, t.Any]) -> str:
    return listed(spec["choices"], "or")


def _check_rules(action: str, given: t.Collection[str], rules: t.Mapping[str, t.Any]) -> None:
    """:raises DefinitionError: options are missing, or exclude each other."""
    for group in rules.get("mutually_exclusive", ()):
        both = [key for key in group if key in given]
        if len(both) > 1:
            raise DefinitionError(f"{listed(both)} cannot be used together: give one of them")
    for group in rules.get("required_together", ()):
        missing = [key for key in group if key not in given]
        if missing and len(missing) < len(group):
            there = listed(key for key in group if key in given)
            raise DefinitionError(f"{there} needs {listed(missing)} beside it", _example(group))
    for group in rules.get("required_one_of", ()):
        if not any(key in given for key in group):
            alone = [key for key in rules.get("required_together", ()) if set(key) & set(given)]
            if not alone:
                raise DefinitionError(f"{action} needs {listed(group, 'or')}", _example(group))


def _example(group: t.Sequence[str]) -> str:
    if "for_each" in group:
        return advice.FOR_EACH if "job" in group else advice.below("jobs", advice.JOB)
    return ""
