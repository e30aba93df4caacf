# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import (
    procfs,
)
from ansible_collections.background.jobs.tests.unit.helpers import eventually, runs


@pytest.fixture
def sleeper() -> t.Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


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
