# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Items of loops, in a few words: the names of jobs that have no other.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible

_MOST = 60
"""Characters of an item that its job is called by."""
_PARTS = 8
"""Elements of an item that are looked at; others would not be seen."""
_DEPTH = 3
_CUT = "..."
_SECRET = re.compile("pass|pwd|secret|token|private|credential|key", re.IGNORECASE)
"""Keys of a mapping whose values are not told. `loop_control` can have hidden them, which no result tells."""


def short_name(item: t.Any) -> str:
    """:returns: the name of an item, its key where it is an entry of `dict2items`, or else what it consists of.

    It is one line of limited length, empty where there is nothing to tell.
    """
    text = _said(item, _DEPTH)
    return text if len(text) <= _MOST else text[: _MOST - len(_CUT)] + _CUT


def distinct(names: t.Iterable[str]) -> list[str]:
    """:returns: `names`, each with a number after it if it is that of another before; empty ones stay."""
    given = list(names)
    taken = set(given)
    seen: set[str] = set()
    result = []
    for name in given:
        number, told = 1, name
        while name and told in (seen if number == 1 else taken):
            number += 1
            told = f"{name}-{number}"
        seen.add(told)
        taken.add(told)
        result.append(told)
    return result


def _said(item: t.Any, depth: int) -> str:
    if item is None or isinstance(item, (str, int, float)):
        return visible(str(item)[: _MOST + 1]).strip() if item is not None else ""
    if not depth:
        return _CUT
    if isinstance(item, t.Mapping):
        only = "key" if set(item) == {"key", "value"} else "name"
        if isinstance(item.get(only), (str, int, float)) and item[only] != "":
            return _said(item[only], depth)
        return ", ".join(_entry(key, item[key], depth) for key in list(item)[:_PARTS])
    if isinstance(item, t.Sequence) and not isinstance(item, bytes):
        return ", ".join(_said(each, depth - 1) for each in item[:_PARTS])
    return ""


def _entry(key: t.Any, value: t.Any, depth: int) -> str:
    name = _said(key, depth)
    return f"{name}={_CUT if _SECRET.search(name) else _said(value, depth - 1)}"
