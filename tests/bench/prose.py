# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The words of the page, and how they become paragraphs."""

from __future__ import annotations

import re
import textwrap
from typing import Any

WIDTH = 120

QUICK_WARNING = "**These are the numbers of a quick look at whether the benchmark works. They mean nothing.**"

MEANING_TEXT = """
A play takes as long as its jobs, and longer by what the tool adds. This page is about what is added: seconds, load on
the host, and traffic. The added seconds do not grow with the length of the jobs. If jobs take an hour, every way takes
an hour. Then the rest counts: the memory and the processor of the host, the number of trips, and how soon the end of a
job is noticed. The jobs here take one second, because short jobs show best what is added."""

WAYS_TEXT = """
The same work is done in these ways:

- **builtin async** is the usual idiom. A loop starts the jobs with `async` and `poll: 0`. A loop of `async_status` with
  `until` and `delay: 1` waits for them. A last loop removes their files with `mode: cleanup`. Most playbooks have a
  longer `delay`; they make fewer trips and notice the end of a job later.
- **Mitogen** is the same play under the strategy `mitogen_linear`.
- **`run`** is one task with `background.jobs.run`.
- An **ordinary task** runs the command of one job, without any background.
- The **bound** has no Ansible in it. `xargs -P` starts the jobs through one ssh per host. No tool that works over ssh
  can be faster.

A cell shows the median. In parentheses are the lowest value, the highest, and how many there were. A cell without
parentheses is one run, because long points are not repeated. A hyphen was not measured. Nothing is extrapolated."""

OVERHEAD_TEXT = """
**Overhead** is what a tool adds: the seconds of the play, less an empty play, less the bound. An empty play has no
work, but the last task of the others, which checks that every job succeeded. What is left is the time for starting
jobs, waiting for them, taking their results and removing their files."""

WALL_TEXT = """
The **whole play**, in seconds:"""

HOST_CPU_TEXT = """
**CPU time of the host**, in seconds: everything that ran on it for this play, sshd and the jobs themselves too."""

HOST_CPU_EACH_TEXT = """
**CPU time of each host**, in seconds:"""

FURTHER_JOB_TEXT = """
From {few} to {many} jobs, each further job of `run` cost the host {milliseconds:.0f} ms."""

JOBS_TEXT = """
All jobs run at the same time."""

HOSTS_TEXT = """
The jobs run on each of the hosts, all at the same time. All containers share this machine's cores."""

HOSTS_TASK_TEXT = """
An ordinary task on every host stands beside one job on every host."""

LATENCY_TEXT = """
A slow line costs a tool as often as it makes a trip. Here the host is behind a line with added round-trip time. The
first column is what was added, the second what was measured at sshd's greeting."""

PIPELINING_TEXT = """
Pipelining is off by default in ansible-core. Then each module is uploaded as a file before it is run. {jobs} jobs on
one host."""

SLOTS_TEXT = """
{jobs} jobs, {slots} at a time. One of them takes {longest:g} s, the others 1 s. Builtin async has no limit per host.
The usual way is a loop of `include_tasks` over `batch({slots})`
([batches.yml](../tests/bench/plays/batches.yml)). There a batch waits for its slowest job. With slots, the next job
starts when one has ended. Without any overhead, slots would take {slots_bound:g} s and batches {batches_bound:g} s."""

SSH_TEXT = """
How often ssh, sftp and scp are executed for jobs on one host with pipelining. ansible-core does not pipeline a module
that is started with `async`. It uploads it, hence sftp. Mitogen calls ssh once and keeps a Python behind that
connection, so its trips are not seen here."""

BYTES_TEXT = """
The kilobytes (1,000 bytes) are what ssh's connections carried, encryption and key exchange included. The proxy of the
benchmark counted them. Headers of packets are not among them. ssh's compression was off: it is on by default, and hides
how much a tool sends."""

HELD_TEXT = """
{jobs} jobs run on one host, and nobody asks for them. Memory is the proportional set size (PSS) of the processes on
the host, without sshd, divided by the number of jobs: pages that processes share are divided among them. The CPU time
is that of {seconds:.0f} seconds in which nothing ended. All processes are counted: the jobs, what starts and watches
them, and the `sleep` of each. With every method, the module `command` itself looks once a second whether its command
still runs."""

DELAY_TEXT = """
From the end of a job, as its own last command tells it, to the next task on the controller. Host and controller have
one clock. What Ansible needs to start that task is included. The play with builtin async, under Mitogen too, asks once
a second."""

QUEUE_TEXT = """
{jobs} jobs of `sleep 0` in {slots} slots with `run`: {wall} s for the whole play, {controller:.1f} ms of CPU time per
job on the controller{host}."""

SCALE_TEXT = """
`run` with {jobs} jobs of a second on each host. ssh: containers. local: hosts with `ansible_connection: local`, for
numbers that would not fit as containers. What such hosts do is done by the controller's processes. CPU time of the
controller is that of `ansible-playbook` and the processes it waited for, without ssh's background connection. CPU time
of the hosts is that of the containers."""

SCALE_TASK_TEXT = """
The ordinary task runs one command of a second on each host."""

MODEL_TEXT = """
The seconds over {kind} follow this model: {start:.2f} s, and {turn:.2f} s for each turn of `--forks` hosts, and
{host:.3f} s for each host. No measurement is further than {error:.0%} from it. The parts depend on this machine and
its cores. Do not use them beyond the numbers of hosts in the table."""

NO_MODEL_TEXT = """
No model with a constant part, a part per turn of `--forks` hosts and a part per host is within {limit:.0%} of all
measurements over {kind}, so none is given."""

CPU_TEXT = """
From {few} to {many} hosts over ssh, each further host cost {controller:.2f} s of CPU time on the controller for this
play (one `run` task and one `assert`){host}."""

API_TEXT = """
{jobs} calls of an API from localhost, without ssh. The module imports what takes half a second of CPU time, as the SDKs
of clouds do, and the service answers after {answer:g} s ([bench_api.py](../tests/bench/plays/library/bench_api.py)). A
loop and builtin async import it again for every item. `run` imports it once per task. Some collections have a turbo
mode for this, with a server that stays on the host. Here nothing stays. CPU time is that of the controller and of
everything that it left running."""

MITOGEN_TEXT = """
Mitogen replaces Ansible's connections. It keeps one Python interpreter running on each host for as long as the play
lasts. It sends code to it once, and forks for a module instead of starting an interpreter. That makes every task
faster, not only detached ones. A playbook needs no change but the strategy. This collection changes nothing but its own
tasks.

The play with builtin async stays what it is under Mitogen. A loop starts each job in a round trip of its own, and loops
ask for each job and remove each job's files. That is where its time goes with many jobs and on slow lines. Each job is
a process forked for it. It goes on when the controller has gone, as with builtin async. ansible-core has deprecated
strategy plugins other than its own. The two are compared here because they can do the same work, not because one
replaces the other."""

GENERATED = """
`make bench` has written this page, its plots and [results.json](benchmarks/results.json), which holds every single
run. Last measurement: {date}."""

METHODS_TEXT = """
A time is the wall-clock time of the whole process, from starting `ansible-playbook` to its exit. Each job sleeps with
the module `command`, mostly for a second, and so costs nothing itself. Each run is cold: it makes its own ssh
connection. Before it begins, the benchmark waits until nothing but sshd runs on the hosts. Pipelining is on unless said
otherwise. Facts are not gathered. Each play checks in a last task that every job succeeded: a run that lost a job is
not counted but stops the benchmark. The methods take turns. All points are gone through once before any is measured
again. A first run of each method is not counted.

The plays are in [tests/bench/plays](../tests/bench/plays), among them
[builtin.yml](../tests/bench/plays/builtin.yml) and [run.yml](../tests/bench/plays/run.yml). Mitogen has a virtual
environment of its own.

The CPU time of a host is that of its container's control group, read before a play and after it, when nothing but
sshd is left on the host. Executions of ssh are counted by small scripts in place of ssh, sftp and scp, which cost a few
milliseconds per call.

Slow lines are made by a TCP proxy. It passes every piece of data on half a round trip later, in both directions, and
lets a connection's handshake take its round trips. It does not limit the bandwidth and loses nothing. It stands in for
a long line, not for a bad one."""

MACHINE_TEXT = """
Everything runs on one machine. The hosts are Docker containers with sshd, reached through the loopback interface. They
share the cores with the controller. So the network costs next to nothing, which flatters whatever makes many trips. The
work on the hosts takes time from the controller, which matters most with several hosts: machines of their own would do
that part at the same time, with every method. The differences are of CPU time and of trips. So the ratios carry over to
other machines better than the seconds do."""

BUSY_TEXT = """
Just before the runs, the machine was {median:.0%} busy with other things (median; at most {most:.0%})."""

AGAIN_TEXT = """
    make bench                                         # everything but the longest points
    .cache/venv/bin/nox -s bench -- --points overhead  # what decides, in a few minutes; beside this page
    .cache/venv/bin/nox -s bench -- --long --minutes 90
    .cache/venv/bin/nox -s bench -- --points jobs,slots
    .cache/venv/bin/nox -s bench -- report             # this page again, from results.json
    .cache/venv/bin/nox -s bench -- --help"""


def filled(text: str, **values: Any) -> str:
    """Fill the gaps of a text, and the lines of its paragraphs; indented ones stay as they are."""
    paragraphs = text.strip("\n").format(**values).split("\n\n")
    return "\n\n".join(map(filled_paragraph, paragraphs))


def filled_paragraph(paragraph: str) -> str:
    if paragraph.startswith("    "):
        return paragraph
    if paragraph.startswith("- "):
        items = re.split(r"\n(?=- )", paragraph)
        return "\n".join(wrapped(item[2:], "- ") for item in items)
    return wrapped(paragraph, "")


def wrapped(text: str, begin: str) -> str:
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
