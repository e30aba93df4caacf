# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When each job of a run was queued, running and over, on which host, from what callbacks are told.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing as t
from datetime import datetime

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import is_failed
from ansible_collections.background.jobs.plugins.module_utils._model.record import KEY, RecordError, decode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    FAILED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    TIMED_OUT,
    TIMEOUT,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import (
    LAUNCH,
    Ledger,
    StartedJob,
    Task,
    Told,
    has_jid,
    is_found,
    results,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import entry, is_ours, job_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import told as flat
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles

FORMAT = 1
"""Version of the JSON."""
_RUN = "background.jobs.run"
_LINE, _MESSAGE = 300, 1000
"""Characters of a line of output or a name, and of a message, that are kept."""
_DELTA = re.compile(r"(?:(\d{1,6}) days?, )?(\d{1,6}):(\d\d):(\d\d(?:\.\d+)?)")

Result = t.Mapping[str, t.Any]


@dataclasses.dataclass
class TimelineJob:
    """A job of the page and of its JSON. `jid` is empty where it is not known, `name` is never.

    `queued`, `started` and `ended` are seconds since the epoch, `None` if that never happened or nobody saw it: by
    the clock of the host, with the shift of that, or with `builtin`, for a job of builtin async, when the controller
    was told. `elapsed` is seconds. `collected`: somebody has seen its end; `state` is else the last that was seen.
    With `no_log` there is no message and no output.
    """

    host: str
    name: str
    jid: str = ""
    group: str | None = None
    task: str = ""
    place: str = ""
    state: str = RUNNING
    reason: str | None = None
    collected: bool = False
    builtin: bool = False
    no_log: bool = False
    queued: float | None = None
    started: float | None = None
    ended: float | None = None
    elapsed: float | None = None
    attempts: int | None = None
    rc: int | None = None
    msg: str | None = None
    stdout: list[str] = dataclasses.field(default_factory=list)
    stderr: list[str] = dataclasses.field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether `state` is a final one."""
        return self.state not in UNFINISHED

    @property
    def begin(self) -> float:
        """When the entry begins."""
        return next((at for at in (self.queued, self.started, self.ended) if at is not None), 0.0)


@dataclasses.dataclass
class _Seen:
    """What was told of a job so far. The times of `entry` are those of its host.

    `task` is the task that first told of it. `launch` is when that task began and was over, if it started the job.
    `at` is when the job was last told of, all by the clock of the controller.
    """

    entry: TimelineJob
    task: Task
    at: float
    launch: tuple[float, float] | None = None


class Timeline:
    """The jobs of a run, as entries."""

    def __init__(self, output_lines: int, mask: t.Callable[[str], str] = str) -> None:
        """:arg output_lines: how many of the last lines of each output are kept.
        :arg mask: takes secrets out of a text.
        """
        self._lines = output_lines
        self._mask = mask
        self._ledger = Ledger()
        self._seen: dict[str, _Seen] = {}

    def note(self, told: Told) -> None:
        """Take down what `told` says of jobs. Its times are seconds since the epoch."""
        self._ledger.note(told)
        if told.is_hidden:
            if told.action == _RUN and not told.part and not told.read_later:
                self._note_hidden(told)
            return
        noted = set()
        for result in results(told.result):
            each = _of_async(result) if told.starts else result
            if has_jid(each):
                if each["ansible_job_id"] not in noted and is_found(each) and not each.get("erased"):
                    self._note_job(each["ansible_job_id"], each, told)
                noted.add(each["ansible_job_id"])  # inner results know more
            elif told.action in (_RUN, LAUNCH) and not told.part and _is_without_jid(each):
                self._note_job(f"{told.by} {told.key} {len(self._seen)}", each, told)

    def entries(self) -> list[TimelineJob]:
        """:returns: the jobs, in the order in which they begin."""
        shifts = self.shifts()
        started = self._ledger.started()
        jobs = {job.jid: job for job in started if job.jid}
        entries = [self._entry(seen, jobs.get(jid), shifts) for jid, seen in self._seen.items()]
        entries += [_hidden(job) for job in started if not job.jid]
        return sorted(entries, key=lambda entry: entry.begin)

    def shifts(self) -> dict[str, float]:
        """:returns: by host, the seconds by which its clock is behind that of the controller, where that shows.

        It shows where a host says that it has accepted a job before the task that launched it began, or after that was
        over. The shift is the smallest that puts it inside.
        """
        bounds: dict[str, tuple[float, float]] = {}
        for seen in self._seen.values():
            if seen.launch is not None and seen.entry.queued is not None:
                low, high = bounds.get(seen.entry.host, (-math.inf, math.inf))
                began, told = seen.launch
                bounds[seen.entry.host] = max(low, began - seen.entry.queued), min(high, told - seen.entry.queued)
        shifts = {host: low if low > 0 else min(high, 0.0) for host, (low, high) in bounds.items()}
        return {host: round(shift, 3) for host, shift in shifts.items() if round(shift, 3)}

    def _note_job(self, key: str, result: Result, told: Told) -> None:
        new = self._read(result, told)
        seen = self._seen.get(key)
        if seen is None:
            is_own = (told.starts or told.action == _RUN) and not job_of(result).get("attached")
            launch = (told.began, told.at) if is_own else None
            self._seen[key] = _Seen(new, told.task, told.at, launch)
        elif new.finished or not seen.entry.finished:
            seen.at = seen.at if seen.entry.finished else told.at
            _update(seen.entry, new)

    def _note_hidden(self, told: Told) -> None:
        state = SUCCEEDED if told.ok else FAILED
        entry = TimelineJob(told.host, "", state=state, collected=True, no_log=True, started=told.began, ended=told.at)
        self._seen[f"{told.by} {told.key} {len(self._seen)}"] = _Seen(entry, told.task, told.at)

    def _read(self, result: Result, told: Told) -> TimelineJob:
        """:returns: what a result says of its job."""
        said, ours = _said(result)
        state = said["state"] if ours else _builtin_state(said)
        no_log = told.no_log or bool(said.get("_ansible_no_log") or (ours and said.get("no_log")))
        group = (said.get("group") if ours else None) or told.arguments.get("group")
        has_group = isinstance(group, str) and not told.hides and told.action.startswith("background.jobs.")
        elapsed = _finite(said.get("elapsed")) if ours else None
        entry = TimelineJob(
            host=str(said.get("host") or told.host) if ours and told.action == LAUNCH else told.host,
            name="" if told.hides or (no_log and not ours) else self._mask(_name(result, said, ours))[:_LINE],
            jid=said["ansible_job_id"] if has_jid(said) else "",
            group=self._mask(str(group))[:_LINE] if has_group else None,
            state=state,
            reason=said.get("reason") if ours else None,
            builtin=told.action not in (LAUNCH, _RUN) and has_jid(said) and not (ours and "queued_at" in said),
            no_log=no_log,
            queued=_time(said.get("queued_at")) if ours else None,
            started=_time(said.get("started_at")) if ours else None,
            ended=_time(said.get("ended_at")) if ours and state not in UNFINISHED else None,
            elapsed=_seconds(said.get("delta")) if elapsed is None else elapsed,
            attempts=_integer(said.get("attempts")) if ours else None,
            rc=_integer(said.get("rc")),
        )
        if not no_log:
            message = said.get("msg") or said.get("message")
            entry.msg = self._mask(message)[:_MESSAGE] if isinstance(message, str) else None
            entry.stdout, entry.stderr = self._tail(said.get("stdout")), self._tail(said.get("stderr"))
        return entry

    def _tail(self, text: t.Any) -> list[str]:
        if not isinstance(text, str) or self._lines <= 0:
            return []
        return [line[:_LINE] for line in self._mask(text).splitlines()[-self._lines :]]

    def _entry(self, seen: _Seen, job: StartedJob | None, shifts: t.Mapping[str, float]) -> TimelineJob:
        """:returns: what is shown of a job.

        :arg job: what the ledger knows of it, if it was started in this run.
        """
        entry = dataclasses.replace(seen.entry, task=self._mask(seen.task.name), place=seen.task.place)
        collected = self._ledger.collected_at(job) if job is not None else None
        if job is not None:
            entry.host, entry.task, entry.place = job.host, self._mask(job.task.name), job.task.place
        entry.name = entry.name or entry.task
        entry.collected = entry.finished or collected is not None
        if entry.builtin:
            _time_as_told(entry, seen, started=job is not None)
        elif entry.queued is not None:
            shift = shifts.get(seen.entry.host, 0.0)
            entry.queued, entry.started, entry.ended = (
                None if at is None else at + shift for at in (entry.queued, entry.started, entry.ended)
            )
        elif entry.started is None:
            entry.queued = seen.launch[1] if seen.launch is not None else seen.at
        if entry.collected and entry.ended is None:
            entry.ended = seen.at if collected is None or entry.finished else collected
        _put_in_order(entry)
        return entry


def document(timeline: Timeline, playbooks: t.Sequence[str], started: float, ended: float) -> dict[str, t.Any]:
    """:returns: a timeline as the JSON has it.

    :arg started: when the run was, from and to, in seconds since the epoch.
    """
    return {
        "format": FORMAT,
        "playbooks": list(playbooks),
        "started": round(started, 3),
        "ended": round(ended, 3),
        "shifts": timeline.shifts(),
        "jobs": [
            {key: round(value, 3) if isinstance(value, float) else value for key, value in vars(entry).items()}
            for entry in timeline.entries()
        ],
    }


def _hidden(job: StartedJob) -> TimelineJob:
    """:returns: the entry of a job of which only its task is known."""
    return TimelineJob(
        job.host, job.task.name, task=job.task.name, place=job.task.place, no_log=True, started=job.started
    )


def _of_async(result: Result) -> Result:
    """:returns: the result of a task with `async` and `poll` whose job ran into the limit; any other as it is."""
    inside = result.get("async_result")
    if not isinstance(inside, dict) or not has_jid(inside):
        return result
    over = {"started": True, "finished": True, "failed": True, "changed": False, "msg": result.get("msg")}
    return entry(inside, over, {"name": "", "state": TIMED_OUT, "reason": TIMEOUT})


def _is_without_jid(result: Result) -> bool:
    """:returns: whether a result is that of a job that was over before it was sent anywhere."""
    return is_ours(result) and bool(result["finished"])


def _said(result: Result) -> tuple[Result, bool]:
    """:returns: all that a result says in one mapping, and whether that is known to be so of its job: it is ours, or
    `ansible.builtin.async_status` has read our record.
    """
    if KEY not in result:
        return flat(result), is_ours(result)
    try:
        record, module = decode_record(result)
    except RecordError:
        record = None
    if record is None:
        return result, False
    return {**module, **vars(record), "ansible_job_id": result["ansible_job_id"]}, True


def _builtin_state(result: Result) -> str:
    if not result.get("finished"):
        return RUNNING
    if result.get("msg") == "Timeout exceeded" and "child_pid" in result:  # async_wrapper.py of ansible-core
        return TIMED_OUT
    if is_failed(dict(result)):
        return FAILED
    return SKIPPED if result.get("skipped") else SUCCEEDED


def _name(result: Result, said: Result, ours: bool) -> str:
    """:returns: the name of a job; nothing where it has none of its own, and no item.

    :arg said: what `_said` made of `result`.
    """
    own = str(said.get("name") or "") if ours else ""
    if own or not has_jid(result):
        return own if own != said.get("ansible_job_id") else ""
    (handle,) = read_handles({key: value for key, value in result.items() if key not in ("jobs", "results")})
    return handle.name if handle.name != handle.jid and handle.origin else ""


def _update(entry: TimelineJob, new: TimelineJob) -> None:
    """Let `entry` say what a later result has told. What that leaves out stays; host, kind and name always do."""
    no_log = entry.no_log or new.no_log
    name = entry.name or new.name
    for field in dataclasses.fields(TimelineJob):
        value = getattr(new, field.name)
        if field.name not in ("host", "builtin") and (value or isinstance(value, (int, float))):
            setattr(entry, field.name, value)
    entry.reason = new.reason
    entry.no_log, entry.name = no_log, name
    if entry.no_log:
        entry.msg, entry.stdout, entry.stderr = None, [], []


def _time_as_told(entry: TimelineJob, seen: _Seen, started: bool) -> None:
    """Give the entry of a job of builtin async the times at which the controller was told.

    :arg started: it was started in this run, by a task that did not wait for it.
    """
    if not entry.finished:
        entry.elapsed = None
    took = entry.elapsed or 0.0
    if seen.launch is None:
        entry.started = seen.at - took
    else:
        entry.started = seen.launch[1] if started else seen.launch[0]
    if entry.finished:
        entry.ended = min(seen.at, entry.started + took) if entry.elapsed is not None else seen.at


def _put_in_order(entry: TimelineJob) -> None:
    """Let no time of an entry be before another that was earlier: the clock of a host may have been set meanwhile."""
    if entry.started is not None:
        entry.started = max(entry.started, entry.queued or entry.started)
    if entry.ended is not None and entry.ended < (entry.started or entry.begin):
        entry.ended = (entry.started or entry.begin) + (entry.elapsed or 0.0)


def _time(value: t.Any) -> float | None:
    """:returns: seconds since the epoch, from these or from the form of our results; `None` for anything else."""
    if not isinstance(value, str):
        return _finite(value)
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (OverflowError, ValueError):
        return None


def _seconds(delta: t.Any) -> float | None:
    """:returns: the seconds of what modules return as `delta`."""
    found = _DELTA.fullmatch(delta) if isinstance(delta, str) else None
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    return ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)


def _integer(value: t.Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _finite(value: t.Any) -> float | None:
    """:returns: a number that JSON has, `None` for anything else."""
    try:
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    except OverflowError:
        return None
