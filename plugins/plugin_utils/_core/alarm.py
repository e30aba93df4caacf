# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Giving up what takes too long, such as a host that holds a connection and says nothing.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import signal
import time
import typing as t


class TooLate(BaseException):
    """The time is up. No `Exception`: connection plugins try again what has ended with one."""


@contextlib.contextmanager
def within(seconds: float) -> t.Iterator[None]:
    """Let something take `seconds` at most, unless the alarm of the keyword `timeout` of the task rings before that.

    There is no limit in a thread that is not the main one of its process, as with strategies of others: signals do not
    come there.

    :raises TooLate: it takes longer.
    """

    def ring(*dummy: t.Any) -> t.NoReturn:
        raise TooLate

    began, before = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)[0]
    if 0 < before <= seconds:
        yield
        return
    try:
        handler = signal.signal(signal.SIGALRM, ring)
    except ValueError:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if before:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, before - (time.monotonic() - began)))
