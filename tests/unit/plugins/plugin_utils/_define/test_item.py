# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.item import distinct, short_name


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("redis", "redis"),
        (7, "7"),
        (1.5, "1.5"),
        (False, "False"),
        (None, ""),
        ("", ""),
        ({"name": "redis", "x": 1}, "redis"),
        ({"name": "", "x": 1}, "name=, x=1"),
        ({"key": "redis", "value": {"port": 1}}, "redis"),
        ({"key": "ssh-rsa AAAA", "user": "alice"}, "key=..., user=alice"),
        ({"user": "alice", "password": "hunter2", "api_token": "x"}, "user=alice, password=..., api_token=..."),
        (["a", 1], "a, 1"),
        (("a", {"name": "b"}), "a, b"),
        ([{"name": "web1", "x": 1}, "eth0"], "web1, eth0"),
        ({"a": {"b": {"c": {"d": 1}}}}, "a=b=c=..."),
        ({}, ""),
        ([], ""),
        (b"x", ""),
        ("a\nb\x1b[31m\u202e", "a\\nb\\x1b[31m\\u202e"),
        ("x" * 100, "x" * 57 + "..."),
        (["x"] * 1000000, "x, x, x, x, x, x, x, x"),
        ({"x": "y" * 100}, "x=" + "y" * 55 + "..."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_item_is_told_in_a_few_words(item: t.Any, text: str) -> None:
    assert short_name(item) == text


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], []),
        (["a", "b"], ["a", "b"]),
        (["a", "a", "b", "a"], ["a", "a-2", "b", "a-3"]),
        (["a", "a", "a-2", "a-2"], ["a", "a-3", "a-2", "a-2-2"]),
        (["", "a", ""], ["", "a", ""]),
    ],
)
def test_a_number_is_where_two_names_would_be_the_same_and_nowhere_else(names: list[str], told: list[str]) -> None:
    assert distinct(names) == told
