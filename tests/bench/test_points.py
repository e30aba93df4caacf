# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

from __future__ import annotations

from dataclasses import replace

import pytest
from measure import PLAYS, play_name
from model import batches_bound, slots_bound
from points import METHODS, QUICK, Sizes, all_points, decisive_points, selected, straggling


@pytest.mark.parametrize("sizes", [Sizes(), QUICK], ids=["usual", "quick"])
def test_every_point_has_its_own_name_and_its_plays(sizes: Sizes) -> None:
    points = all_points(sizes)
    assert len({point.name for point in points}) == len(points)
    for point in points:
        assert set(point.methods) <= set(METHODS)
        assert set(point.long) <= set(point.methods)
        for method in set(point.methods) - {"ideal"}:
            assert (PLAYS / f"{play_name(point, method)}.yml").exists()


def test_points_are_selected_by_name_or_first_words() -> None:
    points = all_points(Sizes())
    assert selected(points, []) == points
    assert [point.name for point in selected(points, ["jobs-20", "rtt-50"])] == ["jobs-20", "rtt-50", "rtt-50-far"]
    assert {point.table for point in selected(points, ["scale-local"])} == {"scale"}
    with pytest.raises(ValueError, match="no point jobs-2, nonsense;"):
        selected(points, ["jobs-2", "slots", "nonsense"])


def test_what_decides_is_a_part_of_the_whole_and_measured_often_enough() -> None:
    whole = {point.name: point for point in all_points(Sizes())}
    for point in decisive_points(Sizes()):
        assert min(point.methods.values()) >= 5
        assert set(point.methods) <= set(whole[point.name].methods)
        assert replace(point, methods={}, long=()) == replace(whole[point.name], methods={}, long=())


def test_long_methods_run_only_if_asked_for() -> None:
    (most,) = selected(all_points(Sizes()), ["jobs-500"])
    assert most.wanted(with_long=False) == ["mitogen", "run", "empty", "ideal"]
    assert most.wanted(with_long=True) == ["builtin", "mitogen", "run", "empty", "ideal"]


def test_the_straggler_waits_for_the_first_free_slot() -> None:
    durations = straggling(12, 3, 6)
    assert durations == (1, 1, 1, 6, *(1,) * 8)
    # One slot has it from second 1 to 7, the others do the rest until 5; of four batches one takes 6.
    assert slots_bound(durations, 3) == 7
    assert batches_bound(durations, 3) == 9
