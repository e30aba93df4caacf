# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of jobs by the names of their jobs, for templates.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import ANSWERS
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import is_ours, name_of

_KEYS = ("results", "jobs")
"""Where tasks have their jobs: run, wait and launch, and job_info."""


class NoNames(Exception):
    """What was given has no job names, or one more than once; the message is a sentence."""


def by_name(given: t.Any) -> dict[str, t.Any]:
    """:arg given: results or handles of jobs, or jobs of job_info, in a list, or the result of the task that has them.
    :returns: each of them by the name of its job, in order.
    :raises NoNames: there are none, or two jobs have one name.
    """
    jobs = _jobs(given)
    names = [_name(job, index) for index, job in enumerate(jobs)]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        some = ", ".join(f"'{name}'" for name in twice[:5]) + (f" and {len(twice) - 5} more" if len(twice) > 5 else "")
        several = "several jobs have" if len(twice) == 1 else "several jobs each have"
        raise NoNames(f"by_name: {several} the name {some}; choose among them first, for example with selectattr")
    return dict(zip(names, jobs))


def _jobs(given: t.Any) -> list[t.Any]:
    if isinstance(given, t.Mapping):
        for key in _KEYS:
            if _is_list(given.get(key)):
                return list(given[key])
        if _own_name(given) is not None:
            return [given]
    elif _is_list(given):
        return list(given)
    kind = f"a mapping with {', '.join(sorted(map(str, given))[:10])}" if isinstance(given, t.Mapping) else repr(given)
    raise NoNames(f"by_name: there are no results of jobs in {kind[:200]}; give what background.jobs.run registers")


def _is_list(value: t.Any) -> bool:
    return isinstance(value, t.Sequence) and not isinstance(value, (str, bytes))


def _name(job: t.Any, index: int) -> str:
    name = _own_name(job) if isinstance(job, t.Mapping) else None
    if name is None:
        raise NoNames(
            f"by_name: number {index + 1} of these has no job.name; give the results of background.jobs.run or "
            "background.jobs.wait"
        )
    return name


def _own_name(job: t.Mapping[str, t.Any]) -> str | None:
    if is_ours(job):
        return name_of(job)
    is_flat = job.get("ansible_job_id") and job.get("state") in ANSWERS and "finished" not in job
    return job["name"] if is_flat and isinstance(job.get("name"), str) else None
