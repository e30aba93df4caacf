# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ending a job ends everything it started, wherever that has gone, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, tree
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Family,
    Gates,
    children,
    eventually,
    marked,
    python_job,
    runs,
    script_job,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

STUBBORN = "trap '' TERM"


class Relatives(t.NamedTuple):
    """What a job starts: shell commands, the number of pids that carry its id, and of those that carry none."""

    script: str
    count: int
    unmarked: int = 0


def relatives(family: Family) -> dict[str, Relatives]:
    """The ways to leave a job that are known. The programs end by TERM but for those that are called stubborn."""
    sleeper = family.program("sleeper", "exec sleep 600")
    stubborn = family.program("stubborn", f"{STUBBORN}\nexec sleep 600")
    orphan = family.program("orphan", f"setsid {sleeper} &")
    forks_at_term = family.program(
        "forks_at_term", f"trap 'setsid {sleeper} & setsid {stubborn} & exit' TERM\nwhile :; do sleep 0.1; done"
    )
    clears = family.program("clears", f"env -i PATH=$PATH setsid {stubborn} &\nexec sleep 600")
    return {
        "its own group": Relatives(f"{sleeper} & wait", 1),
        "setsid": Relatives(f"setsid {sleeper} & wait", 1),
        "double fork": Relatives(f"{orphan}; exec sleep 600", 2),
        "nohup": Relatives(f"nohup {sleeper} >/dev/null 2>&1 & wait", 1),
        "ignores TERM": Relatives(f"{stubborn} & wait", 1),
        "ignores TERM elsewhere": Relatives(f"setsid {stubborn} & wait", 1),
        "forks at TERM": Relatives(f"setsid {forks_at_term} & wait", 1),
        "cleared environment": Relatives(f"setsid {clears} & wait", 1, 1),
        "stopped": Relatives(f"setsid {sleeper} & kill -STOP $$", 1),
    }


def one_of_each(family: Family, **fields: t.Any) -> tuple[list[Job], dict[str, Relatives]]:
    """A job for each of `relatives`, and these by the jids of the jobs."""
    ways = {f"j1.{number}": way for number, way in enumerate(relatives(family).values())}
    return [script_job(jid, way.script, **fields) for jid, way in ways.items()], ways


def all_pids(family: Family, ways: t.Mapping[str, Relatives]) -> list[int]:
    """The pids of everything that the jobs have started, once they have."""
    pids = family.pids(sum(way.unmarked for way in ways.values()))
    for jid, way in ways.items():
        pids += family.pids(way.count, jid)
    return pids


def assert_all_gone(
    batches: Batches, family: Family, ways: t.Mapping[str, Relatives], others: t.Collection[int]
) -> None:
    left = [pid for pid in all_pids(family, ways) if runs(pid)]
    assert left == [], [(procfs.command_line(pid), procfs.variable(pid, tree.MARK)) for pid in left]
    assert marked(batches.directory, ways) == []
    supervisor = batches.supervisor("j1.99")
    eventually(lambda: set(children(supervisor)) == set(others))  # nor a zombie


def test_a_timeout_ends_the_whole_tree(
    batches: Batches, gates: Gates, family: Family, sleeper: subprocess.Popen[bytes]
) -> None:
    jobs, ways = one_of_each(family, timeout=4, kill_after=0.5)
    batches.launch(*jobs, gates.job("j1.99"))
    for jid in ways:
        status = batches.end(jid)
        assert (status.state, status.reason) == ("timed_out", "timeout")
    assert_all_gone(batches, family, ways, {batches.pid("j1.99")})
    assert sleeper.poll() is None and batches.look("j1.99").state == "running"


def test_a_cancel_ends_the_whole_tree(
    batches: Batches, gates: Gates, family: Family, sleeper: subprocess.Popen[bytes]
) -> None:
    jobs, ways = one_of_each(family, kill_after=0.5)
    batches.launch(*jobs, gates.job("j1.99"))
    all_pids(family, ways)
    for cancelled in cancel.cancel_jobs([(batches.store, jid) for jid in ways], "kill", dry=False):
        assert (cancelled.status.state, cancelled.changed) == ("cancelled", True)
    assert_all_gone(batches, family, ways, {batches.pid("j1.99")})
    assert sleeper.poll() is None and batches.look("j1.99").state == "running"


def test_term_comes_first_and_kill_when_its_time_has_come(batches: Batches, family: Family) -> None:
    tidy = family.program("tidy", "trap 'sleep 0.3; : > $0.done; exit' TERM\nwhile :; do sleep 0.1; done")
    batches.launch(script_job("j1.0", f"setsid {tidy} & wait", timeout=2, kill_after=60))
    assert batches.end("j1.0").state == "timed_out"
    assert os.path.exists(f"{tidy}.done"), "a process outside of the group had no time to tidy up"


def test_children_may_be_left_alone(batches: Batches, gates: Gates, family: Family) -> None:
    daemon = family.program("daemon", "exec sleep 600")
    child = family.program("child", f"{STUBBORN}\nsetsid {daemon} &\nexec sleep 600")
    fields = {"kill_after": 0.2, "leave_children": True}
    batches.launch(script_job("j1.0", f"{child} & wait", **fields), gates.job("j1.1"))
    pids = family.pids(2, "j1.0")
    cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    left = [pid for pid in pids if runs(pid)]
    assert [procfs.command_line(pid)[:1] for pid in left] == [["sleep"]]
    assert os.getsid(left[0]) == left[0]
    os.kill(left[0], signal.SIGKILL)
    supervisor = batches.supervisor("j1.1")
    eventually(lambda: set(children(supervisor)) == {batches.pid("j1.1")})


def test_a_job_that_ends_by_itself_leaves_its_daemons(batches: Batches, family: Family) -> None:
    daemon = family.program("daemon", "exec sleep 600 >/dev/null 2>&1")
    script = (
        f"setsid {daemon} & nohup {daemon} & while [ $(wc -l < {daemon.replace('daemon', 'pids')}) -lt 2 ]; do :; done"
    )
    batches.launch(script_job("j1.0", f"{script}; echo '{{}}'", timeout=60))
    pids = family.pids(2, "j1.0")
    assert batches.end("j1.0").state == "succeeded"
    batches.supervisor_ends()
    assert all(runs(pid) for pid in pids)


def test_a_job_that_ended_in_time_is_not_ended_for_what_holds_its_output_open(batches: Batches, family: Family) -> None:
    """The job is over, only its output is still waited for when the limit comes."""
    daemon = family.program("daemon", "exec sleep 600")
    pids = daemon.replace("daemon", "pids")
    source = f"""
    import os, subprocess, time
    subprocess.Popen(["setsid", {daemon!r}])
    while not os.path.exists({pids!r}):
        time.sleep(0.01)
    print('{{"changed": true}}', flush=True)
    stat = open("/proc/self/stat").read().rpartition(")")[2].split()
    started = int(stat[19]) / os.sysconf("SC_CLK_TCK")
    time.sleep(max(0, started + 2.75 - float(open("/proc/uptime").read().split()[0])))
    os._exit(0)
    """
    batches.launch(*(python_job(f"j1.{number}", source, timeout=3) for number in range(3)))
    for number in range(3):
        assert batches.end(f"j1.{number}").state == "succeeded"
    assert all(runs(pid) for number in range(3) for pid in family.pids(1, f"j1.{number}"))


def test_a_very_short_limit_is_never_outrun(batches: Batches, gates: Gates) -> None:
    """Core's own wrapper puts the process into its group only after it may have started others."""
    jids = [f"j1.{number}" for number in range(20)]
    jobs = [script_job(jid, "sleep 600 & setsid sleep 600 & wait", timeout=0.001, kill_after=0) for jid in jids]
    batches.launch(*jobs, gates.job("j1.99"))
    for jid in jids:
        assert batches.end(jid).state == "timed_out"
    assert marked(batches.directory, jids) == []
    supervisor = batches.supervisor("j1.99")
    eventually(lambda: set(children(supervisor)) == {batches.pid("j1.99")})


def test_orphans_of_ended_jobs_that_end_are_no_zombies(batches: Batches, gates: Gates) -> None:
    jobs = [script_job(f"j1.{number}", "(setsid sleep 0.2 &) >/dev/null 2>&1; echo '{}'") for number in range(30)]
    batches.launch(gates.job("j1.99"), *jobs)
    supervisor = batches.supervisor("j1.99")
    for job in jobs:
        assert batches.end(job.jid).state == "succeeded"
    eventually(lambda: set(children(supervisor)) == {batches.pid("j1.99")})


@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside another"])
def test_an_orphan_with_a_cleared_environment_is_ended_if_nobody_else_can_have_started_it(
    batches: Batches, gates: Gates, family: Family, others: bool
) -> None:
    bare = family.program("bare", "exec sleep 600")
    job = script_job("j1.0", f"( ( env -i PATH=$PATH setsid {bare} & ) & ); sleep 600", kill_after=0.5)
    batches.launch(*([gates.job("j1.1")] if others else []), job)
    (pid,) = family.pids(1)
    eventually(lambda: pid in children(batches.supervisor("j1.0")))
    cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    assert batches.end("j1.0").state == "cancelled"
    assert runs(pid) is others
