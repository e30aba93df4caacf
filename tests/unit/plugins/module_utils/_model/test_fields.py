# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.fields import fits, repaired, wrong
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.told import Info, Output, Status

_SAMPLES: list[t.Any] = [None, True, 7, 1.5, "text", [], {}, ["a"], [{}], [{1: 2}], {"a": 1}, {1: 2}]


@pytest.mark.parametrize(
    ("annotation", "fitting"),
    [
        ("str", ["text"]),
        ("int", [7]),
        ("float", [7, 1.5]),
        ("bool", [True]),
        ("float | None", [None, 7, 1.5]),
        ("list[str]", [[], ["a"]]),
        ("list[dict[str, t.Any]]", [[], [{}]]),
        ("dict[str, t.Any]", [{}, {"a": 1}]),
        ("dict[str, int]", [{}, {"a": 1}]),
        ("dict[str, str]", [{}]),
        ("Record | None", [None, {}, {"a": 1}, {1: 2}]),
        ("list[Info]", [[], [{}], [{1: 2}]]),
    ],
)
def test_an_annotation_says_what_fits(annotation: str, fitting: list[t.Any]) -> None:
    assert [sample for sample in _SAMPLES if fits(sample, annotation)] == fitting


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e300, 10**400], ids=lambda value: str(value)[:8])
def test_no_time_and_no_size_is_that_large(value: t.Any) -> None:
    assert not fits(value, "float")


@pytest.mark.parametrize("kind", [Record, Status, Info, Output], ids=lambda kind: str(kind.__name__))
def test_every_field_of_what_travels_has_a_type_that_is_known(kind: t.Any) -> None:
    """A value of another type is told from what fits, whatever field is added."""
    for field in dataclasses.fields(kind):
        assert wrong(kind, {field.name: object()}) is not None, field.name


def test_what_is_wrong_is_said_with_the_value_and_what_belongs_there() -> None:
    assert wrong(Record, {"jid": "j1.0", "earlier": 5, "other": 5}) == "earlier is 5, not a list"
    assert wrong(Record, {"queued_at": "x" * 1000}) == f"queued_at is {'x' * 59!r}, not a number".replace(
        "x',", "x...,"
    )
    assert wrong(Record, {"jid": "j1.0", "queued_at": None}) is None


def test_damaged_numbers_are_left_out_and_nothing_else() -> None:
    damaged = {"queued_at": "x", "attempts": [], "timeout": "soon", "pid": 1.5, "user": 7}
    assert repaired(Record, {"jid": 7, "no_log": "yes", "earlier": 5, **damaged}) == {
        "jid": 7,
        "no_log": "yes",
        "earlier": 5,
    }
