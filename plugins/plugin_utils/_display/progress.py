# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a wait stands: told in lines, or to the callback `progress`, which draws it.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    ANSWERS,
    QUEUED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import mention
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import some, word
from ansible_collections.background.jobs.plugins.plugin_utils._define.duration import in_words
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle

HOOK = "background_jobs_progress"
"""The method of `Display` by which waits tell how they stand. It is there while somebody draws that."""
_NAMED = 3
"""Jobs of one state that are named."""
_NAME = 100
"""Characters of the name of a job."""
_CAUSE = 60
"""Characters of the cause of a job that did not succeed."""
_OFTEN = 1.0
"""Seconds between two reports that are drawn, at most."""


@dataclasses.dataclass
class ShownJob:
    """A job by name: how long it has been running, or why it did not succeed."""

    name: str
    seconds: float | None = None
    cause: str = ""


@dataclasses.dataclass
class Part:
    """The jobs that are in one state. `jobs` are the first few of them, and none where they are only counted."""

    state: str
    count: int
    jobs: list[ShownJob] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Standing:
    """How the jobs of one host stand. `done` of `total` have succeeded; `parts` are the others, by state."""

    host: str
    total: int
    done: int
    parts: list[Part]


class Progress:
    """What the wait for some jobs of a host tells about how they stand."""

    def __init__(self, host: str, display: t.Any, quiet: bool, hidden: bool = False) -> None:
        """:arg quiet: whether to tell nothing.
        :arg hidden: whether to tell nothing but numbers.
        """
        self._host = host
        self._display = display
        self._quiet = quiet
        self._hidden = hidden
        self._draw = None if quiet else getattr(display, HOOK, None)

    def interval(self, asked: float) -> float:
        """:returns: seconds between two reports: `asked`, or less if they are drawn."""
        return asked if self._draw is None else min(asked, _OFTEN)

    def tell(
        self,
        handles: t.Sequence[Handle],
        statuses: t.Sequence[t.Mapping[str, t.Any]],
        news: bool,
        told: t.Collection[str] = (),
        before: t.Mapping[str, int] | None = None,
    ) -> None:
        """Tell how it stands, if that is not the end: the end is the task's own result.

        :arg statuses: what the target said of each job.
        :arg news: whether any job is in another state than it was before.
        :arg told: ids of jobs that have had a line of their own.
        :arg before: how many more jobs of the task had ended before the wait, by state.
        """
        if self._quiet:
            return
        unfinished = any(status["state"] in UNFINISHED for status in statuses)
        stands = standing(self._host, handles, statuses, self._hidden, told, before)
        line = progress(stands) if news and unfinished else ""
        if self._draw is not None:
            self._draw(os.getpid(), stands if unfinished else None, line)
        elif line:
            mention(self._display, line)

    def end(self) -> None:
        """Let nothing be drawn any more, however the wait has ended."""
        if self._draw is not None:
            self._draw(os.getpid(), None, "")


def listen(hear: t.Callable[[int, Standing | None, str], None]) -> None:
    """Let `hear` be told in this process what waits tell in the workers that are forked from now on.

    Its arguments are the pid of the worker, how the wait stands or `None` if it has ended, and the line that would be
    printed, if any.
    """
    from ansible_collections.background.jobs.plugins.plugin_utils._core import patches  # no worker needs it

    patches.add_to_display(HOOK, hear)


def standing(
    host: str,
    handles: t.Sequence[Handle],
    statuses: t.Sequence[t.Mapping[str, t.Any]],
    hidden: bool = False,
    told: t.Collection[str] = (),
    before: t.Mapping[str, int] | None = None,
) -> Standing:
    """:returns: how many are done, which run and for how long, and which did not succeed and why.

    :arg statuses: what the target said of each job.
    :arg hidden: whether jobs are only counted.
    :arg told: ids of jobs of which somebody has been told why they did not succeed.
    :arg before: how many more jobs had ended before, by state.
    """
    before = before or {}
    jobs = list(zip(handles, statuses))
    parts = []
    for state in (RUNNING, QUEUED, *(state for state in ANSWERS if state != SUCCEEDED and state not in UNFINISHED)):
        found = [job for job in jobs if ended_state(job[1]) == state]
        if state == RUNNING:
            found.sort(key=lambda job: -(job[1].get("running_for") or 0))
        if found or before.get(state):
            named = found[:_NAMED] if state not in (QUEUED, SKIPPED) and not hidden else []
            parts.append(Part(state, len(found) + before.get(state, 0), [_job(*job, told) for job in named]))
    done = sum(ended_state(status) == SUCCEEDED for status in statuses) + before.get(SUCCEEDED, 0)
    return Standing(host, len(jobs) + sum(before.values()), done, parts)


def ended_state(status: t.Mapping[str, t.Any]) -> str:
    """:returns: the state of a job; one whose module had nothing to do is skipped."""
    return SKIPPED if status.get("ended_as") == SKIPPED else str(status["state"])


def progress(stands: Standing) -> str:
    """:returns: how jobs stand, in one line."""
    words = [f"{stands.done}/{stands.total} done"]
    for part in stands.parts:
        jobs = [f"{job.name}: {job.cause}" if job.cause else timed(job) for job in part.jobs]
        words.append(f"{part.count} {word(part.state)}" + (f" ({some(jobs, part.count)})" if jobs else ""))
    return f"{stands.host}: {', '.join(words)}"


def shown_name(handle: Handle, status: t.Mapping[str, t.Any]) -> str:
    """:returns: the name of a job as it can be shown.

    :arg status: what the target said of it, if it did.
    """
    name = (status.get("record") or {}).get("name")
    return _short(visible(handle.name if handle.named else str(name or handle.name)), _NAME)


def _job(handle: Handle, status: t.Mapping[str, t.Any], told: t.Collection[str]) -> ShownJob:
    name = shown_name(handle, status)
    if status["state"] == RUNNING:
        return ShownJob(name, seconds=status.get("running_for"))
    if status.get("jid") in told:
        return ShownJob(name)
    record = status.get("record") or {}
    hidden = record.get("no_log") or handle.no_log
    cause = str(status.get("reason") if hidden else status.get("message") or status.get("reason") or "")
    return ShownJob(name, cause=_short(one_line(cause).removeprefix(f"{word(str(status['state']))} "), _CAUSE))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def timed(job: ShownJob, later: float = 0) -> str:
    """:returns: the name of a job, with the time it has been running `later` seconds after that was told."""
    return job.name if job.seconds is None else f"{job.name} {_duration(job.seconds + later)}"


def lasted(seconds: float) -> str:
    """:returns: how long a job ran: `3.1 s`, `41 s`, `5 min 3 s` or `2 h 7 min`."""
    return in_words(seconds) if seconds < 60 else _duration(seconds)


def _duration(seconds: float) -> str:
    """:returns: `41 s`, `5 min 3 s` or `2 h 7 min`."""
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
