# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

from __future__ import annotations

import re
from pathlib import Path

import pytest
import report
from model import least_squares, overheads, per_further_job, scale_model
from points import Sizes, all_points, decisive_points, scale_point, selected
from results import Measured, Results

FIGURES = {
    "wall": 2.0,
    "controller_cpu": 1.5,
    "hosts_cpu": 1.0,
    "busy_before": 0.01,
    "rtt_ms": 20.2,
    "delay": 0.2,
    "processes": 2,
    "pss_per_job": 3.2e6,
    "python_pss_per_job": 3e6,
    "waiting_cpu_percent": 0.01,
    "waiting_seconds": 15.1,
    "ssh": 2,
    "sent": 164_200,
    "received": 5_100,
    "detached_cpu": 0.5,
}


def everything() -> Results:
    results = Results({"CPU": "2 cores"}, date="2026-01-01")
    for point in all_points(Sizes()):
        for number, method in enumerate(point.wanted(with_long=False), 1):
            results.add(point, method, {name: value / number for name, value in FIGURES.items()})
    return results


def jobs_20(**walls: float) -> Results:
    """One run of each method at one point, with these seconds."""
    (point,) = selected(all_points(Sizes()), ["jobs-20"])
    results = Results(date="2026-01-01")
    for method, wall in walls.items():
        results.add(point, method, {"wall": wall, "hosts_cpu": wall / 10, "busy_before": 0})
    return results


def scale(walls: dict[tuple[int, int], float]) -> list[Measured]:
    results = Results()
    for (hosts, forks), wall in walls.items():
        results.add(scale_point(hosts, forks, 5), "run", {"wall": wall})
    return results.of_table("scale")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "-"),
        ([2], "2"),
        ([2.345], "2.35"),
        ([31.26], "31.3"),
        ([142.4], "142"),
        ([3.0, 2.9, 3.25], "3 (2.90 to 3.25; 3)"),
    ],
)
def test_a_cell_is_a_median_and_between_what_the_values_lie(values: list[float], expected: str) -> None:
    assert report.cell(values) == expected


def test_a_ratio_needs_both() -> None:
    assert report.ratio(30, 2) == "15.0"
    assert report.ratio(None, 2) == "-"
    assert report.ratio(30, None) == "-"


def test_the_page_has_every_table_and_no_gap() -> None:
    page = report.page(everything(), {"jobs": "benchmarks/jobs.svg"})
    for title in report.TITLES.values():
        assert f"## {title}\n" in page
    assert not re.search(r"[{}]|None|nan", page)
    assert "(benchmarks/jobs.svg)" in page
    # The tables' lines have as many cells as their heads.
    for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        assert len({line.count(" | ") for line in block.splitlines()}) == 1
    assert max(len(line) for line in page.splitlines() if not line.startswith(("|", "!", "- "))) <= 120


def test_the_page_says_first_what_it_means_and_last_how_it_was_measured() -> None:
    titles = re.findall("^## (.+)$", report.page(everything(), {}), re.MULTILINE)
    assert titles[0] == "What it means for you"
    assert titles.index("How it was measured") > max(map(titles.index, report.TITLES.values()))


def test_overhead_is_what_is_left_of_a_play_without_an_empty_one_and_the_bound() -> None:
    results = jobs_20(builtin=26.4, run=4.2, empty=1.2, ideal=1.3)
    point = results.points["jobs-20"]
    assert overheads(point, "run") == pytest.approx([1.7])
    assert overheads(point, "ideal") == overheads(point, "empty") == overheads(point, "mitogen") == []
    page = " ".join(report.page(results, {}).split())
    assert "| 20 | 23.9 | 1.70 |" in page
    assert "`run` takes 4.20 s, builtin async 6.3 times as long. Overhead: `run` 1.70 s, builtin async 23.9 s." in page


def test_columns_are_where_there_are_results() -> None:
    page = report.page(jobs_20(builtin=26.4, run=4.2, ideal=1.3), {})
    assert "Overhead" not in page
    assert "kB" not in page
    assert "**CPU time of the host**" in page
    assert "empty play" not in "".join(line for line in page.splitlines() if line.startswith("|"))
    page = report.page(everything(), {})
    assert "| jobs |  | ssh | sftp | scp | kB to the host | kB from the host |\n" in page
    assert "| 20 | `run` | 0.67 | 0 | 0 | 54.7 | 1.70 |\n" in page


def test_a_further_job_costs_what_lies_between_few_and_many() -> None:
    results = Results()
    for number, point in enumerate(selected(all_points(Sizes()), ["jobs"])):
        results.add(point, "run", {"wall": 1, "hosts_cpu": 0.6 + point.jobs * 0.015 + number % 2})
    few, *_between, many = results.of_table("jobs")
    assert per_further_job(few, many, "hosts_cpu") == pytest.approx(0.015 + 1 / 499)
    assert per_further_job(few, few, "hosts_cpu") is None
    assert per_further_job(few, many, "nothing") is None


def test_what_decides_is_shown_beside_what_is_to_be_reached() -> None:
    shown = report.decisive(jobs_20(run=4.2, empty=1.2, ideal=1.3))
    assert re.search(r"^overhead +20 +0\.6  1\.70 s$", shown, re.MULTILINE)
    assert re.search(r"^host's CPU +20 +0\.55  0\.42 s$", shown, re.MULTILINE)
    assert re.search(r"^overhead +100 +1\.1  -$", shown, re.MULTILINE)


def test_everything_that_decides_is_measured() -> None:
    results = Results()
    for point in decisive_points(Sizes()):
        for method in point.methods:
            results.add(point, method, FIGURES)
    assert not re.search(r" -$", report.decisive(results), re.MULTILINE)


def test_links_lead_somewhere() -> None:
    page = report.page(everything(), {})
    docs = Path(__file__).parents[2] / "docs"
    linked = set(re.findall(r"\]\(([^)]+)\)", page)) - {"benchmarks/results.json"}
    assert linked
    assert all((docs / address).resolve().exists() for address in linked)


def test_what_was_not_measured_is_not_on_the_page() -> None:
    results = everything()
    results.points = {"jobs-20": results.points["jobs-20"]}
    page = report.page(results, {})
    assert "## Jobs on one host" in page
    assert "## Many hosts" not in page
    results.quick = True
    assert "They mean nothing" in report.page(results, {})


def test_least_squares_find_what_made_the_values() -> None:
    rows = [(1.0, 1.0, 3.0), (1.0, 4.0, 20.0), (1.0, 2.0, 20.0), (1.0, 1.0, 50.0)]
    values = [2 + 1.5 * turns + 0.25 * hosts for dummy, turns, hosts in rows]
    assert least_squares(rows, values) == pytest.approx([2, 1.5, 0.25])
    assert least_squares([(1.0, 1.0), (1.0, 1.0)], [1, 2]) is None


def test_the_model_of_scale_says_how_wrong_it_is() -> None:
    walls = {(hosts, forks): 2 + -(-hosts // forks) + hosts / 4 for hosts in (1, 10, 50) for forks in (5, 50)}
    model = scale_model(scale(walls))
    assert model == pytest.approx({"start": 2, "turn": 1, "host": 0.25, "error": 0}, abs=1e-9)
    walls[50, 5] *= 2
    crooked = scale_model(scale(walls))
    assert crooked
    assert crooked["error"] > 0.1
    assert scale_model(scale({(1, 5): 3, (10, 5): 5})) is None
