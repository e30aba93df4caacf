# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: the grammar of jids, and what every file of an async directory is called.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A status file is called as its job is. All other files have a name that begins with a dot, but for logs. `REMOVE` in
`plugin_utils/_tasks/wait.py` has some of these names once more, for the shell.
"""

from __future__ import annotations

import re

_JID = re.compile(r"j?[0-9]{1,60}(?:\.[0-9]{1,20})?|[0-9a-f]{16}")
"""A job or a batch, as ours and builtin async's wrapper name them, or a job of Mitogen's strategies. Nothing of another
name is opened, or removed.
"""
_BATCH = r"j[0-9]+"
_JOB = rf"{_BATCH}\.[0-9]+"
JOB = re.compile(rf"{_JOB}|[0-9a-f]{{16}}")
"""A jid, of ours, of builtin async or of Mitogen's. What is called otherwise is no job: a directory may hold other
things too.
"""

LOG = ".log"
FILES = ".d"
LOCK, RESERVE, TRACE = ".lock", ".reserve", ".trace"
SHARED = ".shared"
"""End of the name of the file that becomes the status file of a collected job for which others wait."""
SHARER = ".sharer"
"""End of the names of empty files: each says that a launch still waits for a job that several wait for."""
KILL = "kill"
"""The mode of a request to cancel that ends what runs, too."""
DRAIN = "drain"
"""The mode of one that only keeps jobs from being started."""
REQUESTS = (KILL, DRAIN)
"""What can be asked of a supervisor about one of its jobs, the one that ends more first."""
_TEMPORARY = ".tmp"

SHARED_FILE = re.compile(
    rf"\.(?P<jid>(?P<batch>{_BATCH})\.[0-9]+)(?:{re.escape(SHARED)}|\.(?P<sharer>{_JOB}){re.escape(SHARER)})"
)
"""The name of a file of a job that several launches wait for."""
_OF_BATCH = re.compile(rf"\.({_BATCH})\.(?:lock|reserve|trace)")
_HIDDEN = re.compile(rf"\.({_BATCH})\.[0-9]+\.(?:kill|drain|d|[0-9a-f]+\.tmp)")
_SHOWN = re.compile(rf"({_BATCH})\.[0-9]+\.(?:log|tmp)")  # .tmp: of builtin async


def is_jid(name: str) -> bool:
    """:returns: whether a name could be that of a status file."""
    return _JID.fullmatch(name) is not None


def batch_of(jid: str) -> str:
    """:returns: the batch of a job; of a job of builtin async the name that its processes carry."""
    return jid.rpartition(".")[0] or jid


def number_of(jid: str) -> int:
    """:returns: the number of a job in its batch; 0 where it has none."""
    number = jid.rpartition(".")[2]
    return int(number) if "." in jid and number.isdigit() else 0


def lock_name(batch: str) -> str:
    """:returns: the name of the file whose lock is the proof that the supervisor of a batch lives."""
    return f".{batch}{LOCK}"


def reserve_name(batch: str) -> str:
    """:returns: the name of the file that keeps room for the results of a batch when the disk is full."""
    return f".{batch}{RESERVE}"


def trace_name(batch: str) -> str:
    """:returns: the name of the file in which the supervisor of a batch writes what it does."""
    return f".{batch}{TRACE}"


def log_name(jid: str) -> str:
    """:returns: the name of the file with the output of a job so far."""
    return f"{jid}{LOG}"


def files_name(jid: str) -> str:
    """:returns: the name of the directory of what a job has brought along."""
    return f".{jid}{FILES}"


def request_name(jid: str, mode: str) -> str:
    """:returns: the name of the empty file whose being there asks the supervisor of a job to cancel it.

    :arg mode: one of `REQUESTS`.
    """
    return f".{jid}.{mode}"


def shared_name(jid: str) -> str:
    """:returns: the name of the status file of a collected job for which others wait."""
    return f".{jid}{SHARED}"


def sharer_name(jid: str, sharer: str) -> str:
    """:returns: the name of the empty file that says that a launch waits for a job.

    :arg sharer: the jid that the job would have in that launch.
    """
    return f".{jid}.{sharer}{SHARER}"


def temporary_name(jid: str, unguessable: str) -> str:
    """:returns: the name under which a status file is written before it takes the place of the one that is there.

    :arg unguessable: hexadecimal digits.
    """
    return f".{jid}.{unguessable}{_TEMPORARY}"


def is_attempt(name: str, jid: str) -> bool:
    """:returns: whether a name is a `temporary_name` of a job."""
    return name.startswith(f".{jid}.") and name.endswith(_TEMPORARY)


def is_shared_by(name: str, batch: str) -> bool:
    """:returns: whether a name is that of a file of a shared job in which a batch has a part."""
    return name.endswith((SHARED, SHARER)) and f".{batch}." in name


def leftover_of(name: str) -> str | None:
    """:returns: the batch to which a file of this name belongs, unless it is a status file or of a shared job; `None`
    for the name of none.
    """
    matches = (pattern.fullmatch(name) for pattern in (_OF_BATCH, _HIDDEN, _SHOWN))
    return next((match.group(1) for match in matches if match), None)
