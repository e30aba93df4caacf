# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import typing as t
import unicodedata

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import (
    is_visible,
    one_line,
    shown,
    visible,
    visible_lines,
)

CATEGORIES = {
    "Cc": True,  # ESC, CR, LF, tab, NEL, DEL, all of C0 and C1
    "Cf": True,  # bidi controls, zero width, soft hyphen, byte order mark, tags
    "Cn": True,  # no characters yet, or never
    "Cs": True,  # halves of a pair: of bytes that are not UTF-8
    "Zl": True,
    "Zp": True,
    "Co": False,  # icons of fonts
    "Zs": False,
    **dict.fromkeys(("Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No"), False),
    **dict.fromkeys(("Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So"), False),
}
"""All categories of Unicode: whether their characters are escaped."""
BLANK = "\u115f\u1160\u2800\u3164\uffa0"


def test_each_character_of_unicode_is_escaped_or_not_by_its_category() -> None:
    wrong = []
    for number in range(sys.maxunicode + 1):
        letter = chr(number)
        if is_visible(letter) == (CATEGORIES[unicodedata.category(letter)] or letter in BLANK):
            wrong.append(hex(number))
    assert not wrong


@pytest.mark.parametrize(
    "number",
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        0xAD,
        0x61C,
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
        0xD800,
        0xDFFF,
        0xE0041,
    ],
)
def test_no_control_survives(number: int) -> None:
    assert chr(number) not in visible(f"a{chr(number)}b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Größe: 5 € 日本語 👍🏽 e\u0301 50\xa0%", "Größe: 5 € 日本語 👍🏽 e\u0301 50\xa0%"),
        (r"C:\new [red]x[/red] :smile: {{ x }}", r"C:\new [red]x[/red] :smile: {{ x }}"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\udcff\U000e0041", r"\udcff\U000e0041"),
    ],
)
def test_what_is_shown_is_as_it_was_but_for_that(text: str, expected: str) -> None:
    assert visible(text) == expected
    assert visible(expected) == expected


def test_lines_stay_where_lines_may_be() -> None:
    assert visible_lines("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("plain", "plain"),
        ("  one \n\n   two\r\n\tthree\u2028four\n", "one two three four"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        (
            "it broke:\nTraceback (most recent call last):\n  File 'x', line 1\n    f()\nOSError: full\n\n",
            "it broke: OSError: full",
        ),
        ("Traceback (most recent call last):\n", ""),
        (3000 * "x", 1000 * "x" + "..."),
    ],
)
def test_a_message_is_quoted_in_one_line(message: str, expected: str) -> None:
    assert one_line(message) == expected


def test_what_ansible_core_shows_of_a_result_is_visible_and_the_rest_is_data() -> None:
    typed = object()
    result: dict[str, t.Any] = {
        "msg": "a\x1b",
        "warnings": ["b\nc\x1b", typed],
        "results": [{"msg": "d\x1b"}],
        "x": "\x1b",
    }
    assert shown(result) == {
        "msg": r"a\x1b",
        "warnings": [r"b c\x1b", typed],
        "results": [{"msg": "d\x1b"}],
        "x": "\x1b",
    }
    assert shown({"changed": False}) == {"changed": False}


def test_what_ansible_core_prints_by_itself_is_visible_in_every_form_that_it_can_have() -> None:
    told = shown({"msg": "a\x1b", "deprecations": [{"msg": "b\x1b\nc", "version": 5}], "exception": "d\x1b\ne"}, False)
    assert told == {"msg": "a\x1b", "deprecations": [{"msg": r"b\x1b c", "version": 5}], "exception": "d\\x1b\ne"}


@pytest.mark.skipif(compat.core_messages is None, reason="ansible-core has no objects for that")
def test_objects_that_a_module_returned_are_visible_to_their_depth() -> None:
    core = compat.core_messages
    cause = core.EventChain(msg_reason="r\x1b", traceback_reason="t", event=core.Event(msg="c\x1b"))
    event = core.Event(
        msg="m\x1b\nn", help_text="h\u202e", formatted_traceback="f\x1b\ng", chain=cause, events=(cause.event,)
    )
    plugin = core.PluginInfo(resolved_name="p\x1b", type=next(iter(core.PluginType)))
    told = shown(
        {
            "exception": core.ErrorSummary(event=event),
            "deprecations": [core.DeprecationSummary(event=event, deprecator=plugin)],
        }
    )
    for fitted in (told["exception"].event, told["deprecations"][0].event):
        assert (fitted.msg, fitted.help_text, fitted.formatted_traceback) == (r"m\x1b n", r"h\u202e", "f\\x1b\ng")
        assert (fitted.chain.msg_reason, fitted.chain.event.msg, fitted.events[0].msg) == (r"r\x1b", r"c\x1b", r"c\x1b")
    assert told["deprecations"][0].deprecator == core.PluginInfo(resolved_name=r"p\x1b", type=plugin.type)


def test_a_secret_is_known_before_it_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "mask_secrets", lambda text: text.replace("sword\tfish", "$REDACTED$"))
    assert shown({"msg": "it is sword\tfish"}) == {"msg": "it is $REDACTED$"}
