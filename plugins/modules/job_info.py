#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: job_info
short_description: List the detached jobs of a host
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Lists the running and the uncollected jobs of a host, in one round trip. It knows the jobs of
    P(background.jobs.launch#module) and P(background.jobs.run#module) and those of tasks with C(async), whichever play
    or controller started them.
  - It finds the jobs of the user that it runs as, in the directory that the shell option C(async_dir) (variable
    C(ansible_async_dir)) names. Use C(become_user) for those of another user.
  - It does not return the results of jobs. P(background.jobs.async_status#module) shows them, and
    P(background.jobs.wait#module) collects them.
  - To print a table over many hosts use C(ansible-playbook background.jobs.list).
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  async:
    support: none
  action:
    support: full
  become:
    support: full
    details: Ask as the user that started the jobs.
  delegation:
    support: full
    details: Ask on the host that runs the jobs.
options:
  group:
    description:
      - List only jobs that were started with this O(background.jobs.launch#module:group). Jobs of C(async) tasks
        have none.
    type: str
  name:
    description:
      - List only jobs with one of these names. The name of a job of an C(async) task is its id.
      - An empty list selects no job.
    type: list
    elements: str
  state:
    description:
      - List only jobs in one of these states.
      - An empty list selects no job.
    type: list
    elements: str
    choices:
      - queued
      - running
      - succeeded
      - failed
      - timed_out
      - cancelled
      - skipped
      - lost
seealso:
  - module: background.jobs.prune
  - module: background.jobs.cancel
  - module: background.jobs.wait
  - module: background.jobs.async_status
"""

EXAMPLES = r"""
- name: See what runs of last night's jobs
  background.jobs.job_info:
    group: nightly
    state: [queued, running]
  register: nightly

- name: Wait for it, although another play has started it
  background.jobs.wait:
    jobs: "{{ nightly.jobs }}"

- name: Find every job on the host, whoever started it
  background.jobs.job_info:
  register: found

- name: End those that have been running for more than a day, also jobs of async tasks
  background.jobs.cancel:
    jobs: "{{ found.jobs | selectattr('state', 'equalto', 'running') | selectattr('elapsed', 'gt', 86400) }}"
"""

RETURN = r"""
jobs:
  description:
    - One entry for each job, in the order in which they were started.
    - They can be given to P(background.jobs.wait#module) and P(background.jobs.cancel#module) as C(jobs).
    - A value that is not known is V(null). For jobs of C(async) tasks these are many.
  returned: always, unless the options were wrong or the host could not be asked
  type: list
  elements: dict
  contains:
    ansible_job_id:
      description: The id of the job.
      returned: always
      type: str
      sample: j248519231479172386183745102938475610293.0
    name:
      description: The name of the job. That of a job of an C(async) task is its id.
      returned: always
      type: str
      sample: backup
    group:
      description: The group that the job was started with.
      returned: always
      type: str
      sample: nightly
    host:
      description: The name of the host in the inventory.
      returned: always
      type: str
      sample: web1
    state:
      description:
        - V(queued) if the job waits for its turn, V(running) if it runs.
        - V(succeeded), V(failed), V(timed_out), V(cancelled) or V(skipped) if it has ended.
        - V(lost) if it can no longer finish and left no result, for example after a restart of the host.
      returned: always
      type: str
      sample: running
    reason:
      description: Why the job is in this state, in one word, as P(background.jobs.wait#module) returns it.
      returned: always
      type: str
      sample: exit_code
    message:
      description:
        - Why the job is in this state, in a sentence.
        - It is V(null) where it could give something away, for a job that has ended and has C(no_log), and for a failed
          job of an C(async) task.
      returned: always
      type: str
      sample: "no space left on device (exit code 3)"
    user:
      description: The user that the job belongs to.
      returned: always
      type: str
      sample: root
    rc:
      description: The return code that the module of the job gave. It is null if there is none, and with C(no_log).
      returned: always
      type: int
      sample: 3
    pid:
      description: The process of the job, if it runs. That of a job that is V(lost) may run on.
      returned: always
      type: int
      sample: 4712
    supervisor_pid:
      description: The process that looks after the job, if it runs.
      returned: always
      type: int
      sample: 4711
    queued_at:
      description: When the job was accepted, in UTC.
      returned: always
      type: str
      sample: "2026-11-22T02:00:00Z"
    started_at:
      description: When the job was first started, in UTC.
      returned: always
      type: str
      sample: "2026-11-22T02:00:01Z"
    ended_at:
      description: When the job ended, in UTC.
      returned: always
      type: str
      sample: "2026-11-22T02:10:01Z"
    age:
      description:
        - How many seconds ago the job ended. This is what O(background.jobs.prune#module:older_than) looks at.
        - For a job that has not ended, how many seconds ago it was accepted.
        - For a job that is V(lost), how many seconds ago it gave its last sign of life, its start or some output.
      returned: always
      type: float
      sample: 3600.4
    elapsed:
      description: How many seconds the job has run, with all its attempts and the time between them.
      returned: always
      type: float
      sample: 600.012
    attempts:
      description: How many times the job was started.
      returned: always
      type: int
      sample: 1
    timeout:
      description: How many seconds each attempt may take. V(0) means no limit.
      returned: always
      type: float
      sample: 3600.0
    results_file:
      description: The absolute path of the status file of the job on the host.
      returned: always
      type: str
      sample: /root/.ansible_async/j248519231479172386183745102938475610293.0
    builtin:
      description: Whether this is the job of an C(async) task. It is false if the status file cannot be read.
      returned: always
      type: bool
    no_log:
      description: Whether the job was started with C(no_log). Of the job of an C(async) task that is not known.
      returned: always
      type: bool
    survivors:
      description: The processes of a job with RV(jobs[].reason=not_ended) that could not be ended and still run, each
        with RV(ignore:pid), RV(ignore:owner) and RV(ignore:command).
      returned: always
      type: list
      elements: dict
      sample: []
    trace:
      description: The absolute path of the file in which the process that looks after the job, and after those that
        were launched with it, writes down what it does. It is null without O(background.jobs.launch#module:trace).
      returned: always
      type: str
      sample: /root/.ansible_async/.j248519231479172386183745102938475610293.trace
summary:
  description: How many of these jobs are in each state.
  returned: with RV(jobs)
  type: dict
  sample:
    cancelled: 0
    failed: 1
    lost: 0
    queued: 0
    running: 2
    skipped: 0
    succeeded: 5
    timed_out: 0
elsewhere:
  description: How many more jobs were started on other hosts that share this directory. Only those hosts can tell how
    they stand.
  returned: with RV(jobs)
  type: int
  sample: 0
user:
  description: The user that was asked as.
  returned: with RV(jobs)
  type: str
  sample: root
async_dir:
  description: The absolute path of the directory that was looked at.
  returned: with RV(jobs)
  type: str
  sample: /root/.ansible_async
"""
