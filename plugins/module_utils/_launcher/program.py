# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor's program, as it travels: texts, which the controller sends along with a batch.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A module that imported them would have ansible-core send them too, and parse each of them before, for its imports.
"""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

from ansible_collections.background.jobs.plugins.module_utils._model.batch import as_text

_HERE = Path(__file__).parents[1]
_PACKAGE = __name__.rsplit(".", 2)[0]
_PARTS = (
    "_model.fields",
    "_model.record",
    "_store.directory",
    "_store.status_file",
    "_store.shared",
    "_store.log",
    "_store.requests",
    "_store.brought",
    "_store.batch_files",
    "_store.store",
    "_model.batch",
    "_supervisor.trace",
    "_supervisor.schedule",
    "_model.outcome",
    "_processes.python",
    "_processes.title",
    "_processes.procfs",
    "_locks.named_lock",
    "_processes.tree",
    "_locks.keeper",
    "_supervisor.fork_client",
    "_supervisor.attempt",
    "_supervisor.named_locks",
    "_supervisor.results",
    "_supervisor.ending",
    "_supervisor.main",
)
"""What the supervisor consists of, each part after those it imports."""

_BOOT, _SERVER = ("_processes.title", "_supervisor.boot"), ("_supervisor.fork_server",)
"""What the supervisor starts the processes of jobs with, and the fork servers behind that."""
_FUTURE = "from __future__ import annotations\n"


@functools.lru_cache(maxsize=None)
def packed() -> str:
    """:returns: the program as one line of ASCII text, for `_launcher.start.launch`."""
    parts = [(f"{_PACKAGE}.{part}", _source(part)) for part in _PARTS]
    return as_text({"parts": parts, "boot": [boot(), _text(_SERVER)]})


def boot() -> str:
    """:returns: the text that the process of a job begins with."""
    return _text(_BOOT)


def _text(parts: t.Sequence[str]) -> str:
    """:returns: parts as one program."""
    return _FUTURE + "".join(_source(part).replace(_FUTURE, "") for part in parts)


def _source(part: str) -> str:
    return _HERE.joinpath(*part.split(".")).with_suffix(".py").read_text(encoding="utf-8")
