# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program has in place of Python's `dataclasses`: as much of it as its parts use, by the same names.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Python 3.6 has no `dataclasses`, and where there is one, its import takes longer than most requests. No source imports
this: `plugin_utils._core.sources` puts it in when a source is sent. What a type checker finds out is not checked again
here: that nobody changes what is frozen, or gives a field twice.
"""

from __future__ import annotations

import typing as t

MISSING: t.Any = object()
"""The default of a field that has none."""
_FIELDS = "__dataclass_fields__"


class Field:
    """A field. `type` is its annotation as a text, `default_factory` makes its default anew for each object."""

    def __init__(self, default: t.Any, default_factory: t.Any, compare: bool) -> None:
        self.name = ""
        self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.compare = compare


def field(*, default: t.Any = MISSING, default_factory: t.Any = MISSING, compare: bool = True, **shown: t.Any) -> t.Any:
    """:returns: what stands in the body of a class as the value of a field.

    :arg shown: `repr` is for the other `dataclasses`: here objects do not show what they hold.
    """
    return Field(default, default_factory, compare)


def dataclass(kind: t.Any = None, *, frozen: bool = False) -> t.Any:
    """Give a class with annotated fields its `__init__`, and the comparison by their values.

    :arg frozen: its objects may be keys.
    """
    if kind is None:
        return lambda its: dataclass(its, frozen=frozen)
    known: dict[str, Field] = {}
    for name, annotation in kind.__annotations__.items():
        given = kind.__dict__.get(name, MISSING)
        known[name] = one = given if isinstance(given, Field) else Field(given, MISSING, True)
        one.name, one.type = name, annotation
        if given is one and one.default is MISSING:
            delattr(kind, name)
        elif given is one:
            setattr(kind, name, one.default)
    names = known.keys()
    defaults = {name: one.default for name, one in known.items() if one.default is not MISSING}
    factories = [(name, one.default_factory) for name, one in known.items() if one.default_factory is not MISSING]
    compared = [name for name, one in known.items() if one.compare]

    def init(self: t.Any, *values: t.Any, **named: t.Any) -> None:
        given = {**defaults, **dict(zip(names, values)), **named}
        for name, make in factories:
            if name not in given:
                given[name] = make()
        if given.keys() != names:
            wrong = ", ".join(sorted(given.keys() ^ names))
            raise TypeError(f"{kind.__name__} needs, or does not have: {wrong}")
        self.__dict__.update(given)

    def key(value: t.Any) -> list[t.Any]:
        return [getattr(value, name) for name in compared]

    def equals(self: t.Any, other: t.Any) -> bool:
        return type(self) is type(other) and key(self) == key(other)

    def hashed(self: t.Any) -> int:
        return hash(tuple(key(self)))

    setattr(kind, _FIELDS, known)
    kind.__init__, kind.__eq__, kind.__hash__ = init, equals, hashed if frozen else None
    return kind


def fields(kind: t.Any) -> tuple[Field, ...]:
    """:returns: the fields of a class, or of an object of one, in order."""
    return tuple(getattr(kind, _FIELDS).values())


def asdict(value: t.Any) -> t.Any:
    """:returns: the fields of an object by name, and so on inside of them."""
    if hasattr(value, _FIELDS):
        return {one.name: asdict(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {key: asdict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(asdict, value))
    return value


def replace(value: t.Any, **changes: t.Any) -> t.Any:
    """:returns: an object with the fields of another one, but for these."""
    return type(value)(**{**{one.name: getattr(value, one.name) for one in fields(value)}, **changes})
