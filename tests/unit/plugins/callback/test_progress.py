# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ansible-playbook on a terminal of its own, whose screen is looked at; on this host without a connection."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
import typing as t
from pathlib import Path

import pyte
import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller
from ansible_collections.background.jobs.tests.unit.helpers import eventually

WIDTH, HEIGHT = 100, 30
LIMIT = 120.0
"""Seconds after which what has not happened counts as never happening; several runs share a busy host."""
CALLBACK = "background.jobs.progress"
UNUSUAL = {b"\x1b[\r": b"\r", b"\x1b[\x1b[K": b"\x1b[K"}
"""What ansible-core writes after a prompt, and what terminals make of it; the emulator shows a bracket."""
OTHER = "beside"
"""A callback that is there anyhow."""
LONG = "a-host-with-a-longer-name"

BESIDE = """
    from ansible.plugins.callback import CallbackBase

    class CallbackModule(CallbackBase):
        CALLBACK_VERSION = 2.0
        CALLBACK_TYPE = "notification"
        CALLBACK_NAME = "beside"

        def v2_runner_on_ok(self, result):
            print("printed beside Display")
"""
TALK = """
    import os
    import time

    from ansible.plugins.action import ActionBase
    from ansible.utils.display import Display

    display = Display()

    class ActionModule(ActionBase):
        def run(self, tmp=None, task_vars=None):
            while not os.path.exists(self._task.args["after"]):
                time.sleep(0.05)
            display.warning("something is odd")
            display.display("in colour", color="bright purple")
            display.prompt_until("sure?", private=True)
            return {"changed": False}
"""


class Site(Controller):
    """A directory with a play, and gates that tasks and jobs of each run wait at."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "web1", LONG)
        self.write("callback_plugins/beside.py", BESIDE)
        self.write("action_plugins/talk.py", TALK)

    def play(self, *tasks: t.Mapping[str, t.Any], **keywords: t.Any) -> None:
        play = {"hosts": "all", "gather_facts": False, "tasks": tasks, **keywords}
        self.write("site.yml", json.dumps([play], indent=1))

    def open(self, run: int, *gates: str) -> None:
        for name in gates:
            (self.directory / f"{run}.{name}").touch()

    def log(self, run: int) -> str:
        path = self.directory / f"{run}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def on_terminal(self, run: int, callback: str, *arguments: str) -> dict[str, t.Any]:
        """How to start ansible-playbook, on a terminal of which the environment says nothing."""
        command = self.command(
            "site.yml",
            "-e",
            f"run={run}",
            *arguments,
            ANSIBLE_CALLBACKS_ENABLED=callback,
            ANSIBLE_LOG_PATH=str(self.directory / f"{run}.log"),
            TERM="xterm-256color",
        )
        for name in ("CI", "COLUMNS", "LINES", "NO_COLOR"):
            command["env"].pop(name, None)
        return command


def path(gate: str) -> str:
    """The file that is there when the gate of a run is open."""
    return f"{{{{ playbook_dir }}}}/{{{{ run }}}}.{gate}"


def wait_at(gate: str) -> str:
    """A shell command that ends when the gate of its run is opened."""
    return f"while [ ! -e {path(gate)} ]; do sleep 0.05; done"


def _take_terminal() -> None:
    """In the child: what tests in the background ignore, as a process that they start would, is heard again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A run of ansible-playbook on a terminal, and what is on its screen and has scrolled off it."""

    def __init__(self, site: Site, run: int, callback: str, *arguments: str) -> None:
        self.bytes = b""
        self._site = site
        self._run = run
        self._screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.process = subprocess.Popen(
            **site.on_terminal(run, callback, *arguments),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def open(self, *gates: str) -> None:
        self._site.open(self._run, *gates)

    def until(self, text: str) -> list[str]:
        """Wait until this is on the screen or has been; returns what is."""
        return self._until(lambda: any(text in row for row in self.rows), text)

    def until_bars(self, *bars: str) -> list[str]:
        """Wait until the last rows are those, in any order and without the times; returns the rows above."""
        self._until(lambda: sorted(self._timeless[-len(bars) :]) == sorted(bars), str(bars))
        return self.rows[: -len(bars)]

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> int:
        """:returns: the exit status."""
        self._until(lambda: False, "the end", at_end=True)
        return self.process.wait(LIMIT)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    @property
    def rows(self) -> list[str]:
        return "\n".join("".join(letter for letter, *dummy in row).rstrip() for row in self.picture).split("\n")

    @property
    def picture(self) -> list[list[tuple[t.Any, ...]]]:
        """All that is to be seen, letter by letter with colour, without the empty rows at the end."""
        lines = [*self._screen.history.top, *(self._screen.buffer[row] for row in range(HEIGHT))]
        rows = [[(line[x].data, line[x].fg, line[x].bold) for x in range(WIDTH)] for line in lines]
        while rows and all(letter.isspace() for letter, *dummy in rows[-1]):
            rows.pop()
        return rows

    def rows_but(self, text: str) -> list[list[tuple[t.Any, ...]]]:
        """All that is to be seen, as `picture`, without the rows with this text in them."""
        return [row for row in self.picture if text not in "".join(letter for letter, *dummy in row)]

    @property
    def _timeless(self) -> list[str]:
        return [re.sub(r" \d+ s\b", " N s", row) for row in self.rows]

    def _until(self, happened: t.Callable[[], bool], what: str, at_end: bool = False) -> list[str]:
        deadline = time.monotonic() + LIMIT
        while not happened():
            assert time.monotonic() < deadline, f"{what} did not happen within {LIMIT} s:\n" + "\n".join(self.rows)
            if select.select([self._master], [], [], 1)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # nobody has the terminal open any more
                    data = b""
                if not data:
                    assert at_end, f"{what} did not happen:\n" + "\n".join(self.rows)
                    break
                self.bytes += data
                for written, meant in UNUSUAL.items():
                    data = data.replace(written, meant)
                self._stream.feed(data)
        return self.rows


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


Start = t.Callable[..., Terminal]


@pytest.fixture
def start(site: Site) -> t.Iterator[Start]:
    """Starts a run on a terminal."""
    started: list[Terminal] = []

    def start(*arguments: str, callback: str = CALLBACK) -> Terminal:
        started.append(Terminal(site, len(started), callback, *arguments))
        return started[-1]

    yield start
    for terminal in started:
        terminal.open("one", "go", "say")
        terminal.kill()


RUNNING = "web1 ░░░░░░░░░░ 0/2  2 running: one N s, two N s"
FAILED = "web1 █████░░░░░ 0/2  1 running: one N s  1 failed: two"


def test_bars_are_below_all_that_is_printed_and_leave_nothing_behind(site: Site, start: Start) -> None:
    jobs = [
        {"name": "one", "ansible.builtin.shell": f"{wait_at('say')}; echo hello; {wait_at('one')}"},
        {"name": "two", "ansible.builtin.shell": f"{wait_at('say')}; exit 3"},
    ]
    run = {"jobs": jobs, "stream": True, "quiet": "{{ quiet }}"}
    here = "inventory_hostname == 'web1'"
    site.play(
        {"name": "Jobs", "background.jobs.run": run, "when": here, "failed_when": False},
        {"ansible.builtin.meta": "end_host", "when": here},
        {"name": "Talk", "talk": {"after": path("go")}},
        {"name": "Fail", "ansible.builtin.fail": {"msg": "a long line " * 30}, "debugger": "on_failed"},
        strategy="ansible.builtin.free",
    )
    drawn = start("-e", "quiet=false")
    quiet = start("-e", "quiet=true")
    plain = start("-e", "quiet=true", callback=OTHER)
    every = (drawn, quiet, plain)
    above = drawn.until_bars(RUNNING)
    assert above[0] == "" and above[1].startswith("PLAY [all] ***"), above
    for terminal in every:
        terminal.open("go")
    for question, answer in (("sure?", "y\r"), ("(debug)>", "continue\r")):
        for terminal in every:
            assert not any("░" in row for row in terminal.until(question))
            terminal.type(answer)
    drawn.until_bars(RUNNING)
    for terminal in every:
        terminal.open("say")
    for terminal in every:
        terminal.until("web1 | one: hello")
    above = drawn.until_bars(FAILED)[-2:]
    assert sorted(re.sub(r"[\d.]+ s", "N s", row) for row in above) == [
        "failed: [web1] => (job=two, N s): exit code 3",
        "web1 | one: hello",
    ]
    for terminal in every:
        terminal.open("one")
    for terminal in every:
        assert terminal.end() == 2
        assert terminal.rows_but("=> (job=") == drawn.rows_but("=> (job=")
    assert sum("=> (job=" in row for row in drawn.rows) == 2
    assert not any("=> (job=" in row for terminal in (quiet, plain) for row in terminal.rows)
    for text in ("printed beside Display", "[WARNING]: something is odd", "in colour"):
        assert text in drawn.rows
    assert "web1: 0/2 done, 2 running (" in site.log(0) and "/2 done" not in site.log(1)
    assert "░" in drawn.bytes.decode() and "░" not in quiet.bytes.decode()


@pytest.fixture
def gated(site: Site) -> None:
    """A job on each host, with a report at each change."""
    job = {"name": "one", "ansible.builtin.shell": wait_at("one")}
    site.play({"name": "Jobs", "background.jobs.run": {"jobs": [job], "progress_interval": 0}})


@pytest.mark.usefixtures("gated")
def test_ctrl_c_leaves_nothing_behind(start: Start) -> None:
    terminal = start()
    terminal.until_bars(*(f"{host:25} ░░░░░░░░░░ 0/1  1 running: one N s" for host in ("web1", LONG)))
    terminal.type("\x03")
    assert terminal.end() == 99
    assert "[ERROR]: User interrupted execution" in [row.strip() for row in terminal.rows], terminal.rows
    assert not any("0/1" in row or "░" in row for row in terminal.rows), "\n".join(terminal.rows)
    assert sum("1 job still runs on " in row for row in terminal.rows) == 2, terminal.rows
    assert sum("  to end them:      ansible " in row for row in terminal.rows) == 2, terminal.rows


LINES = f"""
PLAY [all] *********************************************************************

TASK [Jobs] ********************************************************************
web1: 0/1 done, 1 running (one N s)
changed: [web1]
printed beside Display

PLAY RECAP *********************************************************************
{"web1":27}: ok=1    changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0{"   "}

"""
"""What is printed without the callback."""


@pytest.mark.usefixtures("gated")
def test_a_pipe_has_the_same_lines_with_the_callback_and_without(site: Site) -> None:
    command = site.on_terminal(0, CALLBACK, "--limit", "web1")
    with subprocess.Popen(**command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            eventually(lambda: "1 running" in site.log(0), LIMIT)
        finally:
            site.open(0, "one")
        printed = process.communicate(timeout=LIMIT)[0].decode()
    printed = re.sub(r".* queued\n", "", printed)  # a slow machine reports before the job starts, too
    assert re.sub(r"\d+ s\b", "N s", printed) == LINES
