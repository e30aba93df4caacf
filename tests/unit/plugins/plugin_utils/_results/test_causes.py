# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._results.causes import together

THREE = "failed: exit code 3"
LATE = "timed out: late"


def many(count: int, fate: str, name: str = "fetch") -> list[tuple[str, str]]:
    return [(f"{name}{number}", fate) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("fates", "sentence"),
    [
        ([], ""),
        ([("a", THREE)], "a failed: exit code 3"),
        ([("a", THREE), ("b", LATE)], "a failed: exit code 3; b timed out: late"),
        ([("a", LATE), ("b", THREE), ("c", THREE)], "b, c failed: exit code 3; a timed out: late"),
        (many(5, THREE), "fetch1, fetch2, fetch3, fetch4, fetch5 failed: exit code 3"),
        (many(40, THREE), "fetch1, fetch2, fetch3, fetch4, fetch5 and 35 more failed: exit code 3"),
        (
            [*many(20, LATE), *many(20, THREE, "load")],
            "fetch1, fetch2, fetch3 and 17 more timed out: late; load1, load2 and 18 more failed: exit code 3",
        ),
        (
            [*many(38, THREE), ("a", LATE), ("b", "lost: gone")],
            "fetch1, fetch2, fetch3 and 35 more failed: exit code 3; a timed out: late; b lost: gone",
        ),
        (
            [(f"job{number}", f"failed: {number}") for number in range(40)],
            "job0 failed: 0; job1 failed: 1; job2 failed: 2; job3 failed: 3; job4 failed: 4; and 35 more",
        ),
        ([("a", "is still running"), ("b", "is still running")], "a, b are still running"),
        ([("a", "is still running")], "a is still running"),
    ],
)
def test_equal_causes_are_told_together_and_not_more_than_five(fates: list[tuple[str, str]], sentence: str) -> None:
    assert together(fates) == sentence
