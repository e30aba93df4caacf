#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wait
short_description: Wait for jobs, collect their results and clean up
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Waits until jobs have finished, returns their results and removes their files. It takes jobs of
    P(background.jobs.launch#module) and of tasks with C(async) and C(poll=0).
  - It waits on the target, for all jobs in one round trip, and needs no C(until), C(retries) or C(delay).
  - The task is V(changed) if a job changed something, and it fails if a job did not succeed or did not finish in time.
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
  - background.jobs._waiting
attributes:
  check_mode:
    support: full
    details: It waits and returns the results, but removes no files. The jobs that P(background.jobs.launch#module)
      started in check mode have ended already.
  diff_mode:
    support: full
    details: The differences that the modules of the jobs reported are in RV(results). In diff mode those of the jobs
      that changed something are shown with the names of the jobs if the task succeeds.
  idempotent:
    support: none
    details: The files of a finished job are removed, unless O(cleanup=false). After that the job is V(not_found) for
      another wait with the same O(jobs).
  async:
    support: none
    details: It waits on the target anyway. Use O(wait_timeout) for its limit.
  action:
    support: full
  become:
    support: full
    details: Wait as the user that started the jobs.
  delegation:
    support: full
    details: Wait on the host that runs the jobs.
options:
  jobs:
    description:
      - The jobs to wait for. Give what was registered where they were started, whatever it is. That can be the result
        of P(background.jobs.launch#module), or of a task with C(async) and C(poll=0) with or without a C(loop), or an
        earlier result of this entry.
      - One job, an id (C(ansible_job_id)) or a list of any of these, nested too, can be given as well.
      - Items that were skipped or failed to start are returned as V(skipped) and V(failed), in their place.
      - A result that is final already, of a task whose C(async) was 0 or that has polled by itself, is returned as it
        is, in its place. Nothing is asked of the host for it, and nothing is removed.
      - A mapping with C(name) and C(job) names a job that has no name, such as one of C(async) and C(poll=0), in
        messages and results. Otherwise such a job is named after its item or its id. Values of keys that look like
        secrets are left out of the name.
      - An empty list means that there is nothing to wait for.
      - One of O(jobs), O(group) and O(name) is required.
    type: raw
  group:
    description:
      - Wait for all jobs of this group on the host, running or uncollected. It fails if there are none. Mutually
        exclusive with O(jobs).
      - It needs no registered variable, so another play or another run can wait. It must be the same user.
    type: str
  name:
    description: Wait for the jobs of these names, of any group or of O(group). Mutually exclusive with O(jobs).
    type: list
    elements: str
  wait_timeout:
    description:
      - How long to wait. Jobs that have not finished by then run on, keep their files, and make this task fail. To wait
        for them again, register the result of this task and give it as O(jobs).
      - Seconds, or a duration such as V(90s), V(30m) or V(1h 30m). V(0) waits until the jobs have finished, which have
        limits of their own.
    type: str
    default: "0"
  cleanup:
    description: Whether to remove the files of the jobs that have finished.
    type: bool
    default: true
seealso:
  - module: background.jobs.launch
  - module: background.jobs.run
  - module: background.jobs.async_status
  - module: background.jobs.cancel
  - module: ansible.builtin.async_status
"""

EXAMPLES = r"""
- name: Start two things
  background.jobs.launch:
    jobs:
      - name: quick
        ansible.builtin.command: sleep 2
      - name: slow
        ansible.builtin.command: sleep 600
  register: things

- name: Wait a short while, and go on in any case
  background.jobs.wait:
    jobs: "{{ things }}"
    wait_timeout: 5
  register: first_look
  failed_when: false

- name: Wait for the rest
  background.jobs.wait:
    jobs: "{{ first_look }}"

# Jobs of a group can be collected by another play or run, without anything registered.
- name: Collect what the night has left
  background.jobs.wait:
    group: nightly
  failed_when: false

# In existing plays only the waiting half changes.
- name: Start sleeping with builtin async
  ansible.builtin.command: "sleep {{ item }}"
  loop: [1, 2, 3]
  async: 60
  poll: 0
  changed_when: false
  register: sleepers

- name: Wait for all of them
  background.jobs.wait:
    jobs: "{{ sleepers }}"
  register: slept

- name: Show the return codes
  ansible.builtin.debug:
    msg: "sleep {{ item.item }} ended with {{ item.rc }}"
  loop: "{{ slept.results }}"
  loop_control:
    label: "{{ item.job.name }}"

# A job of async has no name. It can be given one.
- name: Start building the index
  ansible.builtin.command: /opt/app/index
  async: 600
  poll: 0
  changed_when: true
  register: indexing

- name: Wait for it under that name
  background.jobs.wait:
    jobs:
      - name: index
        job: "{{ indexing }}"
"""

RETURN = r"""
results:
  description:
    - The result of each job, in the order of the jobs.
    - It has the keys that the module of the job returned, as they are, for example RV(ignore:rc), RV(ignore:stdout) or
      RV(ignore:state). What this collection adds is in RV(results[].job). The filter
      P(background.jobs.by_name#filter) makes a dictionary of the results, by job name.
    - If there is only one job, the task itself returns these keys as well, for example RV(ignore:rc) and
      RV(ignore:job). Of the keys C(results), C(summary), C(msg), C(elapsed), C(changed), C(failed) and C(finished) it
      has its own, and none of C(ansible_facts), C(item) and C(skipped); those of the job are in RV(results) only.
  returned: always, unless the options were wrong or the host could not be asked
  type: list
  elements: dict
  contains:
    job:
      description:
        - What this collection adds. All other keys of the result are those of its module, or those that ansible-core
          has in results of its own jobs.
      returned: always
      type: dict
      contains:
        name:
          description:
            - The name of the job.
            - For a job of builtin C(async) that was started in a loop it is the item, or C(item.name).
            - Otherwise it is the id.
          returned: always
          type: str
          sample: backup
        state:
          description:
            - V(succeeded), V(failed), V(timed_out) or V(cancelled).
            - V(skipped) if its C(when) was false, or if it was not started because of other jobs.
            - V(lost) if the job can no longer finish and left no result, for example after a restart of the host.
            - V(not_found) if there is no such job here, for this user and in this directory. It may run elsewhere, or
              was collected before. C(reason) then says V(other_host), V(other_user), V(newer_release) or V(not_a_jid),
              if one of these is known.
            - V(queued) or V(running) if the job has not finished within O(wait_timeout).
          returned: always
          type: str
          sample: succeeded
        reason:
          description:
            - The machine-readable cause of the state.
            - For a job that V(failed), V(exit_code), V(module), V(signal), V(spawn), V(no_output),
              V(output_unparsable), V(output_too_long) or V(result_undecodable), or V(failed_when), or V(condition) if
              one of its conditions cannot be evaluated, or V(not_ended) if it was to be ended and processes of it run
              on that could not be.
            - For a job that was V(lost), V(reboot), V(supervisor_gone), V(supervisor_failed), V(status_unreadable),
              V(disk_full), V(not_written) or V(unreachable).
            - For a job that was V(skipped), V(halted) or V(dependency).
            - For others, V(timeout), V(deadline), V(cancelled), V(halted) or V(launch).
          returned: when there is one
          type: str
          sample: exit_code
        message:
          description: The cause as a sentence.
          returned: when there is one
          type: str
          sample: exit code 3
        elapsed:
          description: How many seconds the job ran, with all its attempts and the time between them.
          returned: when the job was started by this collection and has ended
          type: float
          sample: 12.031
        attempts:
          description: The number of times the job was started.
          returned: when the job was started by this collection
          type: int
          sample: 1
        queued_at:
          description: When the job was accepted, in UTC, by the clock of the host.
          returned: when the job was started by this collection
          type: str
          sample: "2026-11-22T02:00:00.125Z"
        started_at:
          description: When the job was first started, in UTC, by the clock of the host.
          returned: when the job was started by this collection, unless it never left the queue
          type: str
          sample: "2026-11-22T02:00:01.250Z"
        ended_at:
          description: When the job ended, in UTC, by the clock of the host.
          returned: when the job was started by this collection and has ended, unless it is V(lost)
          type: str
          sample: "2026-11-22T02:00:13.281Z"
        host:
          description: The inventory name of the host that the job runs on.
          returned: when it is known
          type: str
          sample: web1
        user:
          description: The user that the job runs as.
          returned: when it is known
          type: str
          sample: root
        group:
          description: The O(background.jobs.launch#module:group) that the job was started with.
          returned: when it has one
          type: str
          sample: nightly
        results_file:
          description: The absolute path of the status file of the job on the host. It is gone after a clean-up.
          returned: when the job was started
          type: str
          sample: /root/.ansible_async/j248519231479172386183745102938475610293.0
        attached:
          description: Always true. The job was started by an earlier launch.
          returned: when it was
          type: bool
        no_log:
          description: Always true. The job has C(no_log).
          returned: when it has
          type: bool
        conditions:
          description: The conditions of the job, as in the handle of its launch.
          returned: when the job is not finished, or not found, and they are known
          type: dict
        failed_when:
          description: The C(failed_when) of the job, which was true.
          returned: when the job failed by it
          type: str
        ignored:
          description: Always true. The job did not succeed, but does not make the task fail.
          returned: when the job has C(ignore_errors) and did not succeed
          type: bool
        false_condition:
          description: The condition in C(when) of the job that was false.
          returned: when the job was skipped by it
          type: raw
        attempt_results:
          description: The results of the attempts before the last one, in order, with the keys of the module, and with
            C(state), C(reason), C(message) and C(elapsed) of the attempt in RV(ignore:job).
          returned: when the job was retried
          type: list
          elements: dict
          sample:
            - rc: 1
              job:
                state: failed
                reason: exit_code
                elapsed: 0.213
        survivors:
          description: The processes of the job that could not be ended, each with RV(ignore:pid), RV(ignore:owner) and
            RV(ignore:command). They are another user's, or hang in the kernel.
          returned: when there are such processes
          type: list
          elements: dict
          sample:
            - pid: 4711
              owner: root
              command: sh
        truncated:
          description: The keys of the result whose texts were longer than C(max_output) and were cut.
          returned: when there are such keys
          type: list
          elements: str
          sample:
            - stdout
        shadowed:
          description: What the module of the job returned as C(job), C(started), C(finished), C(item) or
            C(ansible_job_id), if it was something else.
          returned: when there is such a key
          type: dict
          sample:
            started: "12:00"
    ansible_job_id:
      description: The id of the job.
      returned: when the job was started
      type: str
      sample: j248519231479172386183745102938475610293.0
    started:
      description: Whether the job was started. A job that is V(skipped) may not have been, and one that is V(not_found)
        was not, as far as is known here.
      returned: always
      type: bool
    finished:
      description: Whether the job has finished.
      returned: always
      type: bool
    failed:
      description: Whether the job ended in any other state than V(succeeded) or V(skipped). It is false for a job that
        was V(cancelled) because of O(background.jobs.run#module:halt).
      returned: always
      type: bool
    changed:
      description: Whether the module of the job changed something, or what its C(changed_when) says.
      returned: always
      type: bool
    skipped:
      description: Always true.
      returned: when the job is V(skipped)
      type: bool
    msg:
      description: What the module of the job says; where it says nothing, C(job.message).
      returned: when there is one
      type: str
    item:
      description: The item that the job was made for.
      returned: when the job was started for an item of a loop or of O(background.jobs.launch#module:for_each)
      type: raw
    results_file:
      description: The absolute path of the status file of the job on the host.
      returned: when the job is not finished
      type: str
      sample: /root/.ansible_async/j248519231479172386183745102938475610293.0
    steps:
      description: The results of the steps that were run, in order, with the keys of their modules, and with C(name),
        C(state), C(reason) and C(message) of the step in RV(ignore:job).
      returned: when the job has a C(block) and was run
      type: list
      elements: dict
      sample:
        - changed: true
          job:
            name: download
            state: succeeded
summary:
  description: How many jobs are in each state.
  returned: with RV(results)
  type: dict
  sample:
    cancelled: 0
    failed: 1
    lost: 0
    not_found: 0
    queued: 0
    running: 0
    skipped: 0
    succeeded: 2
    timed_out: 0
elapsed:
  description: How many seconds this task waited.
  returned: with RV(results)
  type: float
  sample: 14.52
msg:
  description: A sentence that names the jobs that did not succeed, and why. Equal causes are grouped, and at most
    five jobs are named. All of them are in RV(results).
  returned: always
  type: str
  sample: "1 of 3 jobs did not succeed on web1: deploy failed: exit code 3: no space left"
"""
