#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cancel
short_description: End detached jobs
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Ends jobs of P(background.jobs.launch#module), or jobs of tasks with C(async) that are given as O(jobs), in one
    round trip for each host. It returns when they have ended.
  - A job is ended with all processes that it started. They get SIGTERM, and SIGKILL after the C(kill_after) of the job.
  - A job that has finished is left as it is and is no failure. The task fails if a job cannot be found or ended, and
    names the processes that run on.
  - The files of the jobs stay, unless O(cleanup) says otherwise. Give the jobs to P(background.jobs.wait#module) to
    collect their results and to remove their files.
  - P(background.jobs.wait#module) with O(background.jobs.wait#module:group) leaves out a cancelled job that was started
    again since, in the same group with the same name.
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
attributes:
  check_mode:
    support: full
    details: Nothing is ended. The result has the jobs that would be.
  diff_mode:
    support: none
  idempotent:
    support: full
  async:
    support: none
    details: It takes as long as the jobs take to end.
  action:
    support: full
  become:
    support: full
    details: Cancel as the user that started the jobs.
  delegation:
    support: full
    details: Cancel on the host that runs the jobs.
options:
  jobs:
    description:
      - The jobs to end. Give what was registered where they were started, in any of the forms that
        O(background.jobs.wait#module:jobs) takes, or one id (C(ansible_job_id)) or a list of them.
      - What was skipped or failed to start, or had finished when it was registered, is returned as it is.
      - An empty list means that there is nothing to end.
      - Exactly one of O(jobs) and O(all), or at least one of O(group) and O(name), is required.
    type: raw
  group:
    description:
      - End the unfinished jobs that were started with this O(background.jobs.launch#module:group) by the same user on
        this host. It does not matter which play or controller started them.
      - With O(name) only those of this group that have one of these names.
    type: str
  name:
    description:
      - End the unfinished jobs with one of these names that were started by the same user on this host.
      - An empty list means that there is nothing to end.
    type: list
    elements: str
  all:
    description: Whether to end all unfinished jobs of this collection that were started by the same user on this host.
    type: bool
  mode:
    description: How to end the jobs.
    type: str
    choices:
      kill: End running jobs, and do not start queued ones.
      drain: Do not start queued jobs. Running jobs run to their end, but are not retried.
    default: kill
  cleanup:
    description:
      - Whether to remove the files of the jobs that have ended, by this task or before. Their results are in what this
        task returns.
      - Do not use it if somebody else may be waiting for the jobs.
    type: bool
    default: false
seealso:
  - module: background.jobs.launch
  - module: background.jobs.wait
  - module: background.jobs.async_status
"""

EXAMPLES = r"""
- name: Start two long things
  background.jobs.launch:
    group: nightly
    jobs:
      - name: backup
        ansible.builtin.command: sleep 600
      - name: report
        ansible.builtin.command: sleep 900
  register: nightly

- name: End one of them
  background.jobs.cancel:
    group: nightly
    name: report

- name: End what was registered
  background.jobs.cancel:
    jobs: "{{ nightly }}"

- name: Remove their files; a job that was cancelled did not succeed
  background.jobs.wait:
    jobs: "{{ nightly }}"
  register: ended
  failed_when: ended.summary.cancelled != 2

- name: End whatever still runs of the group, and leave nothing behind
  background.jobs.cancel:
    group: nightly
    cleanup: true

- name: Before a maintenance, let what runs go on and start nothing more
  background.jobs.cancel:
    all: true
    mode: drain
"""

RETURN = r"""
results:
  description:
    - One entry for each job, in the order of O(jobs). With O(group), O(name) or O(all) it is one for each job that was
      found.
    - Beside these keys it has those that P(background.jobs.wait#module) returns.
  returned: always, unless the options were wrong or the host could not be asked
  type: list
  elements: dict
  contains:
    ansible_job_id:
      description: The id of the job.
      returned: when the job was started
      type: str
      sample: j248519231479172386183745102938475610293.0
    job:
      description: What is said of the job, with the keys that P(background.jobs.wait#module) returns there.
      returned: always
      type: dict
      contains:
        name:
          description: The name of the job.
          returned: always
          type: str
          sample: backup
        state:
          description:
            - How the job stands, V(cancelled) for one that was ended, V(not_found) for one that is not here.
            - In check mode it is how the job stands now.
          returned: always
          type: str
          sample: cancelled
        message:
          description: Why the job is in this state, or why it could not be cancelled.
          returned: when there is one
          type: str
        survivors:
          description: The processes of the job that could not be ended, each with RV(ignore:pid), RV(ignore:owner) and
            RV(ignore:command). They are another user's, or hang in the kernel.
          returned: when there are such processes, and they still run
          type: list
          elements: dict
          sample:
            - pid: 4711
              owner: root
              command: sh
    changed:
      description: Whether this task ended the job.
      returned: always
      type: bool
    failed:
      description:
        - Whether the job could not be found or could not be ended.
        - For an item of O(jobs) that failed to start it is true, too. That does not make this task fail.
      returned: always
      type: bool
    msg:
      description: Why the job is in this state, or why it could not be cancelled.
      returned: when there is one
      type: str
finished:
  description: Whether all these jobs are finished.
  returned: with RV(results)
  type: bool
msg:
  description: A sentence that tells how many jobs were cancelled, and which could not be, and why.
  returned: always
  type: str
  sample: 2 jobs cancelled on web1, 1 had finished already
"""
