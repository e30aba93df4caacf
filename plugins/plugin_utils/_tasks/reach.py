# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reaching a host whose connection breaks: its jobs do not depend on that.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import say
from ansible_collections.background.jobs.plugins.plugin_utils._define.duration import in_words
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction

_FIRST, _AGAIN = 0.5, 5.0
"""Seconds between two attempts to reach a host again, at first and at most."""
_MARGIN = 2.0
"""Seconds that starting ssh may take."""

display = Display()


def reach(
    action: JobAction,
    ask: t.Callable[[], dict[str, t.Any]],
    grace: float,
    notice: str,
    meanwhile: str,
    failure: AnsibleConnectionFailure | None = None,
) -> dict[str, t.Any]:
    """Ask, and where the connection breaks, reset it and ask again.

    :arg grace: how many seconds the host may be out of reach.
    :arg notice: what to say of it when it breaks.
    :arg meanwhile: how it stands about the jobs, for the message when the host stays out of reach.
    :arg failure: how it broke, if it did so already.
    :raises AnsibleConnectionFailure: it was for longer.
    """
    lost: float | None = None
    pause = _FIRST
    while True:
        try:
            if failure is not None:
                raise failure
            answer = ask()
        except AnsibleConnectionFailure as exc:
            failure = None
            now = time.monotonic()
            if lost is None:
                lost = now
                if grace:
                    say(display, f"{action.host}: {notice}; trying for {in_words(grace)}")
            if now - lost >= grace:
                since = f"has been out of reach for {in_words(now - lost)}" if grace else "is out of reach"
                raise AnsibleConnectionFailure(f"{action.host} {since}; {meanwhile}: {one_line(exc.message)}") from None
            time.sleep(pause)
            pause = min(2 * pause, _AGAIN)
            reset(action)
        else:
            if lost is not None:
                say(display, f"{action.host}: connected again")
            return answer


def had_connected(action: JobAction, seconds: float) -> bool:
    """:returns: whether a round trip that failed after `seconds` had a connection: connecting takes less than that.

    The time for that is the option `timeout` of the connection, for each of `reconnection_retries`, with the pauses
    between them, which are at most 30 seconds in ansible-core's ssh.
    """
    options = action._connection.get_options()
    retries = int(options.get("reconnection_retries") or 0)
    return seconds > float(options.get("timeout") or 10) * (retries + 1) + 30 * retries + _MARGIN


def reset(action: JobAction) -> None:
    """Close what is left of a connection, so that the next use makes a new one."""
    with contextlib.suppress(Exception):  # whatever a connection plugin makes of it
        action._connection.reset()
