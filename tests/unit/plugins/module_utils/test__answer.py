# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.background.jobs.plugins.module_utils._answer import answer, take_secrets
from ansible_collections.background.jobs.plugins.module_utils._status import Status
from ansible_collections.background.jobs.tests.unit.helpers import record


def test_secrets_are_taken_out_of_everything_that_a_job_returned() -> None:
    result = {
        "_ansible_new_secrets": ["a"],
        "rc": 0,
        "steps": [{"_ansible_new_secrets": ["b"], "rc": 1}, {"rc": 2}, "a module's own"],
    }
    earlier = [{"_ansible_new_secrets": ["c"], "steps": [{"_ansible_new_secrets": ["d"]}]}, {"steps": "none"}]
    status = Status("j1.0", "/a/j1.0", "succeeded", record=record(earlier=earlier), result=result)
    assert take_secrets(status) == ["a", "b", "c", "d"]
    assert status.result == {"rc": 0, "steps": [{"rc": 1}, {"rc": 2}, "a module's own"]}
    assert status.record is not None and status.record.earlier == [{"steps": [{}]}, {"steps": "none"}]
    assert take_secrets(status) == []


def test_a_job_of_builtin_async_has_no_record() -> None:
    assert take_secrets(Status("1.2", "/b/1.2", "succeeded", result={"_ansible_new_secrets": ["a"]})) == ["a"]


def test_secrets_go_where_ansible_core_reads_them() -> None:
    assert answer(["a"], jobs=[]) == {"jobs": [], "_ansible_new_secrets": ["a"]}
    assert answer([], jobs=[], user="root") == {"jobs": [], "user": "root"}
