# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for jobs: one question to the target at a time, until all are finished or time is up.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._record import UNFINISHED
from ansible_collections.background.jobs.plugins.plugin_utils import _compat
from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._job_action import JobAction, Vars
from ansible_collections.background.jobs.plugins.plugin_utils._results import (
    combine,
    known,
    misdirected,
    present,
    progress,
)

_SLICE = 120.0
"""Seconds after which the target answers in any case, before anything on the way takes the connection for idle."""

display = Display()


def wait(
    action: JobAction, handles: t.Sequence[Handle], timeout: float, poll: float, cleanup: bool, task_vars: Vars
) -> dict[str, t.Any]:
    """Wait for O(handles) and collect their results, in order.

    :arg timeout: seconds to wait at most, 0 for as long as the jobs' own limits take.
    :arg poll: seconds between progress reports.
    :arg cleanup: whether to remove the files of the jobs that are finished.
    """
    start = time.monotonic()
    open_handles = [handle for handle in handles if handle.result is None]
    statuses = _Asker(action, open_handles, poll, cleanup, task_vars).until_finished(start, timeout)
    told = iter(statuses)
    results = [known(handle) if handle.result is not None else present(handle, next(told)) for handle in handles]
    combined = combine(results, time.monotonic() - start, action.host)
    if timeout and any(result["state"] in UNFINISHED for result in results):
        combined["msg"] = (
            f"waited {timeout:.0f} s on {action.host}, not longer; unfinished jobs run on: register this result and "
            f"give it as 'jobs' to wait for them again. {combined['msg']}"
        )
    if combined["failed"] and combined.get("_ansible_no_log") and _compat.CENSORS_MESSAGES:
        display.display(f"{action.host}: {combined['msg']}")
    return combined


class _Asker:
    """Asks the target for a set of jobs, again and again."""

    def __init__(
        self, action: JobAction, handles: t.Sequence[Handle], poll: float, cleanup: bool, task_vars: Vars
    ) -> None:
        self._action = action
        self._handles = handles
        self._poll = poll
        self._cleanup = cleanup
        self._task_vars = task_vars
        self._seen: dict[str, str] = {}
        self._reported = False

    def until_finished(self, start: float, timeout: float) -> list[dict[str, t.Any]]:
        """:returns: the last word of the target about each job, with its result where it is finished."""
        if not self._handles:
            return []
        while True:
            left = start + timeout - time.monotonic() if timeout else _SLICE
            last = bool(timeout) and left <= _SLICE
            answer = self._ask(max(0.0, min(_SLICE, left)), last)
            if answer["final"]:
                return t.cast("list[dict[str, t.Any]]", answer["jobs"])

    def _ask(self, patience: float, last: bool) -> dict[str, t.Any]:
        answer = self._action.ask(
            [handle.jid for handle in self._handles],
            "status",
            self._task_vars,
            any(handle.no_log for handle in self._handles),
            results_files={handle.jid: handle.results_file for handle in self._handles if handle.results_file},
            patience=patience,
            report=self._poll,
            last=last,
            known=self._seen,
            cleanup=self._cleanup,
        )
        statuses: list[dict[str, t.Any]] = answer["jobs"]
        for handle, status in zip(self._handles, statuses):
            if status["reason"] in ("no_status_file", "status_unreadable"):
                status["message"] = misdirected(handle, self._action.host, answer["user"]) or status["message"]
        self._report(statuses)
        return answer

    def _report(self, statuses: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Say how it stands, if that is news and not the end: the end is the task's own result."""
        states = {status["jid"]: status["state"] for status in statuses}
        unfinished = any(state in UNFINISHED for state in states.values())
        if states != self._seen and (unfinished or self._reported):
            named = [
                {"name": (status.get("record") or {}).get("name") or handle.name, "state": status["state"]}
                for handle, status in zip(self._handles, statuses)
            ]
            display.display(progress(self._action.host, named))
            self._reported = True
        self._seen = states
