# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._define.options import check_options

COMMAND = {"ansible.builtin.command": "true"}


def refused(given: dict[str, t.Any], spec: t.Any = None, rules: t.Any = None, action: str = "run") -> str:
    """The message with which options are refused."""
    with pytest.raises(DefinitionError) as caught:
        accept(given, spec, rules, action)
    return str(caught.value)


def accept(given: dict[str, t.Any], spec: t.Any = None, rules: t.Any = None, action: str = "run") -> None:
    rules = _argspec.JOBS_RULES if rules is None else rules
    check_options(
        f"background.jobs.{action}",
        given,
        spec or _argspec.run_options(),
        rules,
        lambda name: name in ("command", "file"),
    )


@pytest.mark.parametrize(
    "given",
    [
        {"jobs": []},
        {"jobs": [COMMAND], "concurrency": 3, "timeout": "1h", "fail_fast": "yes", "group": 5, "trace": None},
        {"for_each": [1], "job": COMMAND, "loop_var": "x"},
    ],
    ids=str,
)
def test_what_is_right_passes(given: dict[str, t.Any]) -> None:
    accept(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"job": COMMAND}, "'job' needs 'for_each' beside it"),
        ({"jobs": [], "for_each": []}, "'jobs' and 'for_each' cannot be used together: give one of them"),
        ({"jobs": [], "for_each": [], "x": 1}, "'x' is not an option of background.jobs.run: it has "),
        ({"jobs": [], "stream": "loud"}, "stream is 'loud': give true or false"),
        ({"jobs": [], "stream": [True]}, "stream is [true]: give true or false"),
        ({"jobs": [], "group": {"name": "x"}}, "group is a mapping: give a text or a number"),
        ({"jobs": None}, "jobs is empty: give a list; for none, give []"),
        ({"for_each": 5, "job": COMMAND}, "for_each is the number 5: give a list; for none, give []"),
        (
            {"jobs": [], "loop": [1]},
            "'loop' is not an option of background.jobs.run; write 'for_each' and 'job' in place of 'jobs': each item "
            "becomes a job",
        ),
        ({"jobs": [], "tags": "x"}, "'tags' is a keyword of the task: write it beside background.jobs.run, not below"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(given: dict[str, t.Any], message: str) -> None:
    assert refused(given).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jid": "j1.0", "offset": "far"}, "offset is 'far': give a whole number"),
        ({"jid": "j1.0", "mode": "stat"}, "mode is 'stat': give 'status' or 'cleanup'"),
        ({"jids": {"a": 1}}, "jids is {'a': 1}: give a list"),
        ({}, "background.jobs.async_status needs 'jid' or 'jids'"),
        ({"retries": 3}, "'retries' is not an option of background.jobs.async_status: it has 'jid', 'jids', 'mode', "),
    ],
    ids=str,
)
def test_other_actions_are_told_the_same_way(given: dict[str, t.Any], message: str) -> None:
    told = refused(given, _argspec.async_status_options(), _argspec.ASYNC_STATUS_RULES, "async_status")
    assert told.startswith(message)


def test_each_element_has_to_be_a_choice() -> None:
    assert refused({"state": ["failed", "sad"]}, _argspec.job_info_options(), {}, "job_info").startswith(
        "state is 'sad': give 'queued'"
    )
    accept({"state": "failed,lost"}, _argspec.job_info_options(), {}, "job_info")
