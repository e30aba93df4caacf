# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last words of a process that is ended: on the terminal, by way of whoever draws there, if somebody does.

The queue on which workers of ansible-core send what they display is of no use then: a signal may come while its lock is
held, and nobody reads it any more once the run is interrupted.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import typing as t

_PATIENCE = 5.0
"""Seconds in which the process that draws prints what it is handed; otherwise the words go past it."""
_SAID = b"."

try:
    # Strategies load an action before they fork the worker that runs it. A worker has no terminal since 2.19.
    _TERMINAL = os.dup(2)
except OSError:
    _TERMINAL = -1


class Relay:
    """Where processes that are forked from now on leave their last words, for this one to print.

    Each of them sends its end of a connection of its own, so that whatever happens to this process, they are told: by
    a byte when their words are printed, by the end of the connection when this process is no more.
    """

    def __init__(self, say: t.Callable[[str], None]) -> None:
        """:arg say: prints a text."""
        self._say = say
        self._here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        os.register_at_fork(after_in_child=self._here.close)
        threading.Thread(target=self._listen, daemon=True).start()

    def take(self, text: str) -> bool:
        """:returns: whether `text` was printed by the process that this one was forked from."""
        ours, theirs = socket.socketpair()
        with ours, contextlib.suppress(OSError):
            with theirs:
                self._there.settimeout(_PATIENCE)
                socket.send_fds(self._there, [b" "], [theirs.fileno()])
            ours.settimeout(_PATIENCE)
            ours.sendall(text.encode("utf-8", "backslashreplace"))
            ours.shutdown(socket.SHUT_WR)
            return ours.recv(1) == _SAID
        return False

    def _listen(self) -> None:
        while True:
            dummy, descriptors, *_dummies = socket.recv_fds(self._here, 1, 1)
            for descriptor in descriptors:
                with contextlib.suppress(Exception), socket.socket(fileno=descriptor) as connection:
                    connection.settimeout(_PATIENCE)
                    with connection.makefile("rb") as stream:
                        self._say(stream.read().decode())
                    connection.sendall(_SAID)


_relay: Relay | None = None


def relay(say: t.Callable[[str], None]) -> None:
    """Let `say` print, in this process, the last words of those that are forked from now on."""
    global _relay
    _relay = Relay(say)


def last_words(text: str) -> None:
    """Have somebody read `text`, though this process is about to end."""
    if _relay is not None and _relay.take(text):
        return
    if _TERMINAL >= 0:
        os.write(_TERMINAL, text.encode("utf-8", "backslashreplace"))
