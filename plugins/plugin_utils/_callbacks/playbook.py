# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run of a playbook as a callback can reach it: its result, and one more task when all plays are over.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import typing as t

from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat

RUN_FAILED = int(TaskQueueManager.RUN_FAILED_HOSTS)
"""The result of a play, and the exit status, that means that hosts have failed."""
_LIMIT = 30
"""Seconds that a host may take to answer."""
_WAY = (
    "become",
    "become_user",
    "become_method",
    "become_exe",
    "become_flags",
    "connection",
    "port",
    "remote_user",
    "environment",
    "delegate_to",
    "tags",
)
"""Keywords of a task that decide on how its host is reached, or that let it run; as they were resolved."""
_JIDS = "background_jobs_asked_for"
_ANSWER = "background_jobs_answer_"


@dataclasses.dataclass
class Origin:
    """Where a job came from: the play, and the task with its keywords as they were resolved for its host."""

    play: Play
    task: Task

    def way(self) -> str:
        """:returns: what is the same for two jobs that can be asked for by one task."""
        return repr([id(self.play), [getattr(self.task, keyword) for keyword in _WAY], self.variables()])

    def variables(self) -> dict[str, t.Any]:
        """:returns: what the task, its blocks and its role set."""
        role = self.task._role
        of_role = role.get_vars(self.task.get_dep_chain()) if role is not None else {}
        return {**of_role, **self.task.get_vars()}


@dataclasses.dataclass
class HostQuestion:
    """The ids to ask for, by the host of the play whose task started them."""

    origin: Origin
    jids: dict[str, list[str]] = dataclasses.field(default_factory=dict)


def ask_hosts(manager: TaskQueueManager, questions: t.Sequence[HostQuestion]) -> dict[str, t.Mapping[str, t.Any]]:
    """Ask hosts for jobs in tasks of our own, which nobody sees: one play for each question.

    The tasks go the way that those went that started the jobs: same become, connection, delegation and variables. What
    becomes of them counts nowhere.

    :returns: by id what `background.jobs.async_status` returned of the job, or the result of the task that failed.
    """
    answers: dict[str, t.Mapping[str, t.Any]] = {}
    with _signal_handlers():
        own = compat.quiet_manager(manager, CallbackBase())
        try:
            for number, question in enumerate(questions):
                register = f"{_ANSWER}{number}"
                manager.get_inventory().remove_restriction()  # to the batch of the last play
                own.run(_play(manager, question, register))
                for host, jids in question.jids.items():
                    answer = _registered(manager, host, register)
                    answers.update(zip(jids, answer.get("results") or [answer] * len(jids)))
        finally:
            own.cleanup()
    return answers


def _play(manager: TaskQueueManager, question: HostQuestion, register: str) -> Play:
    before, origin = question.origin.play, question.origin.task
    tools = {"variable_manager": manager.get_variable_manager(), "loader": manager.get_loader()}
    play: Play = Play.load(
        {
            "name": "ask for jobs",
            "hosts": list(question.jids),
            "gather_facts": False,
            "strategy": "ansible.builtin.linear",
        },
        vars={**before.vars, _JIDS: question.jids},
        **tools,
    )
    play.vars_files = before.vars_files
    block = Block(play=play)
    task = Task.load(
        {
            "name": "see how jobs stand that nobody collected",
            "background.jobs.async_status": {"jids": compat.trusted(f"{{{{ {_JIDS}[inventory_hostname] }}}}")},
            "register": register,
            "no_log": not compat.CENSORS_MESSAGES,  # there the action itself would print that a job has failed
            "timeout": _LIMIT,
            "ignore_errors": True,
            "ignore_unreachable": True,
            "debugger": "never",
        },
        block=block,
        **tools,
    )
    for keyword in _WAY:
        setattr(task, keyword, getattr(origin, keyword))
    task.vars = question.origin.variables()
    block.block = [task]
    play.tasks = [block]
    return play


def _registered(manager: TaskQueueManager, host: str, register: str) -> t.Mapping[str, t.Any]:
    found = manager.get_inventory().get_host(host)
    variables = manager.get_variable_manager().get_vars(host=found, include_hostvars=False)
    return t.cast("t.Mapping[str, t.Any]", variables.get(register, {}))


@contextlib.contextmanager
def _signal_handlers() -> t.Iterator[None]:
    """Give back the signal handlers that a second `TaskQueueManager` takes."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)
