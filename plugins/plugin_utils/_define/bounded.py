# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Computations that may never end, or take all memory, run in a separate process with limits.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A process can be ended by the kernel whatever it does, in the middle of one machine instruction of a regular expression
or of a power. An alarm in this process could not: ansible-core has its own there, for the keyword `timeout`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import time
import typing as t

from ansible.utils.display import Display

Work = t.Callable[[int], t.Any]

SECONDS = 3
"""Seconds of processor time for one computation."""
_ALL = 60
"""Seconds of processor time for all of them together, and half as many as there may be by the clock."""
_MEMORY = 512 * 1024 * 1024
"""Bytes that may be used beside what this process has already."""
_LOST = 3
"""Computations that may run into a limit before the rest is not tried any more."""
_BLOCK = 65536


def compute(work: Work, count: int) -> list[t.Any]:
    """Let another process compute `work` of 0, 1 and so on.

    :arg work: returns what JSON has words for. Whatever it changes is not seen here.
    :returns: for each what came of it, `None` where it did not end within the limits or was not tried any more.
    """
    found: list[t.Any] = []
    deadline = time.monotonic() + 2 * _ALL
    lost = 0
    while len(found) < count:
        if lost == _LOST or time.monotonic() >= deadline:
            return found + [None] * (count - len(found))
        found += _compute(work, range(len(found), count), deadline)
        if len(found) < count:
            found.append(None)
            lost += 1
    return found


def _compute(work: Work, numbers: range, deadline: float) -> list[t.Any]:
    """:returns: what one process has computed, in order, until it was through or was ended."""
    ours, its = os.pipe()
    pid = os.fork()
    if not pid:
        _be_the_process(work, numbers, its)
    os.close(its)
    try:
        said = _read(ours, deadline)
    finally:
        os.close(ours)
        os.kill(pid, signal.SIGKILL)  # nobody has waited for it, so the pid is its own
        os.waitpid(pid, 0)
    return [json.loads(line) for line in said.split(b"\n")[:-1]]


def _read(stream: int, deadline: float) -> bytes:
    said = b""
    while select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
        block = os.read(stream, _BLOCK)
        if not block:
            break
        said += block
    return said


def _be_the_process(work: Work, numbers: range, stream: int) -> t.NoReturn:
    """Compute, write what came of it, and end, without anything that this process does when it ends."""
    try:
        _let_go()
        _limit()
        for number in numbers:
            _allow_seconds()
            answer = json.dumps(work(number)).encode() + b"\n"
            while answer:
                answer = answer[os.write(stream, answer) :]
    finally:
        os._exit(0)


def _let_go() -> None:
    """Take no part any more in what this process does: its signals, its terminal, what it displays."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    display: t.Any = Display()
    if hasattr(display, "_final_q"):
        display._final_q = None  # its lock is shared, and would stay locked if this process were ended then


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # not everywhere
        with open("/proc/self/statm", encoding="ascii") as stream:
            used = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))


def _allow_seconds() -> None:
    until = min(int(time.process_time()) + 1 + SECONDS, _ALL)
    resource.setrlimit(resource.RLIMIT_CPU, (until, _ALL))
