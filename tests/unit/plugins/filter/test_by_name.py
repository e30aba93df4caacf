# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.background.jobs.plugins.filter.by_name import FilterModule
from ansible_collections.background.jobs.tests.unit.helpers import entry

by_name = FilterModule().filters()["by_name"]

A, B = entry("a", "succeeded", stdout="x"), entry("disk usage", "failed", rc=1)
FLAT = {"ansible_job_id": "j1.0", "name": "a", "state": "running", "age": 3.0}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([A, B], {"a": A, "disk usage": B}),
        ({"results": [B, A], "changed": True}, {"disk usage": B, "a": A}),
        ({**A, "results": [A], "msg": "1 of 1 job succeeded"}, {"a": A}),
        ((A,), {"a": A}),
        (A, {"a": A}),
        ([entry("q", "queued")], {"q": entry("q", "queued")}),
        ({"jobs": [FLAT], "elsewhere": 0}, {"a": FLAT}),
        ([FLAT], {"a": FLAT}),
        ([], {}),
        ({"results": []}, {}),
    ],
    ids=["list", "task", "one job", "tuple", "one result", "handle", "job_info", "its jobs", "nothing", "no jobs"],
)
def test_each_job_is_found_by_its_name_in_order(given: t.Any, found: dict[str, t.Any]) -> None:
    told = by_name(given)
    assert (told, list(told)) == (found, list(found))


def test_the_name_is_that_of_the_job_not_what_its_module_calls_so() -> None:
    result = {**A, "name": "nginx", "state": "started"}
    assert by_name([result]) == {"a": result}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([A, B, A], "by_name: several jobs have the name 'a'; choose among them first"),
        ([A, B, B, A], "by_name: several jobs each have the name 'a', 'disk usage'; choose among them first"),
        ([A, {"rc": 0}], "by_name: number 2 of these has no job.name; give the results of background.jobs.run"),
        ([A, 5], "by_name: number 2 of these has no job.name"),
        ([{"ansible_job_id": "j1.0", "started": 1, "finished": 1, "name": "nginx"}], "by_name: number 1 of these"),
        ({"rc": 0, "stdout": ""}, "by_name: there are no results of jobs in a mapping with rc, stdout; give what"),
        ("text", "by_name: there are no results of jobs in 'text'; give what background.jobs.run registers"),
        (None, "by_name: there are no results of jobs in None"),
        ({"results": "text"}, "by_name: there are no results of jobs in a mapping with results"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_has_no_names_or_one_twice_is_refused(given: t.Any, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        by_name(given)
    assert str(caught.value).startswith(message)
