# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""An action as other collections write them: work on the controller, a question to the host, then one module."""

from __future__ import annotations

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs a command with a word that it asked the target for."""

    def run(self, tmp=None, task_vars=None):
        self._supports_async = True
        self._supports_check_mode = True
        result = super().run(tmp, task_vars)
        question = {"filter": "ansible_pkg_mgr"}
        asked = self._execute_module(module_name="ansible.builtin.setup", module_args=question, task_vars=task_vars)
        answer = asked["ansible_facts"]["ansible_pkg_mgr"]
        arguments = {"_raw_params": f"echo {self._task.args['word']} {answer}"}
        result.update(
            self._execute_module(
                module_name="ansible.builtin.command",
                module_args=arguments,
                task_vars=task_vars,
                wrap_async=self._task.async_val,
            )
        )
        return result
