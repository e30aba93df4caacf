# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unreaped
type: aggregate
short_description: Name uncollected jobs
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - At the end of a run, names each uncollected job that was started in it, with its host, its task and the place of
    that task. It knows jobs of P(background.jobs.launch#module) and of tasks with C(async) and C(poll=0). Nothing is
    printed if all were collected.
  - Many jobs of one task share a line. With C(-v) each has its own.
  - A job counts as collected as soon as a task has seen its end, whether it succeeded or failed, or has removed its
    files. P(background.jobs.wait#module), P(background.jobs.cancel#module), P(background.jobs.async_status#module),
    M(ansible.builtin.async_status) and the role P(background.jobs.reap#role) do that. It does not count if it
    was asked for but still ran.
  - A job that is left to another run on purpose is named, too.
  - With C(no_log), the jobs and their tasks are named, but nothing is shown of what they do. The id of a job is hidden
    as well, unless the result of its task is registered.
  - With several playbooks on one command line, the jobs are named after the last one. They are named earlier if hosts
    have failed before that, because the run may stop there.
requirements:
  - enable in configuration
options:
  fail:
    description:
      - Whether the run is to fail if there are such jobs. The exit status of C(ansible-playbook) is then V(2), as if a
        host had failed, unless it is another one than V(0) already.
      - To do that, the result of the last play is changed inside of ansible-core, which has no other way for callbacks.
        The counts of the recap stay as they are.
    type: bool
    default: false
    env:
      - name: BACKGROUND_JOBS_UNREAPED_FAIL
    ini:
      - section: callback_background_jobs_unreaped
        key: fail
  check_on_end:
    description:
      - Whether to ask the hosts how these jobs stand, and to say it. Nothing is collected or removed by that.
      - The hosts are asked in the way of the task that started the jobs, with its C(become), its connection and its
        C(delegate_to). A host that does not answer within 30 seconds is given up. Whatever happens to that, the run
        does not fail because of it.
    type: bool
    default: false
    env:
      - name: BACKGROUND_JOBS_UNREAPED_CHECK_ON_END
    ini:
      - section: callback_background_jobs_unreaped
        key: check_on_end
seealso:
  - module: background.jobs.wait
  - module: background.jobs.cancel
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# callbacks_enabled = background.jobs.unreaped
#
# [callback_background_jobs_unreaped]
# fail = true
#
# What is printed after the recap of a run:
#
# Jobs that nobody collected:
#   web1: j123456789012.4711, "Start backup", site.yml:14
"""

import time

from ansible import constants as C

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.ledger import Ledger, report, standing_of
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.listener import Listener, ListeningCallback
from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.playbook import (
    RUN_FAILED,
    HostQuestion,
    ask_hosts,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core.patches import watch_plays
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import say, warn


class CallbackModule(ListeningCallback):
    """Hands on what it is told to a ledger, and prints what that says at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "background.jobs.unreaped"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._ledger = Ledger()
        self._listener = Listener(self._ledger.note, time.monotonic)
        self._manager = None
        self._failed = False

    def v2_playbook_on_start(self, playbook):
        self._listener.playbook_starts()
        if self.get_option("fail") or self.get_option("check_on_end"):
            watch_plays()

    def play_ended(self, manager, result):
        """Called by what `watch` puts in place.

        :arg result: what the play returned. The one of the last play is the exit status.
        :returns: what it is to return.
        """
        self._manager = manager
        self._listener.read_registered()
        self._failed = self.get_option("fail") and self._listener.is_last_playbook() and bool(self._ledger.unreaped())
        return result or RUN_FAILED if self._failed else result

    def v2_playbook_on_stats(self, stats):
        self._listener.read_registered()
        jobs = self._ledger.unreaped()
        if not jobs or not (self._listener.is_last_playbook() or stats.failures or stats.dark):
            return
        if self.get_option("check_on_end"):
            self._look(jobs)
        for line in report(jobs, time.monotonic(), every=self._display.verbosity > 0):
            say(self._display, line, C.COLOR_WARN)
        if self._failed:
            say(self._display, "Therefore this run fails (option 'fail' of background.jobs.unreaped).", C.COLOR_WARN)

    def _look(self, jobs):
        """Ask for jobs once more. Whatever goes wrong with that is no more than a warning."""
        questions, answers = {}, {}
        try:
            for job in jobs:
                if job.jid:
                    question = questions.setdefault(job.origin.way(), HostQuestion(job.origin))
                    question.jids.setdefault(job.by, []).append(job.jid)
            answers = ask_hosts(self._manager, list(questions.values()))
        except Exception as exc:
            warn(self._display, f"could not ask how the jobs stand that nobody collected: {exc}")
        for job in jobs:
            job.standing = standing_of(job, answers.get(job.jid, {}))
