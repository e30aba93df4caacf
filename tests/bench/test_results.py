# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

from __future__ import annotations

from pathlib import Path

import pytest
from points import Point, sleeps
from results import Results, continued, load, to_measure

POINTS = (
    Point("one", "jobs", {"builtin": 1, "run": 3}, sleeps(1)),
    Point("many", "jobs", {"builtin": 1, "run": 2}, sleeps(9), long=("builtin",)),
)


def names(results: Results, repeat: int = 9, with_long: bool = False) -> list[str]:
    todo = to_measure(POINTS, results, repeat, with_long)
    return [f"{point.name}/{method}/{number}" for point, method, number in todo]


def test_every_point_is_measured_once_before_any_is_measured_again() -> None:
    assert names(Results()) == ["one/builtin/1", "one/run/1", "many/run/1", "one/run/2", "many/run/2", "one/run/3"]
    assert names(Results(), repeat=1) == ["one/builtin/1", "one/run/1", "many/run/1"]
    assert "many/builtin/1" in names(Results(), with_long=True)


def test_what_is_measured_is_not_measured_again_until_it_is_forgotten() -> None:
    results = Results()
    for number in range(2):
        results.add(POINTS[0], "run", {"wall": number})
    results.add(POINTS[1], "builtin", {"wall": 9})
    assert names(results, with_long=True) == ["one/builtin/1", "many/run/1", "many/run/2", "one/run/3"]
    results.forget(POINTS, with_long=False)
    expected = ["one/builtin/1", "one/run/1", "many/run/1", "one/run/2", "many/run/2", "one/run/3"]
    assert names(results, with_long=True) == expected


def test_results_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "results.json"
    results = Results({"CPU": "2 cores"}, True, "2026-01-01")
    results.add(POINTS[0], "run", {"wall": 2.5})
    results.add(POINTS[0], "run", {"wall": 3.5, "ssh": 2})
    results.save(path)
    again = load(path)
    assert again == results
    assert again.points["one"].median("run") == 3
    assert again.points["one"].median("builtin") is None
    path.write_text('{"format": 0}', encoding="ascii")
    with pytest.raises(ValueError, match="another format"):
        load(path)


def test_nothing_is_added_to_what_was_measured_elsewhere() -> None:
    results = Results({"CPU": "2 cores", "commit": "a"})
    assert continued(results, {"CPU": "2 cores", "commit": "b"}, False) is results
    with pytest.raises(ValueError, match=r"other circumstances \(CPU\)"):
        continued(results, {"CPU": "4 cores", "commit": "a"}, False)
    with pytest.raises(ValueError, match="quick"):
        continued(results, {"CPU": "2 cores", "commit": "a"}, True)
