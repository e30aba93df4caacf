# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._core import keywords

ENTRIES = {
    "run": keywords.RUN,
    "launch": keywords.LAUNCH,
    "wait": keywords.WAIT,
    "async_status": keywords.ASKING,
    "job_info": keywords.ASKING,
    "cancel": keywords.CANCEL,
    "prune": keywords.PRUNE,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_neither_is_no_mistake(entry: str) -> None:
    assert keywords.refusal(entry, ENTRIES[entry], 0, None) is None


@pytest.mark.parametrize(
    ("entry", "seconds", "poll", "sentence"),
    [
        (
            "run",
            60,
            None,
            "'async: 60' cannot be used with run: its jobs are detached as it is; give their limit with its option "
            "'timeout: 60'",
        ),
        (
            "run",
            60,
            0,
            "'async: 60' and 'poll: 0' cannot be used with run: its jobs are detached as it is; give their limit with "
            "its option 'timeout: 60'; to go on without waiting, use background.jobs.launch in its place",
        ),
        (
            "run",
            0,
            5,
            "'poll: 5' cannot be used with run: how often to tell how they stand is its option 'progress_interval: 5'; "
            "their end is noticed at once",
        ),
        ("launch", 0, 0, "'poll: 0' cannot be used with launch: it does not wait as it is: leave 'poll' out"),
        (
            "launch",
            0,
            5,
            "'poll: 5' cannot be used with launch: it does not wait: background.jobs.run does, and tells how they "
            "stand every 'progress_interval: 5' seconds",
        ),
        (
            "wait",
            60,
            0,
            "'async: 60' and 'poll: 0' cannot be used with wait: it waits on the target as it is, whatever becomes of "
            "the connection; its limit is its option 'wait_timeout: 60'; it is there to wait; to look without "
            "waiting, use background.jobs.async_status",
        ),
        ("async_status", 60, None, "'async: 60' cannot be used with async_status: it only asks"),
        ("job_info", 0, 0, "'poll: 0' cannot be used with job_info: leave 'poll' out"),
        (
            "cancel",
            5,
            None,
            "'async: 5' cannot be used with cancel: it takes no longer than the jobs take to end",
        ),
        ("prune", 0, 5, "'poll: 5' cannot be used with prune: leave 'poll' out"),
    ],
)
def test_each_is_answered_with_what_to_write(entry: str, seconds: int, poll: int | None, sentence: str) -> None:
    assert keywords.refusal(entry, ENTRIES[entry], seconds, poll) == sentence
