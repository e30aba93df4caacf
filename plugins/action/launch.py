# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start jobs and go on; documented in the module of the same name."""

from __future__ import annotations

from ansible.errors import AnsibleError
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import KEY
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import warn
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.container import short_lived
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.launch import LaunchAction, launch
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.wait import Terms, Wait

display = Display()

_TOP_LEVEL = ("ansible_job_id", "results_file", "started", "finished", KEY)


class ActionModule(LaunchAction):
    """In check mode the jobs, which then only predict, are waited for at once, so that nothing stays on the host."""

    _instead = keywords.LAUNCH

    def run(self, tmp=None, task_vars=None):
        if self._task.until:  # raised, not returned: what is returned would be tried again, too
            raise AnsibleError(
                "'until' cannot be used with background.jobs.launch, since each try would start the jobs again: put it "
                "on the task with background.jobs.wait; to try a launch again that has failed, 'retries' is enough"
            )
        return super().run(tmp, task_vars)

    def options(self):
        return _argspec.launch_options(), _argspec.JOBS_RULES

    def perform(self, options, task_vars):
        result = launch(self, options, task_vars)
        if self._task.check_mode:
            result["results"] = Wait(self, Terms(), task_vars).for_jobs(read_handles(result["results"]))["results"]
        elif (warning := short_lived(self)) is not None:
            warn(display, warning)
        if len(result["results"]) == 1:
            handle = result["results"][0]
            result.update({key: handle[key] for key in _TOP_LEVEL if key in handle})
        return {"changed": False, "finished": all(each["finished"] for each in result["results"]), **result}
