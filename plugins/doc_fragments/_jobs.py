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
      - The jobs, in the order in which they are started and in which their results are returned.
      - Each job is a mapping with exactly one module, written as in a task, or with a C(block), and any of the keys
        below beside it. Use the fully qualified name of the module.
      - C(block) (list) holds steps that run one after the other, as one job. Each step is a mapping with exactly one
        module, and with C(name) and C(args) where they are needed. The job ends at the first step that fails. Its
        limits are those of all steps together, and its result is that of the last step that was run, with
        RV(ignore:steps) beside it. All templates are resolved before the job is started.
      - C(name) (string) names the job in messages and results. Two jobs of one task cannot have the same name. A job
        without one is named after its item if it is one of O(for_each), see there, and otherwise after its module and
        its place, for example V(command-1).
      - C(timeout) and C(kill_after) (durations) are for this job what O(timeout) and O(kill_after) are for all.
      - C(retries) (integer) is how many times a job that did not succeed is started again, V(0) unless given. Of a
        C(block) all steps are run again.
      - C(delay) (duration) is the time before the first of these further attempts, V(5) seconds unless given.
        C(backoff) (number, at least 1) is the factor by which it grows with each of them, V(1) unless given.
      - C(retry_on) (list) are the states after which the job is started again, out of V(failed) and V(timed_out). Both,
        unless given. C(timeout) is the limit of each attempt.
      - C(after) (string or list) names jobs of the same task that must have succeeded before this one is started. If
        one of them does not succeed, this one is V(skipped).
      - C(lock) (string) names a lock. Jobs with the same lock never run at the same time on one host, whichever task or
        play started them. A job waits for its lock without taking one of the O(concurrency) places.
      - C(leave_children) (boolean) and C(max_output) (size) are for this job what O(leave_children) and O(max_output)
        are for all.
      - C(when) (expression, boolean or list of them) decides whether there is anything to do, as on a task. It is
        evaluated when the job is made, before the rest of it is templated, so C(package is defined) can stand
        beside a template with C(package). If it is false, the job is V(skipped), and RV(ignore:job.false_condition) has
        the expression. Jobs that come C(after) it are started all the same. A text that comes from facts or from a
        result is refused.
      - C(changed_when) and C(failed_when) (expression, boolean or list of them) decide on the controller whether the
        job changed something, and whether it failed. They are bare expressions, as on a task, with the keys of the
        result of the job and the variables of the play as they are at the launch, for example V(rc not in [0, 3]). All
        of a list must be true. C(job) is what is said of the job, for example C(job.attempts).
        They can use operators, tests, the filters of Jinja, and of the filters of ansible-core those that only compute.
        They are for a job that V(succeeded) or V(failed). RV(ignore:job.state) then follows C(failed_when), but
        C(retries), C(after) and O(halt) go by what the module said.
      - Booleans take what keywords of tasks take, V(yes) and V("1") among them.
      - C(ignore_errors) (boolean) keeps the job from failing the task, in whatever state it ends.
        RV(ignore:job.ignored) marks its result.
      - C(environment) (mapping) adds environment variables to those of the task. Variables such as C(PYTHONPATH) count
        for the Python that runs a module only if they are set here or there, and not if the login has them.
      - C(no_log) (boolean) keeps what the job does and prints out of logs. The output of the whole task is hidden with
        it, and so are its arguments, from callbacks too. ansible-core shows a task as it is written before it starts,
        if C(display_args_to_stdout) or the callback C(junit) is to show arguments, so take secrets from variables, or
        set C(no_log) on the task, which hides names and causes as well.
      - C(args) (mapping) holds options beside a module that takes a string, such as C(chdir) beside
        M(ansible.builtin.command), as in a task.
      - What holds for all jobs is set on the task, for example C(become), C(delegate_to) or C(environment). These
        keywords are refused in a job.
      - A job runs its module on the target. Modules that work on the controller, such as M(ansible.builtin.template) or
        M(ansible.builtin.fetch), are refused before anything is started, and so are those whose action does its work on
        the target by itself, such as C(community.general.shutdown), before it has done it. M(ansible.builtin.copy),
        M(ansible.builtin.unarchive) and M(ansible.builtin.assemble) can be used with C(remote_src=true).
        M(ansible.builtin.script) can be used, its script is sent along.
      - Exactly one of O(jobs) and O(for_each) is required. An empty list means no jobs.
    type: list
    elements: dict
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
      - If the job has a C(name), put the item into it, because names must differ. One without is named after its item,
        see O(label).
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
        P(ansible.builtin.dict2items#filter), or else a short form of it, with a number if that is the name of another.
        With C(no_log) nothing of the item is in the name.
      - It is used with O(for_each).
    type: raw
  concurrency:
    description:
      - How many of the jobs run at the same time on each host. The next job starts as soon as one has ended.
      - V(0) starts all of them at once.
      - A percentage such as V(50%) is taken of the CPU threads of the target. It is always at least one job.
    type: str
    default: "0"
  timeout:
    description:
      - How long each job may run, counted from its own start. A job that runs longer is ended, and its state is
        V(timed_out). If it is retried, each attempt has this time.
      - Seconds, or a duration such as V(90s), V(30m) or V(1h 30m). V(0) means no limit.
    type: str
    default: "3600"
  kill_after:
    description:
      - How long a job that is being ended may take to clean up. It gets SIGTERM first, and SIGKILL after this time.
      - Seconds, or a duration such as V(90s).
    type: str
    default: "10"
  deadline:
    description:
      - How long all jobs together may take on each host, counted from their launch. What runs by then is ended, and
        what has not been started by then never is. The state of both is V(timed_out).
      - Seconds, or a duration such as V(90s), V(30m) or V(1h 30m). V(0) means no limit.
    type: str
    default: "0"
  halt:
    description:
      - When to give up on the jobs that are left on a host. By default all jobs run, whatever becomes of the others.
      - Otherwise V(soon) or V(now), a comma, and V(fail), V(success) or V(done) with a number of jobs, or with a
        percentage of them, for example V(soon,fail=1), V(now,fail=20%) or V(now,success=1).
      - With V(soon) no more jobs are started once so many have failed, succeeded or ended in either way. With V(now)
        the running ones are ended, too.
      - A job that was never started for this reason is V(skipped), one that was ended is V(cancelled). Neither makes
        the task fail. The jobs that did not succeed do.
      - V(never) is the same as not to set it.
    type: str
  fail_fast:
    description:
      - Whether to end all jobs on a host with the first of them that does not succeed. It is a shorter way to write
        O(halt=now,fail=1), and cannot be used with any other O(halt).
    type: bool
    default: false
  group:
    description:
      - A name that is kept with the jobs, by which P(background.jobs.cancel#module) finds them on the host.
      - Up to 100 characters, all of which can be printed. Any number of launches can use the same.
    type: str
  if_running:
    description:
      - What to do if jobs of the same O(group) and of the same names are running on the host, for example because
        another run of this play has started them. They are found in the async directory of the user that this task runs
        as. Other choices than V(start) need a O(group).
      - A job counts as running until all jobs it was launched with have ended.
    type: str
    choices:
      start: Start the jobs, whatever is running.
      attach:
        Do not start a job that is running, and return the handle of the running one in its place, marked with
        RV(ignore:job.attached). The others are started. Everybody who waits for such a job gets its result, and the
        last of them removes its files. Of somebody who never collects it, they are removed by a launch, or by
        M(background.jobs.prune), an hour after he was last heard of.
      restart:
        End the running jobs, and start these. Where one cannot be ended, none is started, and the task fails and names
        what runs.
      fail: Start none of the jobs.
    default: start
  start_delay:
    description:
      - How much time to leave between the starts of two jobs on each host at least.
      - Seconds, or a duration such as V(90s).
    type: str
    default: "0"
  max_output:
    description:
      - How long a text in the result of a job may be, such as its RV(ignore:stdout). Of a longer one the middle is left
        out, and RV(ignore:job.truncated) names its key.
      - It is also how many bytes of what a job prints are kept on the host for those who watch it while it runs.
        Without a limit that is 64 MB.
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
      - Whether the process that looks after the jobs writes down what it does, with the time of each line, for those
        who look for the cause of a problem. P(background.jobs.job_info#module) says where. Nothing of the arguments and
        the output of jobs is in it, and no names of jobs with C(no_log).
      - It is removed with the last of the jobs.
      - If this is not set, the environment variable E(BACKGROUND_JOBS_TRACE) of C(ansible-playbook) decides.
    type: bool
"""
