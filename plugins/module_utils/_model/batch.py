# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A batch on its way from the controller to the supervisor.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The programs of one batch repeat: two payloads of one module differ in the line or two that hold the parameters. So
they travel as a table of distinct lines and, per program, the list of its lines' numbers, compressed as a whole. What
is base64 in a line travels as the bytes that it stands for. That needs no knowledge of what the programs are.

On its way a batch is a JSON object on a line of its own, and behind it the lines, one after the other, all of it
compressed (zlib). `lines` in the object says how long each is; of one with base64 in it, how long three parts are: what
stands before, the bytes, and what stands behind.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import typing as t
import zlib

PYTHON = "python"
"""Style of a program that is fed to its interpreter through a pipe: every AnsiballZ."""

FILE = "file"
"""Style of a program that needs to be a file with an arguments file beside it: scripts in other languages, binaries."""

FILES = "BACKGROUND_JOBS_FILES"
"""Environment variable of a job that brought files along: the directory they lie in."""


_BASE64 = re.compile(rb"[A-Za-z0-9+/]{1024,}={0,2}")
"""So much of it that it is worth while to send what it stands for: a zip of modules."""

START, ATTACH, RESTART, FAIL = "start", "attach", "restart", "fail"
IF_RUNNING = (START, ATTACH, RESTART, FAIL)
"""What to do about running jobs of the same group and name: nothing, take them for ours, end them, or fail."""


@dataclasses.dataclass
class Step:
    """One module run of a job.

    `program` is what runs the module. `interpreter` starts it (empty for a binary). `arguments` is the content of
    the arguments file of style `file`. `files` are brought along, by name, into a directory of the step's own, which
    it finds in the variable `FILES`. `result` is set, instead of a program, where the step's action had its result
    on the controller already.
    """

    name: str = ""
    program: bytes = b""
    interpreter: list[str] = dataclasses.field(default_factory=list)
    style: str = PYTHON
    arguments: bytes = b""
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    result: dict[str, t.Any] | None = None


@dataclasses.dataclass
class Job:
    """One job as the supervisor needs it. Durations are seconds, sizes bytes; 0 means no limit.

    `steps` run in order; `block` tells whether the author wrote a `block`, whose result names its steps.
    `environment` is added to what the supervisor inherited. `remove` are directories that now belong to the job and
    go with its end. `after` are the jids of jobs of this batch that must have succeeded before. `delay` is the time
    before the second attempt, and each further one comes `backoff` times later than the one before. `conditions` is
    kept with the job for the controller, which judges the result by it.
    """

    jid: str
    name: str
    steps: list[Step] = dataclasses.field(default_factory=list)
    block: bool = False
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    timeout: float = 0
    kill_after: float = 10
    leave_children: bool = False
    retries: int = 0
    delay: float = 5
    backoff: float = 1
    retry_on: list[str] = dataclasses.field(default_factory=list)
    after: list[str] = dataclasses.field(default_factory=list)
    lock: str | None = None
    max_output: int = 0
    no_log: bool = False
    remove: list[str] = dataclasses.field(default_factory=list)
    conditions: dict[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Batch:
    """The jobs of one launch on one host.

    `concurrency` tells how many may run at once: a number, `0` for all, or `N%` of CPUs. `deadline` and `start_delay`
    are seconds. `halt` is what `_supervisor.schedule.parse_halt` takes. `if_running` is what to do about jobs of the
    group with the same names that are running: one of `IF_RUNNING`. `trace`: write what the supervisor does.
    """

    batch: str
    jobs: list[Job]
    concurrency: str = "0"
    deadline: float = 0
    start_delay: float = 0
    halt: str = "never"
    group: str | None = None
    if_running: str = "start"
    trace: bool = False


class Packing:
    """Puts a batch together, job by job: what has been added is kept as line numbers, so its programs may go."""

    def __init__(self) -> None:
        self._table: dict[bytes, int] = {}
        self._steps: dict[str, list[dict[str, t.Any]]] = {}

    def add(self, job: Job) -> None:
        """Take the steps of a job."""
        self._steps[job.jid] = [self._step(step) for step in job.steps]

    def data(self, batch: Batch) -> bytes:
        """:returns: the batch as it travels; all its jobs have been added."""
        document = _fields(batch)
        document["jobs"] = [{**_fields(job), "steps": self._steps[job.jid]} for job in batch.jobs]
        pieces = [_pieces(line) for line in self._table]
        document["lines"] = [[len(piece) for piece in some] if len(some) > 1 else len(some[0]) for some in pieces]
        head = json.dumps(document).encode("ascii")
        return zlib.compress(head + b"\n" + b"".join(piece for some in pieces for piece in some))

    def _step(self, step: Step) -> dict[str, t.Any]:
        return {
            **_fields(step),
            "program": self._numbers(step.program),
            "arguments": self._numbers(step.arguments),
            "files": {name: self._numbers(data) for name, data in step.files.items()},
        }

    def _numbers(self, data: bytes) -> list[int]:
        return [self._table.setdefault(line, len(self._table)) for line in data.split(b"\n")]


def pack(batch: Batch) -> bytes:
    """:returns: the batch as it travels."""
    packing = Packing()
    for job in batch.jobs:
        packing.add(job)
    return packing.data(batch)


def _pieces(line: bytes) -> tuple[bytes, ...]:
    """:returns: a line as it is, or what stands before base64 in it, the bytes of that, and what stands behind."""
    match = _BASE64.search(line)
    if match is not None:
        try:
            inside = base64.b64decode(match.group())
        except ValueError:
            return (line,)
        if base64.b64encode(inside) == match.group():
            return line[: match.start()], inside, line[match.end() :]
    return (line,)


def _lines(sizes: t.Iterable[t.Any], data: bytes) -> t.Iterator[bytes]:
    """:returns: the lines that `_pieces` has taken apart.

    :raises ValueError: they are not that long.
    """
    start = 0
    for size in sizes:
        before, inside, after = size if isinstance(size, list) else (size, 0, 0)
        if min(before, inside, after) < 0:
            raise ValueError("a line of a batch has less than nothing")
        places = (start, start + before, start + before + inside, start + before + inside + after)
        first, encoded, last = (data[begin:end] for begin, end in zip(places, places[1:]))
        yield first + base64.b64encode(encoded) + last
        start = places[-1]
    if start != len(data):
        raise ValueError(f"the lines of a batch have {start} bytes, and {len(data)} are here")


def _fields(value: t.Any) -> dict[str, t.Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


class Packed:
    """A batch as it arrived; programs are put together one at a time, so memory grows with what differs."""

    def __init__(self, data: bytes) -> None:
        """:raises ValueError: `data` is not what `pack` makes."""
        try:
            head, dummy, rest = zlib.decompress(data).partition(b"\n")
            document = json.loads(head)
            self.lines = list(_lines(document.pop("lines"), rest))
            jobs = {entry["jid"]: entry for entry in document.pop("jobs")}
            self._steps = {jid: entry.pop("steps") for jid, entry in jobs.items()}
            self.batch = Batch(jobs=[Job(**entry) for entry in jobs.values()], **document)
        except (zlib.error, LookupError, TypeError, AttributeError, RecursionError) as exc:
            raise ValueError(f"this is not a packed batch: {exc!r}") from exc
        self._jobs = {job.jid: job for job in self.batch.jobs}

    def drop(self, jids: t.Collection[str]) -> None:
        """Forget jobs that are not to be run."""
        self.batch.jobs = [job for job in self.batch.jobs if job.jid not in jids]

    def job(self, jid: str) -> Job:
        """:returns: one job, without its steps."""
        return self._jobs[jid]

    def steps(self, jid: str) -> int:
        """:returns: how many steps a job has."""
        return len(self._steps[jid])

    def entry(self, jid: str, index: int) -> dict[str, t.Any]:
        """:returns: one step of a job as it travelled: its programs are lists of numbers of `lines`."""
        entry: dict[str, t.Any] = self._steps[jid][index]
        return entry

    def step_name(self, jid: str, index: int) -> str:
        """:returns: the name of one step of a job."""
        return str(self._steps[jid][index]["name"])

    def step(self, jid: str, index: int, whole: bool = True) -> Step:
        """:returns: one step of a job.

        :arg whole: with its `program`, too, which is most of it, and which a fork server has already.
        """
        entry = dict(self._steps[jid][index])
        entry["program"] = self._join(entry["program"]) if whole else b""
        entry["arguments"] = self._join(entry["arguments"])
        entry["files"] = {name: self._join(numbers) for name, numbers in entry["files"].items()}
        return Step(**entry)

    def _join(self, numbers: t.Iterable[int]) -> bytes:
        return b"\n".join(self.lines[number] for number in numbers)
