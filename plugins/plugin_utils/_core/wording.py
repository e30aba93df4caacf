# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that several sentences of ours have in common.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t


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
