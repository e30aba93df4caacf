# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handles: what identifies a job between its launch and the wait for it, wherever it was registered.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._record import FAILED, LOST, SKIPPED, STATES, UNFINISHED

NOT_FOUND = "no_status_file"
"""The reason of a job that was not there; it may be elsewhere."""

_ITEM_KEYS = ("item", "ansible_loop_var", "ansible_index_var")


class HandleError(Exception):
    """Something given to be waited for that is no job; the message is a sentence."""


@dataclasses.dataclass
class Handle:
    """One job to wait for. O(host) and O(user) are where it was started.

    O(no_log): its result may have to be kept out of every output; so it is where nothing is known of the job.
    O(result) is set, and nobody is asked, where the outcome is known already.
    O(origin) are the keys that tell which item of a loop the job was started for; they go into its result.
    """

    jid: str = ""
    name: str = ""
    results_file: str | None = None
    host: str | None = None
    user: str | None = None
    no_log: bool = True
    origin: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    result: dict[str, t.Any] | None = None


def read(registered: t.Any) -> list[Handle]:
    """Find the jobs in whatever was registered.

    :arg registered: the result of launch, of job_info, of a builtin task with C(async) and C(poll=0), looped or not, a
        handle, a jid, or any nesting of lists of these. Nothing, and an empty list, are no jobs.
    :returns: the handles, in the order they stand in.
    :raises HandleError: something in it is no job.
    """
    if registered is None or registered == "":
        return []
    if isinstance(registered, str):
        return [Handle(jid=str(registered), name=str(registered))]
    if isinstance(registered, t.Mapping):
        return _read_result(registered)
    if isinstance(registered, t.Iterable) and not isinstance(registered, bytes):
        return [handle for item in registered for handle in read(item)]
    raise HandleError(_no_job(registered))


def _read_result(result: t.Mapping[str, t.Any]) -> list[Handle]:
    origin = _origin(result)
    inside = result.get("results", result.get("jobs"))
    if isinstance(inside, t.Iterable) and not isinstance(inside, (str, t.Mapping)):
        handles = read(inside)
        for handle in handles:
            handle.origin = handle.origin or origin
        return handles
    if not result.get("ansible_job_id"):
        return [_without_job(result, origin)]
    jid = result["ansible_job_id"]
    if not isinstance(jid, str):
        raise HandleError(f"the job id {jid!r} is not a string: quote it where it was stored")
    handle = Handle(
        jid=jid,
        name=str(result.get("name") if result.get("state") in STATES and result.get("name") else _name(origin, jid)),
        results_file=result.get("results_file"),
        host=result.get("host"),
        user=result.get("user"),
        no_log=bool(result.get("no_log")),
        origin=origin,
    )
    finished = result.get("finished") and result.get("state") in STATES and result["state"] not in UNFINISHED
    if finished and result.get("reason") != NOT_FOUND:
        handle.result = dict(result)
    return [handle]


def _without_job(result: t.Mapping[str, t.Any], origin: dict[str, t.Any]) -> Handle:
    name = _name(origin, "")
    if result.get("finished") and result.get("state") in STATES and result["state"] not in UNFINISHED:
        return Handle(name=str(result.get("name") or name), origin=origin, result=dict(result))
    for state, key in ((SKIPPED, "skipped"), (LOST, "unreachable"), (FAILED, "failed")):
        if result.get(key):
            reason = {SKIPPED: None, LOST: "unreachable", FAILED: "launch"}[state]
            known = {**result, "state": state, "started": False, "finished": True}
            if reason:
                known.setdefault("reason", reason)
            return Handle(name=name or str(result.get("name") or "a job without a name"), origin=origin, result=known)
    raise HandleError(_no_job(result))


def _origin(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    keys = list(_ITEM_KEYS)
    for pointer in ("ansible_loop_var", "ansible_index_var"):
        if isinstance(result.get(pointer), str):
            keys.append(result[pointer])
    origin = {key: result[key] for key in keys if key in result}
    loop_var = origin.get("ansible_loop_var")
    if loop_var in origin:
        origin.setdefault("item", origin[loop_var])
    return origin


def _name(origin: t.Mapping[str, t.Any], otherwise: str) -> str:
    """:returns: a name for a job that has none of its own: its item's name, or its item where that is a plain value."""
    item = origin.get("item")
    if isinstance(item, t.Mapping):
        item = item.get("name")
    return str(item) if isinstance(item, (str, int, float)) else otherwise


def _no_job(value: t.Any) -> str:
    keys = repr(value)
    if isinstance(value, t.Mapping):
        keys = f"a mapping with {', '.join(sorted(map(str, value)))}" if value else "an empty mapping"
    return (
        f"there is no job in {keys[:300]}: give what background.jobs.launch returned, what a task with 'async' and "
        "'poll: 0' registered, or job ids"
    )
