# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Write two guides out of playbooks of the Molecule scenarios `documents` and `fleet`.

`migration` shows common tasks: the original with builtin async, as published documents have it, and the same with this
collection, as it is tested. `migration_listing` is its appendix: every pattern as it is tested, with builtin async and
our waiting half, and with this collection alone.

With --measured, the seconds that these scenarios have left in .cache/documents are taken over first.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "migration.rst"
LISTING = PAGE.with_name("migration_listing.rst")
SECONDS = ROOT / "docs" / "docsite" / "migration.json"
LEFT_BY_SCENARIOS = ROOT / ".cache" / "documents"
MOLECULE = ROOT / "extensions" / "molecule"


@dataclasses.dataclass
class Pattern:
    """One section. `extra` are files that the one before includes. `timed`: both forms do the same work."""

    folder: str
    title: str
    text: str
    extra: tuple[str, ...] = ()
    timed: bool = True

    @property
    def name(self) -> str:
        return self.folder.rpartition("/")[2]


PATTERNS = (
    Pattern(
        "documents/downloads",
        "Downloads, all at the same time",
        "A download that fails makes the task fail, and the others keep their results.",
    ),
    Pattern(
        "documents/compilation",
        "Compiling several packages",
        "The limit of three is kept on the host: the next package starts as soon as one is through.",
    ),
    Pattern(
        "documents/backups",
        "Database dumps as another user",
        "The become of the task is that of its jobs, and of the wait for them.",
    ),
    Pattern(
        "documents/scripts",
        "Scripts in a loop",
        "The script module refuses async, so that the document's own task does not run. A job can be a script.",
    ),
    Pattern(
        "documents/batches",
        "Three at a time",
        "Batches wait for their slowest item. Slots do not, and the items need no second file.",
        ("process-batch-async.yml",),
    ),
    Pattern(
        "documents/batches_of_two",
        "Two at a time, in nested loops",
        "The same, for the form that Ansible's own documentation shows.",
        ("execute_batch.yml",),
    ),
    Pattern(
        "documents/packages",
        "A long task with poll",
        "One long job needs no loop and no retries: run waits for it, and says how it stands.",
    ),
    Pattern(
        "documents/slow_service",
        "A service that starts slowly",
        "What has to be true before the next job starts can be a step of the same job.",
    ),
    Pattern(
        "documents/three_jobs",
        "Start now, collect later",
        "Three different jobs run while the play goes on. One wait collects them.",
    ),
    Pattern(
        "documents/hundred_batches",
        "A hundred jobs",
        "A hundred jobs take one connection. Before, there are only ten: builtin async starts them one by one.",
    ),
    Pattern(
        "documents/clean_up",
        "Cleaning up",
        "A wait cleans up after itself. What nobody waits for is removed by its age.",
    ),
    Pattern(
        "documents/rollback",
        "Roll back if a job fails",
        "A job that fails makes its task fail, so block and rescue work as on any task.",
    ),
    Pattern(
        "documents/timeouts",
        "Time limits",
        "A job that runs into its limit is timed_out, and keeps what it had printed. One that came close is warned of.",
    ),
    Pattern(
        "documents/notifications",
        "Handlers and changes",
        "A handler is notified when a job has changed something, not when it was started.",
    ),
    Pattern("documents/migration", "A database migration", "Steps that belong together are one job with a block."),
    Pattern(
        "documents/reaping_trap",
        "Nothing goes unseen",
        "A job that nobody waits for can fail unnoticed. The callback background.jobs.unreaped names it.",
    ),
    Pattern(
        "fleet/playbooks/serial",
        "Some hosts at a time",
        "Keywords of the play, such as serial, work as with any task.",
    ),
    Pattern("fleet/playbooks/throttle", "Fewer hosts at a time", "So do throttle, and strategies like free."),
    Pattern(
        "fleet/playbooks/forks",
        "All hosts at the same time",
        "Jobs start on all hosts, even on more than there are forks. A fork is busy for as long as run waits.",
    ),
    Pattern(
        "fleet/playbooks/rolling",
        "A rolling deployment without downtime",
        "Each host leaves the balancer, is updated and checked, and comes back.",
    ),
    Pattern(
        "fleet/tasks/rsync",
        "Copies to several hosts at once",
        "One host sends to all others at the same time.",
    ),
    Pattern(
        "fleet/tasks/build",
        "A build distributed over hosts",
        "Each job is collected from the host it ran on. A handle says which that is, builtin async does not.",
    ),
    Pattern("fleet/tasks/become", "Other users, other directories", "A handle knows its user and its directory."),
    Pattern(
        "fleet/tasks/restart",
        "A host that restarts during a job",
        "A job that can no longer finish is lost, and says why. Builtin async calls it running for ever.",
    ),
    Pattern(
        "fleet/tasks/refused",
        "What cannot be a job",
        "What needs the controller, or somebody to answer, is refused with the reason before anything is started.",
        timed=False,
    ),
    Pattern("fleet/tasks/with_loops", "Loops of the old form", "for_each takes a list, whatever made it."),
)

LOOPS = (
    "How to Use Ansible loop with Async Tasks",
    "https://oneuptime.com/blog/post/2026-02-21-how-to-use-ansible-loop-with-async-tasks/view",
)
LATER = (
    "How to Run Async Tasks in Ansible with async and poll",
    "https://oneuptime.com/blog/post/2026-02-21-how-to-run-async-tasks-in-ansible-with-async-and-poll/view",
)
GUIDE = ("Asynchronous Tasks & Parallel Execution", "https://teachmeansible.com/learn/async")


@dataclasses.dataclass
class Task:
    """A section of the short page: a question, where the original is from, and what changes."""

    folder: str
    title: str
    source: tuple[str, str]
    text: str


TASKS = (
    Task(
        "documents/downloads",
        "Start a loop of jobs, and wait for all",
        LOOPS,
        "Both halves become one task. A download that fails makes the task fail, and the others keep their results.",
    ),
    Task(
        "documents/compilation",
        "Limit how many run at once, and use the results",
        LOOPS,
        "``concurrency`` is new: builtin async starts all of them. ``item.item.item.name`` becomes ``item.job.name``.",
    ),
    Task(
        "documents/batches",
        "Work in batches",
        LOOPS,
        "A batch waits for its slowest item. With slots, the next item starts when one ends. No second file is needed.",
    ),
    Task(
        "documents/scripts",
        "Run scripts",
        LOOPS,
        "ansible-core refuses ``async`` for ``script``, so the original does not run. Here a job can be a script.",
    ),
    Task(
        "documents/packages",
        "Run one long task, with poll",
        GUIDE,
        "``poll`` has no counterpart: the end is noticed at once. ``lock`` keeps the two from running at the same "
        "time, and ``retries`` is for locks of other programs.",
    ),
    Task(
        "documents/three_jobs",
        "Start now, collect later",
        LATER,
        "One task starts all jobs, one collects them. The original has one task for each job, twice.",
    ),
    Task(
        "documents/rollback",
        "Roll back after a failure",
        GUIDE,
        "A job that fails makes its task fail, so ``block`` and ``rescue`` work as on any task.",
    ),
    Task(
        "documents/clean_up",
        "Clean up",
        GUIDE,
        "``run`` and ``wait`` clean up by themselves. ``prune`` deletes what others have left.",
    ),
)

HEAD = """\
..
  Copyright (c) 2026, The background.jobs contributors
  GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Written by tests/docs/migration.py from the playbooks that the tests run. Do not edit.

"""

INTRODUCTION = (
    HEAD
    + """\
.. _ansible_collections.background.jobs.docsite.migration:

From builtin async to background.jobs
=====================================

Which part of my plays do I have to change, and what will be different? The
:ref:`cheat sheet <ansible_collections.background.jobs.docsite.cheat_sheet>` has the short answer on one page.

.. contents::
   :local:
   :depth: 1

In two steps
------------

#. **The waiting half.** Tasks with ``async`` and ``poll: 0`` stay as they are. Put
   :ansplugin:`background.jobs.wait#module`, or the role :ansplugin:`background.jobs.reap#role`, in place of the loop
   over :ansplugin:`ansible.builtin.async_status#module`. They take what such tasks register, as it is: single, looped,
   nested, with skipped and failed items.
#. **Both halves.** Put :ansplugin:`background.jobs.run#module`, or :ansplugin:`background.jobs.launch#module` and
   ``wait``, in place of both. Now all jobs start in one round trip, and ``concurrency``, ``retries``, ``after`` and
   ``lock`` can be used.

What to change by hand
----------------------

.. list-table::
   :header-rows: 1
   :widths: 40 60

   * - If your play uses
     - Then
   * - ``item.item.item`` of the polled results
     - Write ``item.item``: the results of ``wait`` have no second loop around them.
   * - the ``loop_var`` of the waiting loop
     - Drop it: ``wait`` has no loop. ``item`` is the item of the loop that *started* the jobs.
   * - ``attempts`` of the polled results
     - Drop it: nothing is polled. ``job.attempts`` says how often a job was started.
   * - ``results_file`` after the wait
     - Set ``cleanup: false``: ``wait`` removes the file.
   * - ``until``, ``retries`` and ``delay`` of the waiting loop
     - Drop them, or write ``wait_timeout``. The jobs have limits of their own.
   * - another ``become_user`` for each item
     - Start and collect the jobs of each user in tasks of their own: a task has one user, and all its jobs run as
       that user.
   * - ``mode: cleanup``
     - Drop it.
   * - ``failed_when`` on the waiting loop
     - Put it into the job, without ``item.`` or the registered name: ``failed_when: rc > 1``.

How much faster is it?
----------------------

For long jobs: not at all. A play takes as long as its jobs. What you save is the overhead, which matters with many or
short jobs, with high latency and with batches.
:ref:`Performance <ansible_collections.background.jobs.docsite.performance>` has measurements against builtin async. The
examples on this page are tested, but too small to measure anything.
"""
)

LISTING_INTRODUCTION = (
    HEAD
    + """\
.. _ansible_collections.background.jobs.docsite.migration_listing:

Appendix: every pattern
=======================

This is the long listing behind :ref:`the guide <ansible_collections.background.jobs.docsite.migration>`: each pattern
that published documents show with ``async`` and ``poll``, as the tests of this collection run it.

- **First step**: builtin ``async`` starts the jobs, and the waiting half is ours.
- **Second step**: the same work with this collection alone.

The seconds are those of one run of the tests on one machine, both steps on the same hosts, with ansible-core {core}. In
both of them the waiting half is ours. So they do not compare this collection with builtin ``async``.

.. contents::
   :local:
"""
)


def code(path: Path, comment: bool = True) -> str:
    """:returns: a playbook as a block of code, without its licence, and without the comment at its top."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(
        number
        for number, line in enumerate(lines)
        if number and line and not line.startswith(("# SPDX", "# Copyright") if comment else "#")
    )
    indented = "\n".join(f"    {line}".rstrip() for line in lines[start:])
    return f".. code-block:: yaml+jinja\n\n{indented}\n"


def section(pattern: Pattern, seconds: dict[str, float]) -> str:
    folder = MOLECULE / pattern.folder
    parts = [f"{pattern.title}\n{'-' * len(pattern.title)}\n", f"{pattern.text}\n"]
    if seconds:
        parts.append(f"The first step took {seconds['before']:.1f} s, the second {seconds['after']:.1f} s.\n")
    parts += ["First step:\n", code(folder / "before.yml")]
    for name in pattern.extra:
        parts += [f"``{name}``:\n", code(folder / name)]
    parts += ["Second step:\n", code(folder / "after.yml")]
    return "\n".join(parts)


def short_section(task: Task) -> str:
    folder = MOLECULE / task.folder
    name, address = task.source
    parts = [f"{task.title}\n{'-' * len(task.title)}\n", f"With ``async``, after `{name} <{address}>`__:\n"]
    parts += [
        code(folder / "original.yml", comment=False),
        "With this collection:\n",
        code(folder / "after.yml", comment=False),
        f"{task.text}\n",
    ]
    return "\n".join(parts)


def page() -> str:
    """:returns: the short page."""
    appendix = ":ref:`The appendix <ansible_collections.background.jobs.docsite.migration_listing>` has"
    others = "other users, rolling updates, restarts, delegated jobs"
    more = f"More\n----\n\n{appendix} {len(PATTERNS)} patterns: {others}\nand more.\n"
    return "\n".join([INTRODUCTION, *map(short_section, TASKS), more])


def listing() -> str:
    """:returns: the appendix."""
    measured = json.loads(SECONDS.read_text(encoding="utf-8"))
    sections = [section(pattern, measured["seconds"].get(pattern.name, {})) for pattern in PATTERNS]
    return "\n".join([LISTING_INTRODUCTION.format(core=measured["core"]), *sections])


def take_over(core: str) -> None:
    """Keep what the scenarios have measured."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in LEFT_BY_SCENARIOS.glob("*.json")}
    seconds = {pattern.name: found[pattern.name] for pattern in PATTERNS if pattern.timed and pattern.name in found}
    SECONDS.write_text(
        json.dumps({"core": core, "seconds": seconds}, indent=2, sort_keys=True) + "\n", encoding="ascii"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--measured", metavar="CORE", help="take over what the scenarios measured with this ansible-core"
    )
    core = parser.parse_args().measured
    if core:
        take_over(core)
    PAGE.write_text(page(), encoding="utf-8")
    LISTING.write_text(listing(), encoding="utf-8")


if __name__ == "__main__":
    main()
