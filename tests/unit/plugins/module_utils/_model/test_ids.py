# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.ids import AmbiguousId, find_jid, is_meant, shorten

ONE, TWO, TEN = "j28105123456.0", "j28105123456.1", "j28105123456.10"
OTHER = "j28106999999.0"
CORE = "j123456789012.4711"
MITOGEN = "2988a0586c194d99"
ALL = (ONE, TWO, TEN, OTHER, CORE, MITOGEN)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ONE, ONE),
        ("j28105.0", ONE),
        ("j28105.10", TEN),
        ("j28106", OTHER),
        ("j12345", CORE),
        ("j123456789012.4711", CORE),
        (MITOGEN, MITOGEN),
        ("j9", "j9"),
        ("j1234", "j1234"),
        ("j2810.0", "j2810.0"),
        ("j28105.7", "j28105.7"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("", ""),
    ],
)
def test_a_job_is_found_by_a_beginning_that_no_other_has(given: str, expected: str) -> None:
    assert find_jid(given, ALL) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("j28105", "j28105 could be j28105.0, j28105.1, j28105.10; give more of it"),
    ],
)
def test_one_that_several_have_lists_what_it_could_mean(given: str, message: str) -> None:
    with pytest.raises(AmbiguousId, match=message):
        find_jid(given, ALL)


def test_many_are_not_all_listed() -> None:
    with pytest.raises(AmbiguousId, match=r"j12345.4 and 5 more; give more of it"):
        find_jid("j12345", [f"j12345678.{number}" for number in range(10)] + ["j2.0"])


def test_what_is_short_is_found_again() -> None:
    short = shorten(ALL)
    assert (short[ONE], short[MITOGEN]) == ("j28105.0", MITOGEN)
    assert [find_jid(short[jid], ALL) for jid in ALL] == list(ALL)


def test_batches_that_begin_alike_get_longer_ids() -> None:
    assert shorten(["j123456789.0", "j123456780.0"]) == {"j123456789.0": "j123456789.0", "j123456780.0": "j123456780.0"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [(ONE, True), ("j28105.0", True), ("j28105", True), ("j28", False), ("j28105.1", False), ("x", False)],
)
def test_an_answer_is_known_by_what_was_asked_for(given: str, meant: bool) -> None:
    assert is_meant(given, ONE) is meant
