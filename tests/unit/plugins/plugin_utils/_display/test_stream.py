# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._display.stream import Stream, output_lines
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle

A, B = Handle(jid="j1.0", name="redis"), Handle(jid="j1.1", name="nginx")


class Display:
    """Keeps what is shown, with its colour."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    def display(self, line: str, color: str) -> None:
        self.shown.append((line, color))


def output(data: bytes, end: int, left_out: int = 0) -> dict[str, t.Any]:
    return {"text": base64.b64encode(data).decode("ascii"), "next": end, "left_out": left_out}


def test_each_line_names_host_and_job_and_each_job_has_its_colour() -> None:
    display = Display()
    stream = Stream("web1", display)
    stream.show([A, B], {"j1.0": output(b"one\ntwo\n", 8)})
    stream.show([A, B], {"j1.1": output(b"x\n", 2), "j1.0": output(b"three\n", 14)})
    assert [line for line, dummy in display.shown] == [
        "web1 | redis: one",
        "web1 | redis: two",
        "web1 | redis: three",
        "web1 | nginx: x",
    ]
    first, second = display.shown[0][1], display.shown[3][1]
    assert first != second and [color for dummy, color in display.shown[:3]] == [first] * 3


def test_the_next_question_begins_behind_what_was_shown() -> None:
    stream = Stream("web1", Display())
    assert stream.offsets == {}
    stream.show([A, B], {})
    stream.show([A, B], {"j1.1": output(b"x\n", 7)})
    assert stream.offsets == {"j1.0": 0, "j1.1": 7}


def test_what_was_left_out_is_said() -> None:
    display = Display()
    Stream("web1", display).show([A], {"j1.0": output(b"last\n", 900, left_out=890)})
    assert [line for line, dummy in display.shown] == [
        "web1 | redis: [890 bytes of output are not shown]",
        "web1 | redis: last",
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n\nb\r\n", ["a", "", "b"]),
        (b"10%\r20%\r", ["10%", "20%"]),
        ("ä\tö\n".encode(), ["ä       ö"]),
        (b"\xff\n", ["\\xff"]),
        ("\u202ea\u2028b\u200b\x85\n".encode(), [r"\u202ea\u2028b\u200b\x85"]),
        (b"\x1b[2Jgone\x07\n", ["\\x1b[2Jgone\\x07"]),
    ],
)
def test_lines_are_fit_for_a_terminal(data: bytes, expected: list[str]) -> None:
    assert output_lines(data) == expected
