# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who started which job in a run, and who collected it, from what callbacks are told; and the sentences about it.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    NOT_FOUND,
    SUCCEEDED,
    UNFINISHED,
    UNREADABLE,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import is_ours, job_of, reason_of, state_of
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import HandleError, read_handles

LAUNCH = "background.jobs.launch"
_RUN = "background.jobs.run"
_WAIT = "background.jobs.wait"
_CANCEL = "background.jobs.cancel"
_ASKERS = ("background.jobs.async_status", "ansible.builtin.async_status", "ansible.legacy.async_status")
_LISTED = 5
"""Jobs of one task up to which each has a line of its own."""
_SHOWN = 3
"""Names that a line about many shows."""
_TEXT = 200
"""Characters of a message that a line shows."""
_ADVICE = (
    "Wait for them with background.jobs.wait or the role background.jobs.reap, or end them with "
    "background.jobs.cancel. 'ansible-playbook background.jobs.list' shows what is left on the hosts."
)


@dataclasses.dataclass(frozen=True)
class Task:
    """A task as its author knows it: its name, and `file:line`."""

    name: str
    place: str

    def __str__(self) -> str:
        return f'"{self.name}"' + (f", {self.place}" if self.place else "")


@dataclasses.dataclass
class StartedJob:
    """A job that was started. `jid` is empty where `no_log` hides it, `name` where the job has none of its own.

    `host` is the one it runs on, `by` the one of the play that its task was done for.
    `started` is when that was told, in seconds of the clock of `Told`.
    `origin` is what the one who told it needs to ask for the job.
    `standing_of` tells how it stood when somebody looked last; empty if nobody did.
    """

    host: str
    by: str
    task: Task
    jid: str = ""
    name: str = ""
    no_log: bool = False
    started: float = 0.0
    origin: t.Any = None
    standing: str = ""


@dataclasses.dataclass
class Told:
    """What a callback is told of one task on one host.

    `key` names the task among all tasks of the run. `action` is its full name, `arguments` are its resolved ones.
    `starts` tells whether the task is one that starts jobs, `ok` whether it went well.
    `part` is true for one item of a loop and for one of several attempts: the result of the whole comes later.
    `read_later` is true if a hidden result can be read later, from the variable that it is registered in.
    `until` tells whether the task is repeated until something is true.
    `no_log` tells whether the result was hidden, even if it is not any more; `hides` whether the task has `no_log`.
    `at` is when it was told, `began` when the task, or this part of it, began on the host, in seconds of one clock.
    """

    host: str
    by: str
    task: Task
    key: str
    action: str
    arguments: t.Mapping[str, t.Any]
    result: t.Mapping[str, t.Any]
    starts: bool = False
    ok: bool = True
    part: bool = False
    read_later: bool = False
    until: bool = False
    no_log: bool = False
    hides: bool = False
    at: float = 0.0
    began: float = 0.0
    origin: t.Any = None

    @property
    def is_hidden(self) -> bool:
        """Whether `no_log` hides the result from callbacks."""
        return "censored" in self.result


class Ledger:
    """The jobs of a run."""

    def __init__(self) -> None:
        self._started: dict[str, StartedJob] = {}
        self._collected: dict[str, float] = {}
        self._hidden: dict[tuple[str, str], list[StartedJob]] = {}

    def note(self, told: Told) -> None:
        """Take down what `told` says of jobs. What was told before, such as by an item of a loop, changes nothing."""
        if told.is_hidden:
            self._note_hidden(told)
        elif told.starts or told.action == _RUN:  # a run that was interrupted has left jobs
            self._note_started(told)
        else:
            self._collect((each["ansible_job_id"] for each in results(told.result) if _has_ended(each)), told.at)

    def started(self) -> list[StartedJob]:
        """:returns: all jobs that were started, in that order."""
        hidden = [job for jobs in self._hidden.values() for job in jobs]
        return sorted([*self._started.values(), *hidden], key=lambda job: job.started)

    def unreaped(self) -> list[StartedJob]:
        """:returns: the jobs that nobody has collected, in the order they were started in."""
        return [job for job in self.started() if self.collected_at(job) is None]

    def collected_at(self, job: StartedJob) -> float | None:
        """:returns: when it was told that a job has ended, or that its files were removed; `None` if it was not."""
        return self._collected.get(job.jid)

    def _collect(self, jids: t.Iterable[str], at: float) -> None:
        for jid in jids:
            self._collected.setdefault(jid, at)

    def _note_started(self, told: Told) -> None:
        running: dict[str, t.Mapping[str, t.Any]] = {}
        for each in results(told.result):
            if _has_ended(each):
                self._collect([each["ansible_job_id"]], told.at)
            elif has_jid(each) and each.get("started"):
                running.setdefault(each["ansible_job_id"], each)
        hidden = [] if told.part else self._hidden.pop((told.by, told.key), [])
        if len(hidden) != len(running):  # a launch is one task with many jobs
            hidden = [hidden[0] if hidden else _job(told)] * len(running)
        for job, (jid, each) in zip(hidden, running.items()):
            said = job_of(each)
            self._started.setdefault(
                jid,
                dataclasses.replace(
                    job,
                    jid=jid,
                    name=str(said.get("name") or "") if not told.hides else "",
                    host=str(said.get("host") or job.host),
                    no_log=told.no_log or bool(said.get("no_log")),
                ),
            )

    def _note_hidden(self, told: Told) -> None:
        if told.starts:
            jobs = self._hidden.setdefault((told.by, told.key), [])
            if told.ok and (told.part or not jobs):
                jobs.append(_job(told))
        elif told.ok or not told.read_later:
            self._collect(_collected_unseen(told), told.at)


def place(path: str, directory: str) -> str:
    """:returns: `file:line` of a task for somebody who is in `directory`: the shorter of absolute and relative."""
    if not os.path.isabs(path):
        return path
    return min(os.path.relpath(path, directory), path, key=len)


def standing_of(job: StartedJob, answer: t.Mapping[str, t.Any]) -> str:
    """:returns: the status of a job, as a clause.

    :arg answer: its result as `background.jobs.async_status` returns it, or that of the task that did not get one.
    """
    if not is_ours(answer):
        why = "its id is hidden" if not job.jid else _first_line(answer.get("msg")) or "no answer"
        return f"could not be asked for: {why}"
    state, reason = state_of(answer), reason_of(answer)
    if state in UNFINISHED:
        return state
    if state == SUCCEEDED:
        return "finished, its result was not collected"
    cause = _first_line(answer.get("msg") or reason)
    if job.no_log or answer.get("_ansible_no_log"):
        cause = _first_line(reason)
    if answer.get("rc"):
        cause = f"rc {answer['rc']}"
    return state.replace("_", " ") + (f": {cause}" if cause else "")


def report(jobs: t.Sequence[StartedJob], now: float, every: bool = False) -> list[str]:
    """:returns: lines that name each job that nobody collected; many of one task that stand alike share a line.

    :arg now: the time, in seconds of the monotonic clock of `Job.started`.
    :arg every: whether each job is to have a line of its own, however many there are.
    """
    groups: dict[tuple[Task, str], list[StartedJob]] = {}
    for job in jobs:
        groups.setdefault((job.task, job.standing), []).append(job)
    lines = ["Jobs that nobody collected:"]
    for group in groups.values():
        if every or len(group) <= _LISTED:
            lines += [f"  {_line(job)}{_stands(job, now)}" for job in group]
        else:
            lines.append(f"  {_many(group)}{_stands(group[0], now, 'the first ')}")
    return [*lines, _ADVICE]


def results(result: t.Any) -> t.Iterator[t.Mapping[str, t.Any]]:
    """:returns: a result and all results in it, those first, because they know more."""
    if isinstance(result, t.Mapping):
        inner = result.get("results")
        if isinstance(inner, t.Iterable) and not isinstance(inner, (str, t.Mapping)):
            for each in inner:
                yield from results(each)
        yield result


def has_jid(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a result is that of a job."""
    return isinstance(result.get("ansible_job_id"), str) and bool(result["ansible_job_id"])


def is_found(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether the job of a result was found where it was looked for."""
    if is_ours(result):
        return state_of(result) != NOT_FOUND and reason_of(result) != UNREADABLE
    return result.get("msg") != "could not find job"


def _has_ended(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a result tells of a job that it has ended, or that its files were removed."""
    return has_jid(result) and is_found(result) and bool(result.get("finished") or result.get("erased"))


def _job(told: Told) -> StartedJob:
    return StartedJob(told.host, told.by, told.task, no_log=True, started=told.at, origin=told.origin)


def _collected_unseen(told: Told) -> list[str]:
    """:returns: the jobs that a task has collected whose result is hidden, by what it was asked for.

    A wait without a limit fails where a job has failed. A status is only known to be the last one where the task was
    repeated until something was true, and went well.
    """
    arguments = told.arguments
    if told.action in _ASKERS:
        if not told.ok or not (told.until or arguments.get("mode") == "cleanup"):
            return []
        asked = arguments.get("jid") or arguments.get("jids")
    elif told.action in (_WAIT, _CANCEL):
        if not told.ok and (told.action == _CANCEL or arguments.get("wait_timeout")):
            return []
        asked = arguments.get("jobs")
    else:
        return []
    try:
        return [handle.jid for handle in read_handles(asked)]
    except HandleError:
        return []


def _line(job: StartedJob) -> str:
    where = job.host + (f" (delegated by {job.by})" if job.by != job.host else "")
    if not job.jid:
        return f"{where}: a job of {job.task}, whose id is hidden by no_log"
    return f"{where}: {job.jid}{f' ({job.name})' if job.name else ''}, {job.task}"


def _many(jobs: t.Sequence[StartedJob]) -> str:
    hosts = list(dict.fromkeys(job.host for job in jobs))
    jids = [job.jid for job in jobs if job.jid]
    which = ": " + _some(jids, "") if jids else ", whose ids are hidden by no_log"
    return f"{_some(hosts, ' hosts')}: {len(jobs)} jobs of {jobs[0].task}{which}"


def _stands(job: StartedJob, now: float, which: str = "") -> str:
    if not job.standing:
        return ""
    since = f", {which}started {_span(now - job.started)} ago" if job.standing in UNFINISHED else ""
    return f": {job.standing}{since}"


def _some(names: t.Sequence[str], noun: str) -> str:
    if len(names) <= _SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more{noun}"


def _span(seconds: float) -> str:
    """:returns: a time span, roughly."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _first_line(text: t.Any) -> str:
    return "".join(str(text or "").strip().splitlines()[:1])[:_TEXT]
