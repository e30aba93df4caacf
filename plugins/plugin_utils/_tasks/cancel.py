# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending jobs: which ones were asked for, and what the task says about them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._model.record import told_of
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    NOT_FOUND,
    RUNNING,
    UNFINISHED,
    UNREADABLE,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY, job_of, name_of, state_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import counted
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError, label
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle, read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import (
    HIDDEN,
    known_result,
    misdirected,
    present,
)
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, Vars
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.wait import clean_up, sharers


def cancel(action: JobAction, options: t.Mapping[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
    """End the jobs that the options name, in one round trip.

    :returns: the result of the task: `failed` only if a job that was asked for could not be found or ended.
    """
    _check(options)
    handles = read_handles(options["jobs"])
    asked = [handle for handle in handles if handle.result is None]
    secret = options["jobs"] is None or any(handle.no_log for handle in asked)
    answer: dict[str, t.Any] = {"jobs": [], "user": ""}
    if asked or (options["jobs"] is None and options["name"] != []):
        answer = action.send_cancel(_request(options, asked), task_vars, secret)
    for handle, status in zip(asked, answer["jobs"]):
        handle.jid = status["jid"]  # a short one was given perhaps
    if options["jobs"] is None:
        asked = handles = [_found(status) for status in answer["jobs"]]
    told = (
        _tell(handle, status, options["mode"], action.host, answer["user"])
        for handle, status in zip(asked, answer["jobs"])
    )
    results = [known_result(handle) if handle.result is not None else next(told) for handle in handles]
    tried = [result for handle, result in zip(handles, results) if handle.result is None]
    combined = {
        "results": results,
        "changed": any(result["changed"] for result in tried),
        "failed": any(result["failed"] for result in tried),
        "finished": all(result["finished"] for result in results),
        "msg": _message(options, handles, results, action),
    }
    if any(result.get("_ansible_no_log") for result in results):
        combined["_ansible_no_log"] = True
    if options["cleanup"] and not action._task.check_mode:
        outcomes = zip(answer["jobs"], tried)
        fine = [status for status, result in outcomes if not result["failed"]]
        clean_up(action, fine, task_vars, sharers(asked))
    return combined


def _check(options: t.Mapping[str, t.Any]) -> None:
    """:raises DefinitionError: it is not said which jobs; nothing must never mean all."""
    if options["group"] is not None:
        label(options["group"], "group")
    if all(options[key] is None for key in ("jobs", "group", "name")) and not options["all"]:
        raise DefinitionError(
            "no jobs were named: give 'jobs', 'group' or 'name', or 'all: true' for every job of yours"
        )


def _request(options: t.Mapping[str, t.Any], asked: t.Sequence[Handle]) -> dict[str, t.Any]:
    """:returns: fields of `_model.wire.Cancel`."""
    if options["jobs"] is None:
        selection = {"group": options["group"], "names": options["name"], "everything": bool(options["all"])}
        return {"jobs": None, **selection, "mode": options["mode"]}
    files = {handle.jid: handle.results_file for handle in asked if handle.results_file}
    return {"jobs": [handle.jid for handle in asked], "results_files": files, "mode": options["mode"]}


def _found(status: t.Mapping[str, t.Any]) -> Handle:
    return Handle(jid=status["jid"], name=(status.get("record") or {}).get("name") or status["jid"])


def _tell(handle: Handle, status: dict[str, t.Any], mode: str, host: str, user: str) -> dict[str, t.Any]:
    """:returns: the result of one job, with `changed` and `failed` those of this task, not of the job's module."""
    result = present(handle, status, host)
    problem = _problem(handle, status, mode, host, user)
    result.update(changed=status["changed"], failed=problem is not None)
    job = {key: value for key, value in job_of(result).items() if key != "survivors"}
    if status.get("survivors"):
        job["survivors"] = told_of(status["survivors"])
    if problem is not None:
        job["message"] = result["msg"] = problem
    return {**result, KEY: job}


def _problem(handle: Handle, status: t.Mapping[str, t.Any], mode: str, host: str, user: str) -> str | None:
    """:returns: why a job could not be cancelled, `None` where it could, or did not have to."""
    if status["state"] == NOT_FOUND or status["reason"] == UNREADABLE:  # it may run somewhere
        return misdirected(handle, host, user) or str(status["message"])
    if status.get("survivors"):
        return name_survivors(status["survivors"])
    if status["state"] not in UNFINISHED or status["changed"] or _goes_on(status["state"], mode):
        return None
    return str(status["message"] or f"it is still {status['state']}: see on the host what holds it up")


def _goes_on(state: str, mode: str) -> bool:
    return mode == "drain" and state == RUNNING


def _message(
    options: t.Mapping[str, t.Any],
    handles: t.Sequence[Handle],
    results: t.Sequence[t.Mapping[str, t.Any]],
    action: JobAction,
) -> str:
    if not results:
        return f"nothing to cancel on {action.host}" + ("" if action.hidden else _wanted(options))
    tried = [result for handle, result in zip(handles, results) if handle.result is None]
    known_before = [result for handle, result in zip(handles, results) if handle.result is not None]
    problems = [f"{name_of(result)}: {one_line(str(result['msg']))}" for result in tried if result["failed"]]
    causes = HIDDEN if action.hidden else "; ".join(problems)
    fine = [result for result in tried if not result["failed"]]
    going_on = [result for result in fine if _goes_on(state_of(result), options["mode"])]
    ended = [result for result in fine if result["changed"] and not _goes_on(state_of(result), options["mode"])]
    before = len(fine) - len(going_on) - len(ended) + sum(bool(result.get("started")) for result in known_before)
    never = sum(not result.get("started") for result in known_before)
    verb = "would be cancelled" if action._task.check_mode else "cancelled"
    clauses = [f"{_jobs(len(ended))} {verb} on {action.host}"]
    if going_on:
        clauses.append(f"{len(going_on)} {'goes on to its end' if len(going_on) == 1 else 'go on to their end'}")
    if before:
        clauses.append(f"{before} had finished already")
    if never:
        clauses.append(f"{never} {'was' if never == 1 else 'were'} never started")
    text = ", ".join(clauses)
    if problems:
        text = f"could not cancel {len(problems)} of {_jobs(len(results))}: {causes}; {text}"
    return text


def _jobs(count: int) -> str:
    return counted(count, "job", "no")


def _wanted(options: t.Mapping[str, t.Any]) -> str:
    """:returns: what was looked for, as the end of a sentence."""
    if options["jobs"] is not None:
        return ": no jobs were given"
    group = "" if options["group"] is None else f" of group '{options['group']}'"
    names = " or ".join(f"'{name}'" for name in options["name"] or [])
    return f": there is no unfinished job{group}" + (f" named {names}" if names else "")
