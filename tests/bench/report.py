# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The page about what was measured: pure functions from results to text."""

from __future__ import annotations

import statistics
from typing import Callable, Iterable, Mapping, Sequence

import prose
from model import batches_bound, derived, slots_bound
from prose import filled, wrapped
from results import Measured, Results

NAMES = {
    "builtin": "builtin async",
    "mitogen": "Mitogen",
    "run": "`run`",
    "task": "ordinary task",
    "ideal": "bound",
}
# The parts of the page, in its order, each for a table.
TITLES = {
    "jobs": "Jobs on one host",
    "hosts": "Jobs on several hosts",
    "latency": "Latency",
    "slots": "A straggler among few slots",
    "pipelining": "Without pipelining",
    "ssh": "Executions of ssh",
    "held": "Memory and CPU time while jobs run",
    "delay": "From the end of a job to its result",
    "queue": "A long queue",
    "scale": "Many hosts",
}
NOTHING = "-"

# The model is shown only if no measurement is further from it than this.
MODEL_ERROR = 0.15

HEAD = """\
<!--
SPDX-License-Identifier: GPL-3.0-or-later
Copyright (c) 2026, The background.jobs contributors
-->

# Benchmarks

"""

# Numbers


def number(value: float) -> str:
    """Three digits that mean something, as far as a table needs them."""
    if value == int(value) and value < 1000:
        return str(int(value))
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def cell(values: Sequence[float], factor: float = 1) -> str:
    """A median, and between what the values lie."""
    scaled = [value * factor for value in values]
    if not scaled:
        return NOTHING
    middle = number(statistics.median(scaled))
    if len(scaled) == 1:
        return middle
    return f"{middle} ({number(min(scaled))} to {number(max(scaled))}; {len(scaled)})"


def ratio(longer: float | None, shorter: float | None) -> str:
    return NOTHING if longer is None or not shorter else f"{longer / shorter:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# The page


def measured_rtt(point: Measured) -> str:
    return number(statistics.median([run["rtt_ms"] for runs in point.runs.values() for run in runs]))


Columns = Mapping[str, Callable[[Measured], str]]
JOBS: Columns = {"jobs": lambda point: str(point.jobs)}
HOSTS: Columns = {"hosts": lambda point: str(point.hosts), **JOBS}
LATENCY: Columns = {
    "added, ms": lambda point: f"{point.rtt:g}",
    "measured, ms": measured_rtt,
    **JOBS,
}


def times(points: Sequence[Measured], first: Columns) -> str:
    """A table of wall-clock times and their ratios; each method that was measured at some point has a column."""
    methods = [name for name in NAMES if any(point.values(name, "wall") for point in points)]
    pairs = (("builtin", "run"), ("mitogen", "run"), ("run", "ideal"))
    ratios = [pair for pair in pairs if all(name in methods for name in pair)]
    head = [*first, *(NAMES[name] for name in methods), *(f"{NAMES[a]} / {NAMES[b]}" for a, b in ratios)]
    rows = [
        [
            *(value(point) for value in first.values()),
            *(cell(point.values(name, "wall")) for name in methods),
            *(ratio(point.median(a), point.median(b)) for a, b in ratios),
        ]
        for point in points
    ]
    return table(head, rows)


def in_short(results: Results) -> str:
    lines = [short_line(point) for point in [*results.of_table("jobs"), *results.of_table("latency")[-1:]]]
    return "\n".join(filter(None, lines))


def short_line(point: Measured) -> str:
    wall = point.median("run")
    others = [(name, point.median(name)) for name in ("builtin", "mitogen")]
    known = [f"{NAMES[name]} {ratio(value, wall)} times as long" for name, value in others if value is not None]
    if wall is None or not known:
        return ""
    jobs = "1 job" if point.jobs == 1 else f"{point.jobs} jobs"
    where = f" with {point.rtt:g} ms of added round-trip time" if point.rtt else ""
    return wrapped(f"{jobs} on one host{where}: `run` takes {number(wall)} s, {', '.join(known)}.", "- ")


def memory_table(point: Measured) -> str:
    columns = (
        ("processes per job", "processes", 1.0),
        ("memory per job, MB", "pss_per_job", 1e-6),
        ("of it Python, MB", "python_pss_per_job", 1e-6),
        ("CPU while waiting, % of a core", "waiting_cpu_percent", 1.0),
        ("of it the supervisor", "supervisor_cpu_percent", 1.0),
    )
    return table(
        ["", *(title for title, _figure, _factor in columns)],
        [
            [NAMES[method], *(cell(point.values(method, figure), factor) for _title, figure, factor in columns)]
            for method in NAMES
            if method in point.runs
        ],
    )


def calls_table(point: Measured, with_wall: bool) -> str:
    head = ["", "ssh", "sftp", "scp", "seconds"]
    rows = [
        [
            NAMES[method],
            *(cell(point.values(method, program)) if point.values(method, program) else "0" for program in head[1:4]),
            cell(point.values(method, "wall")),
        ]
        for method in NAMES
        if method in point.runs
    ]
    width = 5 if with_wall else 4
    return table(head[:width], [row[:width] for row in rows])


def delay_table(point: Measured) -> str:
    rows = [[NAMES[method], cell(point.values(method, "delay"))] for method in NAMES if method in point.runs]
    return table(["", "seconds"], rows)


def scale_table(points: Sequence[Measured]) -> str:
    def per_host(point: Measured, figure: str) -> str:
        value = point.median("run", figure)
        return NOTHING if value is None else f"{value / point.hosts:.2f}"

    return table(
        ["connection", "hosts", "forks", "seconds", "controller's CPU s per host", "hosts' CPU s per host"],
        [
            [
                "local" if point.local else "ssh",
                str(point.hosts),
                str(point.forks),
                cell(point.values("run", "wall")),
                per_host(point, "controller_cpu"),
                per_host(point, "hosts_cpu"),
            ]
            for point in points
        ],
    )


def scale_words(results: Results) -> list[str]:
    words = []
    kinds = derived(results)["scale"]
    for kind, calculated in kinds.items():
        model = calculated["model"]
        if model and model["error"] <= MODEL_ERROR and min(model.values()) >= 0:
            words.append(filled(prose.MODEL_TEXT, kind=kind, **model))
        elif model:
            words.append(filled(prose.NO_MODEL_TEXT, kind=kind, limit=MODEL_ERROR))
    ssh = kinds.get("ssh", {})
    if ssh.get("controller_cpu_per_host") is not None:
        numbers = [point.hosts for point in results.of_table("scale") if not point.local]
        host = ssh["hosts_cpu_per_host"]
        on_host = "" if host is None else f", and {host:.2f} s on the host"
        controller = ssh["controller_cpu_per_host"]
        words.append(filled(prose.CPU_TEXT, few=min(numbers), many=max(numbers), controller=controller, host=on_host))
    return words


def queue_words(point: Measured) -> str:
    host = point.median("run", "hosts_cpu")
    return filled(
        prose.QUEUE_TEXT,
        jobs=point.jobs,
        slots=point.slots,
        wall=cell(point.values("run", "wall")),
        controller=(point.median("run", "controller_cpu") or 0) / point.jobs * 1000,
        host="" if host is None else f" and {host / point.jobs * 1000:.1f} ms on the host",
    )


def slots_words(point: Measured) -> str:
    return filled(
        prose.SLOTS_TEXT,
        jobs=point.jobs,
        slots=point.slots,
        longest=max(point.durations),
        slots_bound=slots_bound(point.durations, point.slots),
        batches_bound=batches_bound(point.durations, point.slots),
    )


def held_words(point: Measured) -> str:
    waited = max(run["waiting_seconds"] for runs in point.runs.values() for run in runs)
    return filled(prose.HELD_TEXT, jobs=point.jobs, seconds=waited)


def busy_words(results: Results) -> str:
    busy = [run["busy_before"] for point in results.points.values() for runs in point.runs.values() for run in runs]
    return filled(prose.BUSY_TEXT, median=statistics.median(busy), most=max(busy))


def part(table_name: str, results: Results) -> list[str]:
    """The paragraphs about a table that has points."""
    points = results.of_table(table_name)
    first = points[0]
    if table_name == "jobs":
        return [filled(prose.JOBS_TEXT), times(points, JOBS)]
    if table_name == "hosts":
        jobs = {point.jobs for point in points}
        on_one = [point for point in results.of_table("jobs") if point.jobs in jobs]
        by_jobs = sorted([*on_one, *points], key=lambda point: (point.jobs, point.hosts))
        return [filled(prose.HOSTS_TEXT), times(by_jobs, HOSTS)]
    if table_name == "latency":
        return [filled(prose.LATENCY_TEXT), times(points, LATENCY)]
    if table_name == "slots":
        return [slots_words(first), times([first], JOBS)]
    if table_name == "pipelining":
        return [filled(prose.PIPELINING_TEXT, jobs=first.jobs), calls_table(first, with_wall=True)]
    if table_name == "ssh":
        return [filled(prose.SSH_TEXT, jobs=first.jobs), calls_table(first, with_wall=False)]
    if table_name == "held":
        return [held_words(first), memory_table(first)]
    if table_name == "delay":
        return [filled(prose.DELAY_TEXT), delay_table(first)]
    if table_name == "queue":
        return [queue_words(first)]
    return [filled(prose.SCALE_TEXT, jobs=first.jobs), scale_table(points), *scale_words(results)]


def page(results: Results, plots: Mapping[str, str]) -> str:
    """The whole page.

    :arg plots: the addresses of the plots, by table.
    """
    paragraphs = [*([prose.QUICK_WARNING] if results.quick else []), filled(prose.GENERATED, date=results.date)]
    if in_short(results):
        paragraphs += ["## In short", in_short(results)]
    machine = table(["", ""], results.environment.items())
    paragraphs += ["## How it was measured", filled(prose.METHODS_TEXT)]
    paragraphs += ["## The machine", machine, filled(prose.MACHINE_TEXT), busy_words(results)]
    for table_name, title in TITLES.items():
        if results.of_table(table_name):
            paragraphs += [f"## {title}", *part(table_name, results)]
        if table_name in plots:
            paragraphs.append(f"![{title}: seconds for the whole play]({plots[table_name]})")
    paragraphs += ["## What Mitogen does differently", filled(prose.MITOGEN_TEXT)]
    paragraphs += ["## What the numbers mean for longer jobs", filled(prose.MEANING_TEXT)]
    paragraphs += ["## Measure it again", filled(prose.AGAIN_TEXT)]
    return HEAD + "\n\n".join(paragraphs) + "\n"
