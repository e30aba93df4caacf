# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core.wording import kind, listed, plural, sort, yaml


@pytest.mark.parametrize(
    ("value", "whole", "without"),
    [
        (None, "empty", "empty"),
        (True, "true", "true or false"),
        ("x", "the text 'x'", "a text"),
        (5, "the number 5", "a number"),
        (1.5, "the number 1.5", "a number"),
        ({"a": 1}, "a mapping", "a mapping"),
        ([1], "a list", "a list"),
        ((1,), "a list", "a list"),
    ],
    ids=str,
)
def test_what_a_value_is_is_told_in_words_of_yaml(value: t.Any, whole: str, without: str) -> None:
    assert (kind(value), sort(value)) == (whole, without)


def test_a_value_is_told_as_it_is_written_and_not_all_of_a_long_one() -> None:
    assert yaml({"a": [None, True, "x", 1.5]}) == "{'a': [null, true, 'x', 1.5]}"
    assert yaml("x" * 1000) == f"'{'x' * 99}..."


def test_words_in_a_sentence() -> None:
    assert (listed(["a"]), listed(["a", "b"]), listed("abc", "or")) == ("'a'", "'a' and 'b'", "'a', 'b' or 'c'")
    assert (plural(1, "job"), plural(2, "job"), plural(0, "job")) == ("1 job", "2 jobs", "0 jobs")
