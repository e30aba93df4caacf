#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: launch
short_description: Start detached jobs and return immediately
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Starts any number of modules as detached jobs, in one round trip for each host, and returns immediately. It does for
    many jobs what a task with C(async) and C(poll=0) does for one.
  - The jobs run on when the connection or the play ends. They do not survive a restart of the host.
  - Either all jobs are started or none. A job that cannot be started is named in the error message.
  - Use P(background.jobs.wait#module) to wait for the jobs and to collect their results. An uncollected job
    leaves its status file on the host.
  - Use P(background.jobs.run#module) to start jobs and to wait for them in one task.
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
  - background.jobs._jobs
attributes:
  check_mode:
    support: full
    details: The jobs run their modules in check mode and are waited for at once, so that nothing is left on the host. A
      job whose module does not support check mode is V(skipped).
  diff_mode:
    support: full
    details: The modules of the jobs run in diff mode. The differences are in the results that
      P(background.jobs.wait#module) returns, they are not shown by themselves.
  idempotent:
    support: partial
    details: Every call starts its jobs. A job is as idempotent as its module.
  async:
    support: none
    details: The jobs are detached anyway. Use O(timeout) for their limit.
  action:
    support: full
  become:
    support: full
    details: Use the same C(become_user) when you wait for the jobs.
  delegation:
    support: full
    details: Delegate the task that waits for the jobs to the same host.
seealso:
  - module: background.jobs.wait
  - module: background.jobs.run
  - module: background.jobs.async_status
  - module: background.jobs.cancel
"""

EXAMPLES = r"""
- name: Start two long things
  background.jobs.launch:
    group: nightly
    jobs:
      - name: backup
        ansible.builtin.command: tar -czf /var/backups/etc.tar.gz /etc
        timeout: 1h
      - name: report
        ansible.builtin.shell: du -x / | sort -n | tail > /tmp/report.txt
        args:
          executable: /bin/bash
        environment:
          LC_ALL: C
  register: nightly

- name: Do something else meanwhile
  ansible.builtin.command: uptime
  changed_when: false

- name: Collect the results, fail if a job failed
  background.jobs.wait:
    jobs: "{{ nightly }}"

- name: Start steps that follow each other as one job, and another job after it
  background.jobs.launch:
    jobs:
      - name: report
        block:
          - ansible.builtin.get_url:
              url: https://example.com/feed.tar.gz
              dest: /tmp/feed.tar.gz
          - ansible.builtin.unarchive:
              src: /tmp/feed.tar.gz
              dest: /srv/feed
              remote_src: true
        retries: 3
        delay: 1m
      - name: publish
        after: report
        ansible.builtin.command: /opt/publish /srv/feed
  register: feed

- name: Compress each log in the background, as many at a time as there are CPU threads
  background.jobs.launch:
    concurrency: 100%
    for_each: "{{ logs }}"
    job:
      name: "compress {{ item | basename }}"
      ansible.builtin.command:
        cmd: "gzip -9 {{ item }}"
        creates: "{{ item }}.gz"
  register: compressing
  vars:
    logs:
      - /var/log/app/access.log
      - /var/log/app/error.log
"""

RETURN = r"""
results:
  description: What identifies each job, in the order of the jobs. Give it to P(background.jobs.wait#module).
  returned: success
  type: list
  elements: dict
  contains:
    ansible_job_id:
      description: The id of the job.
      returned: when the job was started
      type: str
      sample: j248519231479172386183745102938475610293.0
    results_file:
      description: The absolute path of the job's status file on the host.
      returned: when the job was started
      type: str
      sample: /root/.ansible_async/j248519231479172386183745102938475610293.0
    job:
      description: What is said of the job.
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
            - How the job stood when this task returned, V(queued) for a job that was started.
            - A job that has nothing to do is finished without being started, for example V(skipped).
            - In check mode all jobs are finished, and have the keys that P(background.jobs.wait#module) returns.
          returned: always
          type: str
          sample: queued
        group:
          description: The O(group) of the job.
          returned: with O(group)
          type: str
          sample: nightly
        host:
          description: The inventory name of the host that the job runs on.
          returned: when the job was started
          type: str
          sample: web1
        user:
          description: The user that the job runs as.
          returned: when the job was started
          type: str
          sample: root
        interpreter:
          description: The Python on the host with which the job was started.
          returned: when the job was started, not in check mode
          type: str
          sample: /usr/bin/python3
        no_log:
          description: Always true. The job has C(no_log).
          returned: when it has
          type: bool
        attached:
          description: Always true. The job was started by an earlier launch. See O(if_running).
          returned: with O(if_running=attach), for a job that was running
          type: bool
        attached_as:
          description: The id by which this launch collects a job that others may wait for, too.
          returned: with RV(results[].job.attached)
          type: str
        false_condition:
          description: The condition in C(when) of the job that was false.
          returned: when the job was skipped by it
          type: raw
        conditions:
          description:
            - What the job says about its own result, C(changed_when), C(failed_when) and C(ignore_errors). The values
              of the variables that these name are under C(variables), as they were at the launch.
            - With this handle the job is judged by these, whatever its host has.
          returned: when the job was started, not in check mode
          type: dict
          sample:
            failed_when: ["rc not in fine"]
            variables:
              fine: [0, 3]
    started:
      description: Whether the job was started.
      returned: always
      type: bool
    finished:
      description: Whether the job has finished.
      returned: always
      type: bool
    failed:
      description: Whether the job is known to have failed.
      returned: always
      type: bool
    changed:
      description: Whether the job is known to have changed something.
      returned: always
      type: bool
    item:
      description: The item that the job was made for.
      returned: with O(for_each)
      type: raw
ansible_job_id:
  description: The id of the job.
  returned: success, when there is one job
  type: str
  sample: j248519231479172386183745102938475610293.0
results_file:
  description: The absolute path of the job's status file on the host.
  returned: success, when there is one job
  type: str
  sample: /root/.ansible_async/j248519231479172386183745102938475610293.0
started:
  description: Whether the job was started.
  returned: success, when there is one job
  type: bool
job:
  description: What is said of the job, as in RV(results[].job).
  returned: success, when there is one job
  type: dict
finished:
  description: Whether all jobs are finished already, such as those that were skipped or are waited for in check mode.
  returned: success
  type: bool
"""
