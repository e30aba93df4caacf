# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many jobs on one host: every result is right, and the supervisor does not grow with what it has done."""

from __future__ import annotations

import dataclasses
import os
import resource
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Gates,
    children,
    eventually,
    python_job,
    script_job,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

MANY = 200.0
"""Seconds for a thousand jobs on a host under load."""


def number_job(jid: str, number: int, **fields: t.Any) -> Job:
    return script_job(jid, f'echo \'{{"number": {number}, "failed": {str(number % 7 == 0).lower()}}}\'', **fields)


@dataclasses.dataclass
class Size:
    descriptors: int
    kilobytes: int


def size(pid: int) -> Size:
    """What a process takes: its own memory, not what it shares, where the kernel tells."""
    memory = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (kilobytes,) = [int(line.split()[1]) for line in memory if line.startswith("Pss:")]
    return Size(len(os.listdir(f"/proc/{pid}/fd")), kilobytes)


def test_a_thousand_jobs_in_fifty_slots(batches: Batches, gates: Gates) -> None:
    """A gate after the first hundred and one at the end: there the supervisor has nothing but that to do."""
    first = [number_job(f"j1.{number}", number) for number in range(100)]
    middle = dataclasses.replace(gates.job("j1.100"), after=[job.jid for job in first if int(job.jid[3:]) % 7])
    others = [number_job(f"j1.{number}", number, after=["j1.100"]) for number in range(101, 999)]
    last = dataclasses.replace(gates.job("j1.999"), after=[job.jid for job in others if int(job.jid[3:]) % 7])
    batches.launch(*first, middle, *others, last, concurrency="50")

    def all_but(jid: str) -> int | None:
        """The supervisor, when it has nothing to do but to wait for one gate."""
        status = batches.look(jid)
        if not gates.is_reached(jid) or status.record is None or status.record.supervisor_pid is None:
            return None
        pid = status.record.supervisor_pid
        return pid if set(children(pid)) == {status.record.pid} else None

    supervisor = eventually(lambda: all_but("j1.100"), MANY)
    before = size(supervisor)
    gates.open("j1.100")
    assert eventually(lambda: all_but("j1.999"), MANY) == supervisor, "it has a child too many, a zombie perhaps"
    after = size(supervisor)
    print(f"supervisor: {before} after 100 jobs, {after} after 1000")
    gates.open("j1.999")
    batches.supervisor_ends()
    for job in (*first, *others):
        number = int(job.jid[3:])
        status = batches.look(job.jid)
        assert (status.state, status.result["number"]) == ("failed" if number % 7 == 0 else "succeeded", number)
    assert batches.look("j1.999").state == "succeeded"
    assert len(os.listdir(batches.directory)) == 1000
    assert after.descriptors == before.descriptors
    assert after.kilobytes - before.kilobytes < 2500, (before, after)  # one record is a kilobyte or two


def test_two_hundred_at_once(batches: Batches, tmp_path: Path) -> None:
    script = f": > {tmp_path}/$$.on; while ! test -e {tmp_path}/go; do sleep 0.2; done; echo '{{\"number\": %d}}'"
    jids = [f"j1.{number}" for number in range(200)]
    batches.launch(*(script_job(jid, script % number) for number, jid in enumerate(jids)))
    eventually(lambda: len(list(tmp_path.glob("*.on"))) == 200, MANY)
    (tmp_path / "go").touch()
    for number, jid in enumerate(jids):
        status = eventually(lambda jid=jid: batches.finished(jid), MANY)  # type: ignore[misc]
        assert (status.state, status.result) == ("succeeded", {"number": number})


def test_more_jobs_at_once_than_there_are_descriptors(batches: Batches, tmp_path: Path) -> None:
    """It is no failure of a job that there are none left for it: it waits until others have ended."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    source = "import time; time.sleep(0.5); print('{}')"
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, limits[1]))
    try:
        batches.launch(*(python_job(f"j1.{number}", source) for number in range(50)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    told = [batches.end(f"j1.{number}") for number in range(50)]
    assert [status.message for status in told if status.state != "succeeded"] == []
