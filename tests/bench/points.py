# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""What is measured: every point, and how often each method is to run there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

# The methods, in the order in which they take turns.
METHODS = ("builtin", "mitogen", "run", "task", "empty", "ideal")

HOLD_SECONDS = 3600
DELAY_SECONDS = 3

# Repetitions: fewer of what takes longer.
SHORT = {"builtin": 3, "mitogen": 3, "run": 5, "empty": 5, "ideal": 5}
USUAL = {**SHORT, "builtin": 2}
SLOW = {"builtin": 1, "mitogen": 2, "run": 3, "empty": 3, "ideal": 3}
SLOW_TASK = {**SLOW, "task": 3}
SLOWEST = {**SLOW, "mitogen": 1}
ONCE = {"builtin": 1, "mitogen": 1, "run": 1}
API = {"builtin": 1, "run": 3, "task": 1, "empty": 3}

# The selection of what decides, and how often each method is to run there.
DECISIVE = "overhead"
DECISIVE_RUNS = 5

ANSWER_SECONDS = 0.2


@dataclass(frozen=True)
class Point:
    """Some work, and the circumstances under which the methods do it.

    :ivar table: the table of the page it belongs to.
    :ivar methods: with the number of repetitions of each.
    :ivar durations: seconds that each job sleeps, or waits for an answer.
    :ivar hosts: how many; containers, or local connections if `local`.
    :ivar rtt: milliseconds of round-trip time that the proxy adds, which counts bytes, too; None: without a proxy.
    :ivar slots: jobs at a time on a host, 0: all.
    :ivar long: the methods that take too long here, left out unless asked for.
    """

    name: str
    table: str
    methods: dict[str, int]
    durations: tuple[float, ...]
    hosts: int = 1
    rtt: float | None = None
    forks: int = 10
    slots: int = 0
    pipelining: bool = True
    local: bool = False
    long: tuple[str, ...] = ()

    @property
    def jobs(self) -> int:
        return len(self.durations)

    @property
    def counts_calls(self) -> bool:
        """Whether executions of ssh are counted, and bytes without ssh's compression."""
        return self.table in ("ssh", "pipelining")

    def wanted(self, with_long: bool) -> list[str]:
        """The methods to run here, in their order."""
        return [name for name in METHODS if name in self.methods and (with_long or name not in self.long)]


@dataclass(frozen=True)
class Sizes:
    """The numbers that make the points."""

    jobs: tuple[int, ...] = (1, 20, 100)
    most_jobs: int = 500
    usual_jobs: int = 20
    held_jobs: int = 100
    hosts: tuple[int, ...] = (3, 6)
    full_hosts: int = 3
    full_jobs: int = 100
    rtts: tuple[float, ...] = (0, 20, 50, 100)
    far_jobs: int = 100
    far_rtt: float = 50
    slots: int = 3
    slots_jobs: int = 12
    straggler_seconds: float = 6
    queue_jobs: int = 1000
    queue_slots: int = 50
    scale_jobs: int = 5
    containers: tuple[int, ...] = (1, 3, 10, 20)
    local_hosts: tuple[int, ...] = (50, 100, 200)
    api_jobs: int = 50
    forks: tuple[int, ...] = (5, 10, 50)


# For a look at whether everything works; its numbers mean nothing.
QUICK = Sizes(
    jobs=(1, 3),
    most_jobs=10,
    usual_jobs=2,
    held_jobs=3,
    hosts=(2,),
    full_hosts=2,
    full_jobs=3,
    rtts=(0, 50),
    far_jobs=4,
    far_rtt=20,
    slots=2,
    slots_jobs=4,
    straggler_seconds=3,
    queue_jobs=20,
    queue_slots=5,
    scale_jobs=2,
    containers=(1, 2),
    local_hosts=(2, 4),
    api_jobs=3,
    forks=(1, 2, 4),
)


def sleeps(jobs: int) -> tuple[float, ...]:
    return (1,) * jobs


def straggling(jobs: int, slots: int, seconds: float) -> tuple[float, ...]:
    """One long job among short ones: the first that has to wait for a slot."""
    return (*sleeps(slots), seconds, *sleeps(jobs - slots - 1))


def all_points(sizes: Sizes) -> list[Point]:
    usual = sleeps(sizes.usual_jobs)
    straggler = straggling(sizes.slots_jobs, sizes.slots, sizes.straggler_seconds)
    full, far = sleeps(sizes.full_jobs), sleeps(sizes.far_jobs)
    return [
        *(jobs_point(number, sizes.usual_jobs) for number in sizes.jobs),
        Point(f"jobs-{sizes.most_jobs}", "jobs", SLOWEST, sleeps(sizes.most_jobs), long=("builtin",)),
        *(Point(f"hosts-{number}-one", "hosts", SLOW_TASK, sleeps(1), hosts=number) for number in sizes.hosts),
        *(Point(f"hosts-{number}", "hosts", SLOW, usual, hosts=number) for number in sizes.hosts),
        Point(f"hosts-{sizes.full_hosts}-full", "hosts", SLOWEST, full, hosts=sizes.full_hosts, long=("builtin",)),
        *(Point(f"rtt-{rtt:g}", "latency", SLOW, usual, rtt=rtt) for rtt in sizes.rtts),
        Point(f"rtt-{sizes.far_rtt:g}-far", "latency", SLOWEST, far, rtt=sizes.far_rtt, long=("builtin",)),
        Point("pipelining", "pipelining", {"builtin": 1, "run": 3}, usual, rtt=0, pipelining=False),
        Point("slots", "slots", SLOW, straggler, slots=sizes.slots),
        ssh_point(1, {**ONCE, "task": 1}),
        ssh_point(sizes.usual_jobs, ONCE),
        ssh_point(sizes.full_jobs, ONCE, long=("builtin",)),
        ssh_point(sizes.most_jobs, {"mitogen": 1, "run": 1}, long=("mitogen",)),
        Point("held", "held", ONCE, (HOLD_SECONDS,) * sizes.held_jobs),
        Point("delay", "delay", {"builtin": 2, "mitogen": 2, "run": 3}, (DELAY_SECONDS,)),
        Point("queue", "queue", {"run": 1}, (0,) * sizes.queue_jobs, slots=sizes.queue_slots),
        *scale_points(sizes),
        Point("api", "api", API, (ANSWER_SECONDS,) * sizes.api_jobs, local=True),
    ]


def decisive_points(sizes: Sizes) -> list[Point]:
    """The few that tell whether a change of the collection was one for the better, in a few minutes."""

    def often(*methods: str) -> dict[str, int]:
        return dict.fromkeys(methods, DECISIVE_RUNS)

    return [
        Point("jobs-1", "jobs", often("run", "task", "empty", "ideal"), sleeps(1)),
        *(
            Point(f"jobs-{number}", "jobs", often("run", "empty", "ideal"), sleeps(number))
            for number in (sizes.usual_jobs, sizes.full_jobs)
        ),
        ssh_point(1, often("task")),
        ssh_point(sizes.usual_jobs, often("run")),
    ]


def ssh_point(jobs: int, methods: dict[str, int], long: tuple[str, ...] = ()) -> Point:
    """Behind a proxy, which counts the bytes."""
    return Point(f"ssh-{jobs}", "ssh", methods, sleeps(jobs), rtt=0, long=long)


def jobs_point(number: int, usual: int) -> Point:
    methods = {**SHORT, "task": 5} if number == 1 else USUAL if number <= usual else {**USUAL, "builtin": 1}
    return Point(f"jobs-{number}", "jobs", methods, sleeps(number))


def scale_points(sizes: Sizes) -> list[Point]:
    """The same work on ever more hosts, with few and with many forks."""
    most, jobs = max(sizes.forks), sizes.scale_jobs
    last = sizes.containers[-1]
    return [
        *(scale_point(hosts, most, jobs) for hosts in sizes.containers),
        *(scale_point(last, forks, jobs) for forks in sizes.forks if forks != most),
        *(scale_point(hosts, forks, jobs, local=True) for hosts in sizes.local_hosts for forks in sizes.forks),
    ]


def scale_point(hosts: int, forks: int, jobs: int, local: bool = False) -> Point:
    """Hosts with local connections are so many that they take long."""
    return Point(
        f"scale-{'local' if local else 'ssh'}-{hosts}-{forks}",
        "scale",
        {"run": 1} if local else {"run": 1, "task": 1},
        sleeps(jobs),
        hosts=hosts,
        forks=forks,
        local=local,
        long=("run",) if local else (),
    )


def selected(points: Sequence[Point], names: Sequence[str]) -> list[Point]:
    """The points with these names, or with names that begin with these words; all, without names.

    :raises ValueError: there is no such point.
    """
    unknown = [name for name in names if not any(matches(point, name) for point in points)]
    if unknown:
        raise ValueError(f"There is no point {', '.join(unknown)}; --list shows all of them.")
    return [point for point in points if not names or any(matches(point, name) for name in names)]


def matches(point: Point, name: str) -> bool:
    return point.name == name or point.name.startswith(f"{name}-")
