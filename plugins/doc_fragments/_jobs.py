# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that describe jobs, shared by launch and run.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments to be extended by name."""

    DOCUMENTATION = r"""
options:
  jobs:
    description:
      - The jobs, in the order in which they start and in which their results are returned. An empty list means no jobs.
      - Each job is a mapping with exactly one module, written as in a task, or with a O(jobs[].block), and any of the
        keys below beside it. Use the fully qualified name of the module.
      - A job runs its module on the target. Modules that work on the controller, such as M(ansible.builtin.template) or
        M(ansible.builtin.fetch), are refused before anything starts, and so are modules whose action does its work
        on the target by itself, such as C(community.general.shutdown). M(ansible.builtin.copy),
        M(ansible.builtin.unarchive) and M(ansible.builtin.assemble) need C(remote_src=true).
        M(ansible.builtin.script) works, its script is sent along.
      - Keywords such as C(become), C(delegate_to) or C(loop) belong on the task and hold for all its jobs. In a job
        they are refused.
      - Booleans take what keywords of tasks take, V(yes) and V("1") among them.
      - Exactly one of O(jobs) and O(for_each) is required.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the job in messages and results. Two jobs of one task cannot have the same name.
          - A job without a name is named after its item, see O(label), or after its module and its place, for example
            V(command-1).
        type: str
      block:
        description:
          - Steps that run one after the other, as one job, in place of a module. The job stops at the first step that
            fails.
          - Each step is a mapping with exactly one module, and with C(name) and C(args) where they are needed. All
            templates are resolved before the job starts, so a step cannot use the result of another.
          - The limits of the job hold for all steps together. Its result is that of the last step that ran, with
            RV(ignore:steps) beside it.
        type: list
        elements: dict
      args:
        description: Options beside a module that takes a string, such as C(chdir) beside M(ansible.builtin.command).
        type: dict
      when:
        description:
          - Whether to run the job, as on a task. If it is false, the job is V(skipped), and
            RV(ignore:job.false_condition) has the expression. Jobs that come O(jobs[].after) it start all the same.
          - It is evaluated when the job is made, before the rest of the job is templated. So C(package is defined) can
            stand beside a template with C(package).
          - An expression, a boolean or a list of them, all of which must be true. A text that comes from facts or from
            a result is refused.
        type: raw
      timeout:
        description: Like O(timeout), for this job. With O(jobs[].retries), each attempt has this time.
        type: str
      kill_after:
        description: Like O(kill_after), for this job.
        type: str
      retries:
        description: How many more times to run a job that did not succeed. Of a O(jobs[].block) all steps run again.
        type: int
        default: 0
      delay:
        description: The time before the first retry. A duration.
        type: str
        default: "5"
      backoff:
        description: The factor by which O(jobs[].delay) grows with each retry. At least V(1).
        type: float
        default: 1
      retry_on:
        description: The states after which to retry.
        type: list
        elements: str
        choices: [failed, timed_out]
        default: [failed, timed_out]
      after:
        description:
          - Names of jobs of the same task that must succeed before this one starts. If one of them does not, this job
            is V(skipped).
        type: list
        elements: str
      lock:
        description:
          - The name of a lock. Jobs with the same lock never run at the same time on one host, whichever task or play
            started them. Package managers are the usual reason.
          - A job that waits for its lock takes no slot of O(concurrency).
        type: str
      environment:
        description:
          - Environment variables, in addition to those of the task.
          - Variables such as C(PYTHONPATH) count for the Python that runs a module only if they are set here or on the
            task, not if the login sets them.
        type: dict
      no_log:
        description:
          - Whether to keep the arguments and the output of the job out of logs. The output of the whole task is hidden
            as well, and so are its arguments, from callbacks too.
          - ansible-core shows a task as it is written before it starts, if C(display_args_to_stdout) or the callback
            C(junit) is to show arguments. So take secrets from variables, or set C(no_log) on the task, which hides
            names and causes as well.
        type: bool
        default: false
      ignore_errors:
        description:
          - Whether the task succeeds even if this job does not, in whatever state it ends. RV(ignore:job.ignored) marks
            its result.
        type: bool
        default: false
      changed_when:
        description:
          - Whether the job changed something. An expression, a boolean or a list of them, all of which must be true.
          - It is a bare expression, as on a task, evaluated on the controller when the job has V(succeeded) or
            V(failed). Its variables are the keys of the result, for example V(rc not in [0, 3]), C(job) with what this
            collection knows of the job, for example C(job.attempts), and the variables of the play as they are at the
            launch.
          - It can use operators, tests, the filters of Jinja, and those filters of ansible-core that only compute.
        type: raw
      failed_when:
        description:
          - Whether the job failed. Written like O(jobs[].changed_when).
          - RV(ignore:job.state) follows it. O(jobs[].retries), O(jobs[].after) and O(halt) do not, they go by what the
            module returned.
        type: raw
      leave_children:
        description: Like O(leave_children), for this job.
        type: bool
      max_output:
        description: Like O(max_output), for this job.
        type: str
  for_each:
    description:
      - A list. For each of its items one job is made out of O(job). An empty list means no jobs.
      - Requires O(job).
    type: list
    elements: raw
  job:
    description:
      - The job to make for each item of O(for_each), written like one of O(jobs). Its templates are resolved for each
        item, which is the variable named by O(loop_var).
      - If the job has a C(name), put the item into it, because names must differ. A job without one is named after its
        item, see O(label).
      - Requires O(for_each). Mutually exclusive with O(jobs).
    type: raw
  loop_var:
    description: The name of the variable that holds the item in O(job).
    type: str
    default: item
  index_var:
    description: The name of a variable that holds the position of the item in O(job), counted from 0.
    type: str
  label:
    description:
      - The name of a job that has none of its own, as a template of the item, for example V({{ item.key }}).
      - Without it, such a job is named after its item - by its C(name), its key if it comes from
        P(ansible.builtin.dict2items#filter), or else a short form of it, with a number if another job has that name.
        With C(no_log) nothing of the item is in the name.
      - It is used with O(for_each).
    type: raw
  concurrency:
    description:
      - The number of slots, that is, how many jobs run at the same time on each host. When a job ends, the next one
        starts in its slot.
      - V(0) runs all jobs at once.
      - A percentage such as V(50%) is taken of the CPU threads of the target. It is always at least one job.
    type: str
    default: "0"
  timeout:
    description:
      - How long each job may run, from its own start. A job that runs longer is ended, and its state is V(timed_out).
        With C(retries), each attempt has this time.
      - Seconds, or a duration such as V(90s), V(30m) or V(1h 30m). V(0) means no limit.
    type: str
    default: "3600"
  kill_after:
    description:
      - The time between SIGTERM and SIGKILL when a job is ended.
      - Seconds, or a duration such as V(90s).
    type: str
    default: "10"
  deadline:
    description:
      - How long all jobs together may take on each host, from the launch. At the deadline running jobs are ended and
        queued jobs are not started. The state of both is V(timed_out).
      - Seconds, or a duration such as V(90s), V(30m) or V(1h 30m). V(0) means no limit.
    type: str
    default: "0"
  halt:
    description:
      - When to give up on the other jobs of a host. By default all jobs run, however the others end.
      - V(soon) or V(now), a comma, and V(fail), V(success) or V(done) with a number of jobs or a percentage of them, as
        in GNU parallel. For example V(soon,fail=1), V(now,fail=20%) or V(now,success=1).
      - With V(soon) no more jobs are started once so many have failed, succeeded or ended in either way. With V(now)
        the running jobs are ended as well.
      - A job that was not started is then V(skipped), a job that was ended is V(cancelled). Neither makes the task
        fail. The jobs that did not succeed do.
      - V(never) is the same as not to set it.
    type: str
  fail_fast:
    description:
      - Whether to end all jobs of a host when the first one does not succeed. The short way to write
        O(halt=now,fail=1). It cannot be used with any other O(halt).
    type: bool
    default: false
  group:
    description:
      - A name for these jobs, by which P(background.jobs.wait#module), P(background.jobs.cancel#module) and others
        find them on the host, in another play or run too.
      - Up to 100 printable characters. Any number of launches can use the same group.
    type: str
  if_running:
    description:
      - What to do if jobs of the same O(group) with the same names are running on the host, for example because another
        run of this play has started them. They are looked for in the async directory of the user that this task runs
        as. Other choices than V(start) need a O(group).
      - A job counts as running until all jobs it was launched with have ended.
    type: str
    choices:
      start: Start the jobs, whatever is running.
      attach:
        Do not start a job that is running, and return the handle of the running one in its place, marked with
        RV(ignore:job.attached). The other jobs are started. Everybody who waits for such a job gets its result, and the
        last of them removes its files. If somebody never collects it, a launch or M(background.jobs.prune) removes
        them, an hour after that run was last heard of.
      restart:
        End the running jobs, and start these. If one cannot be ended, nothing is started, and the task fails and names
        what runs.
      fail: Start none of the jobs, and fail.
    default: start
  start_delay:
    description:
      - The least time between the starts of two jobs on each host.
      - Seconds, or a duration such as V(90s).
    type: str
    default: "0"
  max_output:
    description:
      - The longest text in the result of a job, such as its RV(ignore:stdout). A longer text is cut in the middle, and
        RV(ignore:job.truncated) names its key.
      - It also limits the live log of the job on the host, which otherwise ends at 64 MiB.
      - A number of bytes, or a size such as V(64K) or V(10MB). V(0) means no limit.
    type: str
    default: "0"
  leave_children:
    description:
      - Whether processes that have left a job, such as a daemon that it started, go on when the job is ended by a limit
        or by P(background.jobs.cancel#module). By default everything that the job started is ended.
      - A job that ends by itself leaves its processes alone in any case.
    type: bool
    default: false
  trace:
    description:
      - Whether the supervisor, the process that runs the jobs on the host, writes a log of what it does, for finding
        the cause of a problem. P(background.jobs.job_info#module) says where it is. It has no arguments and no output
        of jobs, and no names of jobs with C(no_log).
      - It is removed with the last of the jobs.
      - If this is not set, the environment variable E(BACKGROUND_JOBS_TRACE) of C(ansible-playbook) decides.
    type: bool
"""
