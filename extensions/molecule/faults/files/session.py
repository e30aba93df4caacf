# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Wait for a process with each of the given variables in its environment, and print the pids of the sshd they came by.

A variable is written as `NAME=value`.
"""

from __future__ import annotations

import os
import sys
import time

LIMIT = 60.0


def read(pid: str, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as stream:
            return stream.read()
    except OSError:  # it has ended
        return b""


def parent(pid: str) -> str:
    return next((line.split()[1] for line in read(pid, "status").decode().splitlines() if line[:5] == "PPid:"), "1")


def session(pid: str) -> str | None:
    """:returns: the nearest sshd above a process, but process 1, which gets those whose parents have ended."""
    while pid != "1":
        if read(pid, "comm").startswith(b"sshd"):
            return pid
        pid = parent(pid)
    return None


def find(variable: str) -> str | None:
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    having = [pid for pid in pids if variable.encode() in read(pid, "environ").split(b"\0")]
    return next(filter(None, map(session, having)), None)


deadline = time.monotonic() + LIMIT
for variable in sys.argv[1:]:
    while not (found := find(variable)):
        if time.monotonic() > deadline:
            sys.exit(f"no process with {variable} came by ssh within {LIMIT:.0f} s")
        time.sleep(0.1)
    print(found)
