# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bars on the screen of an emulated terminal, in this process. test_progress.py has them in real runs."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import typing as t

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._display import bars as _bars
from ansible_collections.background.jobs.plugins.plugin_utils._display.bars import Area, bar_lines, suits
from ansible_collections.background.jobs.plugins.plugin_utils._display.progress import Part, ShownJob, Standing

WIDTH, HEIGHT = 80, 24
RUNNING = Part("running", 2, [ShownJob("redis", 40.5), ShownJob("nginx", 11)])
FAILED = Part("failed", 1, [ShownJob("haproxy", cause="exit code 2")])


def standing(
    host: str = "web1", done: int = 7, total: int = 10, parts: t.Sequence[Part] = (RUNNING, FAILED)
) -> Standing:
    return Standing(host, total, done, list(parts))


def drawn(*standings: Standing, width: int = WIDTH, height: int = HEIGHT, later: float = 0) -> list[str]:
    """The lines, as text."""
    return [line.plain for line in bar_lines([(each, later) for each in standings], width, height)]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "web1 ████████░░ 7/10  2 running: redis 40 s, nginx 11 s  1 failed: haproxy"),
        (76, "web1 ████████░░ 7/10  2 running: redis 40 s and 1 more  1 failed: haproxy"),
        (60, "web1 ████████░░ 7/10  2 running  1 failed"),
        (40, "web1 ████░ 7/10  2 running  1 failed"),
        (38, "web1 ████░ 7/10  1 failed"),
        (25, "web1 ████░ 7/10  1 fa…"),
    ],
)
def test_a_line_names_as_many_jobs_as_there_is_room_for(width: int, line: str) -> None:
    assert drawn(standing(), width=width) == [line]


def test_what_was_skipped_has_ended_and_is_nothing_bad() -> None:
    """It makes room for what did not succeed."""
    parts = [Part("running", 1, [ShownJob("redis", 40.5)]), Part("skipped", 2), FAILED]
    assert drawn(standing(done=6, parts=parts)) == [
        "web1 █████████░ 6/10  1 running: redis 40 s  2 skipped  1 failed: haproxy"
    ]
    assert drawn(standing(done=6, parts=parts), width=38) == ["web1 ████░ 6/10  1 failed"]


def test_times_go_on_between_reports() -> None:
    assert "redis 1 min 43 s, nginx 1 min 14 s" in drawn(standing(), width=120, later=63)[0]


@pytest.mark.parametrize(
    ("done", "total", "failed", "cells"),
    [(0, 10, 0, "░░░░░░░░░░"), (999, 1001, 1, "█████████░"), (0, 1000, 1, "█░░░░░░░░░"), (3, 10, 6, "█████████░")],
)
def test_a_bar_is_never_full_before_the_end_and_shows_each_failure(
    done: int, total: int, failed: int, cells: str
) -> None:
    parts = [Part("failed", failed)] if failed else []
    (line,) = bar_lines([(standing(done=done, total=total, parts=parts), 0)], WIDTH, HEIGHT)
    assert line.plain.split()[1] == cells
    red = [
        line.plain[span.start : span.end]
        for span in line.spans
        if "red" in str(span.style) and "█" in line.plain[span.start : span.end]
    ]
    assert bool("".join(red)) is bool(failed)


def test_hosts_are_aligned_and_a_long_name_leaves_room_for_the_rest() -> None:
    few = standing("web1", 1, 2, [])
    assert drawn(few, standing("database12", 7, 10, []), standing("漢字", 7, 10, [])) == [
        "web1       █████░░░░░  1/2",
        "database12 ███████░░░ 7/10",
        "漢字       ███████░░░ 7/10",
    ]
    assert drawn(standing("a" * 200), few, width=40) == [
        "a" * 12 + "… ████░ 7/10  1 failed",
        "web1          ██░░░  1/2",
    ]


def test_more_hosts_than_half_of_the_rows_are_counted() -> None:
    hosts = [standing(f"web{number:02}", parts=[]) for number in range(20)]
    assert len(drawn(*hosts[:12])) == 12
    shown = drawn(*hosts)
    assert (len(shown), shown[-2][:5], shown[-1]) == (12, "web10", "and 9 more hosts")
    assert drawn(*hosts, height=3)[-1] == "and 19 more hosts"


def test_names_cannot_move_the_cursor_and_hold_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "mask_secrets", lambda text: text.replace("swordfish", "$REDACTED$"))
    job = Part("running", 1, [ShownJob("a\x1b[2J\nswordfish\udc80")])
    assert drawn(standing("we\rb", parts=[job])) == [r"we\rb ███████░░░ 7/10  1 running: a\x1b[2J\n$REDACTED$\udc80"]


PARTS = [Part("running", 2, [ShownJob("redis"), ShownJob("nginx")]), FAILED]
"""They look the same for ever."""


class Pty(io.RawIOBase):
    """What is written to a terminal appears on its screen; nothing is lost that scrolls off it."""

    def __init__(self) -> None:
        self.screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=10_000)
        self.screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.ByteStream(self.screen)

    def writable(self) -> bool:
        return True

    def write(self, data: t.Any) -> int:
        self._stream.feed(bytes(data))
        return len(data)

    @property
    def rows(self) -> list[str]:
        top = ["".join(row[column].data for column in range(WIDTH)) for row in self.screen.history.top]
        return "\n".join(row.rstrip() for row in [*top, *self.screen.display]).rstrip("\n").split("\n")


class Terminal:
    """A process with its output on a terminal, and an area for bars, unless it is to do without."""

    def __init__(self, with_area: bool = True) -> None:
        self.pty = Pty()
        self.stdout, self.stderr = (
            io.TextIOWrapper(io.BufferedWriter(self.pty), encoding="utf-8", line_buffering=True) for dummy in range(2)
        )
        self.area = Area(threading.RLock(), self.stdout, self.stderr) if with_area else None

    def do(self, action: str, argument: t.Any) -> None:
        if action == "print":
            self.stdout.write(argument)
        elif action == "flush":
            self.stdout.write(argument)
            self.stdout.flush()
        elif action == "warn":
            self.stdout.flush()
            self.stderr.write(argument)
        elif self.area is not None:
            self.area.show(argument, standing(f"web{argument}", parts=PARTS) if action == "show" else None)

    @property
    def rows(self) -> list[str]:
        with contextlib.nullcontext() if self.area is None else self.area._lock:
            return self.pty.rows

    def end(self) -> list[str]:
        if self.area is not None:
            self.area.clear()
        self.stdout.flush()
        return self.rows


@pytest.fixture
def terminal() -> t.Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.end()


BAR = "████████░░ 7/10  2 running: redis, nginx  1 failed: haproxy"


def test_bars_are_below_what_is_printed_and_vanish(terminal: Terminal) -> None:
    terminal.do("print", "one\n")
    terminal.do("show", 1)
    terminal.do("show", 2)
    assert terminal.rows == ["one", f"web1 {BAR}", f"web2 {BAR}"]
    terminal.do("print", f"{'long ' * 30}\n")
    terminal.do("warn", "careful\n")
    terminal.do("end", 1)
    assert terminal.rows == ["one", ("long " * 16).rstrip(), ("long " * 14).rstrip(), "careful", f"web2 {BAR}"]
    terminal.do("end", 2)
    assert terminal.rows[-1] == "careful"
    assert (terminal.pty.screen.cursor.x, terminal.pty.screen.cursor.y) == (0, 4)


ACTIONS = st.one_of(
    st.tuples(st.just("print"), st.sampled_from(["a\n", "b\nc\n", f"{'d' * 200}\n", "\n", "no newline"])),
    st.tuples(st.just("flush"), st.sampled_from(["a", "b\nc"])),
    st.tuples(st.just("warn"), st.sampled_from(["w\n", f"{'x' * 81}\n"])),
    st.tuples(st.sampled_from(["show", "show", "end"]), st.integers(1, 20)),
)


@given(st.lists(ACTIONS, max_size=60))
def test_whatever_is_printed_is_the_same_with_bars_and_without(actions: list[tuple[str, t.Any]]) -> None:
    with_bars, without = Terminal(), Terminal(with_area=False)
    for action in actions:
        with_bars.do(*action)
        without.do(*action)
    printed = with_bars.rows
    bars = sum("░ 7/10" in row or "more hosts" in row for row in printed)
    assert "\n".join(printed[: len(printed) - bars]).rstrip("\n").split("\n") == without.rows
    assert with_bars.end() == without.end()


def test_a_line_that_is_not_complete_is_not_drawn_over(terminal: Terminal) -> None:
    terminal.do("show", 1)
    terminal.do("flush", "one, ")
    terminal.do("show", 2)
    assert terminal.rows == ["one,"]
    terminal.do("print", "two\n")
    assert terminal.rows == ["one, two", f"web1 {BAR}", f"web2 {BAR}"]


def test_nothing_is_drawn_while_the_user_is_asked(terminal: Terminal) -> None:
    def ask(question: str) -> str:
        terminal.do("print", f"{question}\n")
        terminal.do("show", 2)
        assert terminal.rows == ["sure?"]
        terminal.do("flush", "> ")
        assert terminal.rows == ["sure?", ">"]
        terminal.do("print", "\n")
        return "yes"

    terminal.do("show", 1)
    assert terminal.area is not None
    assert terminal.area.without(ask)("sure?") == "yes"
    assert terminal.rows == ["sure?", ">", f"web1 {BAR}", f"web2 {BAR}"]


def test_a_forked_process_draws_nothing_and_waits_for_no_lock(terminal: Terminal) -> None:
    terminal.do("show", 1)
    assert terminal.area is not None
    with terminal.area._lock:  # held for ever, in the eyes of the new process
        terminal.area.forget()
        printer = threading.Thread(target=terminal.do, args=("print", "printed\n"), daemon=True)
        printer.start()
        printer.join(30)
    assert terminal.rows == [f"web1 {BAR}printed"]


def test_an_error_in_drawing_ends_the_drawing_and_nothing_else(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: t.Any) -> t.Any:
        raise ValueError("no picture")

    terminal.do("show", 1)
    monkeypatch.setattr(_bars, "bar_lines", fail)
    terminal.do("print", "one\n")
    terminal.do("print", "two\n")
    terminal.do("show", 2)
    said = "The callback background.jobs.progress draws no more: ValueError('no picture')"
    assert terminal.rows == ["one", said, "two"]


class Stdout(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "environment", "suitable"),
    [
        (True, {"TERM": "xterm-256color"}, True),
        (True, {"TERM": "linux", "CI": ""}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (True, {"TERM": "xterm", "CI": "true"}, False),
    ],
)
def test_bars_need_a_terminal_that_somebody_looks_at(
    is_terminal: bool, environment: dict[str, str], suitable: bool
) -> None:
    assert suits(Stdout(is_terminal), environment) is suitable


def test_the_size_is_that_of_the_terminal_or_the_usual_one() -> None:
    master, slave = os.openpty()
    with open(master, "rb"), open(slave, "w", encoding="utf-8") as stdout:
        assert _bars._size(stdout) == (80, 24)  # a new one says 0
    assert _bars._size(io.StringIO()) == (80, 24)
