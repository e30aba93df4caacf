# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The page about what was measured: pure functions from results to text."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Callable, Iterable, Mapping, Sequence

import prose
from model import batches_bound, derived, overheads, per_further_job, slots_bound
from prose import filled, wrapped
from results import Measured, Results

NAMES = {
    "builtin": "builtin async",
    "mitogen": "Mitogen",
    "run": "`run`",
    "task": "ordinary task",
    "empty": "empty play",
    "ideal": "bound",
}
# The parts of the page, in its order, each for a table.
TITLES = {
    "jobs": "Jobs on one host",
    "hosts": "Jobs on several hosts",
    "latency": "Latency",
    "slots": "A straggler among few slots",
    "pipelining": "Without pipelining",
    "ssh": "Executions of ssh, and traffic",
    "held": "Memory and CPU time while jobs run",
    "delay": "From the end of a job to its result",
    "queue": "A long queue",
    "scale": "Many hosts",
    "api": "Calls of an API from localhost",
}
API_NAMES = {"run": "`run`", "builtin": "builtin async", "task": "a loop of ordinary tasks", "empty": "empty play"}

SHORT_CPU = "{jobs} jobs on one host cost its processor, in seconds: {told}."
SHORT_MEMORY = "A running job takes of the host's memory, in MB: {told}."
SHORT_DELAY = "After the end of a job its result is there after so many seconds: {told}."
SHORT_API = "{jobs} calls of an API from localhost take, in seconds: {told}."
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
Figure = Callable[[Measured, str], "list[float]"]
"""What was measured at a point with a method."""

JOBS: Columns = {"jobs": lambda point: str(point.jobs)}
HOSTS: Columns = {"hosts": lambda point: str(point.hosts), **JOBS}
LATENCY: Columns = {
    "added, ms": lambda point: f"{point.rtt:g}",
    "measured, ms": measured_rtt,
    **JOBS,
}
PAIRS = (("builtin", "run"), ("mitogen", "run"), ("run", "ideal"))


def wall(point: Measured, method: str) -> list[float]:
    return point.values(method, "wall")


def cpu_of_host(point: Measured, method: str) -> list[float]:
    """That of one host, in the middle."""
    return [value / point.hosts for value in point.values(method, "hosts_cpu")] if method != "empty" else []


def by_method(points: Sequence[Measured], first: Columns, figure: Figure, with_ratios: bool = False) -> list[str]:
    """A table of a figure; each method that was measured at some point has a column. Nothing, without any."""
    methods = [name for name in NAMES if any(figure(point, name) for point in points)]
    if not methods:
        return []
    ratios = [pair for pair in PAIRS if with_ratios and all(name in methods for name in pair)]
    head = [*first, *(NAMES[name] for name in methods), *(f"{NAMES[a]} / {NAMES[b]}" for a, b in ratios)]
    rows = [
        [
            *(value(point) for value in first.values()),
            *(cell(figure(point, name)) for name in methods),
            *(ratio(point.median(a), point.median(b)) for a, b in ratios),
        ]
        for point in points
        if any(figure(point, name) for name in methods)
    ]
    return [table(head, rows)]


def times(points: Sequence[Measured], first: Columns) -> list[str]:
    """Tables of overheads, where they are known, and of wall-clock times and their ratios."""
    overhead = by_method(points, first, overheads)
    introduced = [filled(prose.OVERHEAD_TEXT), *overhead, filled(prose.WALL_TEXT)] if overhead else []
    return [*introduced, *by_method(points, first, wall, with_ratios=True)]


def hosts_cpu(points: Sequence[Measured], first: Columns, text: str) -> list[str]:
    shown = by_method(points, first, cpu_of_host)
    return [filled(text), *shown] if shown else []


def further_job(points: Sequence[Measured]) -> list[str]:
    known = [point for point in points if point.median("run", "hosts_cpu") is not None]
    seconds = per_further_job(known[0], known[-1], "hosts_cpu") if known else None
    if seconds is None:
        return []
    few, many = known[0].jobs, known[-1].jobs
    return [filled(prose.FURTHER_JOB_TEXT, few=few, many=many, milliseconds=seconds * 1000)]


# What it means, in a sentence or two for each


def in_short(results: Results) -> str:
    jobs = results.of_table("jobs")
    lines = [
        *(short_line(point) for point in [*jobs, *results.of_table("latency")[-1:]]),
        short_figures([point for point in jobs if point.runs.get("builtin")], "hosts_cpu", 1, SHORT_CPU),
        short_figures(results.of_table("held"), "pss_per_job", 1e-6, SHORT_MEMORY),
        short_figures(results.of_table("delay"), "delay", 1, SHORT_DELAY),
        short_figures(results.of_table("api"), "wall", 1, SHORT_API, API_NAMES),
    ]
    return "\n".join(filter(None, lines))


def short_line(point: Measured) -> str:
    seconds = point.median("run")
    others = [(name, point.median(name)) for name in ("builtin", "mitogen")]
    known = [f"{NAMES[name]} {ratio(value, seconds)} times as long" for name, value in others if value is not None]
    if seconds is None or not known:
        return ""
    added = [
        f"{NAMES[name]} {number(statistics.median(values))} s"
        for name in ("run", "builtin", "mitogen", "task")
        if (values := overheads(point, name))
    ]
    tail = f" Overhead: {', '.join(added)}." if added else ""
    jobs = "1 job" if point.jobs == 1 else f"{point.jobs} jobs"
    where = f" with {point.rtt:g} ms of added round-trip time" if point.rtt else ""
    return wrapped(f"{jobs} on one host{where}: `run` takes {number(seconds)} s, {', '.join(known)}.{tail}", "- ")


def short_figures(
    points: Sequence[Measured], figure: str, factor: float, text: str, names: Mapping[str, str] | None = None
) -> str:
    """A line that compares a figure at the last of some points; nothing, if `run` has none to be compared with."""
    names = NAMES if names is None else names
    if not points:
        return ""
    point = points[-1]
    methods = ["run", *(name for name in ("builtin", "mitogen", "task") if name in names)]
    told = [
        f"{names[name]} {number(value * factor)}"
        for name in methods
        if (value := point.median(name, figure)) is not None
    ]
    if point.median("run", figure) is None or len(told) < 2:
        return ""
    return wrapped(text.format(jobs=point.jobs, told=", ".join(told)), "- ")


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


def calls_table(points: Sequence[Measured], with_wall: bool) -> str:
    """Executions of programs, and traffic where it was counted."""
    programs = ("ssh", "sftp", "scp")
    traffic = {"kB to the host": "sent", "kB from the host": "received"}
    known = {title: figure for title, figure in traffic.items() if any(figured(point, figure) for point in points)}
    walls = {"seconds": "wall"} if with_wall else {}
    head = ["jobs", "", *programs, *known, *walls]
    rows = [
        [
            str(point.jobs),
            NAMES[method],
            *(cell(point.values(method, program) or [0]) for program in programs),
            *(cell(point.values(method, figure), 1e-3) for figure in known.values()),
            *(cell(point.values(method, figure)) for figure in walls.values()),
        ]
        for point in points
        for method in NAMES
        if method in point.runs
    ]
    return table(head, rows)


def figured(point: Measured, figure: str) -> bool:
    """Whether a point has a figure."""
    return any(figure in run for runs in point.runs.values() for run in runs)


def delay_table(point: Measured) -> str:
    rows = [[NAMES[method], cell(point.values(method, "delay"))] for method in NAMES if method in point.runs]
    return table(["", "seconds"], rows)


def scale_table(points: Sequence[Measured]) -> str:
    """`run`, and an ordinary task where it was measured."""

    def per_host(point: Measured, method: str, figure: str) -> str:
        value = point.median(method, figure)
        return NOTHING if value is None else f"{value / point.hosts:.2f}"

    methods = [name for name in ("run", "task") if any(name in point.runs for point in points)]
    figures = ("seconds", "controller's CPU s per host", "hosts' CPU s per host")
    titles = [title if name == "run" else f"{NAMES[name]}: {title}" for name in methods for title in figures]
    rows = [
        [
            "local" if point.local else "ssh",
            str(point.hosts),
            str(point.forks),
            *(
                text
                for name in methods
                for text in (
                    cell(point.values(name, "wall")),
                    per_host(point, name, "controller_cpu"),
                    per_host(point, name, "hosts_cpu"),
                )
            ),
        ]
        for point in points
    ]
    return table(["connection", "hosts", "forks", *titles], rows)


def api_table(point: Measured) -> str:
    def cpu(method: str) -> list[float]:
        waited_for, detached = point.values(method, "controller_cpu"), point.values(method, "detached_cpu")
        return [sum(both) for both in zip(waited_for, detached)]

    rows = [
        [API_NAMES[name], cell(point.values(name, "wall")), cell(cpu(name))] for name in API_NAMES if name in point.runs
    ]
    return table(["", "seconds", "CPU time, s"], rows)


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
        cpu = hosts_cpu(points, JOBS, prose.HOST_CPU_TEXT)
        return [filled(prose.JOBS_TEXT), *times(points, JOBS), *cpu, *further_job(points)]
    if table_name == "hosts":
        jobs = {point.jobs for point in points}
        on_one = [point for point in results.of_table("jobs") if point.jobs in jobs]
        by_jobs = sorted([*on_one, *points], key=lambda point: (point.jobs, point.hosts))
        cpu = hosts_cpu(by_jobs, HOSTS, prose.HOST_CPU_EACH_TEXT)
        with_task = [filled(prose.HOSTS_TASK_TEXT)] if any("task" in point.runs for point in points) else []
        return [filled(prose.HOSTS_TEXT), *with_task, *times(by_jobs, HOSTS), *cpu]
    if table_name == "latency":
        return [filled(prose.LATENCY_TEXT), *times(points, LATENCY)]
    if table_name == "slots":
        return [slots_words(first), *times([first], JOBS)]
    if table_name == "pipelining":
        return [filled(prose.PIPELINING_TEXT, jobs=first.jobs), calls_table(points, with_wall=True)]
    if table_name == "ssh":
        counted = [filled(prose.BYTES_TEXT)] if any(figured(point, "sent") for point in points) else []
        return [filled(prose.SSH_TEXT), calls_table(points, with_wall=False), *counted]
    if table_name == "held":
        return [held_words(first), memory_table(first)]
    if table_name == "delay":
        return [filled(prose.DELAY_TEXT), delay_table(first)]
    if table_name == "queue":
        return [queue_words(first)]
    if table_name == "api":
        return [filled(prose.API_TEXT, jobs=first.jobs, answer=max(first.durations)), api_table(first)]
    with_task = [filled(prose.SCALE_TASK_TEXT)] if any("task" in point.runs for point in points) else []
    return [filled(prose.SCALE_TEXT, jobs=first.jobs), *with_task, scale_table(points), *scale_words(results)]


def page(results: Results, plots: Mapping[str, str]) -> str:
    """The whole page: what it means, the numbers, how they were measured.

    :arg plots: the addresses of the plots, by table.
    """
    paragraphs = [prose.QUICK_WARNING] if results.quick else []
    paragraphs += ["## What it means for you", filled(prose.MEANING_TEXT)]
    if in_short(results):
        paragraphs.append(in_short(results))
    paragraphs += ["## How to read the tables", filled(prose.WAYS_TEXT)]
    for table_name, title in TITLES.items():
        if results.of_table(table_name):
            paragraphs += [f"## {title}", *part(table_name, results)]
        if table_name in plots:
            paragraphs.append(f"![{title}: seconds for the whole play]({plots[table_name]})")
    paragraphs += ["## What Mitogen does differently", filled(prose.MITOGEN_TEXT)]
    paragraphs += ["## How it was measured", filled(prose.GENERATED, date=results.date), filled(prose.METHODS_TEXT)]
    machine = table(["", ""], results.environment.items())
    paragraphs += ["## The machine", machine, filled(prose.MACHINE_TEXT), busy_words(results)]
    paragraphs += ["## Measure it again", filled(prose.AGAIN_TEXT)]
    return HEAD + "\n\n".join(paragraphs) + "\n"


# What decides


@dataclass(frozen=True)
class Decisive:
    """:ivar wanted: at most so much is to be reached; None: it is there for comparison."""

    title: str
    table: str
    jobs: int
    method: str
    figure: Figure
    unit: str
    wanted: float | None = None


def sent(point: Measured, method: str) -> list[float]:
    return [value / 1000 for value in point.values(method, "sent")]


def executions(point: Measured, method: str) -> list[float]:
    return point.values(method, "ssh")


DECISIVE = (
    Decisive("overhead of an ordinary task", "jobs", 1, "task", overheads, "s"),
    Decisive("overhead", "jobs", 1, "run", overheads, "s"),
    Decisive("overhead", "jobs", 20, "run", overheads, "s", 0.6),
    Decisive("overhead", "jobs", 100, "run", overheads, "s", 1.1),
    Decisive("host's CPU, ordinary task", "jobs", 1, "task", cpu_of_host, "s"),
    Decisive("host's CPU", "jobs", 1, "run", cpu_of_host, "s", 0.38),
    Decisive("host's CPU", "jobs", 20, "run", cpu_of_host, "s", 0.55),
    Decisive("host's CPU", "jobs", 100, "run", cpu_of_host, "s"),
    Decisive("sent to the host, ordinary task", "ssh", 1, "task", sent, "kB"),
    Decisive("sent to the host", "ssh", 20, "run", sent, "kB", 164),
    Decisive("executions of ssh", "ssh", 20, "run", executions, "", 2),
)


def decisive(results: Results) -> str:
    """What the short selection has measured, beside what is to be reached; for a terminal."""
    lines = [f"{'':32} {'jobs':>4}  {'to reach':>8}  measured"]
    for row in DECISIVE:
        values = [
            value
            for point in results.of_table(row.table)
            if (point.jobs, point.hosts) == (row.jobs, 1)
            for value in row.figure(point, row.method)
        ]
        wanted = NOTHING if row.wanted is None else f"{row.wanted:g}"
        lines.append(f"{row.title:32} {row.jobs:4}  {wanted:>8}  {cell(values)} {row.unit if values else ''}".rstrip())
    return "\n".join([*lines, "", busy_words(results)])
