# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results that run and wait return, and the sentences about them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import os
import typing as t
from datetime import datetime, timezone

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import NOTHING_SAID, is_failed, with_cause
from ansible_collections.background.jobs.plugins.module_utils._model.record import told_of
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    ANSWERS,
    CANCELLED,
    CONDITION,
    DEPENDENCY,
    EXIT_CODE,
    FAILED,
    FAILED_WHEN,
    HALT,
    MODULE,
    NOT_FOUND,
    QUEUED,
    RUNNING,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.module_utils._supervisor.schedule import FAIL_FAST
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import (
    KEY,
    did_not_succeed,
    entry,
    job_of,
    name_of,
    reason_of,
    shadow,
    state_of,
    step_name,
    steps_of,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import counted, some, word
from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import Conditions, judge_by_conditions
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import Definition
from ansible_collections.background.jobs.plugins.plugin_utils._define.duration import in_words
from ansible_collections.background.jobs.plugins.plugin_utils._results.answer import clean
from ansible_collections.background.jobs.plugins.plugin_utils._results.causes import together
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle

CENSORED = "its output is hidden, because of no_log"
HIDDEN = "no_log hides which, and why"
"""What a task with `no_log` says in place of names and causes."""
_HEADROOM = 0.8
"""Part of its limit that a job can take before somebody should know."""
_NAMED = 3
"""Jobs that a warning names."""
_OF_THE_TASK = ("results", "summary", "msg", "elapsed", "changed", "failed", "finished")
"""Keys of the task's own result: a job's are in its entry of `results` only."""
_OF_THE_JOB = ("ansible_facts", "ansible_index_var", "ansible_loop_var", "item", "skipped")
"""Keys of a job's result that mean something else in that of a task, or do something there."""
_WARNINGS = ("warnings", "deprecations")
_LOOP_KEYS = frozenset(("failed_when_result", "unreachable", "skipped", "failed", "changed"))
"""Keys of the items of a loop by which ansible-core judges the whole."""
_STDERR = 200
"""Characters of the last line of a failed job's error output that its sentence shows."""


def present(handle: Handle, status: t.Mapping[str, t.Any], host: str | None = None) -> dict[str, t.Any]:
    """Put the result of one job together, as it is before `judged`.

    :arg status: what the target said of it (the fields of `_model.told.Status`).
    :arg host: the one that was asked.
    """
    record = status.get("record") or {}
    state = status["state"]
    module = dict(status["result"])
    if status.get("record") is None:
        module = _without_status(module, status)
    shadowed = record.get("shadowed") or {}
    if module.get("skipped") and state == SUCCEEDED:
        state = SKIPPED
    elif module.get("skipped") and state != SKIPPED:
        shadowed = {**shadowed, "skipped": module.pop("skipped")}
    finished = state not in UNFINISHED
    beside: dict[str, t.Any] = {
        **handle.origin,
        "ansible_job_id": handle.jid,
        "started": state != NOT_FOUND and (not finished or record.get("attempts") != 0),
        "finished": finished,
        "failed": finished and did_not_succeed(state, status.get("reason")),
        "changed": bool(module.get("changed", False)),
    }
    if state == SKIPPED:
        beside["skipped"] = True
    if not finished:
        beside["results_file"] = status["results_file"]
    result = entry(module, beside, _said(handle, {**status, "state": state}, host))
    shadow(result, {key: value for key, value in shadowed.items() if key not in result or result[key] != value})
    if status.get("message") and not result.get("msg"):
        result["msg"] = visible(str(status["message"]))
    if record.get("no_log"):
        result["_ansible_no_log"] = True
    return _with_lines(result)


def _without_status(result: dict[str, t.Any], status: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the result of a job of builtin async without what ansible-core has put in beside its module's keys."""
    put: dict[str, tuple[t.Any, ...]] = {
        "ansible_job_id": (status["jid"],),
        "results_file": (status["results_file"],),
        "started": (0, 1),
        "finished": (0, 1),
    }
    return {key: value for key, value in result.items() if value not in put.get(key, ())}


def _said(handle: Handle, status: t.Mapping[str, t.Any], host: str | None) -> dict[str, t.Any]:
    """:returns: what is said of a job; `None` is what there is not to say."""
    record = status.get("record") or {}
    state = status["state"]
    again = state in UNFINISHED or state == NOT_FOUND  # somebody will wait again, with this result as the handle
    return {
        "name": handle.name if handle.named else record.get("name") or handle.name,
        "state": state,
        "reason": status.get("reason") or None,
        "message": visible(str(status["message"])) if status.get("message") else None,
        "elapsed": record.get("elapsed"),
        "attempts": record.get("attempts"),
        **{key: _moment(record.get(key)) for key in ("queued_at", "started_at", "ended_at")},
        "host": handle.host if handle.host is not None or state == NOT_FOUND else host,
        "user": record.get("user") or handle.user,
        "group": record.get("group") or handle.group,
        "results_file": status["results_file"] if os.path.isabs(status["results_file"]) else None,
        "no_log": True if record.get("no_log") else None,
        "attached": True if handle.attached_as is not None else None,
        "attached_as": handle.attached_as if again else None,
        "conditions": handle.conditions.kept() if handle.conditions is not None and again else None,
        "attempt_results": [_with_lines(attempt) for attempt in record.get("earlier") or []] or None,
        "truncated": list(record.get("truncated") or []) or None,
        "survivors": told_of(record["survivors"]) if record.get("survivors") else None,
    }


def judged(
    handles: t.Sequence[Handle], statuses: t.Sequence[t.Mapping[str, t.Any]], host: str | None = None
) -> list[dict[str, t.Any]]:
    """:returns: the results of jobs, after their conditions have had their say: those that the handles have, if any.

    :arg host: the one that was asked.
    """
    results = [present(handle, status, host) for handle, status in zip(handles, statuses)]
    judge_by_conditions(
        [(result, conditions_of(handle, status)) for result, handle, status in zip(results, handles, statuses)]
    )
    return results


def conditions_of(handle: Handle, status: t.Mapping[str, t.Any]) -> Conditions:
    """:returns: what a job says about its own result."""
    if handle.conditions is not None:
        return handle.conditions
    return Conditions.of_the_target((status.get("record") or {}).get("conditions"))


def counts(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a result makes its task fail: the job did not succeed, and was not to be ignored."""
    return did_not_succeed(state_of(result), reason_of(result)) and not job_of(result).get("ignored")


def _moment(seconds: t.Any) -> str | None:
    """:returns: a wall-clock time in the form of job_info, with milliseconds; `None` for what is no time."""
    if not isinstance(seconds, (int, float)):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_lines(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: a module's result with its output split into lines as well; so for each step of a block."""
    split = dict(result)
    for stream in ("stdout", "stderr"):
        if isinstance(split.get(stream), str):
            split.setdefault(f"{stream}_lines", split[stream].splitlines())
    if isinstance(split.get("steps"), list):
        split["steps"] = [_with_lines(step) if isinstance(step, dict) else step for step in split["steps"]]
    return split


def headroom(host: str, statuses: t.Iterable[t.Mapping[str, t.Any]], hidden: bool = False) -> str | None:
    """:returns: a sentence about the jobs that did well and nearly ran into their limit, `None` where there are none.

    A job that was retried is left out: its time is that of all attempts, its limit is for each.

    :arg hidden: whether jobs are only counted.
    """
    tight = []
    for status in statuses:
        record = status.get("record") or {}
        elapsed, limit = record.get("elapsed") or 0, record.get("timeout") or 0
        if (
            status["state"] == SUCCEEDED
            and limit
            and elapsed > _HEADROOM * limit
            and (record.get("attempts") or 1) == 1
        ):
            tight.append(f"{record.get('name')} used {elapsed / limit:.0%} of its timeout ({in_words(limit)})")
    if not tight:
        return None
    if hidden:
        return f"{host}: {_jobs(len(tight))} used more than {_HEADROOM:.0%} of the timeout; consider raising it"
    return f"{host}: {some(tight[:_NAMED], len(tight))}; consider raising it"


def cause(result: t.Mapping[str, t.Any]) -> str:
    """:returns: why a job failed, in one line, whatever `no_log` says."""
    return one_line(_cause(result))


def misdirected(handle: Handle, host: str, user: str) -> str | None:
    """:returns: a sentence about a job that was looked for in the wrong place, `None` where the place is right.

    :arg host: the inventory name of the host that was asked.
    :arg user: the user that was asked as.
    """
    directory = os.path.dirname(handle.results_file or "")
    there = f" in {directory}" if directory else ""
    if handle.host is not None and handle.host != host:
        return f"it was started on {handle.host}{there}; this task runs on {host}: add 'delegate_to: {handle.host}'"
    if handle.user is not None and handle.user != user:
        return f"it was started as {handle.user}{there}; this task runs as {user}: add 'become_user: {handle.user}'"
    return None


def known_result(handle: Handle) -> dict[str, t.Any]:
    """:returns: the result of a job whose outcome was known before anybody waited."""
    result = {**handle.origin, **_as_entry(handle.result or {})}
    result["failed"] = did_not_succeed(state_of(result), reason_of(result))
    return result


def _as_entry(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: an entry that was registered as it is now: without what ansible-core judges a loop by."""
    kept = clean(result)
    job = dict(job_of(result))
    if isinstance(job.get("attempt_results"), list):
        job["attempt_results"] = [clean(each) if isinstance(each, dict) else each for each in job["attempt_results"]]
    kept[KEY] = job
    if result.get("_ansible_no_log"):
        kept["_ansible_no_log"] = True
    if kept.get("skipped") and job["state"] != SKIPPED:
        shadow(kept, {"skipped": kept.pop("skipped")})
    return kept


def finished_here(
    definition: Definition, result: dict[str, t.Any], origin: t.Mapping[str, t.Any], group: str | None
) -> dict[str, t.Any]:
    """:returns: the handle of a job that ended without running a module.

    :arg result: that of its action.
    :arg origin: the keys that tell which item it was made for.
    """
    failed = is_failed(result)
    state = SKIPPED if result.get("skipped") else (FAILED if failed else SUCCEEDED)
    changed = bool(result.get("changed"))
    beside = {**origin, "started": False, "finished": True, "failed": failed, "changed": changed}
    job = {
        "name": definition.name,
        "state": state,
        "group": group,
        "false_condition": definition.false_condition,
    }
    if state == FAILED:
        job["reason"] = EXIT_CODE if result.get("rc") else MODULE
    handle = _as_entry(entry(result, beside, job))
    judge_by_conditions([(handle, definition.conditions)])
    return handle


def summary(states: t.Iterable[str]) -> dict[str, int]:
    """:returns: how many jobs are in each state, all of them named."""
    counts = dict.fromkeys(ANSWERS, 0)
    for state in states:
        counts[state] += 1
    return counts


def combine(results: list[dict[str, t.Any]], elapsed: float, host: str) -> dict[str, t.Any]:
    """:returns: the result of the whole task: honest `changed` and `failed`, and who did not succeed and why."""
    bad = [result for result in results if counts(result)]
    total = _jobs(len(results))
    if not results:
        message = "no jobs"
    elif not bad:
        succeeded = sum(state_of(result) == SUCCEEDED for result in results)
        message = ", ".join([f"{succeeded} of {total} succeeded", *_left_out(results)])
    else:
        clauses = [whys(bad), *_left_out(results)]
        message = f"{len(bad)} of {total} {verdict(bad)} on {host}: " + "; ".join(clauses)
    combined: dict[str, t.Any] = {
        **(lifted(results[0], but=(*_OF_THE_TASK, *_OF_THE_JOB)) if len(results) == 1 else {}),
        "results": results,
        "summary": summary(map(state_of, results)),
        "elapsed": round(elapsed, 3),
        "changed": any(result.get("changed") for result in results),
        "failed": bool(bad),
        "finished": all(state_of(result) not in UNFINISHED for result in results),
        "msg": message,
    }
    if any(result.get("_ansible_no_log") for result in results):
        combined["_ansible_no_log"] = True
    for key in _WARNINGS:
        hoisted = _hoist(results, key)
        if hoisted:
            combined[key] = hoisted
    return combined


def withheld(results: t.Sequence[t.Mapping[str, t.Any]], host: str) -> str:
    """:returns: the sentence for a task with `no_log`: how many jobs did not succeed, not which and why."""
    bad = [result for result in results if counts(result)]
    if not bad:
        return f"{sum(state_of(result) == SUCCEEDED for result in results)} of {_jobs(len(results))} succeeded"
    return f"{len(bad)} of {_jobs(len(results))} {verdict(bad)} on {host}; {HIDDEN}"


def verdict(bad: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """:returns: what there is to say of the jobs that count as failed, whose number is the subject of the sentence.

    One that is not here may have succeeded.
    """
    missing = sum(state_of(result) == NOT_FOUND for result in bad)
    if not missing:
        return "did not succeed"
    found = "was not found" if len(bad) == 1 else "were not found"
    return found if missing == len(bad) else f"did not succeed or {found}"


def overdue(results: t.Sequence[t.Mapping[str, t.Any]], host: str, timeout: float, hidden: bool = False) -> str | None:
    """:returns: the sentence for a wait of `timeout` seconds that was too short, `None` where all jobs are finished.

    :arg hidden: whether jobs are only counted.
    """
    left = [result for result in results if state_of(result) in UNFINISHED]
    if not left:
        return None
    there = [(sum(state_of(result) == state for result in left), state) for state in (RUNNING, QUEUED)]
    first, *second = [(count, state) for count, state in there if count]
    still = [f"{_jobs(first[0])} still {first[1]}", *(f"{count} still {state}" for count, state in second)]
    names = "" if hidden else f" ({some([name_of(result) for result in left[:_NAMED]], len(left))})"
    bad = [result for result in results if counts(result) and state_of(result) not in UNFINISHED]
    others = f"; {len(bad)} of {_jobs(len(results))} {verdict(bad)}" if bad else ""
    if bad:
        others += f"; {HIDDEN}" if hidden else f": {whys(bad)}"
    held_up = dict.fromkeys(str(job_of(result).get("message")) for result in left if reason_of(result) == STOPPED)
    others += "".join(f"; {one_line(message)}" for message in [*held_up][:_NAMED])
    return (
        f"timed out after {in_words(timeout)}; {', '.join(still)} on {host}{names}{others}. To wait for what runs on, "
        "register this result and give it as 'jobs'"
    )


def headline(results: t.Sequence[t.Mapping[str, t.Any]], host: str, timeout: float) -> str:
    """:returns: the message of a wait of `timeout` seconds without names and causes."""
    return (overdue(results, host, timeout, True) or withheld(results, host)).replace(f"; {HIDDEN}", "")


def _jobs(count: int) -> str:
    return counted(count, "job")


def lifted(result: t.Mapping[str, t.Any], but: t.Collection[str] = ()) -> dict[str, t.Any]:
    """:returns: what the result of a whole task has from that of its only job.

    :arg but: keys that it does not have from there.
    """
    loop = [name for name in map(result.get, ("ansible_loop_var", "ansible_index_var")) if isinstance(name, str)]
    kept = {key: value for key, value in clean(result).items() if key not in but and key not in loop}
    for stream in ("stdout", "stderr"):
        if kept.get(stream) and not isinstance(kept[stream], str):
            kept.setdefault(f"{stream}_lines", [])  # ansible-core splits what is there, whatever it is
    for key in _WARNINGS:
        if key in kept:
            kept[key] = _warnings(kept, key)
    if not _is_loop_proof(kept.get("results", [])):
        shadow(kept, {"results": kept.pop("results")})
    return kept


def facts_of(results: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """:returns: `ansible_facts` of the only job, for ansible-core to set; of several none, which would collide."""
    facts = results[0].get("ansible_facts") if len(results) == 1 and state_of(results[0]) not in UNFINISHED else None
    return {"ansible_facts": facts} if isinstance(facts, dict) and facts else {}


def as_task(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the result of a job as that of a task that asks for this one job: with its facts, as builtin has it."""
    hidden = {"_ansible_no_log": True} if result.get("_ansible_no_log") else {}
    return {**lifted(result), **hidden}


def _is_loop_proof(results: t.Any) -> bool:
    """:returns: whether a module's key `results` says nothing to ansible-core, which takes it for those of a loop."""
    if isinstance(results, str | dict):
        return True
    if not isinstance(results, list):
        return False
    if any(not isinstance(item, str | dict | list) for item in results):
        return False
    return not any(isinstance(item, dict) and _LOOP_KEYS & set(item) for item in results)


def _left_out(results: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """:returns: clauses about the jobs that neither succeeded nor count: skipped, ignored, ended by `halt`."""
    clauses = []
    skipped = [result for result in results if state_of(result) == SKIPPED]
    for reason, sentence in ((HALT, ""), (DEPENDENCY, "what they depend on did not succeed")):
        there = [result for result in skipped if reason_of(result) == reason]
        if there:
            because = (
                sentence if sentence and len(there) > 1 else one_line(str(there[0].get("msg") or sentence or reason))
            )
            clauses.append(f"{len(there)} skipped ({because})")
    others = sum(reason_of(result) not in (HALT, DEPENDENCY) for result in skipped)
    if others:
        clauses.append(f"{others} skipped")
    ignored = [result for result in results if job_of(result).get("ignored")]
    if ignored:
        clauses.append(f"{len(ignored)} ignored ({whys(ignored)})")
    ended = [result for result in results if (state_of(result), reason_of(result)) == (CANCELLED, HALT)]
    if ended:
        fast = f"({FAIL_FAST})" in str(job_of(ended[0]).get("message"))
        clauses.append(f"{len(ended)} ended by {FAIL_FAST if fast else 'halt'}")
    return clauses


def _hoist(results: t.Sequence[t.Mapping[str, t.Any]], key: str) -> list[t.Any]:
    """:returns: what the jobs' modules warn of, each once, for the top level, where ansible-core shows it."""
    found: list[t.Any] = []
    for result in results:
        for run in [] if result.get("_ansible_no_log") else [result, *steps_of(result)]:
            found += [warning for warning in _warnings(run, key) if warning not in found]
    return found


def _warnings(result: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    """:returns: those warnings, or deprecations, of a result that ansible-core can show."""
    told = result.get(key)
    shown = [each for each in told if compat.is_shown(key, each)] if isinstance(told, list) else []
    return [dict(each) if isinstance(each, dict) else each for each in shown]  # ansible-core takes them apart


def whys(results: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """:returns: what `why` says of jobs, with equal causes together, and not more than a few."""
    names = [(name_of(result), result) for result in results]
    return together([(name, why(result).removeprefix(f"{name} ")) for name, result in names])


def why(result: t.Mapping[str, t.Any]) -> str:
    """:returns: a clause about a job that did not succeed: its name, its state and the cause."""
    state, attempts = state_of(result), job_of(result).get("attempts")
    if state in UNFINISHED:
        return f"{name_of(result)} is still {state}"
    tries = f" after {attempts} attempts" if isinstance(attempts, int) and attempts > 1 else ""
    clause = f"{name_of(result)} {word(state)}{tries}"
    if result.get("_ansible_no_log"):
        return f"{clause} ({reason_of(result) or 'failed'}; {CENSORED})"
    cause = one_line(_cause(result))
    if cause.startswith(f"{word(state)} "):  # such as `timed out after 8.3 s`
        return f"{name_of(result)} {cause}" + (f" in the last of {attempts} attempts" if tries else "")
    return f"{clause}: {cause}" if cause else clause


def _cause(result: t.Mapping[str, t.Any]) -> str:
    reason = reason_of(result)
    if reason == FAILED_WHEN:
        return f"failed_when ({job_of(result).get('failed_when', 'its condition')}) is true"
    if reason == CONDITION:
        return str(job_of(result).get("message") or reason)
    message = with_cause(result.get("msg") or reason, compat.brief_error(result.get("exception")))
    if reason in (EXIT_CODE, MODULE) and result.get("rc"):
        message = _exit_code(message, result["rc"], str(result.get("stderr") or ""))
    response = result.get("response")
    if isinstance(response, str) and response not in message:  # get_url has the status of the server there
        message = f"{message}: {response}"
    where = _where(result)
    return f"{where}: {message}" if where and not message.startswith("step ") else message


def _exit_code(message: str, code: t.Any, stderr: str) -> str:
    """:returns: what a module that runs commands says, or, where it says nothing, the last words of its errors."""
    lines = (line for line in reversed(stderr.splitlines()) if any(letter.isalnum() for letter in line))
    last = next(lines, "").strip()[:_STDERR]
    if message.startswith("step "):
        for nothing in NOTHING_SAID[1:]:
            message = message.replace(f"{nothing} (exit code {code})", f"exit code {code}")
        return f"{message}: {last}" if last and message.endswith(f"exit code {code}") else message
    if message in NOTHING_SAID:
        message = last
    return f"exit code {code}" + (f": {message}" if message else "")


def _where(result: t.Mapping[str, t.Any]) -> str:
    """:returns: which step of a `block` failed, nothing where that is not the question."""
    for number, step in enumerate(steps_of(result), 1):
        if is_failed(step):
            return f"step {number} ({step_name(step)})"
    return ""
