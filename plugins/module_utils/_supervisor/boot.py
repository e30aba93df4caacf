# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first code of a job's process: it copies what the module's commands print to the job's log, and runs the module.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It is not imported by anything. The supervisor sends its text, with a call of `run` after it, to the job's fresh
Python, where the name `program` stands for the module's program; see `_processes.python.start`. That may be a Python
3.6, so annotations stand in quotes here, and in `_processes.title`, which is sent along.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import typing as t

_CHUNK = 1 << 16
_MUCH = 1 << 21
"""Bytes of output after which more has to be reckoned with."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""From malloc.h of glibc."""


def _keep_blocks() -> None:
    """Let malloc(3) keep large blocks for the next ones, and not take each from the kernel and give it back.

    `run_command` of ansible-core copies what it has read so far for each 32 KB that come. With 100 MB of output most
    of its time goes into pages that the kernel has to clear.
    """
    try:
        import ctypes

        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, 1 << 30)  # glibc
    except (ImportError, OSError, AttributeError):
        return


class _Log:
    """The job's log, up to a limit."""

    def __init__(self, handle: "int | None", limit: int) -> None:
        self.handle = handle
        self.limit = limit
        self._seen = 0

    def add(self, data: bytes) -> None:
        before, self._seen = self._seen, self._seen + len(data)
        if before < _MUCH <= self._seen:
            _keep_blocks()
        if self.handle is None:
            return
        with contextlib.suppress(OSError):  # a full disk costs the log, not the job
            room = self.limit - os.fstat(self.handle).st_size
            if len(data) <= room:
                os.write(self.handle, data)
            elif room >= 0:
                os.write(self.handle, data[:room])
                os.write(self.handle, b"\n[no more of this is kept: the limit is %d bytes]\n" % self.limit)


class _Copied(io.FileIO):
    """Our end of a pipe: what is read from it goes to the log as well, at that moment, and nothing else changes."""

    log: _Log

    def readinto(self, buffer: "t.Any") -> "t.Any":
        count = super().readinto(buffer)
        if count:
            self.log.add(bytes(memoryview(buffer).cast("B")[:count]))
        return count

    def read(self, size: "int | None" = -1) -> "t.Any":
        if size is None or size < 0:
            return self.readall()
        data = super().read(size)
        if data:
            self.log.add(data)
        return data

    def readall(self) -> "t.Any":
        pieces: list[bytes] = []
        while True:  # piece by piece, or the log would get everything at the end
            piece = self.read(_CHUNK)
            if not piece:
                return b"".join(pieces) if pieces else piece
            pieces.append(piece)


def _does_nothing(preexec: "t.Any") -> bool:
    """:returns: whether this is what `run_command` of ansible-core lets a new process do, and there is no umask to be
    set. Python can only vfork(2) where it has nothing to do, and else copies what describes all of our memory.
    """
    code = getattr(preexec, "__code__", None)
    if code is None or (code.co_names, code.co_freevars) != (("os", "umask"), ("umask",)):
        return False
    return not preexec.__closure__[0].cell_contents


def copy_output(log: _Log) -> None:
    """Let everything that is run through `subprocess.Popen`, as `run_command` does, leave a copy in the log."""

    def copied(stream: "t.Any") -> "t.Any":
        if isinstance(stream, io.TextIOWrapper):
            encoding, errors = stream.encoding, stream.errors
            return io.TextIOWrapper(copied(stream.detach()), encoding=encoding, errors=errors)
        raw = _Copied(os.dup(stream.fileno()), "rb")
        raw.log = log
        stream.close()
        return raw if isinstance(stream, io.FileIO) else io.BufferedReader(raw)

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: "t.Any", **kwargs: "t.Any") -> None:
            if _does_nothing(kwargs.get("preexec_fn")):
                kwargs["preexec_fn"] = None
            super().__init__(*args, **kwargs)
            for name in ("stdout", "stderr"):
                stream = getattr(self, name, None)
                if isinstance(stream, (io.BufferedReader, io.FileIO, io.TextIOWrapper)):
                    setattr(self, name, copied(stream))

        def communicate(self, *args: "t.Any", **kwargs: "t.Any") -> "t.Any":
            past_us = [self.stdin, self.stdout, self.stderr].count(None) < 2 or args[1:] or kwargs.get("timeout")
            both = super().communicate(*args, **kwargs)  # it reads from the file descriptors themselves, if it has two
            for data in both if past_us else ():
                if data:
                    log.add(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)
            return both

    subprocess.Popen = Popen  # type: ignore[misc]


def run(
    program: bytes, log: "int | None", limit: int, keep: "t.Sequence[int]", environment: "t.Mapping[str, str]"
) -> None:
    """Run the program as the main one of this process. TERM unwinds it, so that it removes its temporary files.

    :arg log: file descriptor of the job's log; `None` for none.
    :arg limit: bytes that the log may have.
    :arg keep: file descriptors that are held open here, and in no process that is started.
    :arg environment: what is added to the environment for the module and its commands; this Python was not to see it.
    """

    def end(number: int, frame: "t.Any") -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    os.environ.update(environment)
    for handle in keep if log is None else (*keep, log):
        os.set_inheritable(handle, False)
    if log is not None:
        copy_output(_Log(log, limit))
    exec(compile(program, "<background.jobs payload>", "exec", dont_inherit=True), sys.modules["__main__"].__dict__)
