# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A batch on its way from the controller to the supervisor.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The programs of one batch repeat: two payloads of one module differ in the line or two that hold the parameters. So
they travel as a table of distinct lines and, per program, the list of its lines' numbers, compressed as a whole. That
needs no knowledge of what the programs are.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import typing as t
import zlib

PYTHON = "python"
"""Style of a program that is fed to its interpreter through a pipe: every AnsiballZ."""

FILE = "file"
"""Style of a program that needs to be a file with an arguments file beside it: scripts in other languages, binaries."""

FILES = "BACKGROUND_JOBS_FILES"
"""Environment variable of a job that brought files along: the directory they lie in."""


@dataclasses.dataclass
class Job:
    """One job as the supervisor needs it. Durations are seconds; 0 means no limit.

    O(program) is what runs the module. O(interpreter) starts it (empty for a binary). O(arguments) is the content of
    the arguments file of style V(file). O(environment) is added to what the supervisor inherited. O(files) are brought
    along, by name, into a directory of the job's own, which the job finds in the variable L(FILES). O(remove) are
    directories that now belong to the job and go with its end.
    """

    jid: str
    name: str
    program: bytes
    interpreter: list[str] = dataclasses.field(default_factory=list)
    style: str = PYTHON
    arguments: bytes = b""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    timeout: float = 0
    kill_after: float = 10
    no_log: bool = False
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    remove: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Batch:
    """The jobs of one launch on one host, and how many may run at once: a number, V(0) for all, or V(N%) of CPUs."""

    batch: str
    jobs: list[Job]
    concurrency: str = "0"


_BYTES = ("program", "arguments")


def pack(batch: Batch) -> str:
    """:returns: the batch as one line of ASCII text."""
    table: dict[bytes, int] = {}
    jobs = []
    for job in batch.jobs:
        entry = {field.name: getattr(job, field.name) for field in dataclasses.fields(job)}
        for name in _BYTES:
            entry[name] = _index(entry[name], table)
        entry["files"] = {name: _index(data, table) for name, data in job.files.items()}
        jobs.append(entry)
    document = {
        "batch": batch.batch,
        "concurrency": batch.concurrency,
        "jobs": jobs,
        "lines": [line.decode("latin-1") for line in table],
    }
    return base64.b64encode(zlib.compress(json.dumps(document).encode("ascii"))).decode("ascii")


def _index(data: bytes, table: dict[bytes, int]) -> list[int]:
    return [table.setdefault(line, len(table)) for line in data.split(b"\n")]


class Packed:
    """A batch as it arrived; programs are put together one at a time, so memory grows with what differs."""

    def __init__(self, text: str) -> None:
        """:raises ValueError: O(text) is not what L(pack) makes."""
        try:
            document = json.loads(zlib.decompress(base64.b64decode(text)))
            self._lines = [line.encode("latin-1") for line in document["lines"]]
            self._jobs = {entry["jid"]: entry for entry in document["jobs"]}
            self.batch: str = document["batch"]
            self.concurrency: str = document["concurrency"]
        except (zlib.error, LookupError, TypeError, AttributeError) as exc:
            raise ValueError(f"this is not a packed batch: {exc!r}") from exc

    @property
    def jids(self) -> list[str]:
        """The jobs' ids, in the order of the batch."""
        return list(self._jobs)

    def job(self, jid: str) -> Job:
        """:returns: one job, whole."""
        job = self.outline(jid)
        entry = self._jobs[jid]
        job.program = self._join(entry["program"])
        job.arguments = self._join(entry["arguments"])
        job.files = {name: self._join(data) for name, data in entry["files"].items()}
        return job

    def outline(self, jid: str) -> Job:
        """:returns: one job without its program, arguments and files."""
        return Job(**{**self._jobs[jid], "program": b"", "arguments": b"", "files": {}})

    def _join(self, numbers: t.Iterable[int]) -> bytes:
        return b"\n".join(self._lines[number] for number in numbers)
