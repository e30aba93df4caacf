# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, signals
from ansible_collections.background.jobs.plugins.module_utils._processes import tree as _tree
from ansible_collections.background.jobs.plugins.module_utils._processes.procfs import Process
from ansible_collections.background.jobs.plugins.module_utils._processes.tree import Census, Tree, with_descendants
from ansible_collections.background.jobs.tests.unit.helpers import eventually, runs


def process(pid: int, parent: int = 1, group: int = 1, session: int = 1, started: str = "0") -> Process:
    return Process(pid, parent, group, session, started)


class Made(Census):
    """A census of processes that exist only here."""

    def __init__(self, *processes: Process, **marks: str) -> None:
        super().__init__()
        self._made = marks
        self.take(*processes)

    def take(self, *processes: Process) -> None:
        self.processes = {one.pid: one for one in processes}
        self.number += 1

    def mark(self, process: Process) -> str | None:
        return self._made.get(f"p{process.pid}")


LEADER = process(10, 2, 10, 10, "5")


def pids(tree: Tree, census: Census) -> list[int]:
    return [member.pid for member in tree.members(census)]


def test_session_group_descendants_and_marked_ones_belong_to_a_job() -> None:
    census = Made(
        process(1, 0),
        LEADER,
        process(11, 10, 10, 10),
        process(12, 1, 12, 10),  # an orphan of the session
        process(13, 1, 10, 13),
        process(14, 1, 14, 14),  # an orphan with the mark, and its child without
        process(15, 14, 15, 15),
        process(16, 1, 16, 16),  # another job
        process(17, 16, 17, 17),
        p14="/a/j1.0",
        p16="/a/j1.1",
    )
    assert pids(Tree("/a/j1.0", 10, "5"), census) == [10, 11, 12, 13, 14, 15]
    assert pids(Tree("/a/j1.0", 10, "5", whole=False), census) == [10, 11, 12, 13]


def test_whoever_was_found_once_belongs_to_it_for_good() -> None:
    """Its parent has gone and it carries no mark, but it was seen as a child of the job."""
    tree = Tree("/a/j1.0", 10, "5")
    assert pids(tree, Made(LEADER, process(11, 10, 11, 11, "6"))) == [10, 11]
    assert pids(tree, Made(process(11, 1, 11, 11, "6"))) == [11]
    assert pids(tree, Made(process(11, 1, 11, 11, "7"))) == []


def test_the_number_of_a_leader_that_we_do_not_hold_may_be_another_s() -> None:
    census = Made(process(10, 1, 10, 10, "9"), process(11, 10, 10, 10, "9"))
    assert pids(Tree("/a/j1.0", 10, "5", held=False), census) == []
    assert pids(Tree("/a/j1.0", 10, "9", held=False), census) == [10, 11]
    assert pids(Tree("/a/j1.0", 0, None, held=False), Made(process(2, 0, 0, 0))) == []


def test_a_job_has_gone_when_two_looks_have_found_nothing() -> None:
    tree, census = Tree("/a/j1.0", 10, "5", held=False), Made(LEADER)
    assert not tree.is_gone(census)
    census.take()
    assert not tree.is_gone(census)
    assert not tree.is_gone(census), "that was the same look"
    census.take(LEADER)
    assert not tree.is_gone(census)
    census.take()
    assert not tree.is_gone(census)
    census.take()
    assert tree.is_gone(census)


def test_descendants_are_found_in_any_order() -> None:
    processes = {one.pid: one for one in (process(4, 3), process(3, 2), process(2, 1), process(5, 9))}
    assert with_descendants({2}, processes) == {2, 3, 4}
    assert with_descendants(set(), processes) == set()
    assert with_descendants({1}, {1: process(1, 1)}) == {1}


@pytest.fixture
def mark(tmp_path: Path) -> str:
    """The mark of a job that no other run of these tests can have."""
    return str(tmp_path / "j1.0")


@pytest.fixture
def started() -> t.Iterator[t.Callable[..., subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(source: str, **environment: str) -> subprocess.Popen[bytes]:
        """Run a Python program that prints a line when it is ready."""
        command = [sys.executable, "-S", "-c", f"import signal, time\n{source}\nprint(flush=True)\ntime.sleep(600)"]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment}, start_new_session=True)
        )
        assert t.cast("t.IO[bytes]", processes[-1].stdout).readline() == b"\n"
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_mark_is_read_from_the_environment(started: t.Callable[..., subprocess.Popen[bytes]], mark: str) -> None:
    pid = started("", **{_tree.MARK: mark}).pid
    other = started("").pid
    census = Census()
    census.refresh()
    assert census.mark(census.processes[pid]) == mark
    assert census.mark(census.processes[other]) is None


def test_who_had_no_mark_is_asked_again_after_an_exec(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is seen in the middle of an exec has no environment for a moment, and another image after it."""
    marks: dict[int, str | None] = {7: None}
    asked: list[int] = []
    monkeypatch.setattr(procfs, "variable", lambda pid, name: asked.append(pid) or marks[pid])
    images = iter(["", "", "a b", "a b", "0 0", "c d", "e f"])
    monkeypatch.setattr(procfs, "table", lambda: {7: Process(7, 1, 7, 7, "5", next(images))})
    census = Census()

    def look() -> str | None:
        census.refresh()
        census.mark(census.processes[7])
        return census.mark(census.processes[7])

    assert (look(), look(), len(asked)) == (None, None, 4), "where images are not known, nothing is remembered"
    assert (look(), look(), len(asked)) == (None, None, 5)
    marks[7] = "/a/j1.0"
    assert (look(), len(asked)) == ("/a/j1.0", 6)
    marks[7] = None  # it has an environment of its own by now, and is still who it was
    assert (look(), look(), len(asked)) == ("/a/j1.0", "/a/j1.0", 6)


def test_an_exec_gives_a_process_another_image(tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"until [ -e {go} ]; do sleep 0.05; done; {_tree.MARK}=/a/j1.0 exec sleep 600"
    process = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
    try:
        census = Census()
        for dummy in range(3):
            census.refresh()
            assert census.mark(census.processes[process.pid]) is None
        go.touch()

        def marked() -> bool:
            census.refresh()
            return census.mark(census.processes[process.pid]) == "/a/j1.0"

        eventually(marked)
    finally:
        process.kill()
        process.wait()


def test_no_environment_is_read_twice(monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]) -> None:
    asked: list[int] = []
    real = procfs.variable
    monkeypatch.setattr(procfs, "variable", lambda pid, name: asked.append(pid) or real(pid, name))
    eventually(lambda: procfs.command_line(sleeper.pid)[:1] == ["sleep"])
    census = Census()
    for dummy in range(3):
        census.refresh()
        census.mark(census.processes[sleeper.pid])
    assert asked == [sleeper.pid]


def test_where_a_look_takes_long_there_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.001, 1.0, 1.1])
    monkeypatch.setattr(_tree.time, "process_time", lambda: next(times))
    monkeypatch.setattr(procfs, "table", dict)
    census = Census()
    census.refresh()
    assert census.pause == _tree.LOOK
    census.refresh()
    assert 0.8 < census.pause < 1


@pytest.mark.parametrize("source", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=["TERM", "KILL"])
def test_what_nobody_supervises_is_ended(
    started: t.Callable[..., subprocess.Popen[bytes]], mark: str, source: str
) -> None:
    process = started(source, **{_tree.MARK: mark})
    other = started("", **{_tree.MARK: f"{mark}0"})
    tree = Tree(mark, process.pid, procfs.start_time(process.pid), held=False, grace=0.3)
    assert _tree.end_trees([tree]) == [_tree.Ended(True, [])]
    assert not runs(process.pid) and runs(other.pid)
    assert _tree.end_trees([tree]) == [_tree.Ended(False, [])]


def test_a_stopped_process_is_ended_too(started: t.Callable[..., subprocess.Popen[bytes]], mark: str) -> None:
    process = started("", **{_tree.MARK: mark})
    os.kill(process.pid, 19)
    assert _tree.end_trees([Tree(mark, 0, None, held=False, grace=60)]) == [_tree.Ended(True, [])]
    eventually(lambda: not runs(process.pid))


def test_many_are_ended_at_once_each_with_its_own_grace(
    started: t.Callable[..., subprocess.Popen[bytes]], mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = [started("signal.signal(signal.SIGTERM, signal.SIG_IGN)", **{_tree.MARK: f"{mark}{n}"}) for n in range(3)]
    sent: list[tuple[int, int]] = []
    real = signals.send_signal

    def send(process: Process, number: int) -> None:
        sent.append((process.pid, number))
        real(process, number)

    monkeypatch.setattr(signals, "send_signal", send)
    trees = [Tree(f"{mark}{n}", 0, None, held=False, grace=n * 0.5) for n in range(3)]
    assert _tree.end_trees(trees) == [_tree.Ended(True, [])] * 3
    first = [(process.pid, number) for process in deaf for number in (signal.SIGTERM, signal.SIGCONT)]
    assert sent[:6] == first, "all get TERM before any is waited for"
    killed = [pid for pid, number in sent if number == signal.SIGKILL]
    assert list(dict.fromkeys(killed)) == [process.pid for process in deaf]


def test_what_runs_is_told_with_its_owner_and_its_command(started: t.Callable[..., subprocess.Popen[bytes]]) -> None:
    process = started("open('/proc/self/comm', 'w').write('a\x1bb')")
    census = Census()
    census.refresh()
    (told,) = _tree.describe_processes([census.processes[process.pid]])
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert (told["pid"], told["owner"], told["command"]) == (process.pid, owner, "a?b")
    assert _tree.still_running([told]) == [told]
    assert _tree.still_running([{**told, "started": "1"}]) == []
    process.kill()
    process.wait()
    assert _tree.still_running([told]) == _tree.describe_processes([census.processes[process.pid]]) == []
