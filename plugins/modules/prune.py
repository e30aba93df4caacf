#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prune
short_description: Delete the files of uncollected jobs
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Deletes the files of uncollected jobs, with the results in them, in one round trip for each host.
  - It knows the jobs of P(background.jobs.launch#module) and P(background.jobs.run#module) and those of tasks with
    C(async), whichever play or controller started them.
  - A job that has not finished is never touched, nor one of which processes run on. A job that was launched together
    with others stays until all of them have ended, because somebody may be waiting for all.
  - Files that belong to no job, because their launch was killed, are removed too, if they are at least one hour old.
    With O(group), O(name), or a O(state) without V(lost) they stay.
  - It finds the jobs of the user that it runs as, in the directory that the shell option C(async_dir) (variable
    C(ansible_async_dir)) names. Use C(become_user) for those of another user.
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
attributes:
  check_mode:
    support: full
    details: Nothing is removed. The result has what would be.
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
    details: Remove as the user that started the jobs.
  delegation:
    support: full
    details: Remove on the host that has run the jobs.
options:
  older_than:
    description:
      - How long ago a job must have ended for its files to be removed. For a job that is V(lost) it is the time since
        its last sign of life, its start or some output.
      - Seconds, or a duration such as V(90s), V(12h) or V(7d). V(0) removes the files of all jobs that have ended, even
        if somebody was about to collect them.
    type: str
    default: 7d
  group:
    description:
      - Remove only files of jobs that were started with this O(background.jobs.launch#module:group). Jobs of C(async)
        tasks have none.
    type: str
  name:
    description:
      - Remove only files of jobs with one of these names. The name of a job of an C(async) task is its id.
      - An empty list means that there is nothing to remove.
    type: list
    elements: str
  state:
    description: Remove only files of jobs in one of these states. By default all of them.
    type: list
    elements: str
    choices:
      - succeeded
      - failed
      - timed_out
      - cancelled
      - skipped
      - lost
    default:
      - succeeded
      - failed
      - timed_out
      - cancelled
      - skipped
      - lost
seealso:
  - module: background.jobs.job_info
  - module: background.jobs.cancel
  - module: background.jobs.wait
"""

EXAMPLES = r"""
- name: Remove what nobody has collected for a week
  background.jobs.prune:

- name: Remove what has succeeded, but keep failures for a closer look
  background.jobs.prune:
    state: succeeded
    older_than: 12h

- name: Remove all that is left of a group
  background.jobs.prune:
    group: nightly
    older_than: 0
"""

RETURN = r"""
jobs:
  description:
    - One entry for each job whose files were removed, with the keys of RV(background.jobs.job_info#module:jobs).
    - In check mode one for each whose files would be.
  returned: always, unless the options were wrong or the host could not be asked
  type: list
  elements: dict
  sample:
    - ansible_job_id: j248519231479172386183745102938475610293.0
      name: backup
      group: nightly
      state: failed
      age: 700000.5
kept:
  description: Jobs that were selected and have to stay all the same, with the same keys. RV(ignore:message) says why.
  returned: with RV(jobs)
  type: list
  elements: dict
  sample: []
files:
  description: The paths of files and directories that belonged to no job and were removed.
  returned: with RV(jobs)
  type: list
  elements: str
  sample:
    - /root/.ansible_async/.j248519231479172386183745102938475610293.lock
summary:
  description: How many jobs of each state were removed.
  returned: with RV(jobs)
  type: dict
  sample:
    cancelled: 0
    failed: 1
    lost: 0
    queued: 0
    running: 0
    skipped: 0
    succeeded: 5
    timed_out: 0
msg:
  description: A sentence that tells how much was removed, and what had to stay, and why.
  returned: always
  type: str
  sample: 3 jobs removed on web1 (2 succeeded, 1 failed)
"""
