# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This process itself: what it may have, what it holds open, and whose parent it is.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import resource
import typing as t

_PR_SET_CHILD_SUBREAPER = 36

_FILES = 1 << 20
"""File descriptors that are looked at to be closed, where none are listed."""


def become_subreaper() -> bool:
    """Make orphans among our descendants our children (Linux, prctl(2)), so that none escapes and none is a zombie.

    :returns: whether this system can.
    """
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def cpu_count() -> int:
    """:returns: how many CPU threads this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_open(handles: t.Collection[int]) -> None:
    """Let the standard streams of this process be empty, and close all other file descriptors that it has inherited,
    but these: who reads from the other end of one would wait for us.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(null, handle)
    try:
        found = {int(name) for name in os.listdir("/dev/fd")}
    except OSError:
        found = set()
    if found.issuperset(handles):
        for handle in found.difference(handles, range(3)):
            with contextlib.suppress(OSError):  # that of the listing itself
                os.close(handle)
        return
    last = 2  # it shows the first three alone (FreeBSD), or nothing
    for handle in [*sorted(handles), _most_files()]:
        os.closerange(last + 1, handle)
        last = handle


def _most_files() -> int:
    """:returns: above which number no file descriptor of ours is; they are given from below."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _FILES if soft == resource.RLIM_INFINITY else min(soft, _FILES)


class OpenFiles:
    """How many files this process may have open. What it starts gets the limit that it was started with itself."""

    given: int | None = None
    """That limit, where this process has raised its own; else `None`."""

    @classmethod
    def allow(cls, count: int) -> int | None:
        """Raise the limit of this process, if it is lower than `count`, as far as it may.

        :returns: what it is then, `None` where there is none.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return None
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft >= wanted:
            return soft
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            return soft
        cls.given = soft
        return wanted

    @classmethod
    def give_back(cls) -> None:
        """Set the limit to what it was: in a new process, before it becomes another program."""
        if cls.given is not None:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (cls.given, hard))
