# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of several jobs, in a sentence that does not grow with their number.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t

_MOST = 5
"""Jobs that are named, and so the causes that are told, at most."""


def together(fates: t.Iterable[tuple[str, str]]) -> str:
    """:returns: clauses, those of jobs with the same fate as one, the most frequent first, with five names in all.

    :arg fates: the name of each job, and what became of it: the rest of a clause, such as `failed: exit code 3`.
    """
    names: dict[str, list[str]] = {}
    for name, fate in fates:
        names.setdefault(fate, []).append(name)
    ranked = sorted(names, key=lambda fate: -len(names[fate]))
    told, others = ranked[:_MOST], ranked[_MOST:]
    clauses = [
        _clause(names[fate], fate, room) for fate, room in zip(told, _rooms([len(names[each]) for each in told]))
    ]
    left = sum(len(names[fate]) for fate in others)
    return "; ".join([*clauses, *([f"and {left} more"] if left else [])])


def _rooms(counts: t.Sequence[int]) -> list[int]:
    """:returns: how many of each group are named: one after the other in turn, until there are five."""
    rooms = [0] * len(counts)
    for dummy in range(min(_MOST, sum(counts))):
        free = [place for place, count in enumerate(counts) if rooms[place] < count]
        rooms[min(free, key=lambda place: rooms[place])] += 1
    return rooms


def _clause(names: t.Sequence[str], fate: str, room: int) -> str:
    more = len(names) - room
    who = ", ".join(names[:room]) + (f" and {more} more" if more else "")
    return f"{who} {f'are {fate[3:]}' if len(names) > 1 and fate.startswith('is ') else fate}"
