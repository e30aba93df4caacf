# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: timeline
type: aggregate
short_description: Write an HTML page that shows which job ran when, on which host
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - At the end of a run, writes one HTML page with a row for each task and host, or for each host, and a bar for each
    job, which tells how long the job was queued and running, and how it ended. The page shows more about the job that
    is pointed at or reached with the keyboard, and has a link to each. It can be filtered and zoomed, and needs no
    other file and no network.
  - It shows the jobs of P(background.jobs.run#module) and P(background.jobs.launch#module), those of tasks with
    C(async), and those of other runs that this one has collected. Jobs that nobody has collected have an open end.
  - Times of our jobs come from the clocks of their hosts. If the clock of a host differs so much that a job would begin
    outside of the task that has started it, the jobs of that host are moved into it. For jobs of C(async) the times are
    those at which the controller was told.
  - With C(no_log), jobs are shown with their name, times, state and exit code only.
    If the result of their task is not registered, there is one bar for the whole task.
  - If a run has no jobs, nothing is written, and the page of another run stays.
  - The page holds messages and output of jobs. Only the user that runs Ansible can read it. Look through it before you
    give it to others, as you would with the output of the run.
requirements:
  - enable in configuration
options:
  path:
    description:
      - Where to write the page. Its directory must exist. A file that is there is replaced. A link is replaced, too, it
        is not followed.
      - A relative path is one from the current directory, in C(ansible.cfg) from the directory of that file.
    type: path
    default: background-jobs-timeline.html
    env:
      - name: BACKGROUND_JOBS_TIMELINE_PATH
    ini:
      - section: callback_background_jobs_timeline
        key: path
  json_path:
    description: Where to write the same data as JSON. Without it, no such file is written.
    type: path
    env:
      - name: BACKGROUND_JOBS_TIMELINE_JSON_PATH
    ini:
      - section: callback_background_jobs_timeline
        key: json_path
  output_lines:
    description: How many of the last lines of RV(ignore:stdout) and RV(ignore:stderr) of each job to show. V(0) shows
      none. Of a line, 300 characters are shown.
    type: int
    default: 10
    env:
      - name: BACKGROUND_JOBS_TIMELINE_OUTPUT_LINES
    ini:
      - section: callback_background_jobs_timeline
        key: output_lines
seealso:
  - module: background.jobs.run
  - module: background.jobs.launch
  - plugin: background.jobs.unreaped
    plugin_type: callback
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# callbacks_enabled = background.jobs.timeline
#
# [callback_background_jobs_timeline]
# path = reports/timeline.html
# json_path = reports/timeline.json
#
# What is printed after the recap of a run:
#
# Timeline of 24 jobs: /srv/site/reports/timeline.html
"""

import json
import os
import time

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.listener import Listener, ListeningCallback
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline import Timeline, document
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline_page import page, write_page
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import say, warn


class CallbackModule(ListeningCallback):
    """Hands on what it is told to a timeline, and writes that at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "background.jobs.timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._started = time.time()
        self._playbooks = []

    def set_options(self, *args, **kwargs):
        super().set_options(*args, **kwargs)
        self._timeline = Timeline(self.get_option("output_lines"), compat.mask_secrets)
        self._listener = Listener(self._timeline.note, time.time)

    def v2_playbook_on_start(self, playbook):
        self._listener.playbook_starts()
        self._playbooks.append(os.path.basename(playbook._file_name))

    def v2_runner_on_start(self, host, task):
        self._listener.task_starts(host, task)

    def v2_playbook_on_stats(self, stats):
        self._listener.read_registered()
        if not (self._listener.is_last_playbook() or stats.failures or stats.dark):
            return
        content = document(self._timeline, self._playbooks, self._started, time.time())
        if not content["jobs"]:
            return
        count = len(content["jobs"])
        self._write("path", page(content), f"Timeline of {count} job{'' if count == 1 else 's'}")
        if self.get_option("json_path"):
            self._write("json_path", json.dumps(content, indent=1) + "\n", "The same as JSON")

    def _write(self, option, text, what):
        path = self.get_option(option)
        try:
            write_page(path, text)
        except OSError as exc:
            warn(
                self._display,
                f"{what} could not be written to {path}: {exc.strerror}. Set the option '{option}' of "
                "background.jobs.timeline to a file in a directory that is there and writable.",
            )
        else:
            say(self._display, f"{what}: {path}")
