# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, python
from ansible_collections.background.jobs.plugins.module_utils._supervisor import attempt, texts
from ansible_collections.background.jobs.tests.unit.helpers import eventually, runs


@pytest.fixture
def sleeper() -> t.Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def children() -> t.Iterator[list[procfs.Child]]:
    """Children to be ended after the test."""
    started: list[procfs.Child] = []
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


def feed(child: procfs.Child, program: bytes) -> None:
    assert child.program is not None
    os.set_blocking(child.program, True)
    boot = texts.boot() + attempt._RUN.format(title="a job", log=None, limit=0, keep=[], environment={})
    with os.fdopen(child.program, "wb") as pipe:
        pipe.write(python.fed(boot.encode(), program))
    child.program = None


def test_this_boot_has_a_name_that_stays() -> None:
    assert procfs.boot_id()
    assert procfs.boot_id() == procfs.boot_id()


def test_a_process_is_known_by_its_pid_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    started = procfs.start_time(sleeper.pid)
    assert started is not None
    assert procfs.is_alive(sleeper.pid, started)
    sleeper.kill()
    sleeper.wait()
    assert procfs.start_time(sleeper.pid) is None
    assert not procfs.is_alive(sleeper.pid, started)


def test_a_reused_pid_fools_nobody(sleeper: subprocess.Popen[bytes]) -> None:
    assert not procfs.is_alive(sleeper.pid, "1")
    assert not procfs.is_alive(sleeper.pid, None)
    assert not procfs.is_alive(None, "1")


def test_a_zombie_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    started = procfs.start_time(sleeper.pid)
    sleeper.kill()
    eventually(lambda: not runs(sleeper.pid))
    assert not procfs.is_alive(sleeper.pid, started)


def test_a_name_with_parentheses_and_spaces_hides_no_start_time(tmp_path: Path) -> None:
    program = tmp_path / "a) R (b"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "60"])
    try:
        eventually(lambda: program.name in Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii"))
        started = procfs.start_time(process.pid)
        assert started is not None and started.isdigit() and int(started) > 1
    finally:
        process.kill()
        process.wait()


def test_there_is_at_least_one_cpu() -> None:
    assert procfs.cpu_count() == len(os.sched_getaffinity(0))


def test_a_child_leads_a_session_and_a_group_of_its_own(children: list[procfs.Child]) -> None:
    child = procfs.Child(["sleep", "60"], os.environ, feed=False)
    children.append(child)
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    assert child.program is None
    (member,) = [process for process in procfs.table().values() if process.group == child.pid]
    assert (member.pid, member.session, member.started) == (child.pid, child.pid, child.started)


def test_a_child_reads_nothing_of_ours(children: list[procfs.Child]) -> None:
    ours = os.dup(0)
    theirs, dummy = os.pipe()
    os.dup2(theirs, 0)
    try:
        children.append(procfs.Child(["sleep", "60"], os.environ, feed=False))
    finally:
        os.dup2(ours, 0)
        for handle in (ours, theirs, dummy):
            os.close(handle)
    assert os.readlink(f"/proc/{children[0].pid}/fd/0") == os.devnull


def test_a_child_runs_the_program_it_is_fed(children: list[procfs.Child]) -> None:
    child = procfs.Child([sys.executable], {"A": "1"}, feed=True)
    children.append(child)
    feed(
        child,
        b"# coding: utf-8\nimport os, sys\nprint(__name__, os.environ['A'], sys.stdin.read())\nsys.exit(3)\n"
        + b"#" * 200_000,
    )
    assert read_all(child.stdout) == b"__main__ 1 \n"
    assert read_all(child.stderr) == b""
    assert child.exit_status() == 3


def test_a_fed_program_sees_nothing_of_how_it_came(children: list[procfs.Child]) -> None:
    child = procfs.Child([sys.executable], os.environ, feed=True)
    children.append(child)
    feed(child, b"print(sorted(name for name in globals() if not name.startswith('__')))")
    assert read_all(child.stdout) == b"[]\n"


def test_term_unwinds_a_fed_program(children: list[procfs.Child]) -> None:
    child = procfs.Child([sys.executable], os.environ, feed=True)
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
        procfs.Child(["/no/such/program"], {}, feed=fed)
    assert os.listdir("/proc/self/fd") == before


def test_a_signal_goes_to_the_process_that_was_meant(sleeper: subprocess.Popen[bytes]) -> None:
    process = procfs.table()[sleeper.pid]
    procfs.send_signal(dataclasses.replace(process, started="1"), signal.SIGKILL)
    assert sleeper.poll() is None
    procfs.send_signal(process, signal.SIGKILL)
    assert sleeper.wait() == -signal.SIGKILL
    procfs.send_signal(process, signal.SIGKILL)  # it has gone: nothing happens


def test_a_process_is_found_by_its_start_too(sleeper: subprocess.Popen[bytes]) -> None:
    started = procfs.start_time(sleeper.pid)
    assert started is not None
    assert procfs.find(sleeper.pid, started) == procfs.table()[sleeper.pid]
    assert procfs.find(sleeper.pid, "1") is None


def test_a_host_that_forks_faster_than_it_can_be_looked_at_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look shows one more process: there would never be a last."""
    seen = [os.getpid()]
    monkeypatch.setattr(procfs, "pids", lambda: seen.append(seen[-1] + 1) or list(seen))
    assert os.getpid() in procfs.table()
    assert len(seen) == 4


def test_what_a_process_was_started_with_can_be_asked() -> None:
    process = subprocess.Popen(["sleep", "61"], env={"A": "1=2", "AB": "3"})
    try:
        eventually(lambda: procfs.command_line(process.pid)[:2] == ["sleep", "61"])
        assert procfs.variable(process.pid, "A") == "1=2"
        assert procfs.variable(process.pid, "B") is None
    finally:
        process.kill()
        process.wait()
    assert procfs.variable(process.pid, "A") is None
    assert procfs.command_line(process.pid) == []


def test_ended_children_are_told_and_left_to_be_waited_for(children: list[procfs.Child]) -> None:
    children += [procfs.Child([word], os.environ, feed=False) for word in ("true", "false", "cat")]
    children.append(procfs.Child(["sleep", "60"], os.environ, feed=False))
    ours = [child.pid for child in children]
    eventually(lambda: sorted(procfs.ended_children(ours)) == sorted(ours[:3]))
    assert [child.exit_status() for child in children[:3]] == [0, 1, 0]
    assert procfs.ended_children(ours[3:]) == []


ADOPT = """
import os, subprocess, sys, time
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs
from ansible_collections.background.jobs.tests.unit.helpers import children
assert procfs.become_subreaper()
subprocess.run(["/bin/sh", "-c", "sleep 0.01 & sleep 60 & echo"], stdout=subprocess.DEVNULL)
def orphans():
    return list(children(os.getpid()))
assert 1 <= len(orphans()) <= 2, orphans()
deadline = time.monotonic() + 30
while len(orphans()) > 1 and time.monotonic() < deadline:
    assert procfs.ended_children([]) == []
    time.sleep(0.01)
(left,) = orphans()
os.kill(left, 9)
while orphans() and time.monotonic() < deadline:
    procfs.ended_children([])
    time.sleep(0.01)
assert not orphans()
"""


def test_orphans_come_to_us_and_are_waited_for() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", ADOPT], env=environment, check=True)


# -- systems without /proc: what ps(1) says, which is here, too


@pytest.fixture
def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("ps") is None:
        pytest.skip("there is no ps here")
    monkeypatch.setattr(procfs, "sight", lambda: procfs.PS)


@pytest.mark.usefixtures("without_proc")
def test_without_proc_a_process_is_known_by_its_pid_and_start_too(sleeper: subprocess.Popen[bytes]) -> None:
    started = procfs.start_time(sleeper.pid)
    assert started is not None and procfs.is_alive(sleeper.pid, started)
    assert procfs.find(sleeper.pid, started) == procfs.Process(
        sleeper.pid, os.getpid(), sleeper.pid, os.getsid(sleeper.pid), started
    )
    assert procfs.command_line(sleeper.pid) == ["sleep", "60"]
    sleeper.kill()
    sleeper.wait()
    assert not procfs.is_alive(sleeper.pid, started)
    assert procfs.find(sleeper.pid, started) is None
    assert sleeper.pid not in procfs.pids()
    assert procfs.command_line(sleeper.pid) == []


@pytest.mark.usefixtures("without_proc")
def test_without_proc_a_zombie_is_not_in_the_table(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert sleeper.pid not in procfs.table()
    assert os.getpid() in procfs.table()
    assert procfs.start_time(sleeper.pid) is None


@pytest.mark.usefixtures("without_proc")
def test_without_proc_a_start_is_the_same_for_whoever_asks(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = procfs.start_time(sleeper.pid)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert procfs.is_alive(sleeper.pid, started)


@pytest.mark.usefixtures("without_proc")
def test_without_ps_either_nothing_is_seen_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert (procfs.start_time(1), procfs.table(), procfs.pids(), procfs.find(1, ""), procfs.command_line(1)) == (
        None,
        {},
        [],
        None,
        [],
    )
    with pytest.raises(ProcessLookupError):
        procfs.owner_and_command(1)


@pytest.mark.parametrize(
    ("there", "ps", "sight"), [(True, False, "proc"), (False, True, "ps"), (False, False, "blind")]
)
def test_what_shows_processes_is_found_out(monkeypatch: pytest.MonkeyPatch, there: bool, ps: bool, sight: str) -> None:
    monkeypatch.setattr(os.path, "exists", lambda path: there)
    monkeypatch.setattr(procfs, "_ps", lambda pid, *columns: "Sat Nov 28" if ps else None)
    procfs.sight.cache_clear()
    assert procfs.sight() == sight
    procfs.sight.cache_clear()


@pytest.mark.parametrize("listed", [None, [], ["0", "1", "2"]], ids=["all", "nothing", "the first three"])
def test_nothing_inherited_stays_open_but_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, listed: list[str] | None
) -> None:
    if listed is not None:
        monkeypatch.setattr(os, "listdir", lambda path: listed)
    kept, others = os.pipe(), os.pipe()
    high = os.dup2(others[0], 200)
    pid = os.fork()
    if not pid:
        procfs.keep_open(kept)
        still = [handle for handle in (*kept, *others, high) if _is_open(handle)]
        os._exit(0 if still == list(kept) else 1)
    for handle in (*kept, *others, high):
        os.close(handle)
    assert os.waitpid(pid, 0)[1] == 0


def _is_open(handle: int) -> bool:
    try:
        os.fstat(handle)
    except OSError:
        return False
    return True
