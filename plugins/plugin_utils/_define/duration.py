# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as users write them.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import re
import typing as t

FOREVER = 100 * 365 * 86400.0
"""Seconds; a longer duration counts as this one. Sums of some of them are still times that any clock can tell."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def in_words(seconds: float) -> str:
    """:returns: a duration for a sentence, in tenths of a second below ten of them: `0.4 s`, `2 s`, `600 s`."""
    text = f"{seconds:.0f}" if seconds >= 10 else f"{max(seconds, 0.1):.1f}"
    return f"{text[:-2] if text.endswith('.0') else text} s"


def seconds(value: t.Any, option: str) -> float:
    """Turn `90`, `90s`, `30m` or `1h 30m` into seconds.

    :arg option: what the value was given for, for the message.
    :returns: at most `FOREVER`.
    :raises ValueError: it is not a duration; the message is a sentence.
    """
    text = str(value).strip().lower()
    number = -1.0
    try:
        number = float(text)
    except ValueError:
        parts = _PART.findall(text)
        if parts and not _PART.sub("", text).strip():
            number = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise ValueError(
            f"{option} is {value!r}: give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit"
        )
    return min(number, FOREVER)
