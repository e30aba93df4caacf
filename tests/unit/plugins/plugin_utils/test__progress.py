# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._handle import Handle
from ansible_collections.background.jobs.plugins.plugin_utils._progress import progress


def job(name: str, state: str, no_log: bool = False, **fields: t.Any) -> tuple[Handle, dict[str, t.Any]]:
    handle = Handle(jid=name, name=name, no_log=no_log)
    return handle, {"state": state, "record": {"name": name, "no_log": no_log}, **fields}


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        ([job("a", "succeeded"), job("b", "skipped")], "2/2 done"),
        ([job("a", "queued"), job("b", "queued")], "0/2 done, 2 queued"),
        (
            [job("a", "running", running_for=12.9), job("b", "running", running_for=83), job("c", "succeeded")],
            "1/3 done, 2 running (b 1 min 23 s, a 12 s)",
        ),
        ([job("a", "running", running_for=7620.0)], "0/1 done, 1 running (a 2 h 7 min)"),
        ([job("a", "running")], "0/1 done, 1 running (a)"),
        (
            [job(name, "running", running_for=number) for number, name in enumerate("abcde")],
            "0/5 done, 5 running (e 4 s, d 3 s, c 2 s and 2 more)",
        ),
        (
            [job("haproxy", "failed", reason="exit_code", message="exit code 2"), job("a", "timed_out")],
            "0/2 done, 1 failed (haproxy: exit code 2), 1 timed out (a)",
        ),
        ([job("a", "failed", message="x\n" + 100 * "y")], f"0/1 done, 1 failed (a: x {58 * 'y'}...)"),
        (
            [job("a", "failed", no_log=True, reason="exit_code", message="the secret")],
            "0/1 done, 1 failed (a: exit_code)",
        ),
    ],
)
def test_a_line_says_how_all_jobs_stand(jobs: list[tuple[Handle, dict[str, t.Any]]], line: str) -> None:
    handles, statuses = zip(*jobs)
    assert progress("web1", handles, statuses) == f"web1: {line}"


def test_a_job_that_the_target_knows_nothing_of_has_the_name_of_its_handle() -> None:
    assert progress("web1", [Handle(jid="j1.0", name="mine")], [{"state": "running", "record": None}]) == (
        "web1: 0/1 done, 1 running (mine)"
    )
