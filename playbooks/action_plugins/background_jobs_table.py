# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print one table of the jobs on many hosts; for the playbooks beside this directory.

PRIVATE to the collection background.jobs. Do not use this from other playbooks.
"""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import say
from ansible_collections.background.jobs.plugins.plugin_utils._display.table import report


class ActionModule(ActionBase):
    """Prints plain lines: the default callback would print a text as JSON."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, options = self.validate_argument_spec(
            argument_spec={
                "answers": {"type": "dict", "required": True},
                "columns": {"type": "list", "elements": "str", "required": True},
            }
        )
        for line in report(options["answers"], options["columns"]):
            say(Display(), line)
        return {**result, "changed": False}
