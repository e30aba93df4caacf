# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Last words of real processes, which are forked as workers of ansible-core are."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core import relay
from ansible_collections.background.jobs.tests.unit.helpers import eventually

LIMIT = 60
LONG = "ä" * 50_000 + "\udc80\n"
"""More than one write, and no valid text in it."""
fork = multiprocessing.get_context("fork")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Iterator[Path]:
    """What the terminal has been told directly."""
    path = tmp_path / "terminal"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    monkeypatch.setattr(relay, "_TERMINAL", descriptor)
    monkeypatch.setattr(relay, "_relay", None)
    yield path
    os.close(descriptor)


def say_and_end(text: str) -> None:
    """Let another process have this as its last words."""
    process = fork.Process(target=relay.last_words, args=(text,))
    process.start()
    process.join(LIMIT)
    assert process.exitcode == 0


def test_with_nobody_who_draws_they_are_written_on_the_terminal(terminal: Path) -> None:
    say_and_end("two jobs\n")
    assert terminal.read_text() == "two jobs\n"


def test_who_draws_prints_them_and_nobody_else(terminal: Path) -> None:
    heard: queue.Queue[str] = queue.Queue()
    relay.relay(heard.put)
    processes = [fork.Process(target=relay.last_words, args=(f"{number} {LONG}",)) for number in range(20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT)
        assert process.exitcode == 0
    printed = sorted(heard.get_nowait() for dummy in processes)
    assert printed == sorted(f"{number} {LONG}".replace("\udc80", r"\udc80") for number in range(20))
    assert terminal.read_text() == ""


def test_they_are_not_lost_where_drawing_fails(terminal: Path) -> None:
    def fail(text: str) -> None:
        raise ValueError("no terminal")

    relay.relay(fail)
    for dummy in range(2):
        say_and_end("two jobs\n")
    assert terminal.read_text() == "two jobs\n" * 2


def test_they_are_not_lost_where_who_draws_does_not_answer(terminal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_PATIENCE", 0.2)
    monkeypatch.setattr(relay.Relay, "_listen", lambda self: None)
    relay.relay(lambda text: None)
    say_and_end("two jobs\n")
    assert terminal.read_text() == "two jobs\n"


ORPHAN = """
import os, signal, sys, time
from ansible_collections.background.jobs.plugins.plugin_utils._core import relay

relay._PATIENCE = 1000
relay.relay(lambda text: time.sleep(1000))
parent = os.getpid()
for dummy in range(3):
    if os.fork() == 0:
        while sys.argv[1] == "before" and os.getppid() == parent:
            time.sleep(0.05)
        relay.last_words("two jobs\\n")
        os._exit(0)
time.sleep(0.5 if sys.argv[1] == "after" else 0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_they_are_not_lost_where_who_draws_is_killed(when: str, tmp_path: Path) -> None:
    """Before they are sent, or while one waits to be printed and others wait behind it."""
    path = tmp_path / "terminal"
    with path.open("wb") as stderr:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-W", "ignore", "-c", ORPHAN, when]
        done = subprocess.run(command, stderr=stderr, env=environment, timeout=LIMIT, check=False)
    assert done.returncode == -signal.SIGKILL
    eventually(lambda: path.read_text() == "two jobs\n" * 3, LIMIT)
