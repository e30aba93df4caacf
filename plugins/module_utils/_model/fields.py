# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether values that came from somewhere else fit the fields of a dataclass, as its annotations say.

PRIVATE to the collection background.jobs. Do not use this from other collections.

What a status file says, and what a host answers, can be wrong in every field. A field that is added to one of these
classes is checked by its annotation, with nothing else to remember.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing as t

_LARGEST = float(2**53)
"""What a number can be at most; there is no larger time, size or pid."""
_SHOWN = 60
"""Characters of a wrong value that are shown."""

_PLAIN = {str: "str", bool: "bool", type(None): "None"}
"""Types of which every value fits; most of them."""

_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
    "None": "nothing",
}


def wrong(kind: t.Any, values: t.Mapping[str, t.Any]) -> str | None:
    """:returns: a clause about the first value that does not fit, `None` where all do.

    :arg kind: a dataclass, of a module with `from __future__ import annotations`.
    :arg values: some of its fields, by name; others are not looked at.
    """
    for field in dataclasses.fields(kind):
        if field.name in values and not fits(values[field.name], str(field.type)):
            shown = repr(values[field.name])
            shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
            return f"{field.name} is {shown}, not {_described(str(field.type))}"
    return None


def repaired(kind: t.Any, values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: `values` without those numbers, and values that there need not be, which do not fit.

    What decides about something, a text, a list, a mapping, true or false, stays as it is.
    """
    kept = dict(values)
    for field in dataclasses.fields(kind):
        names = str(field.type).split(" | ")
        has_default = field.default is not dataclasses.MISSING
        only_shown = "None" in names or names[0] in ("int", "float")
        if field.name in kept and has_default and only_shown and not fits(kept[field.name], str(field.type)):
            del kept[field.name]
    return kept


def fits(value: t.Any, annotation: str) -> bool:
    """:returns: whether `value` is of the type that an annotation names.

    Known are `str`, `int`, `float`, `bool`, `None`, `list[...]`, `dict[str, ...]`, the name of a dataclass,
    which is a mapping until it is checked by itself, and any of these with `|` between them.
    """
    alternatives = _alternatives(annotation)
    return _PLAIN.get(type(value)) in alternatives or any(_is(value, alternative) for alternative in alternatives)


@functools.lru_cache(maxsize=None)
def _alternatives(annotation: str) -> tuple[str, ...]:
    return tuple(annotation.split(" | "))


def _is(value: t.Any, name: str) -> bool:
    base, dummy, inside = name.rstrip("]").partition("[")
    if base == "None":
        return value is None
    if base == "bool":
        return isinstance(value, bool)
    if base in ("int", "float"):
        return _is_number(value, whole=base == "int")
    if base == "str":
        return isinstance(value, str)
    if base == "list":
        return isinstance(value, list) and all(_is(item, inside) for item in value)
    if base == "dict":
        inside = inside.partition(", ")[2]
        return isinstance(value, dict) and all(
            isinstance(key, str) and _is(item, inside) for key, item in value.items()
        )
    if base == "t.Any":
        return True
    return isinstance(value, dict)


def _is_number(value: t.Any, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return math.isfinite(value) and abs(value) <= _LARGEST if isinstance(value, float) else abs(value) <= int(_LARGEST)


def _described(annotation: str) -> str:
    names = [name.partition("[")[0] for name in annotation.split(" | ")]
    return " or ".join(_WORDS.get(name, _WORDS["dict"]) for name in names if name != "None" or len(names) == 1)
