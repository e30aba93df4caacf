# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a batch: from the options of the task to the handles of its jobs.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import secrets
import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.background.jobs.plugins.module_utils._model.batch import ATTACH, START, Batch, Packing
from ansible_collections.background.jobs.plugins.module_utils._model.states import NOT_FOUND, QUEUED
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY
from ansible_collections.background.jobs.plugins.plugin_utils._core.unsent import Unsent
from ansible_collections.background.jobs.plugins.plugin_utils._define.capture import Capture, Captured, CaptureError
from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import ConditionError
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import (
    Defaults,
    Definition,
    DefinitionError,
    IsModule,
    byte_size,
    check_names,
    check_order,
    concurrency,
    define,
    define_skipped,
    duration,
    halt,
    jobs_of,
    label,
    predecessors,
)
from ansible_collections.background.jobs.plugins.plugin_utils._define.item import distinct, short_name
from ansible_collections.background.jobs.plugins.plugin_utils._define.mistakes import Mistakes, placed, wrong
from ansible_collections.background.jobs.plugins.plugin_utils._define.modules import is_module
from ansible_collections.background.jobs.plugins.plugin_utils._define.written import named, resolve_job
from ansible_collections.background.jobs.plugins.plugin_utils._results.answer import (
    Unbelievable,
    check_started,
    reading_answer_of,
)
from ansible_collections.background.jobs.plugins.plugin_utils._results.results import finished_here
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import interrupt
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, NoAnswer, Vars
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.reach import had_connected, reach

_GRACE = 3.0
"""Seconds for which a host that has not answered is asked whether it has started jobs."""
_LABEL = "label"
_DEFERRED = ("jobs", "job", _LABEL)
"""Options whose templates are resolved job by job: containers, and a text."""

compat.defer_arguments(("jobs", "job"), (_LABEL,), ("background.jobs.launch", "background.jobs.run"))


_HIDDEN = "(hidden by no_log)"
_WHOLE = "_background_jobs_arguments"
"""The attribute of a task that keeps its arguments between attempts, in the worker."""


class LaunchAction(JobAction):
    """An action with the options that describe jobs."""

    def run(self, tmp: str | None = None, task_vars: Vars | None = None) -> dict[str, t.Any]:
        """Do what `JobAction.run` does, and take the arguments of jobs with `no_log` out of the task afterwards.

        Callbacks are told of a task that is over with its arguments, whose templates are resolved by then; some print
        them, such as the default one with `display_args_to_stdout`.
        """
        task: t.Any = self._task
        whole = getattr(task, _WHOLE, task.args)  # there if the task is tried again, by another action
        setattr(task, _WHOLE, whole)
        task.args = whole
        try:
            return super().run(tmp, task_vars)
        finally:
            task.args = shown_arguments(whole)

    @classmethod
    def finalize_task_arg(cls, name: str, value: t.Any, templar: t.Any, context: t.Any) -> t.Any:
        """Leave jobs alone until their turn comes. Called since ansible-core 2.19, where `assert` needs it too."""
        if name not in _DEFERRED:
            return super().finalize_task_arg(name, value, templar, context)
        if isinstance(value, str) and name != _LABEL:
            return templar.resolve_to_container(value)
        return value


def shown_arguments(arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the options of a task without what its jobs with `no_log` have but their names, nor their items."""
    shown = dict(arguments)
    if isinstance(shown.get("jobs"), list):
        shown["jobs"] = [_shown_job(job) for job in shown["jobs"]]
    if _hides(shown.get("job")):
        shown["job"] = _shown_job(shown["job"])
        shown["for_each"] = _HIDDEN
    return shown


def _shown_job(job: t.Any) -> t.Any:
    if not _hides(job):
        return job
    return {key: job[key] if key in ("name", "no_log") else _HIDDEN for key in job}


def _hides(job: t.Any) -> bool:
    """:returns: whether a job may have `no_log`; a template is not resolved here, so it may."""
    return isinstance(job, dict) and str(job.get("no_log") or False).lower() not in (
        "false",
        "no",
        "off",
        "0",
        "n",
        "f",
    )


@dataclasses.dataclass
class Along:
    """What is asked of the jobs in the round trip that starts them: `question` has fields of `_reader.wait.Question`.

    `grace` is how many seconds the host may be out of reach once it was reached.
    """

    question: dict[str, t.Any]
    grace: float


def launch(
    action: JobAction, options: dict[str, t.Any], task_vars: Vars, along: Along | None = None
) -> dict[str, t.Any]:
    """Start the jobs that the options describe; all of them, or, where one cannot be built, none.

    :returns: `results` with the handles in input order, `ansible_facts` where the interpreter was looked for, and
        `answer` to what was asked along, if there is one.
    :raises DefinitionError: one of them cannot be built.
    :raises AnsibleActionFail: nothing was started; the message says why.
    """
    capture = Capture(action, task_vars)
    packing = Packing()
    try:
        batch = _batch(options)
        definitions = _definitions(action, options, task_vars, capture)
        check_names(definitions)
        check_order(definitions)
        jids = {definition.name: f"{batch.batch}.{index}" for index, definition in enumerate(definitions)}
        captured, mistakes = [], Mistakes(len(definitions))
        for definition in definitions:
            with mistakes.noting():
                made = capture.job(definition, jids[definition.name])
                if made.job is not None:
                    packing.add(made.job)
                    made.job.steps = []  # 170 kB each
                captured.append(made)
            if mistakes.enough:
                break
        mistakes.check()
        _put_in_order(definitions, captured, jids)
        batch.jobs = [made.job for made in captured if made.job is not None]
        capture.hand_over(batch.jobs)
        no_log = any(definition.no_log for definition in definitions)
        started, answer = _start(action, batch, packing, task_vars, along, no_log)
    except (DefinitionError, CaptureError) as exc:
        capture.give_up()
        raise wrong(exc, f"; nothing was started on {action.host}") from None
    except AnsibleActionFail as exc:
        capture.give_up()
        if not isinstance(exc, Unbelievable):  # whose host may have started all of them
            action.left = None
        raise
    handles = []
    for definition, each in zip(definitions, captured):
        origin = _origin(definition)
        if each.job is None:
            handle = finished_here(definition, each.result or {}, origin, batch.group)
        else:
            handle = started[each.job.jid]
            handle[KEY]["conditions"] = definition.conditions.kept()
        handles.append({**handle, **origin, KEY: handle[KEY]})
    action.left = interrupt.Left.of(handles, group=batch.group)
    result: dict[str, t.Any] = {"results": handles}
    if answer is not None:
        result["answer"] = answer
    if no_log:
        result["_ansible_no_log"] = True
    if capture.facts:
        result["ansible_facts"] = capture.facts
    return result


def _batch(options: t.Mapping[str, t.Any]) -> Batch:
    """:returns: a batch without jobs yet, with what the options say about all of them together."""
    if options["if_running"] != START and options["group"] is None:
        raise DefinitionError(f"'if_running: {options['if_running']}' needs a group: it is looked for among its jobs")
    return Batch(
        f"j{secrets.randbits(128)}",
        [],
        concurrency=concurrency(options["concurrency"]),
        deadline=duration(options["deadline"], "deadline"),
        start_delay=duration(options["start_delay"], "start_delay"),
        halt=halt(options["halt"], options["fail_fast"]),
        group=None if options["group"] is None else label(options["group"], "group"),
        if_running=options["if_running"],
        trace=_is_traced(options["trace"]),
    )


def _is_traced(asked: bool | None) -> bool:
    """:returns: whether the option `trace` asks for it, or else the environment of the controller."""
    if asked is not None:
        return asked
    return bool(boolean(os.environ.get("BACKGROUND_JOBS_TRACE") or False, strict=False))


def _put_in_order(
    definitions: t.Sequence[Definition], captured: t.Sequence[Captured], jids: t.Mapping[str, str]
) -> None:
    """Tell each job by their jids which others it comes after; what is finished without being sent counts as done."""
    after = {definition.name: definition.after for definition in definitions}
    finished = {definition.name for definition, made in zip(definitions, captured) if made.job is None}
    for definition, made in zip(definitions, captured):
        if made.job is not None:
            made.job.after = [jids[name] for name in predecessors(definition.name, after, finished)]


def _start(
    action: JobAction, batch: Batch, packing: Packing, task_vars: Vars, along: Along | None = None, secret: bool = False
) -> tuple[dict[str, dict[str, t.Any]], dict[str, t.Any] | None]:
    """:returns: the handles of the jobs by the jids they were sent with, and the answer to what was asked along."""
    if not batch.jobs:
        return {}, None
    asked_for = [
        interrupt.open_handle(job.jid, job.name, QUEUED, host=action.host, group=batch.group) for job in batch.jobs
    ]
    action.left = interrupt.Left.of(asked_for, doubt=interrupt.STARTED, group=batch.group)
    began = time.monotonic()
    try:
        question = along.question if along else None
        answer = action.send_batch(packing.data(batch), task_vars, question, secret, batch.if_running)
    except Unsent as exc:
        action.left = None
        raise AnsibleConnectionFailure(f"nothing was started on {action.host}: {exc.message}") from None
    except (AnsibleConnectionFailure, NoAnswer) as exc:
        grace = along.grace if along and had_connected(action, time.monotonic() - began) else _GRACE
        answer = _started_after_all(action, batch, task_vars, exc, grace)
    sent = [(job.jid, job.name) for job in batch.jobs]
    with reading_answer_of(action.host):
        check_started(answer["records"], sent, attach=batch.if_running == ATTACH)
    handles = {
        job.jid: _handle(action, record, answer["async_dir"], job.jid, batch.group)
        for job, record in zip(batch.jobs, answer["records"])
    }
    return handles, answer if along and "jobs" in answer else None


def _started_after_all(
    action: JobAction,
    batch: Batch,
    task_vars: Vars,
    failure: AnsibleConnectionFailure | NoAnswer,
    grace: float,
) -> dict[str, t.Any]:
    """Look whether the target has started a batch, although it could not say so. What has not begun to start it by then
    never will.

    :arg failure: why: the connection broke, or the module that was to answer has gone.
    :arg grace: how many seconds the host may be out of reach.
    :returns: what it would have answered, had it been asked nothing.
    :raises AnsibleConnectionFailure: the connection broke, and nothing was started, or the host cannot be asked.
    :raises NoAnswer: the module has gone, and nothing was started, or no module can run there.
    """
    broken = failure if isinstance(failure, AnsibleConnectionFailure) else None

    def ask() -> dict[str, t.Any]:
        return action.ask([job.jid for job in batch.jobs], "status", task_vars, False, launch=batch.batch)

    notice, unknown = (
        "no answer to the start of jobs",
        "it may have started jobs (see background.jobs.job_info)",
    )
    try:
        answer = reach(action, ask, grace, notice, unknown, broken)
    except NoAnswer:
        raise failure from None
    if all(status["record"] is None for status in answer["jobs"]):
        action.left = None
        if broken is None:
            raise failure
        raise AnsibleConnectionFailure(f"nothing was started on {action.host}: {failure.message}") from failure
    jobs = zip(batch.jobs, answer["jobs"])
    records = [
        status["record"] or {"jid": job.jid, "name": job.name, "user": None, "state": NOT_FOUND} for job, status in jobs
    ]
    return {"records": records, "async_dir": os.path.dirname(answer["jobs"][0]["results_file"])}


def _handle(
    action: JobAction, record: t.Mapping[str, t.Any], directory: str, sent_as: str, group: str | None
) -> dict[str, t.Any]:
    """:arg sent_as: the jid that the job was sent with; that of `record` is another where it was running already."""
    attached = record["jid"] != sent_as
    return interrupt.open_handle(
        record["jid"],
        record["name"],
        record["state"],
        results_file=f"{directory}/{record['jid']}",
        group=group,
        host=action.host,
        user=record["user"],
        interpreter=action.interpreter,
        no_log=True if record.get("no_log") else None,
        attached=True if attached else None,
        attached_as=sent_as if attached else None,
    )


def _origin(definition: Definition) -> dict[str, t.Any]:
    if definition.loop_var is None:
        return {}
    origin = {"item": definition.item, definition.loop_var: definition.item, "ansible_loop_var": definition.loop_var}
    if definition.index is not None:
        name, number = definition.index
        origin.update({name: number, "ansible_index_var": name})
    return origin


def _definitions(action: JobAction, options: dict[str, t.Any], task_vars: Vars, capture: Capture) -> list[Definition]:
    """:raises DefinitionError: jobs are not right; the message tells of all of them."""
    defaults = Defaults(
        timeout=duration(options["timeout"], "timeout"),
        kill_after=duration(options["kill_after"], "kill_after"),
        leave_children=options["leave_children"],
        max_output=byte_size(options["max_output"], "max_output"),
    )
    define = functools.partial(_define, action, defaults, _modules(action), capture)
    if "jobs" in action._task.args:
        jobs = jobs_of(action._task.args["jobs"], "jobs")
        makers = [
            functools.partial(define, job, task_vars, f"jobs[{index}]", index + 1) for index, job in enumerate(jobs)
        ]
    else:
        items = jobs_of(action._task.args["for_each"], "for_each")
        names = [""] * len(items) if action.hidden else distinct(short_name(item) for item in items)
        makers = [
            functools.partial(_for_item, action, define, options, task_vars, index, item, name)
            for index, (item, name) in enumerate(zip(items, names))
        ]
    mistakes, definitions = Mistakes(len(makers)), []
    for make in makers:
        with mistakes.noting():
            definitions.append(make())
    mistakes.check()
    return definitions


def _modules(action: JobAction) -> IsModule:
    """:returns: whether there is a module of a name, as a task of this action would find it."""
    return functools.lru_cache(maxsize=None)(functools.partial(is_module, collections=action._task.collections))


def _define(
    action: JobAction,
    defaults: Defaults,
    modules: IsModule,
    capture: Capture,
    job: t.Any,
    variables: Vars,
    place: str,
    number: int,
    called: str = "",
) -> Definition:
    with placed(place, functools.partial(named, action, job, variables), _hides(job)):
        resolved, false = resolve_job(action, job, variables, place)
        if false is not None:
            return define_skipped(resolved, place, number, defaults, false, called, is_module=modules)
        definition = define(resolved, place, number, defaults, called, is_module=modules)
        try:
            definition.conditions.close(variables, action.variables(variables))
        except ConditionError as exc:
            raise DefinitionError(f"{place}: {exc}") from exc
    capture.check([definition])
    return definition


def _for_item(
    action: JobAction,
    define: t.Callable[..., Definition],
    options: dict[str, t.Any],
    task_vars: Vars,
    index: int,
    item: t.Any,
    called: str,
) -> Definition:
    secret = action._task.no_log or (isinstance(options["job"], dict) and options["job"].get("no_log"))
    place = f"for_each[{index}]" + ("" if secret else f" ({str(item)[:80]})")
    variables = {**task_vars, options["loop_var"]: item}
    if options["index_var"]:
        variables[options["index_var"]] = index
    job = options["job"]
    if options[_LABEL] is not None and isinstance(job, t.Mapping) and "name" not in job:
        job = {"name": options[_LABEL], **job}
    definition = define(job, variables, place, index + 1, called)
    definition.item, definition.loop_var = item, options["loop_var"]
    if options["index_var"]:
        definition.index = options["index_var"], index
    return definition
