# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as an author wrote them: first their `when` is evaluated, then their templates are resolved, job by job.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError

_OF_A_SKIPPED = ("name", "after", "no_log")
"""Keys of a job that count although it is skipped: they say which one it is, and what is between others."""

Variables = t.Mapping[str, t.Any]


def resolve_job(action: ActionBase, job: t.Any, variables: Variables, place: str) -> tuple[t.Any, t.Any]:
    """Resolve the templates of one job, unless its `when` is false.

    :arg job: what the author wrote, with its templates in it.
    :arg place: where it stands, for messages.
    :returns: the job, and `None`, or the condition that is false. Of a job with a false one only the name and what is
        needed for the order of others is resolved, as far as that is possible.
    :raises DefinitionError: the condition cannot be evaluated, or the templates cannot be resolved.
    """
    if not isinstance(job, t.Mapping):
        return _template(action, job, variables, place), None
    untouched = {key: value for key, value in job.items() if key != "when"}
    false = _false_condition(action, job.get("when"), variables, place)
    if false is None:
        return _template(action, untouched, variables, place), None
    for key in _OF_A_SKIPPED:
        if key in untouched:
            try:
                untouched[key] = compat.template(action, untouched[key], variables)
            except AnsibleError:
                del untouched[key]
                if key == "no_log":
                    untouched[key] = True
    return untouched, false


def _false_condition(action: ActionBase, when: t.Any, variables: Variables, place: str) -> t.Any:
    """:returns: the first condition that is false, `None` where there is none."""
    for condition in when if isinstance(when, list) else [when]:
        if condition is None or condition == "":
            continue
        try:
            if not compat.holds(action, condition, variables):
                return condition
        except AnsibleError as exc:
            raise DefinitionError(f"{place}: when ({condition}) cannot be evaluated: {_first(exc)}") from None
    return None


def named(action: ActionBase, job: t.Any, variables: Variables) -> str:
    """:returns: the name of a job, for a message; nothing where it has none, or none that can be resolved."""
    try:
        name = compat.template(action, job.get("name"), variables) if isinstance(job, t.Mapping) else None
    except AnsibleError:
        name = None
    return str(name) if isinstance(name, (str, int)) else ""


def _template(action: ActionBase, job: t.Any, variables: Variables, place: str) -> t.Any:
    try:
        return compat.template(action, job, variables)
    except AnsibleError as exc:
        raise DefinitionError(f"{place}: the job's templates cannot be resolved: {_first(exc)}") from None


def _first(error: AnsibleError) -> str:
    """:returns: what went wrong, without the place in the playbook that ansible-core up to 2.18 writes below."""
    return str(error).partition("\n\n")[0]
