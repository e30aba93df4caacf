# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Runs inside a host: print the processes there, with their memory and CPU time, as JSON; sshd's and this one left out.

It is fed to the host's Python, so it needs nothing but Python 3.8 and /proc.
"""

from __future__ import annotations

import json
import os


def pss(directory: str) -> int:
    """Bytes in memory, shared pages divided among those that share them."""
    with open(f"{directory}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))


def cpu(directory: str) -> float:
    """Seconds on a CPU, of all threads, to the nanosecond."""
    total = 0
    for entry in os.listdir(f"{directory}/task"):
        with open(f"{directory}/task/{entry}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def program(directory: str) -> str:
    """What runs there, whatever the process calls itself: jobs and supervisors have titles of their own."""
    return os.path.basename(os.readlink(f"{directory}/exe"))


def processes() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for entry in os.listdir("/proc"):
        directory = f"/proc/{entry}"
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"{directory}/stat", encoding="utf-8", errors="replace") as file:
                name, _parenthesis, rest = file.read().partition("(")[2].rpartition(")")
            if not name.startswith("sshd"):
                process = {"pid": int(entry), "parent": int(rest.split()[1]), "name": program(directory)}
                found.append({**process, "pss": pss(directory), "cpu": cpu(directory)})
        except (OSError, StopIteration):
            continue  # it has ended
    return found


if __name__ == "__main__":
    print(json.dumps(processes()))
