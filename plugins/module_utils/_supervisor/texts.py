# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the program that other Pythons are sent as texts: the first code of a job's process, and the fork server.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import typing as t
from importlib.util import find_spec

_PACKAGE = __name__.rsplit(".", 2)[0]


def boot() -> str:
    """:returns: the text that the process of a job begins with."""
    return "".join(map(_source, ("_processes.title", "_supervisor.boot")))


def fork_server() -> str:
    """:returns: the text of a fork server, behind that of `boot`, which it needs."""
    future = "from __future__ import annotations\n"
    return future + boot() + _source("_supervisor.fork_server").replace(future, "")


def _source(part: str) -> str:
    spec: t.Any = find_spec(f"{_PACKAGE}.{part}")
    text: str = spec.loader.get_source(spec.name)
    return text
