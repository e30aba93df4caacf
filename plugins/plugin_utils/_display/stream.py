# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing what jobs print while they run, line by line.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import base64
import re
import typing as t

from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import say
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle

_LINE = re.compile(rb"\r\n|\n|\r")
_COLORS = ("cyan", "purple", "blue", "bright cyan", "bright purple", "bright blue")
"""Colours of ansible-core that mean nothing there; one for each job in turn."""


class Stream:
    """The output of some jobs of one host, as far as it has been shown. `offsets` are the bytes of each, by jid."""

    def __init__(self, host: str, display: t.Any) -> None:
        self.offsets: dict[str, int] = {}
        self._host = host
        self._display = display
        self._colors: dict[str, str] = {}

    def show(self, handles: t.Sequence[Handle], output: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
        """Print what is new, whole lines of one job together.

        :arg output: what the target has sent, by jid: the fields of `_model.told.Output`.
        """
        for handle in handles:
            self.offsets.setdefault(handle.jid, 0)
            new = output.get(handle.jid)
            if new is None:
                continue
            self.offsets[handle.jid] = new["next"]
            color = self._colors.setdefault(handle.jid, _COLORS[len(self._colors) % len(_COLORS)])
            if new["left_out"]:
                self._print(handle, f"[{new['left_out']} bytes of output are not shown]", color)
            for line in output_lines(base64.b64decode(new["text"])):
                self._print(handle, line, color)

    def _print(self, handle: Handle, line: str, color: str) -> None:
        say(self._display, f"{self._host} | {handle.name}: {line}", color)


def output_lines(data: bytes) -> list[str]:
    """:returns: the lines of what a job has printed, fit for a terminal; a progress bar's states are lines too."""
    pieces = _LINE.split(data)
    if pieces and not pieces[-1]:
        pieces.pop()
    return [visible(piece.decode("utf-8", "backslashreplace").expandtabs()) for piece in pieces]
