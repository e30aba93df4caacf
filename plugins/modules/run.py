#!/usr/bin/python
# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: Run modules in parallel on each host and wait for all of them
version_added: 1.0.0
author:
  - The background.jobs contributors (@background-jobs)
description:
  - Runs any number of modules in parallel on each host, as detached jobs, returns their results and removes their
    files.
  - All jobs of a host start and are waited for in one round trip. Where a launch cannot go on standard input, waiting
    is a second one.
  - While it waits it prints progress lines, and a line for each job that has ended, as a loop does for each item. With
    more than 20 jobs on a host, only those that did not succeed have a line, and the others are counted. A task with
    one job has none.
  - The task is V(changed) if a job changed something, and it fails if a job did not succeed. The other jobs still run
    to their end, unless O(halt) says otherwise.
  - If the task is interrupted, for example by its keyword C(timeout), the jobs run on. RV(results) then has their
    handles, as P(background.jobs.launch#module) returns them.
  - Use P(background.jobs.launch#module) to continue the play while the jobs run.
extends_documentation_fragment:
  - background.jobs._attributes
  - background.jobs._attributes.action
  - background.jobs._attributes.posix
  - background.jobs._attributes.group
  - background.jobs._jobs
  - background.jobs._waiting
attributes:
  check_mode:
    support: full
    details: The jobs run their modules in check mode. A job whose module does not support check mode is V(skipped).
      Nothing is left on the host.
  diff_mode:
    support: full
    details: The modules of the jobs run in diff mode. The differences of the jobs that changed something are in
      RV(results), and are shown with the names of the jobs if the task succeeds.
  idempotent:
    support: partial
    details: Every call runs its jobs. A job is as idempotent as its module.
  async:
    support: none
    details: The jobs are detached anyway. Use O(timeout) for their limit, and P(background.jobs.launch#module) to
      continue without waiting.
  action:
    support: full
  become:
    support: full
  delegation:
    support: full
seealso:
  - module: background.jobs.launch
  - module: background.jobs.cancel
  - module: background.jobs.wait
"""

EXAMPLES = r"""
- name: Run three things at the same time
  background.jobs.run:
    timeout: 10m
    jobs:
      - name: list packages
        ansible.builtin.shell: dpkg-query --show > /tmp/packages.txt
      - name: pack etc
        ansible.builtin.command:
          cmd: tar -czf /tmp/etc.tar.gz /etc
          creates: /tmp/etc.tar.gz
      - name: disk usage
        ansible.builtin.command: du -sx /usr
  register: work

- name: Show what one of them printed
  ansible.builtin.debug:
    msg: "{{ (work | background.jobs.by_name)['disk usage'].stdout }}"

- name: Compile everything, three at a time
  background.jobs.run:
    concurrency: 3
    timeout: 30m
    for_each: "{{ source_packages }}"
    job:
      name: "{{ item.name }}"
      ansible.builtin.command:
        cmd: "{{ item.cmd }}"
        chdir: "{{ item.dir }}"
  register: compiled
  vars:
    source_packages:
      - {name: nginx, dir: /usr/local/src/nginx, cmd: make}
      - {name: redis, dir: /usr/local/src/redis, cmd: make}

- name: Build and test, each in its order, and give up at the first failure
  background.jobs.run:
    fail_fast: true
    deadline: 1h
    jobs:
      - name: database
        ansible.builtin.command: /opt/app/make-database
        retries: 2
        delay: 10s
        backoff: 2
      - name: build
        block:
          - name: unpack
            ansible.builtin.unarchive:
              src: /opt/app/source.tar.gz
              dest: /opt/app/src
              remote_src: true
          - name: compile
            ansible.builtin.command: make
            args:
              chdir: /opt/app/src
        max_output: 1M
      - name: test
        after: [database, build]
        ansible.builtin.command: make test
        args:
          chdir: /opt/app/src

- name: Install packages one at a time, and do other things meanwhile
  background.jobs.run:
    jobs:
      - name: install git
        ansible.builtin.apt:
          name: git
        lock: apt
      - name: install make
        ansible.builtin.apt:
          name: make
        lock: apt
      - name: fetch data
        ansible.builtin.get_url:
          url: https://example.com/data.tar.gz
          dest: /tmp/data.tar.gz
        retries: 3
        retry_on: [timed_out]
        timeout: 2m

- name: Ask several mirrors, and take the first that answers
  background.jobs.run:
    halt: now,success=1
    for_each: "{{ mirrors }}"
    job:
      name: "{{ item }}"
      ansible.builtin.uri:
        url: "https://{{ item }}/status"
  register: asked
  vars:
    mirrors:
      - mirror1.example.com
      - mirror2.example.com

- name: Say what counts as a change and as a failure
  background.jobs.run:
    jobs:
      - name: look
        ansible.builtin.command: grep --quiet error /var/log/app.log
        changed_when: false
        failed_when: rc not in [0, 1]
      - name: warm up
        ansible.builtin.uri:
          url: http://127.0.0.1:8080/warm
        ignore_errors: true

- name: Continue if a job fails, and see which did not succeed
  background.jobs.run:
    jobs:
      - name: works
        ansible.builtin.command: "true"
      - name: fails
        ansible.builtin.command: "false"
  register: tried
  ignore_errors: true

- name: Name those that did not succeed
  ansible.builtin.debug:
    msg: "{{ tried.results | selectattr('failed') | map(attribute='job.name') | join(', ') }}"
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
          returned: always
          type: str
          sample: backup
        state:
          description:
            - V(succeeded), V(failed), V(timed_out) or V(cancelled).
            - V(skipped) if its C(when) was false, or if it was not started because of other jobs.
            - V(lost) if the job can no longer finish and left no result, for example after a restart of the host.
            - V(not_found) if another task has collected it.
            - V(queued) or V(running) if this task was interrupted.
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
          returned: when the job was started
          type: float
          sample: 12.031
        attempts:
          description: The number of times the job was started.
          returned: when the job was started
          type: int
          sample: 1
        queued_at:
          description: When the job was accepted, in UTC, by the clock of the host.
          returned: when the host has accepted the job
          type: str
          sample: "2026-11-22T02:00:00.125Z"
        started_at:
          description: When the job was first started, in UTC, by the clock of the host.
          returned: when the job was started
          type: str
          sample: "2026-11-22T02:00:01.250Z"
        ended_at:
          description: When the job ended, in UTC, by the clock of the host.
          returned: when the host has accepted the job, unless it is V(lost)
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
          description: The O(group) that the job was started with.
          returned: when it has one
          type: str
          sample: nightly
        results_file:
          description: The absolute path of the status file of the job on the host. It is gone when this task ends.
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
        was V(cancelled) because of O(halt).
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
      returned: with O(for_each)
      type: raw
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
