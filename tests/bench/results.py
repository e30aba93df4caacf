# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""What was measured, in a JSON file that is written anew after every measurement."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Sequence

from points import Point

FORMAT = 1
# The only part of the environment that may change without a change of what is measured.
COMMIT = "commit"


@dataclass
class Measured:
    """A point, and what each method's runs gave there."""

    name: str
    table: str
    jobs: int
    hosts: int
    rtt: float | None
    forks: int
    slots: int
    pipelining: bool
    local: bool
    durations: list[float]
    runs: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def values(self, method: str, figure: str) -> list[float]:
        return [run[figure] for run in self.runs.get(method, ()) if figure in run]

    def median(self, method: str, figure: str = "wall") -> float | None:
        values = self.values(method, figure)
        return statistics.median(values) if values else None


@dataclass
class Results:
    """All of it.

    :ivar environment: the machine and the versions.
    :ivar quick: whether the sizes were those of a quick look.
    :ivar date: of the last measurement.
    :ivar derived: what the report calculated from the rest.
    """

    environment: dict[str, str] = field(default_factory=dict)
    quick: bool = False
    date: str = ""
    points: dict[str, Measured] = field(default_factory=dict)
    derived: dict[str, Any] = field(default_factory=dict)

    def of_table(self, name: str) -> list[Measured]:
        points = [measured for measured in self.points.values() if measured.table == name]
        return sorted(points, key=lambda point: (point.local, point.jobs, point.hosts, point.rtt or 0, point.forks))

    def repetitions(self, point: Point, method: str) -> int:
        """How often a method was measured at a point."""
        measured = self.points.get(point.name)
        return len(measured.runs.get(method, ())) if measured else 0

    def forget(self, points: Sequence[Point], with_long: bool) -> None:
        """Drop what is about to be measured anew."""
        for point in points:
            if point.name in self.points:
                for method in point.wanted(with_long):
                    self.points[point.name].runs.pop(method, None)

    def add(self, point: Point, method: str, figures: dict[str, float]) -> None:
        settings = {name: getattr(point, name) for name in Measured.__dataclass_fields__ if name != "runs"}
        measured = self.points.setdefault(point.name, Measured(**{**settings, "durations": list(point.durations)}))
        measured.runs.setdefault(method, []).append({name: round(value, 6) for name, value in figures.items()})

    def save(self, path: Path) -> None:
        content = {
            "format": FORMAT,
            "date": self.date,
            "quick": self.quick,
            "environment": self.environment,
            "points": [vars(measured) for measured in self.points.values()],
            "derived": self.derived,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        unfinished.rename(path)


def load(path: Path) -> Results:
    """Read what save() wrote.

    :raises ValueError: it is of another format.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.pop("format") != FORMAT:
        raise ValueError(f"{path} is of another format than {FORMAT}; measure again.")
    points = [Measured(**measured) for measured in content.pop("points")]
    return Results(points={measured.name: measured for measured in points}, **content)


def continued(results: Results, environment: dict[str, str], quick: bool) -> Results:
    """Results that may be added to.

    :raises ValueError: they were measured under other circumstances.
    """
    differing = [name for name in environment if name != COMMIT and results.environment.get(name) != environment[name]]
    if results.quick != quick:
        differing.append("quick")
    if differing:
        raise ValueError(
            f"What is saved was measured under other circumstances ({', '.join(differing)}), so nothing can be added "
            "to it. Measure everything, without --resume and --points, or give another directory with --output."
        )
    return results


def to_measure(
    points: Sequence[Point], results: Results, repeat: int, with_long: bool
) -> Iterator[tuple[Point, str, int]]:
    """What is missing, as point, method and repetition: every point once, then every point again, and so on."""
    most = max((count for point in points for count in point.methods.values()), default=0)
    for repetition in range(1, min(most, repeat) + 1):
        for point in points:
            for method in point.wanted(with_long):
                if results.repetitions(point, method) < repetition <= point.methods[method]:
                    yield point, method, repetition
