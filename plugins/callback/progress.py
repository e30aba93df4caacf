# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: notification
short_description: Draw a progress bar for each host
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - While P(background.jobs.run#module) and P(background.jobs.wait#module) wait, the last lines of the terminal show a
    bar for each host, with the jobs that run and for how long, and those that did not succeed. What Ansible prints
    meanwhile appears above. The bars vanish when nothing is waited for any more.
  - The bars take the place of the progress lines that these tasks print otherwise. A log file (C(log_path)) has the
    lines. Those of jobs that have ended appear above the bars.
  - The bars take half of the terminal's height at most, and say how many more hosts there are.
  - For a task with O(background.jobs.wait#module:quiet=true) nothing is drawn.
  - Hosts tell what has changed after one second, even if O(background.jobs.wait#module:progress_interval) is more.
    Each such answer is a round trip to the host.
  - Without a terminal nothing is drawn, and the lines are printed as they are without this callback. That is in a pipe,
    with C(TERM=dumb) and where the environment variable C(CI) is set.
  - While Ansible itself asks the user something, the bars step aside. A program that asks on the terminal by itself,
    past Ansible, is drawn over. That is what ssh does with ansible-core 2.18 for a host with an unknown key.
requirements:
  - enable in configuration
  - rich (Python library on the controller; without it nothing is drawn)
seealso:
  - module: background.jobs.run
  - module: background.jobs.wait
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# callbacks_enabled = background.jobs.progress
#
# What is shown while two hosts are waited for:
#
# web1 ████████░░ 7/10  2 running: redis 41 s, nginx 12 s  1 failed: haproxy
# web2 █████████░ 9/10  1 running: redis 39 s
"""

from ansible.plugins.callback import CallbackBase

from ansible_collections.background.jobs.plugins.plugin_utils._display.bars import begin_bars


class CallbackModule(CallbackBase):
    """Lets bars be drawn on how waits stand."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "background.jobs.progress"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        begin_bars(self._display)
