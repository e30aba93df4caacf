# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import threading
import time
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.duration import FOREVER, in_words, seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        (" 1.5 ", 1.5),
        ("90s", 90),
        ("30m", 1800),
        ("1h 30m", 5400),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2 d", 172800),
        ("1D 1H 1M 1S", 90061),
        ("0s", 0),
        ("25d", 2160000),
        (4000000, 4000000),
        ("1e300", FOREVER),
        (10**300, FOREVER),
        ("9" * 300 + "d", FOREVER),
    ],
)
def test_durations_are_numbers_or_numbers_with_units(value: t.Any, expected: float) -> None:
    assert seconds(value, "timeout") == expected


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-1",
        "-5m",
        "",
        " ",
        "soon",
        "1h30",
        "5 minutes",
        "1w",
        "nan",
        "inf",
        "-inf",
        10**400,
        "1" + "0" * 400,
        float("inf"),
        "9" * 400 + "d",
        True,
        False,
        None,
        [],
        {},
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_duration_is_refused_with_what_would_be_one(value: t.Any) -> None:
    sentence = f"timeout is {value!r}: give seconds, or a duration such as 90s, 30m or 1h 30m; 0 means no limit"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        seconds(value, "timeout")


def test_no_clock_is_asked_for_more_than_it_can_tell() -> None:
    assert time.localtime(time.time() + 10 * FOREVER)
    assert threading.TIMEOUT_MAX > FOREVER


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0.1 s"),
        (0.04, "0.1 s"),
        (0.4, "0.4 s"),
        (1, "1 s"),
        (1.5, "1.5 s"),
        (9.99, "10 s"),
        (12.4, "12 s"),
        (600, "600 s"),
        (4000000, "4000000 s"),
    ],
)
def test_a_duration_in_a_sentence_is_never_nothing(value: float, expected: str) -> None:
    assert in_words(value) == expected
