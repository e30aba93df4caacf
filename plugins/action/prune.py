# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the files of jobs that have ended; documented in the module of the same name."""

from __future__ import annotations

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.directory import DirectoryAction, prune


class ActionModule(DirectoryAction):
    """One round trip, whatever the number of jobs."""

    _instead = keywords.PRUNE

    def options(self):
        return _argspec.prune_options(), {}

    def perform(self, options, task_vars):
        return prune(self, options, task_vars)
