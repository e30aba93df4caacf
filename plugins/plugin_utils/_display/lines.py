# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line for each job that has ended, as a loop prints one for each item.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A line says what the result of its job will say. So it is printed as soon as that is certain: at once for what the
target has judged, and with the result for what the controller has to judge.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible import constants as _constants

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    CANCELLED,
    FAILED,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import CHANGED, OK
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import (
    did_not_succeed,
    job_of,
    name_of,
    state_of,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import is_wanted, mention
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import word
from ansible_collections.background.jobs.plugins.plugin_utils._display.progress import ended_state, lasted, shown_name
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import (
    cause,
    conditions_of,
    counts,
)

constants: t.Any = _constants

MOST = 20
"""Jobs of one host that have a line each. Of more only those that did not succeed have, and of these as many."""
_CAUSE = 160
"""Characters of the cause of a job that did not succeed."""
_JUDGED = (SUCCEEDED, FAILED)
"""States on which the conditions of a job may have another opinion."""
_ALWAYS = {"['False']": OK, "['True']": CHANGED}
"""What `changed_when` makes of a job that has succeeded, where it needs no evaluation."""
_CERTAIN = (FAILED, TIMED_OUT, CANCELLED, SKIPPED)
"""States in which a job stays. One that is lost, or not found, may be found again as long as somebody asks."""
_COLORS = {OK: "COLOR_OK", CHANGED: "COLOR_CHANGED", SKIPPED: "COLOR_SKIP"}


@dataclasses.dataclass
class End:
    """How a job has ended: `outcome` is `ok`, `changed` or its state. `bad`: it did not succeed."""

    name: str
    outcome: str
    bad: bool
    seconds: float | None = None
    attempts: int = 0
    ignored: bool = False
    cause: str = ""

    def line(self, host: str) -> str:
        """:returns: the line on it, as that of ansible-core on an item of a loop."""
        facts = [f"job={self.name}"]
        facts += [lasted(self.seconds)] if self.seconds is not None and (self.seconds or self.attempts) else []
        facts += [f"{self.attempts} attempts"] if self.attempts > 1 else []
        facts += ["ignored"] if self.ignored else []
        because = self.cause.removeprefix(f"{word(self.outcome)} ")
        because = because if len(because) <= _CAUSE else f"{because[:_CAUSE]}..."
        return f"{word(self.outcome)}: [{host}] => ({', '.join(facts)})" + (f": {because}" if because else "")

    @property
    def color(self) -> str:
        """The colour that ansible-core has for it."""
        name = _COLORS.get(self.outcome, "COLOR_ERROR" if self.bad else "COLOR_SKIP")
        return str(getattr(constants, name))


def foreseen(handle: Handle, status: t.Mapping[str, t.Any]) -> End | None:
    """:returns: how a job has ended whose result has not arrived, `None` where that is not certain yet.

    :arg status: what the target said of it.
    """
    state = ended_state(status)
    conditions = conditions_of(handle, status)
    outcome = str(status.get("ended_as") or "") if status["state"] == SUCCEEDED else state
    if outcome == "" or (outcome == state and state not in _CERTAIN):
        return None
    if conditions.decide and status["state"] in _JUDGED:
        changed = _ALWAYS.get(str(conditions.changed_when)) if conditions.failed_when is None else None
        if changed is None:
            return None
        outcome = changed if outcome in (OK, CHANGED) else outcome
    record = status.get("record") or {}
    hidden = record.get("no_log") or handle.no_log
    bad = did_not_succeed(state, status.get("reason"))
    return End(
        name=shown_name(handle, status),
        outcome=outcome,
        bad=bad,
        seconds=record.get("elapsed"),
        attempts=record.get("attempts") or 0,
        ignored=bad and conditions.ignore_errors,
        cause=_said(status, hidden),
    )


def final(result: t.Mapping[str, t.Any], status: t.Mapping[str, t.Any] | None = None) -> End | None:
    """:returns: how the job of a result has ended, `None` if it has not. This alone looks into results.

    :arg status: what the target said of it, if it was asked.
    """
    state, job = state_of(result), job_of(result)
    if state in UNFINISHED:
        return None
    ignored = bool(job.get("ignored"))
    hidden = bool(result.get("_ansible_no_log"))
    because = cause(result) if state == FAILED and not hidden else _said(status or job, hidden)
    return End(
        name=shown_name(Handle(name=name_of(result)), {}),
        outcome=(CHANGED if result.get("changed") else OK) if state == SUCCEEDED else state,
        bad=counts(result) or ignored,
        seconds=job.get("elapsed"),
        attempts=job.get("attempts") or 0,
        ignored=ignored,
        cause="" if state == SUCCEEDED else because,
    )


def _said(status: t.Mapping[str, t.Any], hidden: t.Any) -> str:
    """:returns: what the target said of a job that did not succeed, or was skipped, in one line."""
    if hidden:
        return word(str(status.get("reason") or ""))
    return one_line(str(status.get("message") or word(str(status.get("reason") or ""))))


class Lines:
    """The lines on the jobs of one task on one host. `told` are the ids of those that have had theirs."""

    def __init__(self, host: str, display: t.Any, silent: bool) -> None:
        """:arg silent: whether to print none."""
        self.told: set[str] = set()
        self._host = host
        self._display = display
        self._silent = silent
        self._bad = 0

    def seen(self, handles: t.Sequence[Handle], statuses: t.Sequence[t.Mapping[str, t.Any]], total: int) -> None:
        """Print those on jobs of which it is certain how they have ended, before their results arrive.

        :arg statuses: what the target said of each job.
        :arg total: how many jobs the task has on this host.
        """
        if self._silent or total < 2:
            return
        for handle, status in zip(handles, statuses):
            if status["state"] not in UNFINISHED and status["jid"] not in self.told:
                end = foreseen(handle, status)
                if end is not None and self._print(end, total):
                    self.told.add(status["jid"])

    def close(self, results: t.Sequence[t.Mapping[str, t.Any]], statuses: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Print the others. A task with one job says of it all that there is to say.

        :arg statuses: what the target said of the jobs that it was asked for. Of others that were started, another
            task had the result.
        """
        asked = {status["jid"]: status for status in statuses}
        if self._silent or len(results) < 2:
            return
        ends = []
        for result in results:
            jid = str(result.get("ansible_job_id") or "")
            end = final(result, asked.get(jid))
            if end is not None and (not jid or jid in asked):
                ends.append(end)
                if jid not in self.told:
                    self._print(end, len(results))
        if len(results) > MOST and ends:
            mention(self._display, f"{self._host}: {len(ends)} jobs ended: {_counted(ends)}")

    def _print(self, end: End, total: int) -> bool:
        """:returns: whether there is a line on it."""
        if total > MOST and (not end.bad or self._bad >= MOST):
            return False
        self._bad += end.bad
        if is_wanted(end.outcome):
            mention(self._display, end.line(self._host), end.color)
        return True


def _counted(ends: t.Sequence[End]) -> str:
    """:returns: how many jobs have ended in which way, and how many of those have no line that should."""
    counted = collections.Counter(end.outcome for end in ends)
    order = (OK, CHANGED, SKIPPED)
    outcomes = [*(each for each in order if each in counted), *sorted(each for each in counted if each not in order)]
    unnamed = sum(end.bad for end in ends) - MOST
    more = f"; {unnamed} of them did not succeed and have no line above" if unnamed > 0 else ""
    return ", ".join(f"{counted[each]} {word(each)}" for each in outcomes) + more
