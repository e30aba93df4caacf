# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handles: what identifies a job between its launch and the wait for it, wherever it was registered.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import is_failed
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    ANSWERS,
    EXIT_CODE,
    FAILED,
    LOST,
    MODULE,
    NOT_FOUND,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
    TIMEOUT,
    UNFINISHED,
    UNREACHABLE,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import (
    KEY,
    did_not_succeed,
    entry,
    is_ours,
    job_of,
    name_of,
    reason_of,
    state_of,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import is_visible
from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import Conditions
from ansible_collections.background.jobs.plugins.plugin_utils._define.item import short_name

Result = t.Mapping[str, t.Any]

_OF_RESULTS = frozenset(("started", "finished"))
"""Keys that each result of a job has, and no job of `job_info`, in which no keys of a module are."""
_NOTHING = frozenset(("skipped_reason", "summary"))
"""Keys by which a loop over nothing, and a task of ours, tell that their empty list is one of jobs."""
_NAMED = {"name", KEY}
"""The keys of what gives a name to something that was registered."""
_SAYS_NOTHING = frozenset(("changed", "failed", "finished", "ansible_facts", "warnings", "deprecations"))
"""Keys that a list of no jobs can have beside it. A module that has done nothing says more (dnf: `rc`)."""
_FAILED_TO_START = frozenset(
    (
        "ansible_facts",
        "ansible_parsed",
        "changed",
        "deprecations",
        "exception",
        "failed",
        "invocation",
        "msg",
        "warnings",
    )
)
"""All keys of a task that has failed before its module could say anything."""
_DEPTH = 20
"""Lists in lists of results that are looked through for jobs."""
_ITEM_KEYS = ("item", "ansible_loop_var", "ansible_index_var")


class HandleError(Exception):
    """Something given to be waited for that is no job; the message is a sentence."""


@dataclasses.dataclass
class Handle:
    """One job to wait for. `host` and `user` are where it was started, `group` is that of its launch.

    `named`: its name is that of the job, and no stand-in for one that only the target knows.
    `attached_as`: which of those who wait for a job of another launch asks, where this is one.
    `no_log`: its result may have to be kept out of every output; so it is where nothing is known of the job.
    `result` is set, and nobody is asked, where the outcome is known already.
    `conditions` are those that the handle has, so that the target is not asked; `None` where only it knows them.
    `origin` are the keys that tell which item of a loop the job was started for; they go into its result.
    """

    jid: str = ""
    name: str = ""
    named: bool = False
    results_file: str | None = None
    host: str | None = None
    user: str | None = None
    group: str | None = None
    attached_as: str | None = None
    no_log: bool = True
    origin: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    result: dict[str, t.Any] | None = None
    conditions: Conditions | None = None


def read_handles(registered: t.Any) -> list[Handle]:
    """Find the jobs in whatever was registered.

    A mapping with `ansible_job_id` is one job, whatever else its module returned beside it. The result of a task that
    ran no job at all (`async` was 0, or the task was skipped) is the outcome of one. A mapping of `name` and `job`
    gives what is registered in the latter a name.

    :arg registered: the result of launch, of job_info, of a builtin task, looped or not, a handle, a jid, or any
        nesting of lists of these. Nothing, and an empty list, are no jobs.
    :returns: the handles, in the order they stand in.
    :raises HandleError: something in it is no job.
    """
    try:
        return _read(registered)
    except RecursionError:
        raise HandleError("what was given as jobs is nested too deep: give the list of jobs in it") from None


def _read(registered: t.Any) -> list[Handle]:
    if registered is None or registered == "":
        return []
    if isinstance(registered, str):
        return [Handle(jid=str(registered), name=str(registered))]
    if isinstance(registered, t.Mapping):
        return _read_result(registered)
    if isinstance(registered, t.Iterable) and not isinstance(registered, bytes):
        return [handle for item in registered for handle in _read(item)]
    raise HandleError(_no_job(registered))


def _read_result(result: Result) -> list[Handle]:
    if set(result) == _NAMED:
        return _rename(_read(result[KEY]), result["name"])
    origin = _origin(result)
    if result.get("ansible_job_id"):
        only = _only_job(result)
        handles = [_job(only, origin)] if only is not None else [_job(result, origin)]
    elif _is_job(result.get("async_result")):  # core has waited in vain
        handles = [_job(result["async_result"], origin)]
    else:
        inside = _inside(result)
        handles = [_without_job(result, origin)] if inside is None else _read(inside)
    for handle in handles:
        handle.origin = handle.origin or origin
    return handles


def _rename(handles: list[Handle], name: t.Any) -> list[Handle]:
    """:returns: jobs with the name that was given beside them; where they are several, their own follows."""
    if not isinstance(name, str) or not name.strip() or not is_visible(name):
        raise HandleError(f"the name {name!r} of a job is no text, or is empty, or has characters that show nothing")
    for handle in handles:
        handle.name = name if len(handles) == 1 else f"{name} ({handle.name})"
        handle.named = True
        if handle.result is not None:
            handle.result[KEY] = {**job_of(handle.result), "name": handle.name}
    return handles


def _only_job(result: Result) -> Result | None:
    """:returns: the one job of a task of ours, whose result has some of its keys as well; `None` for any other."""
    inside = result.get("results")
    if isinstance(inside, t.Sequence) and len(inside) == 1 and isinstance(inside[0], t.Mapping):
        only: Result = inside[0]
        return only if only.get("ansible_job_id") == result["ansible_job_id"] else None
    return None


def _inside(result: Result, depth: int = 0) -> t.Sequence[t.Any] | None:
    """:returns: what a loop, or a task of ours, has registered; `None` where these keys are a module's own."""
    for key, registers in (("results", _is_registered), ("jobs", _is_job)):
        inside = result.get(key)
        if not isinstance(inside, t.Sequence) or isinstance(inside, (str, bytes)):
            continue
        if not inside and _NOTHING & set(result):
            return inside
        if not inside and not set(result) - {key, *_SAYS_NOTHING}:
            return inside
        if any(registers(each, depth + 1) for each in inside):
            return inside
    return None


def _is_registered(value: t.Any, depth: int) -> bool:
    """:returns: whether a value is an entry of what was registered, not of what a module has returned."""
    if not isinstance(value, t.Mapping) or depth > _DEPTH:
        return False
    return _is_job(value) or "ansible_loop_var" in value or _is_collected(value) or _inside(value, depth) is not None


def _is_job(value: t.Any, depth: int = 0) -> bool:
    return isinstance(value, t.Mapping) and bool(value.get("ansible_job_id"))


def _is_collected(result: Result) -> bool:
    """:returns: whether a result is final and of this collection, and says of its job what it says itself."""
    if result.get("finished") is not True or not is_ours(result):
        return False
    state = state_of(result)
    return state not in UNFINISHED and result["failed"] == did_not_succeed(state, reason_of(result))


def _job(result: Result, origin: dict[str, t.Any]) -> Handle:
    origin = _origin(result) or origin
    jid = result["ansible_job_id"]
    if not isinstance(jid, str):
        raise HandleError(f"the job id {jid!r} is not a string: quote it where it was stored")
    said = _said(result)
    own = str(said.get("name") or "")
    handle = Handle(
        jid=jid,
        name=own or _name(origin, jid),
        named=own not in ("", jid),
        results_file=said.get("results_file") or result.get("results_file"),
        host=said.get("host"),
        user=said.get("user"),
        group=said.get("group"),
        attached_as=said.get("attached_as"),
        no_log=bool(said.get("no_log")),
        origin=origin,
        conditions=Conditions.read(said["conditions"]) if isinstance(said.get("conditions"), t.Mapping) else None,
    )
    if is_ours(result):
        if _is_collected(result) and state_of(result) != NOT_FOUND:
            handle.result = dict(result)
    elif result.get("finished") in (True, 1):
        handle.result = _final(result, handle.name)
    return handle


def _said(result: Result) -> Result:
    """:returns: what a result says of its job, if it is one of this collection."""
    if not _OF_RESULTS & set(result) and result.get("state") in ANSWERS and isinstance(result.get("name"), str):
        return result
    return job_of(result)


def _without_job(result: Result, origin: dict[str, t.Any]) -> Handle:
    name = _name(origin, "")
    if _is_collected(result):
        return Handle(name=name_of(result), origin=origin, result=dict(result))
    name = name or "a job without a name"
    for state, key in ((SKIPPED, "skipped"), (LOST, "unreachable")):
        if result.get(key):
            reason = None if state == SKIPPED else UNREACHABLE
            return Handle(name=name, origin=origin, result=_with(result, name, state, reason, started=False))
    if "failed" not in result:  # every task's result has it
        raise HandleError(_no_job(result))
    known = _final(result, name)
    if is_failed(result) and ("module_stdout" in result or not set(result) - _FAILED_TO_START - set(origin)):
        known = _with(result, name, FAILED, "launch", started=False)
    return Handle(name=name, origin=origin, result=known)


def _final(result: Result, name: str) -> dict[str, t.Any]:
    """:returns: the result of a module that has ended, as it is, and what it means."""
    reason = None
    state = SKIPPED if result.get("skipped") else SUCCEEDED
    if is_failed(result):
        state, reason = FAILED, EXIT_CODE if result.get("rc") else MODULE
    if result.get("msg") == "Timeout exceeded" and "child_pid" in result:  # async_wrapper.py of ansible-core
        state, reason = TIMED_OUT, TIMEOUT
    return _with(result, name, state, reason, started=True)


def _with(result: Result, name: str, state: str, reason: str | None, started: bool) -> dict[str, t.Any]:
    """:returns: the result of a task whose job is over, as an entry."""
    failed, changed = did_not_succeed(state, reason), bool(result.get("changed"))
    beside = {"started": started, "finished": True, "failed": failed, "changed": changed}
    if state == SKIPPED:
        beside["skipped"] = True
    return entry(result, beside, {"name": name, "state": state, "reason": reason})


def _origin(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    keys = list(_ITEM_KEYS)
    for pointer in ("ansible_loop_var", "ansible_index_var"):
        if isinstance(result.get(pointer), str):
            keys.append(result[pointer])
    origin = {key: result[key] for key in keys if key in result and not (key == KEY and is_ours(result))}
    loop_var = origin.get("ansible_loop_var")
    if loop_var in origin:
        origin.setdefault("item", origin[loop_var])
    return origin


def _name(origin: t.Mapping[str, t.Any], otherwise: str) -> str:
    """:returns: a name for a job that has none of its own: what its item is called, if there is one."""
    return short_name(origin.get("item")) or otherwise


def _no_job(value: t.Any) -> str:
    keys = repr(value)
    if isinstance(value, t.Mapping):
        keys = f"a mapping with {', '.join(sorted(map(str, value)))}" if value else "an empty mapping"
    return (
        f"there is no job in {keys[:300]}: give what background.jobs.launch returned, what a task with 'async' and "
        "'poll: 0' registered, or job ids"
    )
