# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All jobs in the async directory of a host: telling of them, and removing the files of those that have ended.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._argspec import ENDED
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import counted
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import duration, label
from ansible_collections.background.jobs.plugins.plugin_utils._results import answer as _answer
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import HIDDEN, summary
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, Vars

_NAMED = 5
"""How many jobs that have to stay a message names."""


class DirectoryAction(JobAction):
    """An action about the jobs in the async directory, whoever started them."""

    def send_list(self, selection: dict[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
        """Ask which jobs there are, in one round trip.

        :arg selection: fields of `_model.wire.List`.
        :returns: the answer.
        :raises AnsibleActionFail: there is none.
        """
        answer = self._call(wire.List(async_dir=self._async_dir, **selection), task_vars, "look for jobs")
        with _answer.reading_answer_of(self.host):
            return _answer.listed(answer)

    def send_prune(self, request: dict[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
        """Let files be removed, in one round trip.

        :arg request: fields of `_model.wire.Prune`.
        :returns: the answer.
        :raises AnsibleActionFail: there is none.
        """
        prune = wire.Prune(async_dir=self._async_dir, dry=bool(self._task.check_mode), **request)
        answer = self._call(prune, task_vars, "remove files of jobs")
        with _answer.reading_answer_of(self.host):
            return _answer.pruned(answer)


def job_info(action: DirectoryAction, options: t.Mapping[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
    """Tell of the jobs that the options select, in one round trip.

    :returns: the result of the task. Its `jobs` are handles, too: nothing in them says that they were collected.
    """
    answer = action.send_list(_selection(options), task_vars)
    jobs = [{**job, "host": action.host} for job in answer["jobs"]]
    return {
        "changed": False,
        "jobs": jobs,
        "summary": summary(job["state"] for job in jobs),
        "elsewhere": answer["elsewhere"],
        "user": answer["user"],
        "async_dir": answer["async_dir"],
    }


def prune(action: DirectoryAction, options: t.Mapping[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
    """Remove the files of the jobs that the options select, in one round trip.

    :returns: the result of the task.
    """
    older_than = duration(options["older_than"], "older_than")
    answer = action.send_prune({**_selection(options), "older_than": older_than}, task_vars)
    jobs, kept = ([{**job, "host": action.host} for job in answer[key]] for key in ("jobs", "kept"))
    message = _message(jobs, kept, answer, options, action)
    return {
        "changed": bool(jobs or answer["files"]),
        "failed": answer["error"] is not None,
        "jobs": jobs,
        "kept": kept,
        "files": answer["files"],
        "summary": summary(job["state"] for job in jobs),
        "msg": message,
    }


def _selection(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: those options that say which jobs are meant.

    :raises DefinitionError: there can be no such group.
    """
    if options["group"] is not None:
        label(options["group"], "group")
    return {"group": options["group"], "names": options["name"], "states": options["state"]}


def _message(
    jobs: t.Sequence[t.Mapping[str, t.Any]],
    kept: t.Sequence[t.Mapping[str, t.Any]],
    answer: t.Mapping[str, t.Any],
    options: t.Mapping[str, t.Any],
    action: DirectoryAction,
) -> str:
    verb = "would be removed" if action._task.check_mode else "removed"
    text = f"{counted(len(jobs), 'job', 'no')} {verb} on {action.host}"
    if jobs:
        counts = (f"{count} {state.replace('_', ' ')}" for state, count in _counts(jobs).items())
        text += f" ({', '.join(counts)})"
    elif not kept and not answer["files"] and answer["error"] is None:
        text = f"nothing to remove on {action.host}: there is no {'such job' if action.hidden else _wanted(options)}"
    if answer["files"]:
        text += f"; {counted(len(answer['files']), 'file', 'no')} without a job {verb}"
    if kept:
        text += f"; {counted(len(kept), 'job', 'no')} kept: {HIDDEN if action.hidden else '; '.join(_reasons(kept))}"
    return text if answer["error"] is None else f"{answer['error']}; {text}"


def _reasons(kept: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """:returns: each reason for which jobs have to stay, with the names of these jobs before it."""
    names: dict[str, list[str]] = {}
    for job in kept:
        names.setdefault(one_line(str(job["message"])), []).append(str(job["name"]))
    return [
        ", ".join(some[:_NAMED]) + (f" and {len(some) - _NAMED} more" if len(some) > _NAMED else "") + f" ({reason})"
        for reason, some in names.items()
    ]


def _counts(jobs: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, int]:
    return {state: count for state, count in summary(job["state"] for job in jobs).items() if count}


def _wanted(options: t.Mapping[str, t.Any]) -> str:
    """:returns: which jobs were looked for, as the end of a sentence."""
    older_than = str(options["older_than"]).strip()
    unit = " s" if older_than.replace(".", "", 1).isdecimal() else ""
    states = [state for state in ENDED if state in options["state"]]
    which = "" if len(states) in (0, len(ENDED)) else " or ".join(states).replace("_", " ") + " "
    group = "" if options["group"] is None else f" of group '{options['group']}'"
    names = " or ".join(f"'{name}'" for name in options["name"] or [])
    age = "has ended" if not duration(older_than, "older_than") else f"ended more than {older_than}{unit} ago"
    return f"{which}job{group}" + (f" named {names}" if names else "") + f" that {age}"
