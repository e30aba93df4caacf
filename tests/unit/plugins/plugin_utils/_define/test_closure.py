# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import (
    ConditionError,
    Conditions,
    judge_by_conditions,
)
from ansible_collections.background.jobs.tests.unit.helpers import entry

VARIABLES: dict[str, t.Any] = {
    "fine": [0, 3],
    "rc": 7,
    "limits": {"low": 1, "high": {"warn": 5, "stop": 9}, "secret": "hunter2"},
    "word": "abc",
    "hostvars": {"web1": {"limit": 3, "secret": "hunter2"}, "web2": {"limit": 4}},
    "big": "x" * 100000,
    "day": datetime.date(2026, 1, 1),
}


def resolve(name: str) -> t.Any:
    if name == "broken":
        raise AnsibleError("it names what is not there")
    return VARIABLES[name]


def closed(*expressions: str) -> Conditions:
    conditions = Conditions(failed_when=list(expressions))
    conditions.close([*VARIABLES, "broken"], resolve)
    return conditions


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("rc == 0", {"rc": 7}),  # if the result has none
        ("stdout == ''", {}),
        ("rc not in fine", {"rc": 7, "fine": [0, 3]}),
        ("fine[0] == 0", {"fine": [0, 3]}),
        ("limits.low == 1", {"limits": {"low": 1}}),
        ("limits['high'].stop > limits.low", {"limits": {"low": 1, "high": {"stop": 9}}}),
        ("limits.high.stop > 1 and limits.high | length > 1", {"limits": {"high": {"warn": 5, "stop": 9}}}),
        ("limits.middle is defined", {"limits": {}}),
        ("limits.high.keys() | list | length > 5", {"limits": {"high": {"warn": 5, "stop": 9}}}),
        ("word.startswith('a')", {"word": "abc"}),
        ("hostvars['web1'].limit == 3", {"hostvars": {"web1": {"limit": 3}}}),
        ("hostvars.web1.limit < hostvars.web2['limit']", {"hostvars": {"web1": {"limit": 3}, "web2": {"limit": 4}}}),
        ("broken is defined", {}),
        ("(fine | map('string') | list) == word", {"fine": [0, 3], "word": "abc"}),
    ],
)
def test_a_condition_keeps_what_it_names_and_no_more(expression: str, kept: dict[str, t.Any]) -> None:
    assert closed(expression).variables == kept


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (
            "hostvars[item].limit == 3",
            "failed_when (hostvars[item].limit == 3) names all of 'hostvars', of which a handle",
        ),
        (
            "hostvars.web1 is defined",
            "failed_when (hostvars.web1 is defined) names all of 'hostvars', of which a handle",
        ),
        ("big == ''", "failed_when (big == '') names variables with 100011 characters together, of which a handle can"),
        (
            "day == ''",
            "failed_when (day == '') names 'day', which holds something that JSON has not, such as a date",
        ),
    ],
)
def test_what_no_handle_can_keep_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ConditionError) as raised:
        closed(expression)
    assert str(raised.value).startswith(message)


def test_the_result_comes_before_the_play() -> None:
    result = entry("a", "failed", rc=3)
    judge_by_conditions([(result, closed("rc not in fine or limits.low > 1"))])
    assert result["failed"] is False
