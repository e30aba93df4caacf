# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The plots of the page, as SVG files whose text stays text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Callable, Sequence

import matplotlib  # type: ignore[import-not-found,unused-ignore]
from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]
from matplotlib.ticker import FuncFormatter, LogLocator  # type: ignore[import-not-found,unused-ignore]
from results import Measured, Results

LICENCE = """\
<!--
SPDX-License-Identifier: GPL-3.0-or-later
Copyright (c) 2026, The background.jobs contributors
-->
"""

# Colours that those who see few of them can tell apart, and a mark each (Okabe and Ito).
STYLES: dict[str, dict[str, Any]] = {
    "builtin": {"label": "builtin async", "color": "#d55e00", "marker": "s"},
    "mitogen": {"label": "Mitogen", "color": "#0072b2", "marker": "^"},
    "run": {"label": "background.jobs.run", "color": "#009e73", "marker": "o"},
    "ideal": {"label": "bound: xargs over one ssh", "color": "#666666", "marker": "x", "linestyle": ":"},
}
COLOURS = ("#009e73", "#0072b2", "#d55e00", "#cc79a7")


def draw(results: Results, directory: Path) -> dict[str, str]:
    """Draw what was measured; returns the addresses of the plots, as the page has them, by table."""
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "background.jobs", "font.size": 10})
    drawn = {}
    jobs = results.of_table("jobs")
    latency = results.of_table("latency")
    usual = [point for point in latency if latency and point.jobs == latency[0].jobs]
    scale = results.of_table("scale")
    wanted = (("jobs", jobs, jobs_plot), ("latency", usual, latency_plot), ("scale", scale, scale_plot))
    for name, points, plot in wanted:
        if len(points) > 1:
            figure = Figure(figsize=(7, 4.2), layout="constrained")
            axes = figure.subplots()
            plot(axes, points)
            finish(axes)
            save(figure, directory / f"{name}.svg")
            drawn[name] = f"{directory.name}/{name}.svg"
    return drawn


def jobs_plot(axes: Any, points: Sequence[Measured]) -> None:
    by_method(axes, points, lambda point: point.jobs)
    axes.set_xscale("log")
    axes.set_xticks([point.jobs for point in points])
    axes.set_xlabel("jobs of one second on one host, all at the same time")


def latency_plot(axes: Any, points: Sequence[Measured]) -> None:
    by_method(axes, points, lambda point: point.rtt or 0)
    axes.set_xticks([point.rtt or 0 for point in points])
    axes.set_xlabel(f"added round-trip time in milliseconds ({points[0].jobs} jobs of one second on one host)")


def scale_plot(axes: Any, points: Sequence[Measured]) -> None:
    forks = sorted({point.forks for point in points})
    for local in (False, True):
        for colour, number in zip(COLOURS, forks):
            line = [point for point in points if point.local == local and point.forks == number]
            style = {"color": colour, "marker": "s" if local else "o", "linestyle": "--" if local else "-"}
            label = f"{'local' if local else 'ssh'}, --forks {number}"
            curve(axes, line, lambda point: point.hosts, "run", label=label, **style)
    axes.set_xscale("log")
    axes.set_xticks(sorted({point.hosts for point in points}))
    axes.set_xlabel(f"hosts with {points[0].jobs} jobs of one second each")


def by_method(axes: Any, points: Sequence[Measured], place: Callable[[Measured], float]) -> None:
    for method, style in STYLES.items():
        curve(axes, points, place, method, **style)


def curve(axes: Any, points: Sequence[Measured], place: Callable[[Measured], float], method: str, **style: Any) -> None:
    """The medians, with bars from the shortest run to the longest."""
    known = [(place(point), point.values(method, "wall"), point.median(method)) for point in points]
    shown = [(x, middle, middle - min(values), max(values) - middle) for x, values, middle in known if middle]
    if shown:
        xs, middles, below, above = zip(*shown)
        axes.errorbar(xs, middles, yerr=[below, above], capsize=3, **style)


def finish(axes: Any) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plain = FuncFormatter(lambda value, _position: f"{value:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(plain)
        axis.set_minor_formatter("")
    axes.set_ylabel("seconds for the whole play")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize="small")


def save(figure: Any, path: Path) -> None:
    """Write it so that the same numbers make the same bytes."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    declaration, newline, rest = text.getvalue().partition("\n")
    path.write_text("\n".join(line.rstrip() for line in f"{declaration}{newline}{LICENCE}{rest}".split("\n")), "utf-8")
