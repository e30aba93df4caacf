# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-core tells a callback, in our own words.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible import context
from ansible.plugins.callback import CallbackBase

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import LAUNCH, Task, Told, place
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.playbook import Origin
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat


class Listener:
    """Hands on what a callback is told of tasks; what `no_log` hides a second time, when it can be read."""

    def __init__(self, note: t.Callable[[Told], None], clock: t.Callable[[], float]) -> None:
        """:arg note: takes what is handed on.
        :arg clock: the clock of `Told.at`, in seconds.
        """
        self._note = note
        self._clock = clock
        self._began: dict[tuple[str, str], tuple[float, float]] = {}  # the task, and its part
        self._play: t.Any = None
        self._playbooks = 0
        self._to_read: list[tuple[t.Any, str | list[str], Told]] = []

    def playbook_starts(self) -> None:
        """Another playbook of the command line starts."""
        self._playbooks += 1

    def play_starts(self, play: t.Any) -> None:
        """From now on, `play` is the one whose tasks are told of."""
        self._play = play

    def task_starts(self, host: t.Any, task: t.Any) -> None:
        """A task starts on a host."""
        now = self._clock()
        self._began[host.get_name(), task._uuid] = now, now

    def hear(self, result: t.Any, ok: bool = True, part: bool = False) -> None:
        """Hand on the result of a task on a host.

        :arg part: it is that of an item of a loop, or of an attempt.
        """
        if not part:  # what earlier tasks registered can be read by now, and is not yet overwritten
            self.read_registered()
        host, task, content = compat.task_result(result)
        action = task.action if "{{" in task.action else task.resolved_action or task.action
        by, now = host.get_name(), self._clock()
        start, last = self._began.pop((by, task._uuid), (now, now))
        if part:
            self._began[by, task._uuid] = start, now
        told = Told(
            host=task.delegate_to or by,
            by=by,
            task=Task(task.get_name().strip(), place(task.get_path(), os.getcwd())),
            key=task._uuid,
            action=action,
            arguments=task.args,
            result=content,
            starts=bool(task.async_val or action == LAUNCH) and not task.check_mode,
            ok=ok,
            part=part,
            read_later=bool(task.register),
            until=bool(task.until),
            no_log="censored" in content,
            hides=compat.task_hides(result),
            at=now,
            began=last if part else start,
            origin=Origin(self._play, task),
        )
        self._note(told)
        if told.is_hidden and told.read_later and not part:
            self._to_read.append((host, task.register, told))

    def read_registered(self) -> None:
        """Hand on the results that were hidden, from the variables of their hosts."""
        to_read, self._to_read = self._to_read, []
        for host, register, told in to_read:
            variables = self._play.get_variable_manager().get_vars(play=self._play, host=host, include_hostvars=False)
            for name in [register] if isinstance(register, str) else register:
                if isinstance(variables.get(name), dict):
                    self._note(dataclasses.replace(told, result=variables[name]))

    def is_last_playbook(self) -> bool:
        """:returns: whether the playbook that has started last is the last one of the command line."""
        playbooks = context.CLIARGS.get("args")
        return not isinstance(playbooks, (list, tuple)) or self._playbooks >= len(playbooks)


class ListeningCallback(CallbackBase):
    """A callback that has a `_callbacks.listener` hear all results."""

    _listener: Listener

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._listener.play_starts(play)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._listener.hear(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._listener.hear(result, ok=False)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._listener.hear(result, ok=False)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._listener.hear(result, part=True)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        self._listener.hear(result, ok=False, part=True)

    def v2_runner_retry(self, result: t.Any) -> None:
        self._listener.hear(result, ok=False, part=True)
