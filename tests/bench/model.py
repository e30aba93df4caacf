# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""What is calculated from the measurements: bounds, and the cost of hosts."""

from __future__ import annotations

import math
from typing import Any, Sequence

from results import Measured, Results

TINY = 1e-12


def slots_bound(durations: Sequence[float], slots: int) -> float:
    """Seconds that jobs take, in their order, if a free slot takes the next one."""
    free = [0.0] * slots
    for seconds in durations:
        free.sort()
        free[0] += seconds
    return max(free)


def batches_bound(durations: Sequence[float], slots: int) -> float:
    """Seconds that jobs take in batches, each as long as its longest job."""
    return sum(max(durations[begin : begin + slots]) for begin in range(0, len(durations), slots))


def overheads(point: Measured, method: str) -> list[float]:
    """Seconds that a method adds in each of its runs: less an empty play, and less what no tool can do without."""
    empty, ideal = point.median("empty"), point.median("ideal")
    if empty is None or ideal is None or method in ("empty", "ideal"):
        return []
    return [wall - empty - ideal for wall in point.values(method, "wall")]


def per_further_job(few: Measured, many: Measured, figure: str) -> float | None:
    """What each job of `run` adds to a figure, from few jobs to many."""
    before, after = few.median("run", figure), many.median("run", figure)
    if before is None or after is None or many.jobs == few.jobs:
        return None
    return (after - before) / (many.jobs - few.jobs)


def least_squares(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float] | None:
    """Factors for the columns, so that the sums of the rows are close to the values; None if they are undetermined.

    Deviations count relative to the value.
    """
    size = len(rows[0])
    weighted = [[x / value for x in row] for row, value in zip(rows, values)]
    # The normal equations, solved by elimination.
    matrix = [
        [*(sum(row[i] * row[j] for row in weighted) for j in range(size)), sum(row[i] for row in weighted)]
        for i in range(size)
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda line: abs(matrix[line][i]))
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        if abs(matrix[i][i]) < TINY:
            return None
        for line in range(size):
            if line != i:
                times = matrix[line][i] / matrix[i][i]
                matrix[line] = [x - times * y for x, y in zip(matrix[line], matrix[i])]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


def scale_model(points: Sequence[Measured]) -> dict[str, float] | None:
    """What a play costs: a start, a part per turn of forks, a part per host; None with too few points for it.

    :returns: `start`, `turn`, `host` in seconds, and `error`, the largest relative deviation.
    """
    known = [(point, wall) for point in points if (wall := point.median("run")) is not None]
    rows = [(1.0, float(math.ceil(point.hosts / point.forks)), float(point.hosts)) for point, dummy in known]
    walls = [wall for dummy, wall in known]
    factors = least_squares(rows, walls) if len(rows) > 4 else None
    if factors is None:
        return None
    calculated = [sum(factor * x for factor, x in zip(factors, row)) for row in rows]
    error = max(abs(guess / wall - 1) for guess, wall in zip(calculated, walls))
    named = zip(("start", "turn", "host", "error"), (*factors, error))
    return {name: round(value, 6) for name, value in named}


def per_further_host(points: Sequence[Measured], figure: str) -> float | None:
    """CPU seconds that each host adds, from the fewest hosts to the most, with the same forks."""
    most_forks = max((point.forks for point in points), default=0)
    same = sorted((point for point in points if point.forks == most_forks), key=lambda point: point.hosts)
    if len(same) < 2:
        return None
    first, last = same[0], same[-1]
    before, after = first.median("run", figure), last.median("run", figure)
    return None if before is None or after is None else (after - before) / (last.hosts - first.hosts)


def derived(results: Results) -> dict[str, Any]:
    """What is calculated from the measurements, for pages that cite it."""
    kinds: dict[str, Any] = {}
    for kind, local in (("ssh", False), ("local", True)):
        points = [point for point in results.of_table("scale") if point.local == local]
        if points:
            kinds[kind] = {
                "model": scale_model(points),
                "controller_cpu_per_host": per_further_host(points, "controller_cpu"),
                "hosts_cpu_per_host": per_further_host(points, "hosts_cpu"),
            }
    return {"scale": kinds}
