# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bars on how waits stand, in the last lines of a terminal, below all that ansible-core prints there.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import os
import sys
import threading
import time
import typing as t

from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._model.states import QUEUED, RUNNING, SKIPPED, UNFINISHED
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, patches
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.relay import relay
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import detail, note
from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import some, word
from ansible_collections.background.jobs.plugins.plugin_utils._display.progress import (
    HOOK,
    Part,
    Standing,
    listen,
    timed,
)

try:
    from rich.console import Console
    from rich.text import Text

    HAS_RICH = True
except ImportError:
    HAS_RICH = False

_NARROW, _FEW_CELLS, _CELLS = 60, 5, 10
"""Columns of a bar, in a terminal with fewer columns than this and in others."""
_SPARE = 3
"""Columns that stay free at the right: there the terminal shows a `^C` that is typed."""
_NAMED = 3
"""Jobs of one state that are named, if there is room for them."""
_STYLES = {RUNNING: "cyan", QUEUED: "dim", SKIPPED: "cyan"}
_NOT_BAD = (*UNFINISHED, SKIPPED)
_GOOD, _BAD = "green", "bold red"
_TICK = 1.0
"""Seconds between two pictures; the times in them go on."""
_SIZE = (80, 24)
"""Columns and rows of a terminal that does not tell."""

T = t.TypeVar("T")


def begin_bars(display: Display) -> None:
    """Draw bars from now on while something is waited for, where that is possible."""
    if hasattr(Display, HOOK) or not suits(sys.stdout, os.environ):
        return
    if not compat.CAN_TELL_PARENT:
        detail(display, "The callback background.jobs.progress draws nothing: it needs ansible-core 2.16.")
        return
    if not HAS_RICH:
        detail(display, f"The callback background.jobs.progress draws nothing: {sys.executable} has no library 'rich'.")
        return
    area = Area(display._lock, sys.stdout, *([sys.stderr] if sys.stderr.isatty() else []))
    atexit.register(area.clear)
    os.register_at_fork(after_in_child=area.forget)
    patches.wrap_dialogues(area.without)

    def hear(key: int, standing: Standing | None, line: str) -> None:
        if line:
            note(display, line)
        area.show(key, standing)

    def say(text: str) -> None:
        with display._lock:
            sys.stderr.write(text)
            sys.stderr.flush()

    listen(hear)
    relay(say)


def suits(stdout: t.TextIO, environment: t.Mapping[str, str]) -> bool:
    """:returns: whether this is a terminal that somebody looks at, and that can move its cursor."""
    return stdout.isatty() and environment.get("TERM", "dumb") not in ("dumb", "unknown") and not environment.get("CI")


class Area:
    """The last lines of a terminal, with a bar for each wait. They are there while there is one.

    Whatever is printed meanwhile appears above them: it is written in their place, byte for byte, and they below it
    again, in one write. All of that happens under the lock under which ansible-core prints, and forks.
    """

    def __init__(self, lock: t.ContextManager[t.Any], stdout: t.TextIO, *others: t.TextIO) -> None:
        """:arg others: other streams that print on the same terminal."""
        self._lock = lock
        self._stdout = stdout
        self._write = stdout.buffer.write
        self._console = Console(file=io.StringIO(), force_terminal=True, color_system="auto" if ANSIBLE_COLOR else None)
        self._bars: dict[int, tuple[Standing, float]] = {}
        self._rows = 0
        self._hidden = 0
        self._at_margin = True
        self._ticks = False
        for stream in (stdout, *others):
            patches.write_through(stream, self._above(stream.buffer))

    def show(self, key: int, standing: Standing | None) -> None:
        """Draw how the wait `key` stands, or no longer."""
        with self._lock:
            if standing is None:
                self._bars.pop(key, None)
            else:
                self._bars[key] = standing, time.monotonic()
            self._redraw()
            if self._bars and not self._ticks:
                self._ticks = True
                threading.Thread(target=self._tick, daemon=True).start()

    def clear(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            self._bars.clear()
            self._redraw()

    def forget(self) -> None:
        """Have nothing to do with the terminal any more, in a process that was just forked and holds its lock."""
        self._lock = contextlib.nullcontext()
        self._bars.clear()
        self._rows = 0

    def without(self, function: t.Callable[..., T]) -> t.Callable[..., T]:
        """:returns: `function`, which talks to the user, with nothing drawn meanwhile."""

        @functools.wraps(function)
        def alone(*args: t.Any, **kwargs: t.Any) -> T:
            self._hide(1)
            try:
                return function(*args, **kwargs)
            finally:
                self._hide(-1)

        return alone

    def _hide(self, more: int) -> None:
        with self._lock:
            self._hidden += more
            self._at_margin = True
            self._redraw()

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK)
            with self._lock:
                self._redraw()
                if not self._bars:
                    self._ticks = False
                    return

    def _above(self, buffer: t.BinaryIO) -> t.Callable[[t.Any], int]:
        write = buffer.write

        def above(data: t.Any) -> int:
            with self._lock:
                self._at_margin = bytes(data[-1:]) == b"\n"
                if not self._bars:
                    return write(data)
                write(self._erasure() + bytes(data) + self._picture())
                buffer.flush()
                return len(data)

        return above

    def _redraw(self) -> None:
        data = self._erasure() + self._picture()
        if data:
            self._write(data)
            self._stdout.buffer.flush()

    def _erasure(self) -> bytes:
        """:returns: what takes the picture away and leaves the cursor where it began."""
        if not self._rows:
            return b""
        up = f"\x1b[{self._rows - 1}A" if self._rows > 1 else ""
        self._rows = 0
        return f"\r{up}\x1b[J".encode("ascii")

    def _picture(self) -> bytes:
        """:returns: the bars, where the cursor is; without the last newline, so that they can be the last row."""
        if not self._bars or self._hidden or not self._at_margin:
            return b""
        try:
            now = time.monotonic()
            rows = bar_lines([(standing, now - told) for standing, told in self._bars.values()], *_size(self._stdout))
            with self._console.capture() as captured:
                self._console.print(Text("\n").join(rows), end="", soft_wrap=True)
        except Exception as exc:  # a run does not fail, and does not hang, for a picture
            self._hidden += 1
            return f"The callback background.jobs.progress draws no more: {exc!r}\n".encode()
        self._rows = len(rows)
        return captured.get().encode()


def bar_lines(bars: t.Sequence[tuple[Standing, float]], width: int, height: int) -> list[Text]:
    """:returns: a line for each wait that there is room for in half of the height, and how many more there are.

    :arg bars: how each wait stands, and how many seconds ago that was told.
    """
    room = max(2, height // 2)
    shown = bars if len(bars) <= room else bars[: room - 1]
    hosts = [Text(_clean(standing.host)) for standing, dummy in shown]
    counts = [f"{standing.done}/{standing.total}" for standing, dummy in shown]
    margin = min(max(host.cell_len for host in hosts), width // 3)
    cells = _CELLS if width >= _NARROW else _FEW_CELLS
    drawn = []
    for (standing, later), host, count in zip(shown, hosts, counts):
        host.truncate(margin, overflow="ellipsis", pad=True)
        line = Text.assemble(host, " ", *_bar(standing, cells), " ", count.rjust(max(map(len, counts))))
        details = _details(standing.parts, later)
        left = width - _SPARE - line.cell_len
        line.append_text(next((each for each in details if each.cell_len <= left), details[-1]))
        line.truncate(width - _SPARE, overflow="ellipsis")
        drawn.append(line)
    if len(shown) < len(bars):
        drawn.append(Text(f"and {len(bars) - len(shown)} more hosts"))
    return drawn


def _bar(standing: Standing, cells: int) -> list[tuple[str, str]]:
    """:returns: the pieces of a bar, each with its style. Where a job did not succeed, that shows."""
    bad = sum(part.count for part in standing.parts if part.state not in _NOT_BAD)
    skipped = sum(part.count for part in standing.parts if part.state == SKIPPED)
    ended = cells * (standing.done + skipped + bad) // standing.total
    red = max(1, cells * bad // standing.total) if bad else 0
    green = max(0, ended - red)
    return [("█" * green, _GOOD), ("█" * red, _BAD), ("░" * (cells - green - red), "dim")]


def _details(parts: t.Sequence[Part], later: float) -> list[Text]:
    """:returns: words on the jobs in each state, from many words to few. What did not succeed is kept longest."""
    bad = [part for part in parts if part.state not in _NOT_BAD] or parts
    return [_words(parts, later, named) for named in range(_NAMED, -1, -1)] + [_words(bad, later, 0)]


def _words(parts: t.Sequence[Part], later: float, named: int) -> Text:
    words = Text()
    for part in parts:
        names = [_clean(timed(job, later)) for job in part.jobs[:named]]
        told = f"{part.count} {word(part.state)}" + (f": {some(names, part.count)}" if names else "")
        words.append(f"  {told}", _STYLES.get(part.state, _BAD))
    return words


def _clean(text: str) -> str:
    """:returns: a text that is fit for a terminal: no secrets, and nothing that moves the cursor."""
    return visible(compat.mask_secrets(text))


def _size(stdout: t.TextIO) -> tuple[int, int]:
    try:
        columns, rows = os.get_terminal_size(stdout.fileno())
    except OSError:
        return _SIZE
    return columns or _SIZE[0], rows or _SIZE[1]
