# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that several sentences of ours have in common.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

_LONG = 100
"""Characters of a value that are shown in a sentence."""


def word(state: str) -> str:
    """:returns: a state as it is written in a sentence."""
    return state.replace("_", " ")


def counted(count: int, noun: str, none: str = "0") -> str:
    """:returns: a number of things, such as `2 jobs`.

    :arg noun: what one of them is called.
    :arg none: what is written in place of the number 0.
    """
    return f"{count or none} {noun}" + ("" if count == 1 else "s")


def some(names: t.Sequence[str], count: int) -> str:
    """:returns: these names, and how many more of `count` there are."""
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def plural(count: int, noun: str) -> str:
    """:returns: a number with what it counts: `1 job`, `2 jobs`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def kind(value: t.Any) -> str:
    """:returns: what a value is, in the words of YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return yaml(value)
    if isinstance(value, str):
        return f"the text {yaml(value)}"
    return f"the number {value}" if isinstance(value, (int, float)) else sort(value)


def sort(value: t.Any) -> str:
    """:returns: what kind of thing a value is, in the words of YAML, without the value."""
    if value is None:
        return "empty"
    words = ((bool, "true or false"), (str, "a text"), ((int, float), "a number"), (t.Mapping, "a mapping"))
    return next((word for kinds, word in words if isinstance(value, kinds)), "a list")


def yaml(value: t.Any) -> str:
    """:returns: a value as an author writes it, in one line, and not all of a long one."""
    text = _yaml(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


def _yaml(value: t.Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, t.Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, t.Sequence) and not isinstance(value, (str, bytes)):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return repr(str(value)) if isinstance(value, str) else str(value)


def listed(words: t.Iterable[str], joint: str = "and") -> str:
    """:returns: words in quotes: `'a', 'b' and 'c'`."""
    *first, last = (f"'{word}'" for word in words)
    return f"{', '.join(first)} {joint} {last}" if first else last
