# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Measure background.jobs beside builtin async, Mitogen and what is possible at all, and write a page about it.

Every measurement is saved at once. The methods take turns at a point, and all points are gone through once before any
is measured again, so that a change of the machine's speed does not hit one of them alone. `make bench` makes the
virtual environments and runs this; arguments after `nox -s bench --`.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import time
from pathlib import Path
from typing import Sequence

import machine
import model
import plots
import report
from measure import WORK, Figures, Lab, MeasureError, host_name, measure
from points import DECISIVE, QUICK, Point, Sizes, all_points, decisive_points, selected, sleeps
from results import Results, continued, load, to_measure

DOCS = machine.ROOT / "docs"
JSON_LICENCE = """\
SPDX-License-Identifier: GPL-3.0-or-later
SPDX-FileCopyrightText: 2026, The background.jobs contributors
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmarks of background.jobs")
    parser.add_argument("command", nargs="?", choices=("run", "report"), default="run", help="report: only the page")
    parser.add_argument(
        "--points",
        default="",
        help=f"measure only these, with commas: names, or their first words; {DECISIVE}: the few that decide",
    )
    parser.add_argument("--list", action="store_true", help="show the points and how often each method runs there")
    parser.add_argument("--repeat", type=int, default=99, help="so many repetitions at most")
    parser.add_argument("--minutes", type=float, default=25, help="no second repetition begins after that; default 25")
    parser.add_argument("--long", action="store_true", help="also what takes very long, forty minutes more")
    parser.add_argument("--quick", action="store_true", help="tiny points, once, to see whether everything works")
    parser.add_argument("--resume", action="store_true", help="keep what is measured already, measure what is missing")
    parser.add_argument(
        "--output", type=Path, help="where the page goes; default docs or, if it is not for them, below .cache/bench"
    )
    parser.add_argument("--mitogen", type=Path, default=WORK / "mitogen", help="virtual environment with Mitogen")
    given = parser.parse_args()
    if not given.output:
        apart = "quick" if given.quick else DECISIVE if given.points == DECISIVE else ""
        given.output = WORK / apart if apart else DOCS
    given.output = given.output.resolve()
    given.mitogen = given.mitogen.absolute()
    return given


def warm_up(lab: Lab, methods: set[str]) -> None:
    """A run of each method that is not counted: it fills caches and writes compiled files."""
    for method in sorted(methods):
        measure(lab, Point("warm-up", "jobs", {}, sleeps(1)), method, 0)


def say(text: str) -> None:
    print(text, end="", flush=True)


def shown(figures: Figures) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


def run(given: argparse.Namespace, points: Sequence[Point], path: Path) -> None:
    began = time.monotonic()
    if not (given.mitogen / "bin" / "ansible-playbook").exists():
        raise SystemExit(f"There is no Mitogen in {given.mitogen}; `make bench` installs it there.")
    with Lab(given.mitogen) as lab:
        machine.copy_collection()
        lab.need_hosts(1)
        environment = machine.describe(given.mitogen, host_name(1))
        if path.exists() and (given.resume or given.points not in ("", DECISIVE)):
            results = continued(load(path), environment, given.quick)
            if not given.resume:
                results.forget(points, given.long)
        else:
            results = Results(environment, given.quick)
        todo = list(to_measure(points, results, 1 if given.quick else given.repeat, given.long))
        warm_up(lab, {method for _point, method, _repetition in todo})
        for number, (point, method, repetition) in enumerate(todo, 1):
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            if repetition > 1 and minutes >= given.minutes:
                say(f"{given.minutes:g} minutes are over: {len(todo) - number + 1} repetitions are left out\n")
                break
            say(f"[{number}/{len(todo)}] {minutes:02}:{seconds:02} {point.name} {method}: ")
            figures = measure(lab, point, method, repetition)
            say(f"{shown(figures)}\n")
            results.add(point, method, figures)
            results.date = datetime.date.today().isoformat()
            results.save(path)


def write(given: argparse.Namespace, path: Path) -> None:
    """Make the page and the plots from what is saved."""
    results = load(path)
    results.derived = model.derived(results)
    results.save(path)
    path.with_name(f"{path.name}.license").write_text(JSON_LICENCE, encoding="ascii")
    drawn = plots.draw(results, path.parent)
    page = given.output / "benchmarks.md"
    page.write_text(report.page(results, drawn), encoding="utf-8")
    if given.points == DECISIVE:
        print(f"\n{report.decisive(results)}\n")
    print(f"Wrote {page}")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    given = arguments()
    path = given.output / "benchmarks" / "results.json"
    try:
        sizes = QUICK if given.quick else Sizes()
        if given.points == DECISIVE:
            points = decisive_points(sizes)
        else:
            points = selected(all_points(sizes), list(filter(None, given.points.split(","))))
        if given.list:
            for point in points:
                long = [f"(long: {', '.join(point.long)})"] if point.long else []
                print(f"{point.name:24}", *(f"{method}:{count}" for method, count in point.methods.items()), *long)
            return
        if given.command == "run":
            run(given, points, path)
        elif not path.exists():
            raise SystemExit(f"There is no {path}: nothing was measured yet.")
        write(given, path)
    except MeasureError as exc:
        raise SystemExit(f"{exc}\nWhat was measured before, if anything, is saved; --resume goes on.") from exc
    except ValueError as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
