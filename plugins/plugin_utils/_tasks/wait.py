# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for jobs: one question to the target at a time, until all are finished or time is up.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import shlex
import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._model.ids import is_meant
from ansible_collections.background.jobs.plugins.module_utils._model.names import is_jid
from ansible_collections.background.jobs.plugins.module_utils._model.outcome import name_survivors
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    LOST,
    NOT_FOUND,
    RUNNING,
    STOPPED,
    UNFINISHED,
    UNREADABLE,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import seen_as
from ansible_collections.background.jobs.plugins.plugin_utils._core.alarm import TooLate, within
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import state_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import warn
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import duration
from ansible_collections.background.jobs.plugins.plugin_utils._display.lines import Lines
from ansible_collections.background.jobs.plugins.plugin_utils._display.progress import Progress
from ansible_collections.background.jobs.plugins.plugin_utils._display.stream import Stream
from ansible_collections.background.jobs.plugins.plugin_utils._results.diff import diffs
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import (
    combine,
    facts_of,
    headline,
    headroom,
    judged,
    known_result,
    misdirected,
    overdue,
    withheld,
)
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.interrupt import STAND, Left, open_handle
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, Vars
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.reach import reach

PROGRESS_INTERVAL = (
    "'poll' is 'progress_interval' here: how often to print how the jobs stand; their end is noticed at once anyway"
)
"""What to write instead of the option `poll`."""
_LONGEST = 60_000
"""Characters of a command: an argument has at most 128 KiB on Linux (execve(2)), and quoting may add some."""
_AT_ONCE = 200
"""Jobs whose files one rm(1) removes."""
_REMOVE = (
    'e=0; a() { for m in ".$1".*.sharer; do if [ -e "$m" ]; then return 0; fi; done; return 1; }; '
    'r() { b=${1#-}; shift; for n; do shift; s "$b$n" "$b$n" || set -- "$@" "$b$n" "$b$n.log"; done; '
    '[ $# -eq 0 ] || rm -f -- "$@" || e=1; [ -z "$b" ] || t "$b"; }; '
    't() { [ -e ".$1trace" ] || return 0; for m in "$1"*; do if [ -e "$m" ]; then return 0; fi; done; '
    'rm -f -- ".$1trace" || e=1; }; '
    's() { [ -e ".$1.shared" ] || return 1; rm -f ".$1.$2.sharer" || e=1; '
    'if a "$1"; then [ ! -e "$1" ] || mv -f "$1" ".$1.shared" || e=1; '
    'else rm -f -- "$1" "$1.log" ".$1.shared" || e=1; t "${1%.*}."; fi; }'
)
"""Functions of the shell: r removes files of some jobs, given a batch and their numbers; it takes each number from the
front of its arguments, and puts the names of the files at their end. s collects, as `_store.store.Store.collect`
does, a job that several wait for, given its jid and who collects it; a tells whether others are left. t removes the
trace of a batch with the last of its jobs."""
_LEAST = 1.0
"""Seconds between two questions where the first had an answer with nothing new."""
_LATE = 60.0
"""Seconds after the end of a wait at which a host has told long ago that it is the end."""
_SLICE = 120.0
"""Seconds after which the target answers in any case, before anything on the way takes the connection for idle."""

_COLLECTED = "_background_jobs_collected"
"""The attribute of a task that keeps results of its jobs between attempts, in the worker, by jid."""

display = Display()


@dataclasses.dataclass
class Terms:
    """How to wait. Durations are seconds.

    `wait_timeout` is how long at most, 0 for as long as the jobs' own limits take. `progress_interval` is the time
    between progress reports. `cleanup`: remove the files of the jobs that are finished. `stream`: show their output
    as it appears. `quiet`: print no progress. `grace` is how long the host may be out of reach. `set_facts`: let
    ansible-core set the facts of the only job.
    """

    wait_timeout: float = 0
    progress_interval: float = 15
    cleanup: bool = True
    stream: bool = False
    quiet: bool = False
    grace: float = 60
    set_facts: bool = False

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any], **others: t.Any) -> Terms:
        """:returns: the terms that the options of a task name, with `others` beside.

        :raises DefinitionError: one of them makes no sense.
        """
        return cls(
            progress_interval=duration(options["progress_interval"], "progress_interval"),
            stream=options["stream"],
            quiet=options["quiet"],
            grace=duration(options["unreachable_grace"], "unreachable_grace"),
            set_facts=options["set_facts"],
            **others,
        )


class Wait:
    """A wait for some jobs of a host, which asks the target again and again. Its time begins when it is made."""

    def __init__(self, action: JobAction, terms: Terms, task_vars: Vars) -> None:
        self._action = action
        self._terms = terms
        self._task_vars = task_vars
        self._start = time.monotonic()
        self._handles: list[Handle] = []
        self._user = ""
        self._stream = Stream(action.host, display) if terms.stream and not action.hidden else None
        self._seen: dict[str, str] = {}
        self._progress = Progress(action.host, display, terms.quiet, action.hidden)
        self._lines = Lines(action.host, display, terms.quiet or action.hidden)
        self._known: collections.Counter[str] = collections.Counter()
        """How many jobs had ended before, by state: skipped by their `when`, or collected already."""
        self._run = os.getppid()
        self._collected: dict[str, dict[str, t.Any]] = vars(action._task).setdefault(_COLLECTED, {})

    def opening(self) -> dict[str, t.Any]:
        """:returns: the first question, for those who ask it in the round trip that starts the jobs."""
        return self._question(_SLICE, False)

    def for_jobs(self, handles: t.Sequence[Handle], answer: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Wait for jobs and collect their results, in order.

        :arg answer: that to `opening`, if it was asked.
        :returns: the result of the task.
        """
        for handle in handles:
            whole = next((jid for jid in self._collected if is_meant(handle.jid, jid)), handle.jid)
            handle.result = handle.result or self._collected.get(whole)
        self._handles = [handle for handle in handles if handle.result is None]
        ended = [known_result(handle) for handle in handles if handle.result is not None]
        self._known = collections.Counter(map(state_of, ended))
        self._note_left()
        statuses = self._until_finished(answer) if self._handles else []

        def results() -> list[dict[str, t.Any]]:
            before, told = map(dict, ended), iter(judged(self._handles, statuses, self._action.host))
            return [next(told if handle.result is None else before) for handle in handles]

        return self._collect(results, statuses)

    def for_group(self, group: str | None, names: t.Sequence[str] | None) -> dict[str, t.Any]:
        """Wait for all jobs of a group, or of these names, that are on the host.

        :returns: the result of the task.
        :raises AnsibleActionFail: there is none.
        """
        before = list(self._collected.values())
        self._known = collections.Counter(map(state_of, before))
        statuses = self._until_finished(selection={"group": group, "names": names})
        if not statuses and not before:
            named = " or ".join(f"'{name}'" for name in names or [])
            what = "there is no job" + (f" named {named}" if named else "") + (f" of group '{group}'" if group else "")
            if self._action.hidden:
                what = "there is no such job"
            raise AnsibleActionFail(
                f"{what} on {self._action.host} for user {self._user}: it was collected already, was never started, or "
                "was started as another user or with another async_dir (see background.jobs.job_info)"
            )
        return self._collect(lambda: [*before, *judged(self._handles, statuses, self._action.host)], statuses)

    def _collect(
        self, results: t.Callable[[], list[dict[str, t.Any]]], statuses: t.Sequence[dict[str, t.Any]]
    ) -> dict[str, t.Any]:
        """Put the result of the task together, and then remove files. Whatever interrupts that, the result stands.

        :arg results: puts those of the jobs together.
        """
        told = results()
        combined = self._conclude(told)
        self._action.left = Left([], result=combined)
        self._lines.close(told, statuses)
        tight = headroom(self._action.host, statuses, self._action.hidden)
        if tight is not None:
            warn(display, tight)
        if self._terms.cleanup and clean_up(self._action, statuses, self._task_vars, sharers(self._handles)):
            combined = self._conclude(results())
            self._action.left = Left([], result=combined)
        self._remember(combined["results"])
        return combined

    def _remember(self, results: t.Sequence[dict[str, t.Any]]) -> None:
        """Keep what was collected for another attempt of this task: the host has it no more."""
        if self._terms.cleanup:
            self._collected.update({each["ansible_job_id"]: dict(each) for each in results if _is_collected(each)})

    def _conclude(self, results: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        host, hidden = self._action.host, self._action.hidden
        combined = combine(results, time.monotonic() - self._start, host)
        changes = diffs(results) if self._action.in_diff_mode else []
        if changes:
            combined["diff"] = changes
        if hidden:
            combined["msg"] = withheld(results, host)
        combined["msg"] = overdue(results, host, self._terms.wait_timeout, hidden) or combined["msg"]
        self._action.headline = headline(results, host, self._terms.wait_timeout)
        if self._terms.set_facts:
            combined.update(facts_of(results))
        return combined

    def _note_left(self) -> None:
        """Note which jobs are left if this task is interrupted, unless the launch before it has done so."""
        handles = [
            open_handle(
                each.jid,
                each.name,
                RUNNING,
                results_file=each.results_file,
                host=each.host,
                user=each.user,
                group=each.group,
                attached_as=each.attached_as,
                no_log=(each.no_log and each.name != each.jid) or None,
                origin=each.origin,
            )
            for each in self._handles
        ]
        self._action.left = self._action.left or Left.of(handles, STAND)

    def _until_finished(
        self, answer: dict[str, t.Any] | None = None, selection: t.Mapping[str, t.Any] | None = None
    ) -> list[dict[str, t.Any]]:
        """:returns: the last word of the target about each job, with its result where it is finished.

        :arg answer: that to the first question, if it was asked.
        :arg selection: which jobs to wait for, in place of handles: a group and names.
        """
        try:
            while True:
                asked, before = time.monotonic(), self._seen
                statuses, final, selection = self._hear(answer or self._ask(selection), selection)
                if final:
                    break
                answer = None
                self._check_time()
                if self._seen == before:  # a host that has nothing new answers later than that
                    time.sleep(max(0.0, asked + _LEAST - time.monotonic()))
        finally:
            self._progress.end()
        return statuses

    def _check_time(self) -> None:
        """:raises AnsibleActionFail: the host puts the end of this wait off, although it was asked not to."""
        timeout = self._terms.wait_timeout
        if timeout and time.monotonic() > self._start + timeout + _LATE:
            raise AnsibleActionFail(
                f"the answer of {self._action.host} about its jobs makes no sense: it says that more will come, "
                f"{_LATE:.0f} s after the {timeout:.0f} s of this wait; nothing was removed there"
            )

    def _hear(
        self, answer: t.Mapping[str, t.Any], selection: t.Mapping[str, t.Any] | None
    ) -> tuple[list[dict[str, t.Any]], bool, t.Mapping[str, t.Any] | None]:
        """Take an answer in, and tell the user what is new.

        :returns: what it says of each job, whether it is the last word, and the selection to ask with next.
        """
        if os.getppid() != self._run:
            # Killed: there is nobody to give results to, so they stay where they are.
            raise AnsibleActionFail(f"the run that waited for jobs on {self._action.host} has ended")
        statuses: list[dict[str, t.Any]] = answer["jobs"]
        if selection is not None:
            self._handles = [_found(status, self._action.host) for status in statuses]
            self._note_left()
            selection = None if statuses else selection
        for handle, status in zip(self._handles, statuses):  # perhaps no more was given than a part of the id
            if handle.name == handle.jid:
                handle.name = str((status.get("record") or {}).get("name") or status["jid"])
            handle.jid = status["jid"]
        self._user = answer["user"]
        self._explain(statuses)
        if self._stream is not None:
            self._stream.show(self._handles, answer.get("output") or {})
        self._report(statuses, bool(answer["final"]))
        return statuses, bool(answer["final"]), selection

    def _ask(self, selection: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
        timeout = self._terms.wait_timeout
        left = self._start + timeout - time.monotonic() if timeout else _SLICE
        question = self._question(max(0.0, min(_SLICE, left)), bool(timeout) and left <= _SLICE)
        if selection is not None:
            question["selection"] = dict(selection)
        secret = selection is not None or any(handle.no_log for handle in self._handles)
        jids = [handle.jid for handle in self._handles]

        def ask() -> dict[str, t.Any]:
            return reach(
                self._action,
                lambda: self._action.ask(jids, "status", self._task_vars, secret, **question),
                self._terms.grace,
                "the connection is lost, its jobs run on",
                "its jobs run on, and keep their results for another background.jobs.wait",
            )

        if not timeout:
            return ask()
        try:
            with within(max(0.0, left) + _LATE + self._terms.grace):
                return ask()
        except TooLate:
            raise AnsibleActionFail(
                f"{self._action.host} holds the connection and does not answer, long after the {timeout:.0f} s of this "
                "wait; nothing was removed there"
            ) from None

    def _question(self, patience: float, last: bool) -> dict[str, t.Any]:
        """:returns: fields of `_reader.wait.Question`, whose words these are."""
        question: dict[str, t.Any] = {
            "results_files": {handle.jid: handle.results_file for handle in self._handles if handle.results_file},
            "patience": patience,
            "report": self._progress.interval(self._terms.progress_interval),
            "last": last,
            "known": self._seen,
        }
        shared = sharers(self._handles)
        if shared:
            question["sharers"] = shared
        if self._stream is not None:
            question["offsets"] = self._stream.offsets
        return question

    def _explain(self, statuses: t.Sequence[dict[str, t.Any]]) -> None:
        """Say of what was not found that it was looked for in the wrong place, if it was."""
        for handle, status in zip(self._handles, statuses):
            if status["state"] == NOT_FOUND or status["reason"] == UNREADABLE:
                status["message"] = misdirected(handle, self._action.host, self._user) or status["message"]

    def _report(self, statuses: t.Sequence[t.Mapping[str, t.Any]], final: bool) -> None:
        """Tell how it stands.

        :arg final: whether results have arrived with that.
        """
        states = {status["jid"]: seen_as(status["state"], status["reason"]) for status in statuses}
        stopped = {
            str(status["message"]): None
            for status in statuses
            if states[status["jid"]] == STOPPED and self._seen.get(status["jid"]) != STOPPED
        }
        for message in stopped:
            warn(display, f"{self._action.host}: {message}")
        if not final:
            self._lines.seen(self._handles, statuses, sum(self._known.values()) + len(statuses))
        self._progress.tell(self._handles, statuses, states != self._seen, self._lines.told, self._known)
        self._seen = states
        if self._action.left is not None:
            self._action.left.note({status["jid"]: status["state"] for status in statuses})


def _is_collected(result: t.Mapping[str, t.Any]) -> bool:
    return "ansible_job_id" in result and state_of(result) not in (*UNFINISHED, NOT_FOUND)


def sharers(handles: t.Iterable[Handle]) -> dict[str, str]:
    """:returns: as which of those who wait for a job a task asks, by jid, where others have started the job."""
    return {handle.jid: handle.attached_as for handle in handles if handle.attached_as is not None}


def clean_up(
    action: JobAction,
    statuses: t.Sequence[dict[str, t.Any]],
    task_vars: Vars,
    shared: dict[str, str],
) -> bool:
    """Remove the files of finished jobs, now that their results have arrived: whoever waits again finds no others.

    A plain command does it, but for a lost job, which may have left processes. Those that could not be ended are named
    in its status.

    :arg shared: the `sharers` of the task.
    :returns: whether there were such.
    """
    more = False
    finished = [status for status in statuses if status["state"] not in UNFINISHED and status["ours_to_remove"]]
    lost = [status for status in finished if status["state"] == LOST]
    plain = [status for status in finished if status["state"] != LOST]
    try:
        for command in removals({status["results_file"]: shared.get(status["jid"]) for status in plain}):
            action.run_removal(command)
        if lost:
            files = {status["jid"]: status["results_file"] for status in lost}
            answer = action.ask(list(files), "cleanup", task_vars, False, results_files=files, sharers=shared)
            for status, told in zip(lost, answer["jobs"]):
                more = _name_survivors(status, told.get("survivors") or []) or more
    except (AnsibleActionFail, AnsibleConnectionFailure) as exc:
        warn(
            display,
            f"{action.host}: the files of {len(finished)} collected jobs could not be removed; "
            f"background.jobs.prune removes them later: {one_line(exc.message)}",
        )
    return more


def _name_survivors(status: dict[str, t.Any], survivors: t.Sequence[dict[str, t.Any]]) -> bool:
    """Say of a lost job which of its processes could not be ended.

    :returns: whether there were any.
    """
    if survivors:
        status["message"] = f"{status['message']}; {name_survivors(survivors)}"
        status["record"] = {**(status["record"] or {}), "survivors": list(survivors)}
    return bool(survivors)


def _found(status: t.Mapping[str, t.Any], host: str) -> Handle:
    """:returns: the handle of a job that the target has found by itself."""
    record = status.get("record") or {}
    return Handle(
        jid=status["jid"],
        name=str(record.get("name") or status["jid"]),
        results_file=status["results_file"],
        host=host,
        user=record.get("user"),
        group=record.get("group"),
        no_log=bool(record.get("no_log")),
    )


def removals(results_files: t.Mapping[str, str | None]) -> list[str]:
    """:returns: commands for any POSIX shell, with no other programs than rm and mv, that remove status files and the
    logs beside them.

    A status file for which others wait (see `_store.store.Store.share`) is hidden instead; the last of them removes
    it. A directory and a batch are written once for all their jobs, and no command is longer than `_LONGEST`.

    :arg results_files: the paths of status files, each with who collects it where that is not who started the job.
    """
    calls: dict[str, list[str]] = {}
    numbers: dict[tuple[str, str], list[str]] = {}
    for path, sharer in results_files.items():
        directory, name = os.path.split(path)
        if not is_jid(name):  # of digits and a dot, so there is nothing in it that a shell would not take as it is
            continue
        some = calls.setdefault(directory, [])
        if sharer is not None and is_jid(sharer):
            some.append(f"; s {name} {sharer} || r - {name}")
            continue
        batch, dot, number = name.rpartition(".")
        numbers.setdefault((directory, batch + dot), []).append(number)
    for (directory, batch), ends in numbers.items():
        for start in range(0, len(ends), _AT_ONCE):
            calls[directory].append(f"; r {batch or '-'} {' '.join(ends[start : start + _AT_ONCE])}")
    return [command for directory, some in calls.items() for command in _commands(directory, some)]


def _commands(directory: str, calls: t.Iterable[str]) -> t.Iterator[str]:
    opening = f"{_REMOVE}; cd {shlex.quote(directory)} || exit"
    command = opening
    for call in calls:
        if len(command) + len(call) > _LONGEST and command != opening:
            yield f"{command}; exit $e"
            command = opening
        command += call
    if command != opening:
        yield f"{command}; exit $e"
