# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The words of the page, and how they become paragraphs."""

from __future__ import annotations

import re
import textwrap
from typing import Any

WIDTH = 120

QUICK_WARNING = "**These are the numbers of a quick look at whether the benchmark works. They mean nothing.**"

GENERATED = """
`make bench` has written this page, its plots and [results.json](benchmarks/results.json), which holds every single
run. Last measurement: {date}."""

METHODS_TEXT = """
The same work is done in four ways. All jobs are `command: sleep`, mostly of one second, so they cost nothing
themselves: what is seen is the price of starting jobs, waiting for them, taking their results and removing their
files.

- **builtin async** is the usual idiom: a loop with `async` and `poll: 0`, a loop of `async_status` with `until` and
  `delay: 1`, and a loop of `async_status` with `mode: cleanup` ([builtin.yml](../tests/bench/plays/builtin.yml)). A
  longer `delay`, as most playbooks have it, makes fewer trips and notices the end of a job later.
- **Mitogen** is the same play under the strategy `mitogen_linear`, in a virtual environment of its own.
- **`run`** is one task with `background.jobs.run` ([run.yml](../tests/bench/plays/run.yml)).
- The **bound** has no Ansible in it: `xargs -P` starts the jobs through one ssh per host. No tool that works over ssh
  can be faster. `run` cannot reach it, because Ansible's own start comes on top.

A time is the wall-clock time of the whole process, from starting `ansible-playbook` to its exit. Each run is cold: it
makes its own ssh connection, and before it begins, the hosts are looked at until nothing but sshd runs there.
Pipelining is on unless said otherwise, facts are not gathered, and each play checks in a last task that every job
succeeded, so a run that lost a job is not counted but stops the benchmark. The methods take turns; all points are
gone through once before any is measured again. A first run of each method is not counted.

A cell shows the median in seconds. In parentheses: the shortest run, the longest, and how many there were. A cell
without parentheses is one run; long points are not repeated. A hyphen was not measured. Nothing is extrapolated."""

MACHINE_TEXT = """
Everything runs on one machine. The hosts are Docker containers with sshd, reached through the loopback interface, and
share the cores with the controller. That has three consequences. The network costs next to nothing, which flatters
whatever makes many trips. The work on the hosts takes time from the controller, which matters most with several
hosts: machines of their own would do that part at the same time, for every method. And the differences are of CPU
time and of trips, so the ratios carry over to other machines better than the seconds do."""

BUSY_TEXT = """
Just before the runs, the machine was {median:.0%} busy with other things (median; at most {most:.0%})."""

JOBS_TEXT = """
All jobs of the play at the same time. An ordinary task, not detached, is there for comparison: it is what Ansible
needs for the same command without any background."""

HOSTS_TEXT = """
The jobs run on each of the hosts, all at the same time. All containers share this machine's cores."""

LATENCY_TEXT = """
One host behind a TCP proxy of the benchmark, which passes every piece of data on half a round trip later, in both
directions, and lets a connection's handshake take its round trips. It does not limit the bandwidth and loses nothing.
It stands in for a long line, not for a bad one. The first column is what it was told; the second what was measured at
sshd's greeting."""

PIPELINING_TEXT = """
Pipelining is off by default in ansible-core. Then each module is uploaded as a file before it is run. {jobs} jobs on
one host. ssh, sftp and scp were counted in the same runs, by small scripts in their place, which cost a few
milliseconds per call."""

SLOTS_TEXT = """
{jobs} jobs, {slots} at a time; one of them takes {longest:g} s, the others 1 s. Builtin async has no limit per host.
The usual way is a loop of `include_tasks` over `batch({slots})` ([batches.yml](../tests/bench/plays/batches.yml)),
where a batch waits for its slowest job. With slots, the next job starts when one has ended. Without any overhead,
slots would take {slots_bound:g} s and batches {batches_bound:g} s."""

SSH_TEXT = """
Calls for {jobs} jobs on one host with pipelining, counted as above. ansible-core does not pipeline a module that is
started with `async`: it uploads it, hence sftp. Mitogen calls ssh once and keeps a Python behind that connection, so
its trips are not seen here."""

HELD_TEXT = """
{jobs} jobs run on one host, and nobody asks for them. Memory is the proportional set size (PSS) of the processes on
the host, sshd left out, divided by the number of jobs: pages that processes share are divided among them. The CPU
time is that of {seconds:.0f} seconds in which nothing ended. All processes are counted: the jobs, what starts and
watches them, and the `sleep` of each. The
module `command` itself looks once a second whether its command still runs, with every method."""

DELAY_TEXT = """
From the end of a job, as its own last command tells it, to the next task on the controller. Host and controller have
one clock. Includes what Ansible needs to start that task. The play with builtin async, under Mitogen too, asks once a
second."""

QUEUE_TEXT = """
{jobs} jobs of `sleep 0` in {slots} slots with `run`: {wall} s of wall-clock time, {controller:.1f} ms of CPU time per
job on the controller{host}."""

SCALE_TEXT = """
`run` with {jobs} jobs of a second on each host. ssh: containers. local: hosts with `ansible_connection: local`, for
numbers that would not fit as containers; what the hosts do is then done by the controller's processes. CPU time of
the controller is that of `ansible-playbook` and the processes it waited for, ssh's background connection left out;
CPU time of the hosts is that of the containers."""

MODEL_TEXT = """
The wall-clock times over {kind} follow this model: {start:.2f} s, and {turn:.2f} s for each turn of `--forks` hosts,
and {host:.3f} s for each host. No measurement is further than {error:.0%} from it. The parts depend on this machine
and its cores; do not use them beyond the numbers of hosts in the table."""

NO_MODEL_TEXT = """
No model with a constant part, a part per turn of `--forks` hosts and a part per host is within {limit:.0%} of all
measurements over {kind}, so none is given."""

CPU_TEXT = """
From {few} to {many} hosts over ssh, each further host cost {controller:.2f} s of CPU time on the controller for this
play (one `run` task and one `assert`){host}."""

MITOGEN_TEXT = """
Mitogen replaces Ansible's connections. It keeps one Python interpreter running on each host for as long as the play
lasts, sends code to it once, and forks for a module instead of starting an interpreter. That makes every task faster,
not only detached ones, and needs no change of a playbook but the strategy. This collection changes nothing but its
own tasks.

The play with builtin async stays what it is under Mitogen: a loop that starts each job in a round trip of its own,
and loops that ask for each job and remove each job's files. That is what its times at many jobs and with latency
consist of. Each asynchronous job is a process forked for it; it goes on when the controller has gone, as with builtin
async. ansible-core has deprecated strategy plugins other than its own. The two are compared here because they can do
the same work, not because one replaces the other."""

MEANING_TEXT = """
The overhead is a number of seconds, not a factor. If jobs take an hour, all three ways take an hour; what remains is
the number of trips, the memory on the host and how the end of a job is noticed. The ratios above are those of short
jobs, where the overhead weighs most."""

AGAIN_TEXT = """
    make bench                                         # everything but the longest points
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
