# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell which jobs there are; documented in the module of the same name."""

from __future__ import annotations

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.directory import DirectoryAction, job_info


class ActionModule(DirectoryAction):
    """One round trip, whatever the number of jobs."""

    _instead = keywords.ASKING

    def options(self):
        return _argspec.job_info_options(), {}

    def perform(self, options, task_vars):
        return job_info(self, options, task_vars)
