# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End jobs; documented in the module of the same name."""

from __future__ import annotations

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.cancel import cancel
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction


class ActionModule(JobAction):
    """One round trip, whatever the number of jobs."""

    _instead = keywords.CANCEL

    def options(self):
        return _argspec.cancel_options(), _argspec.CANCEL_RULES

    def perform(self, options, task_vars):
        return cancel(self, options, task_vars)
