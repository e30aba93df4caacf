# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results that run and wait return, and the sentences about them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._outcome import is_failed
from ansible_collections.background.jobs.plugins.module_utils._record import (
    FAILED,
    GOOD,
    QUEUED,
    RUNNING,
    SKIPPED,
    STATES,
    SUCCEEDED,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle

CENSORED = "its output is hidden, because of no_log"
_NOTHING_SAID = ("", "non-zero return code", "The command exited with a non-zero return code.")
"""What the module command says of a return code other than 0: up to 2.21, and since 2.22."""
_STDERR = 200
"""Characters of the last line of a failed job's error output that its sentence shows."""


def present(handle: Handle, status: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Put the result of one job together.

    The job's own keys come first; what the module returned under one of their names is found below C(shadowed).

    :arg status: what the target said of it (the fields of C(_status.Status)).
    """
    record = status.get("record") or {}
    state = status["state"]
    module = {key: value for key, value in status["result"].items() if key not in ("ansible_job_id", "finished")}
    if status.get("record") is None:
        module.pop("started", None)
        module.pop("results_file", None)
    ours: dict[str, t.Any] = {
        **handle.origin,
        "ansible_job_id": handle.jid,
        "name": record.get("name") or handle.name,
        "state": state,
        "started": True,
        "finished": state not in UNFINISHED,
        "failed": state not in GOOD and state not in UNFINISHED,
        "changed": bool(module.get("changed", False)),
        "results_file": status["results_file"],
    }
    if status.get("reason"):
        ours["reason"] = status["reason"]
    for key in ("elapsed", "attempts"):
        if record.get(key) is not None:
            ours[key] = record[key]
    if record.get("no_log"):
        ours["_ansible_no_log"] = True
    if module.get("skipped") and state == SUCCEEDED:
        ours["state"] = SKIPPED
    result = {**module, **ours}
    if status.get("message") and not result.get("msg"):
        result["msg"] = status["message"]
    shadowed = {key: module[key] for key in ours if key in module and module[key] != ours[key]}
    shadowed.update(record.get("shadowed") or {})
    if shadowed:
        result["shadowed"] = shadowed
    for stream in ("stdout", "stderr"):
        if isinstance(result.get(stream), str):
            result.setdefault(f"{stream}_lines", result[stream].splitlines())
    return result


def misdirected(handle: Handle, host: str, user: str) -> str | None:
    """:returns: a sentence about a job that was looked for in the wrong place, C(None) where the place is right.

    :arg host: the inventory name of the host that was asked.
    :arg user: the user that was asked as.
    """
    if handle.host is not None and handle.host != host:
        return f"it was started on host {handle.host} and looked for on {host}: wait with 'delegate_to: {handle.host}'"
    if handle.user is not None and handle.user != user:
        return f"it was started as user {handle.user} and looked for as {user}: wait with 'become_user: {handle.user}'"
    return None


def known(handle: Handle) -> dict[str, t.Any]:
    """:returns: the result of a job whose outcome was known before anybody waited."""
    result = {**handle.origin, "name": handle.name, **(handle.result or {})}
    result.setdefault("changed", False)
    result["failed"] = result["state"] not in GOOD
    return result


def finished_here(name: str, result: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the handle of a job whose action ended without running a module; O(result) is that action's."""
    failed = is_failed(result)
    state = SKIPPED if result.get("skipped") else (FAILED if failed else SUCCEEDED)
    return {**result, "name": name, "state": state, "started": False, "finished": True, "failed": failed}


def summary(states: t.Iterable[str]) -> dict[str, int]:
    """:returns: how many jobs are in each state, all states named."""
    counts = dict.fromkeys(STATES, 0)
    for state in states:
        counts[state] += 1
    return counts


def combine(results: list[dict[str, t.Any]], elapsed: float, host: str) -> dict[str, t.Any]:
    """:returns: the result of the whole task: honest C(changed) and C(failed), and who did not succeed and why."""
    bad = [result for result in results if result["state"] not in GOOD]
    total = f"{len(results)} job" + ("" if len(results) == 1 else "s")
    skipped = sum(result["state"] == SKIPPED for result in results)
    if not results:
        message = "no jobs"
    elif not bad:
        message = f"{len(results) - skipped} of {total} succeeded" + (f", {skipped} skipped" if skipped else "")
    else:
        message = f"{len(bad)} of {total} did not succeed on {host}: " + "; ".join(why(result) for result in bad)
    combined: dict[str, t.Any] = {
        "results": results,
        "summary": summary(result["state"] for result in results),
        "elapsed": round(elapsed, 3),
        "changed": any(result.get("changed") for result in results),
        "failed": any(result["failed"] or result["state"] in UNFINISHED for result in results),
        "msg": message,
    }
    if any(result.get("_ansible_no_log") for result in results):
        combined["_ansible_no_log"] = True
    for key in ("warnings", "deprecations"):
        hoisted = _hoist(results, key)
        if hoisted:
            combined[key] = hoisted
    return combined


def _hoist(results: t.Sequence[t.Mapping[str, t.Any]], key: str) -> list[t.Any]:
    """:returns: what the jobs' modules warn of, each once, for the top level, where ansible-core shows it."""
    found: list[t.Any] = []
    for result in results:
        if isinstance(result.get(key), list) and not result.get("_ansible_no_log"):
            found += [warning for warning in result[key] if warning not in found]
    return found


def why(result: t.Mapping[str, t.Any]) -> str:
    """:returns: a clause about a job that did not succeed: its name, its state and the cause."""
    clause = f"{result['name']} {result['state'].replace('_', ' ')}"
    if result["state"] in UNFINISHED:
        return f"{result['name']} is still {result['state']}"
    if result.get("_ansible_no_log"):
        return f"{clause} ({result.get('reason', 'failed')}; {CENSORED})"
    cause = _cause(result)
    return f"{clause}: {cause}" if cause else clause


def _cause(result: t.Mapping[str, t.Any]) -> str:
    message = str(result.get("msg") or result.get("reason") or "").strip()
    if result.get("reason") not in ("exit_code", "module") or not result.get("rc"):
        return message
    lines = str(result.get("stderr") or "").strip().splitlines()
    if message in _NOTHING_SAID:
        message = lines[-1][:_STDERR] if lines else ""
    return f"exit code {result['rc']}" + (f": {message}" if message else "")


def progress(host: str, statuses: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """:returns: one line about how a wait stands.

    :arg statuses: C(name) and C(state) of each job.
    """
    done = [status for status in statuses if status["state"] not in UNFINISHED]
    parts = [f"{len(done)}/{len(statuses)} done"]
    for state in (RUNNING, QUEUED):
        count = sum(status["state"] == state for status in statuses)
        if count:
            parts.append(f"{count} {state}")
    for state in (state for state in STATES if state not in GOOD and state not in UNFINISHED):
        names = [str(status["name"]) for status in statuses if status["state"] == state]
        if names:
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            parts.append(f"{len(names)} {state.replace('_', ' ')} ({shown})")
    return f"{host}: {', '.join(parts)}"
