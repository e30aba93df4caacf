# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.size import size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (4096, 4096),
        ("0", 0),
        (" 4096 ", 4096),
        ("64K", 65536),
        ("64 KB", 65536),
        ("10MB", 10485760),
        ("10m", 10485760),
        ("1.5G", 1610612736),
    ],
)
def test_sizes_are_numbers_or_numbers_with_a_unit(value: t.Any, expected: int) -> None:
    assert size(value, "max_output") == expected


@pytest.mark.parametrize(
    "value",
    [-1, "-1", "", " ", "much", "10Mb", "10 X", "1K 1K", "nan", "inf", "9" * 400, True, False, None, [], {}],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_size_is_refused_with_what_would_be_one(value: t.Any) -> None:
    sentence = f"max_output is {value!r}: give a number of bytes, or a size such as 64K or 10MB; 0 means no limit"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        size(value, "max_output")
