#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: async_status
short_description: Return the status of detached jobs without waiting
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Returns the status of one or many jobs without waiting, or removes their files. It has the options and the result of
    M(ansible.builtin.async_status), and knows jobs of P(background.jobs.launch#module) and of C(async) tasks.
  - Unlike M(ansible.builtin.async_status) it can tell a job that was killed (RV(job.state=lost)) from a running one,
    asks for any number of jobs in one round trip, and refuses to remove the files of a running job.
  - To wait for jobs use P(background.jobs.wait#module), which needs no C(until).
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
attributes:
  check_mode:
    support: full
    details: With O(mode=cleanup) nothing is removed.
  diff_mode:
    support: none
  idempotent:
    support: full
  async:
    support: none
options:
  jid:
    description:
      - The id of one job, C(ansible_job_id) in what its launch returned. The result is that of the job.
      - Mutually exclusive with O(jids).
    type: str
  jids:
    description: The ids of any number of jobs. They are returned in RV(results), in this order.
    type: list
    elements: str
  mode:
    description: What to do.
    type: str
    choices:
      status: Return the status.
      cleanup: Remove the files of finished jobs.
    default: status
  offset:
    description:
      - Return the output of the job from this byte on, as RV(job.output). Begin with V(0), and continue with the
        RV(job.next_offset) of the last answer. The output can be read until the job is collected.
      - While the job runs, only whole lines are returned. A job with C(no_log) has no output.
      - Mutually exclusive with O(jids).
    type: int
seealso:
  - module: background.jobs.wait
  - module: ansible.builtin.async_status
"""

EXAMPLES = r"""
- name: Start something long
  background.jobs.launch:
    jobs:
      - name: report
        ansible.builtin.command: /opt/report --all
  register: report

- name: See how it stands, without waiting
  background.jobs.async_status:
    jid: "{{ report.ansible_job_id }}"
  register: status

- name: Say so
  ansible.builtin.debug:
    msg: "report is {{ status.job.state }}"

- name: Look at many at once
  background.jobs.async_status:
    jids: "{{ compiled.results | map(attribute='ansible_job_id') | list }}"
"""

RETURN = r"""
ansible_job_id:
  description: The id of the job.
  returned: with O(jid)
  type: str
  sample: j248519231479172386183745102938475610293.0
started:
  description: Whether the job was accepted. It is V(false) for a job that is V(not_found), for which
    M(ansible.builtin.async_status) has V(true).
  returned: with O(jid)
  type: bool
finished:
  description: Whether nothing more will come; with O(jids), of any of them.
  returned: always
  type: bool
job:
  description:
    - What is said of the job, with the keys that P(background.jobs.wait#module) returns there, and those below. All
      other keys are those of its module.
    - With O(mode=cleanup) only RV(job.name), RV(job.state), RV(job.reason), RV(job.message) and C(survivors).
  returned: with O(jid)
  type: dict
  contains:
    name:
      description: The name of the job, or its id.
      returned: always
      type: str
      sample: backup
    state:
      description:
        - How the job stands.
        - V(lost) means that it can no longer finish and left no result.
        - V(not_found) means that there is no such job here, for this user and in this directory.
      returned: always
      type: str
      sample: running
    reason:
      description: Why the job is in this state, in one word.
      returned: when there is one
      type: str
      sample: exit_code
    message:
      description: The cause as a sentence.
      returned: when there is one
      type: str
    output:
      description: What the commands of the job have printed behind O(offset). Bytes that are not UTF-8 are escaped.
      returned: with O(offset)
      type: str
    output_left_out:
      description: How many bytes before RV(job.output) are not returned. At most 64 KiB are, the newest.
      returned: with O(offset)
      type: int
    next_offset:
      description: The O(offset) for the next time.
      returned: with O(offset)
      type: int
results_file:
  description: The absolute path of the status file.
  returned: with O(jid) and O(mode=status), as long as the job is not finished
  type: str
erased:
  description: The path of the status file that was removed.
  returned: with O(jid) and O(mode=cleanup)
  type: str
results:
  description: One such result for each of O(jids), in their order, with the keys of the job's module.
  returned: with O(jids)
  type: list
  elements: dict
"""
