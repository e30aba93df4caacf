# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._results.diff import diffs
from ansible_collections.background.jobs.tests.unit.helpers import entry


def job(name: str, diff: t.Any = None, **fields: t.Any) -> dict[str, t.Any]:
    return entry(name, "succeeded", **{"changed": True, "diff": diff, **fields})


OTHER = job("other", changed=False)
LINES = {"before": "a\n", "after": "b\n"}


def test_each_difference_has_the_name_of_its_job() -> None:
    headers = {"before_header": "/etc/x", "after_header": "/etc/x.new"}
    assert diffs([job("a", {**LINES, **headers}), job("b", [LINES, LINES])]) == [
        {**LINES, "before_header": "/etc/x (a)", "after_header": "/etc/x.new (a)"},
        {**LINES, "before_header": "b", "after_header": "b"},
        {**LINES, "before_header": "b", "after_header": "b"},
    ]


def test_only_what_changed_is_told_as_of_the_items_of_a_loop() -> None:
    assert diffs([job("a", LINES, changed=False), job("b", {}), job("c", None), entry("d", "succeeded")]) == []


def test_what_is_hidden_stays_so() -> None:
    assert diffs([job("a", LINES, _ansible_no_log=True), OTHER]) == []


def test_one_job_has_its_own_already() -> None:
    assert diffs([job("a", LINES)]) == []
    assert diffs([]) == []


def test_each_step_of_a_block_is_told_once() -> None:
    steps = [{**job("x", LINES)}, job("y", LINES, changed=False), job("z", LINES)]
    assert [each["before_header"] for each in diffs([job("a", LINES, steps=steps)])] == ["a, x", "a, z"]


def test_other_forms_get_the_name_too() -> None:
    assert diffs([job("a", {"prepared": "+x\n"}), job("b", {"dst_larger": 5}), job("c", {"src_binary": 1})]) == [
        {"prepared": "a:\n+x\n"},
        {"prepared": "b: "},
        {"dst_larger": 5},
        {"prepared": "c: "},
        {"src_binary": 1},
    ]


@pytest.mark.parametrize(
    "diff",
    ["x", 5, ["x", 5, None], {"before": "a"}, {"prepared": 5}, {"dst_larger": "x"}, {"x": {"before": ""}}],
    ids=repr,
)
def test_what_is_no_difference_is_left_out(diff: t.Any) -> None:
    assert diffs([job("a", diff), OTHER]) == []


def test_what_is_shown_moves_no_cursor() -> None:
    evil = "\x1b[2Ja\rb"
    given = {"before": evil, "after": 5, "before_header": f"{evil}\n", "after_header": None}
    (shown,) = diffs([job(evil, given), OTHER])
    assert shown == {
        "before": "\\x1b[2Ja\\rb",
        "after": "5",
        "before_header": "\\x1b[2Ja b (\\x1b[2Ja b)",
        "after_header": "\\x1b[2Ja b",
    }


def test_structures_and_nothing_are_left_for_core_to_show() -> None:
    (shown,) = diffs([job("a", {"before": {"mode": "0755"}, "after": None}), OTHER])
    assert (shown["before"], shown["after"]) == ({"mode": "0755"}, None)
