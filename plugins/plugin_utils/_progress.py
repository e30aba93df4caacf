# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line about how a wait stands.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils._record import GOOD, QUEUED, RUNNING, STATES, UNFINISHED
from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle

_NAMED = 3
"""Jobs of one state that are named."""
_CAUSE = 60
"""Characters of the cause of a job that did not succeed."""


def progress(host: str, handles: t.Sequence[Handle], statuses: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """:returns: one line: how many are done, which run and for how long, and which did not succeed and why.

    :arg statuses: what the target said of each job.
    """
    jobs = list(zip(handles, statuses))
    good = sum(status["state"] in GOOD for status in statuses)
    parts = [f"{good}/{len(jobs)} done"]
    running = [job for job in jobs if job[1]["state"] == RUNNING]
    running.sort(key=lambda job: -(job[1].get("running_for") or 0))
    if running:
        parts.append(f"{len(running)} running ({_some([_named(*job) for job in running])})")
    queued = sum(status["state"] == QUEUED for status in statuses)
    if queued:
        parts.append(f"{queued} queued")
    for state in (state for state in STATES if state not in GOOD and state not in UNFINISHED):
        named = [_named(*job) for job in jobs if job[1]["state"] == state]
        if named:
            parts.append(f"{len(named)} {state.replace('_', ' ')} ({_some(named)})")
    return f"{host}: {', '.join(parts)}"


def _named(handle: Handle, status: t.Mapping[str, t.Any]) -> str:
    record = status.get("record") or {}
    name = str(record.get("name") or handle.name)
    if status["state"] == RUNNING:
        seconds = status.get("running_for")
        return name if seconds is None else f"{name} {_duration(seconds)}"
    hidden = record.get("no_log") or handle.no_log
    cause = str(status.get("reason") if hidden else status.get("message") or status.get("reason") or "")
    cause = cause.replace("\n", " ").strip()
    return f"{name}: {cause[:_CAUSE]}{'...' if len(cause) > _CAUSE else ''}" if cause else name


def _some(names: t.Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _duration(seconds: float) -> str:
    """:returns: C(41 s), C(5 min 3 s) or C(2 h 7 min)."""
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
