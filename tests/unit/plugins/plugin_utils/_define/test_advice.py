# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible.playbook.handler import Handler

from ansible_collections.background.jobs.plugins.module_utils import _argspec
from ansible_collections.background.jobs.plugins.plugin_utils._define import advice
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import KEYS

KEYWORDS = sorted(set(t.cast("t.Any", Handler).fattributes) - {*KEYS, "args"} - {"async_val", "loop_with"})
"""Those of tasks and handlers of this ansible-core that a job has not, without what is no keyword of an author."""
ELSEWHERE = ("action",)
"""Keywords that are told of as old ways to name a module."""


@pytest.mark.parametrize("keyword", [keyword for keyword in KEYWORDS if keyword not in ELSEWHERE])
def test_each_keyword_of_a_task_has_a_sentence(keyword: str) -> None:
    told = advice.of_job(keyword, KEYS)
    assert told is not None and told[0].startswith("is a keyword of a task, not of a job; ")


def test_no_key_of_a_job_is_called_a_keyword() -> None:
    assert [key for key in (*KEYS, "block", "args") if advice.keyword(key) is not None] == []


def test_each_option_of_a_launch_belongs_beside_jobs_or_in_the_job() -> None:
    assert set(advice.OPTIONS) == set(_argspec.run_options()) - set(KEYS)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *(
            ("retry", "retries"),
            ("tries", "retries"),
            ("Retries", "retries"),
            ("depends_on", "after"),
            ("env", "environment"),
        ),
        *(("timeouts", "timeout"), ("ignore_error", "ignore_errors"), ("mutex", "lock"), ("tasks", "block")),
    ],
)
def test_words_of_others_and_misspelt_ones_are_understood(word: str, meant: str) -> None:
    told = advice.of_job(word, KEYS)
    assert told is not None and told[0] == f"is not a key of a job: write '{meant}'"
    assert f"{meant}:" in told[1]


def test_what_is_like_nothing_is_left_to_the_search_for_modules() -> None:
    assert advice.of_job("colour", KEYS) is None


@pytest.mark.parametrize(
    "word",
    [*KEYWORDS, *advice.OPTIONS, "with_items", "retry", "needs", "env", "mutex", "steps", "chdir", "cmd", "argv"],
)
def test_each_example_is_yaml(word: str) -> None:
    told = advice.of_job(word, KEYS)
    if told is not None and told[1]:
        assert isinstance(yaml.safe_load(told[1]), (dict, list))
        assert max(map(len, told[1].split("\n"))) < 100
