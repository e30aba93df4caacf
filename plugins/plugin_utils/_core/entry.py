# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries, the results and handles of jobs: which of their keys are ours.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The keys of an entry are those of the job's module; beside them it has what ansible-core has in results of its own jobs
and loops. What is said of the job is in the one key `KEY`: `name`, `state`, `reason` and so on.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import OURS
from ansible_collections.background.jobs.plugins.module_utils._model.states import ANSWERS, CANCELLED, GOOD, HALT

_VERDICTS = ("changed", "failed")
"""Keys of a module that conditions of the job may change, as they do with those of a task."""

KEY = OURS
"""The key that holds what is said of the job."""

Entry = t.Mapping[str, t.Any]


def entry(module: Entry, beside: Entry, job: Entry) -> dict[str, t.Any]:
    """Put an entry together.

    :arg module: what the job's module has returned.
    :arg beside: keys of ansible-core. What the module returned under these names, and under `KEY`, is found in
        `shadowed` of `job`, if it was something else.
    :arg job: what is said of the job; what is `None` is left out.
    """
    result = {**module, **beside, KEY: {key: value for key, value in job.items() if value is not None}}
    names = [key for key in (*beside, KEY) if key not in _VERDICTS]
    shadow(result, {key: module[key] for key in names if key in module and module[key] != result[key]})
    return result


def shadow(result: dict[str, t.Any], keys: Entry) -> None:
    """Note in an entry what its module has returned under `keys` of others."""
    if keys:
        before = job_of(result).get("shadowed")
        result[KEY] = {**job_of(result), "shadowed": {**keys, **(before if isinstance(before, dict) else {})}}


def job_of(result: Entry) -> Entry:
    """:returns: what an entry says of its job, nothing where it is none of ours."""
    return result[KEY] if is_ours(result) else {}


def is_ours(result: Entry) -> bool:
    """:returns: whether a result is an entry: a module, or a loop with that variable, may have such a key as well."""
    job = result.get(KEY)
    if not isinstance(job, t.Mapping) or not isinstance(job.get("name"), str) or job.get("state") not in ANSWERS:
        return False
    if not all(isinstance(result.get(key), bool) for key in ("started", "finished", "failed", "changed")):
        return False
    return result.get("ansible_loop_var") != KEY or ("item" in result and result["item"] != job)


def name_of(result: Entry) -> str:
    """:returns: the name of the job of an entry."""
    return str(job_of(result)["name"])


def state_of(result: Entry) -> str:
    """:returns: the state of the job of an entry."""
    return str(job_of(result)["state"])


def reason_of(result: Entry) -> str | None:
    """:returns: why the job of an entry is in its state, `None` where nothing is said."""
    reason = job_of(result).get("reason")
    return None if reason is None else str(reason)


def told(result: Entry) -> dict[str, t.Any]:
    """:returns: all that an entry says in one mapping, what it says of the job first; any other result as it is."""
    return {**result, **job_of(result)}


def steps_of(result: Entry) -> list[Entry]:
    """:returns: the results of the steps of a `block` that were run, in order; none where there was no block."""
    steps = result.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) and step_name(step) for step in steps):
        return []  # a key of the module's own
    return steps


def step_name(step: Entry) -> str:
    """:returns: the name of a step, empty where it is none of ours."""
    job = step.get(KEY)
    return str(job.get("name") or "") if isinstance(job, dict) else ""


def did_not_succeed(state: str, reason: str | None) -> bool:
    """:returns: whether a job counts against its task. One that was ended by `halt` does not: those that led to it do.

    A job that is not finished counts, too.
    """
    return state not in GOOD and (state, reason) != (CANCELLED, HALT)
