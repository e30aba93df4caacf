# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""An action that says it supports async and does its work by itself, as community.general.shutdown does."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs a command, in one of the ways in which an action can."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        command = self._task.args["command"]
        how = self._task.args["how"]
        if how == "low level":
            self._low_level_execute_command(command)
        elif how == "connection":
            self._connection.exec_command(command)
        elif how == "module":
            arguments = {"_raw_params": command}
            self._execute_module("ansible.builtin.command", module_args=arguments, task_vars=task_vars)
        else:
            task = self._task.copy()
            task.async_val, task.action, task.args = 0, "ansible.builtin.command", {"_raw_params": command}
            self._shared_loader_obj.action_loader.get(
                "ansible.builtin.command",
                task=task,
                connection=self._connection,
                play_context=self._play_context,
                loader=self._loader,
                templar=self._templar,
                shared_loader_obj=self._shared_loader_obj,
            ).run(task_vars=task_vars)
        return result
