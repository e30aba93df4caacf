# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait for jobs, collect their results and clean up; documented in the module of the same name."""

from __future__ import annotations

import typing as t

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import duration, label
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.wait import PROGRESS_INTERVAL, Terms, Wait


class ActionModule(JobAction):
    """Wait for whatever was registered."""

    _other_words: t.ClassVar = {
        "timeout": "'timeout' means the limit of a job; how long to wait is 'wait_timeout'",
        "poll": PROGRESS_INTERVAL,
    }

    _instead = keywords.WAIT

    def options(self):
        return _argspec.wait_options(), _argspec.WAIT_RULES

    def perform(self, options, task_vars):
        limit = duration(options["wait_timeout"], "wait_timeout")
        terms = Terms.of(options, wait_timeout=limit, cleanup=options["cleanup"] and not self._task.check_mode)
        if options["jobs"] is not None:
            return Wait(self, terms, task_vars).for_jobs(read_handles(options["jobs"]))
        group = None if options["group"] is None else label(options["group"], "group")
        return Wait(self, terms, task_vars).for_group(group, options["name"])
