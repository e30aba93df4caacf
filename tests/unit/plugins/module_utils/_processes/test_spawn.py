# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import (
    procfs,
    python,
    spawn,
)
from ansible_collections.background.jobs.plugins.module_utils._supervisor import attempt, texts
from ansible_collections.background.jobs.tests.unit.helpers import eventually


@pytest.fixture
def children() -> t.Iterator[list[spawn.Child]]:
    """Children to be ended after the test."""
    started: list[spawn.Child] = []
    yield started
    for child in started:
        with contextlib.suppress(ProcessLookupError):
            if procfs.start_time(child.pid) == child.started:
                os.killpg(child.pid, signal.SIGKILL)
        child.exit_status()
        child.close()


def read_all(handle: int) -> bytes:
    os.set_blocking(handle, True)
    with os.fdopen(os.dup(handle), "rb") as stream:
        return stream.read()


def feed(child: spawn.Child, program: bytes) -> None:
    assert child.program is not None
    os.set_blocking(child.program, True)
    boot = texts.boot() + attempt._RUN.format(title="a job", log=None, limit=0, keep=[], environment={})
    with os.fdopen(child.program, "wb") as pipe:
        pipe.write(python.fed(boot.encode(), program))
    child.program = None


def test_a_child_leads_a_session_and_a_group_of_its_own(children: list[spawn.Child]) -> None:
    child = spawn.Child(["sleep", "60"], os.environ, feed=False)
    children.append(child)
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    assert child.program is None
    (member,) = [process for process in procfs.table().values() if process.group == child.pid]
    assert (member.pid, member.session, member.started) == (child.pid, child.pid, child.started)


def test_a_child_reads_nothing_of_ours(children: list[spawn.Child]) -> None:
    ours = os.dup(0)
    theirs, dummy = os.pipe()
    os.dup2(theirs, 0)
    try:
        children.append(spawn.Child(["sleep", "60"], os.environ, feed=False))
    finally:
        os.dup2(ours, 0)
        for handle in (ours, theirs, dummy):
            os.close(handle)
    assert os.readlink(f"/proc/{children[0].pid}/fd/0") == os.devnull


def test_a_child_runs_the_program_it_is_fed(children: list[spawn.Child]) -> None:
    child = spawn.Child([sys.executable], {"A": "1"}, feed=True)
    children.append(child)
    feed(
        child,
        b"# coding: utf-8\nimport os, sys\nprint(__name__, os.environ['A'], sys.stdin.read())\nsys.exit(3)\n"
        + b"#" * 200_000,
    )
    assert read_all(child.stdout) == b"__main__ 1 \n"
    assert read_all(child.stderr) == b""
    assert child.exit_status() == 3


def test_a_fed_program_sees_nothing_of_how_it_came(children: list[spawn.Child]) -> None:
    child = spawn.Child([sys.executable], os.environ, feed=True)
    children.append(child)
    feed(child, b"print(sorted(name for name in globals() if not name.startswith('__')))")
    assert read_all(child.stdout) == b"[]\n"


def test_term_unwinds_a_fed_program(children: list[spawn.Child]) -> None:
    child = spawn.Child([sys.executable], os.environ, feed=True)
    children.append(child)
    feed(child, b"import os, time\ntry:\n    os.write(1, b'on\\n')\n    time.sleep(60)\nfinally:\n    print('off')\n")
    os.set_blocking(child.stdout, True)
    assert os.read(child.stdout, 3) == b"on\n"
    os.kill(child.pid, signal.SIGTERM)
    assert read_all(child.stdout) == b"off\n"
    assert child.exit_status() == 128 + signal.SIGTERM


@pytest.mark.parametrize("fed", [True, False], ids=["fed", "a file"])
def test_a_child_that_cannot_start_leaves_no_descriptor_open(fed: bool) -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        spawn.Child(["/no/such/program"], {}, feed=fed)
    assert os.listdir("/proc/self/fd") == before


def test_ended_children_are_told_and_left_to_be_waited_for(children: list[spawn.Child]) -> None:
    children += [spawn.Child([word], os.environ, feed=False) for word in ("true", "false", "cat")]
    children.append(spawn.Child(["sleep", "60"], os.environ, feed=False))
    ours = [child.pid for child in children]
    eventually(lambda: sorted(spawn.ended_children(ours)) == sorted(ours[:3]))
    assert [child.exit_status() for child in children[:3]] == [0, 1, 0]
    assert spawn.ended_children(ours[3:]) == []


ADOPT = """
import os, subprocess, sys, time
from ansible_collections.background.jobs.plugins.module_utils._processes import spawn, this_process
from ansible_collections.background.jobs.tests.unit.helpers import children
assert this_process.become_subreaper()
subprocess.run(["/bin/sh", "-c", "sleep 0.01 & sleep 60 & echo"], stdout=subprocess.DEVNULL)
def orphans():
    return list(children(os.getpid()))
assert 1 <= len(orphans()) <= 2, orphans()
deadline = time.monotonic() + 30
while len(orphans()) > 1 and time.monotonic() < deadline:
    assert spawn.ended_children([]) == []
    time.sleep(0.01)
(left,) = orphans()
os.kill(left, 9)
while orphans() and time.monotonic() < deadline:
    spawn.ended_children([])
    time.sleep(0.01)
assert not orphans()
"""


def test_orphans_come_to_us_and_are_waited_for() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", ADOPT], env=environment, check=True)
