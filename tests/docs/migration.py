# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Write docs/docsite/rst/migration.rst: every pattern of the reference documents, before and after, as it is tested.

The playbooks are those that the Molecule scenarios `documents` and `fleet` run. With --measured, the seconds that these
scenarios have left in .cache/documents are taken over first.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "docsite" / "rst" / "migration.rst"
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

INTRODUCTION = """\
..
  Copyright (c) 2026, The background.jobs contributors
  GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
  SPDX-License-Identifier: GPL-3.0-or-later

.. Written by tests/docs/migration.py from the playbooks that the tests run. Do not edit.

.. _ansible_collections.background.jobs.docsite.migration:

From builtin async to background.jobs
=====================================

Each section shows one thing that people do with ``async`` and ``poll``, in two forms:

- **Before**: builtin ``async`` starts the jobs, and only the waiting task is ours. Change a play this way first.
  :ansplugin:`background.jobs.wait#module` and the role :ansplugin:`background.jobs.reap#role` take what such tasks
  register, as it is.
- **After**: the same work in the words of this collection.

Results of ``wait`` are one ``item`` less deep than those of a loop over
:ansplugin:`ansible.builtin.async_status#module`: ``item.item`` is the item that a job was started for.

All of this is tested as it stands, on Debian 12 with the software that it names. The seconds are those of one run of
the tests, both forms on the same hosts, with ansible-core {core}. They compare the two forms with each other, and with
nothing else. :ref:`ansible_collections.background.jobs.docsite.performance` has measurements.

.. contents::
   :local:
"""


def code(path: Path) -> str:
    """:returns: a playbook as a block of code, without its licence."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(
        number
        for number, line in enumerate(lines)
        if number and line and not line.startswith("# SPDX") and not line.startswith("# Copyright")
    )
    indented = "\n".join(f"    {line}".rstrip() for line in lines[start:])
    return f".. code-block:: yaml+jinja\n\n{indented}\n"


def section(pattern: Pattern, seconds: dict[str, float]) -> str:
    folder = MOLECULE / pattern.folder
    parts = [f"{pattern.title}\n{'-' * len(pattern.title)}\n", f"{pattern.text}\n"]
    if seconds:
        parts.append(f"Before it took {seconds['before']:.0f} seconds, after {seconds['after']:.0f}.\n")
    parts += ["Before:\n", code(folder / "before.yml")]
    for name in pattern.extra:
        parts += [f"``{name}``:\n", code(folder / name)]
    parts += ["After:\n", code(folder / "after.yml")]
    return "\n".join(parts)


def page() -> str:
    """:returns: the whole page."""
    measured = json.loads(SECONDS.read_text(encoding="utf-8"))
    sections = [section(pattern, measured["seconds"].get(pattern.name, {})) for pattern in PATTERNS]
    return "\n".join([INTRODUCTION.format(core=measured["core"]), *sections])


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


if __name__ == "__main__":
    main()
