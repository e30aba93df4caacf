# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a round trip to a host has failed before the whole of a request was sent there: half of one does nothing.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Where that is certain nothing can have been started, and nobody has to ask the host. Else nothing is claimed.
"""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure

_MARKS = re.compile(r"(?:via|over) ssh: ")
"""Behind this ansible-core gives what ssh(1) has printed."""
_REST = re.compile(r"debug[1-3]: |OpenSSH_|Connection (to|closed by|reset by) \S+ port \d+|banner exchange: ")
"""Lines with which ssh explains no more than it has said before."""
_BEFORE = re.compile(
    r"ssh: connect to host \S+ port \d+: "
    r"|ssh: Could not resolve hostname "
    r"|\S+: Permission denied \([\w.,@-]+\)\.$"
    r"|Host key verification failed\.$"
    r"|Connection timed out during banner exchange$"
    r"|(kex|ssh)_exchange_identification: "
)
"""What ssh prints last only if it comes to no session: it has not reached the host, or has not been let in."""


class Unsent(AnsibleConnectionFailure):
    """The connection failed before the request was sent."""


def told_by_ssh(message: str) -> bool:
    """:returns: whether ssh(1) says that it has come to no session, with the last that it says of a cause.

    :arg message: of a connection failure. What a host has printed may stand before that.
    """
    lines = _MARKS.split(message, maxsplit=1)[-1].splitlines()
    causes = [line for line in map(str.strip, lines) if line and not _REST.match(line)]
    return bool(causes) and _BEFORE.match(causes[-1]) is not None


def is_unsent(connection: t.Any, failure: AnsibleConnectionFailure) -> bool:
    """:returns: whether it is certain that a round trip with one command has failed before all that
        belongs to the command was sent.

    With `reconnection_retries` ssh may have been let in before the last time, so nothing is certain then.
    """
    if int(connection.get_options().get("reconnection_retries") or 0):
        return False
    if isinstance(failure, AnsibleAuthenticationFailure):
        return True
    if isinstance(failure.__context__, BrokenPipeError):  # ssh ended while it was given the request
        return True
    if connection.transport == "ssh":
        return told_by_ssh(failure.message)
    return connection.transport.startswith("paramiko") and not connection.connected
