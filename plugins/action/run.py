# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start jobs, wait for them and clean up; documented in the module of the same name."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import warn
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.launch import Along, LaunchAction, launch
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.wait import PROGRESS_INTERVAL, Terms, Wait

display = Display()

_LOOP = (
    "this task has a 'loop', so that its jobs run one after the other: write 'for_each' in place of 'loop', and 'job' "
    "in place of 'jobs', below background.jobs.run, and they run at the same time"
)


class ActionModule(LaunchAction):
    """A launch and a wait in one; the first question of the wait travels with the jobs."""

    _instead = keywords.RUN
    _other_words: t.ClassVar = {
        "wait_timeout": "'wait_timeout' is an option of background.jobs.wait; this waits until all jobs have ended: "
        "limit them with 'timeout', each, or with 'deadline', all together",
        "poll": PROGRESS_INTERVAL,
    }

    def options(self):
        return _argspec.run_options(), _argspec.JOBS_RULES

    def perform(self, options, task_vars):
        if self._task.loop is not None and isinstance(options["jobs"], list) and len(options["jobs"]) == 1:
            warn(display, _LOOP)
        terms = Terms.of(options)
        wait = Wait(self, terms, task_vars)
        launched = launch(self, options, task_vars, Along(wait.opening(), terms.grace))
        handles, answer = read_handles(launched.pop("results")), launched.pop("answer", None)
        found = launched.get("ansible_facts", {})  # of the interpreter, where ansible-core has looked for it
        waited = wait.for_jobs(handles, answer)
        return {
            **launched,
            **waited,
            **({"ansible_facts": {**found, **waited.get("ansible_facts", {})}} if found else {}),
        }
