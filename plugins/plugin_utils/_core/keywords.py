# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to write in place of the keywords `async` and `poll` on a task with one of our actions.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Instead:
    """Clauses for one action.

    `of_async` says what to do in place of `async`, `of_poll_0` in place of `poll=0`, and `of_poll` in place of any
    other `poll`. `{}` is the number in each of them.
    """

    of_async: str
    of_poll_0: str
    of_poll: str


_NOTHING = "leave 'poll' out"
ASKING = Instead("it only asks", _NOTHING, _NOTHING)
CANCEL = Instead("it takes no longer than the jobs take to end", _NOTHING, _NOTHING)
PRUNE = Instead("it takes no time to speak of", _NOTHING, _NOTHING)
LAUNCH = Instead(
    "its jobs are detached as it is; give their limit with its option 'timeout: {}'",
    "it does not wait as it is: leave 'poll' out",
    "it does not wait: background.jobs.run does, and tells how they stand every 'progress_interval: {}' seconds",
)
RUN = Instead(
    "its jobs are detached as it is; give their limit with its option 'timeout: {}'",
    "to go on without waiting, use background.jobs.launch in its place",
    "how often to tell how they stand is its option 'progress_interval: {}'; their end is noticed at once",
)
WAIT = Instead(
    "it waits on the target as it is, whatever becomes of the connection; its limit is its option 'wait_timeout: {}'",
    "it is there to wait; to look without waiting, use background.jobs.async_status",
    "how often to tell how the jobs stand is its option 'progress_interval: {}'; their end is noticed at once",
)


def refusal(action: str, instead: Instead, seconds: int, poll: int | None) -> str | None:
    """Say what is wrong with the keywords `async` and `poll` of a task.

    :arg action: the name of its action.
    :arg seconds: its `async`, 0 where it has none.
    :arg poll: its `poll`, `None` where it has none but the default.
    :returns: a sentence, `None` where it has neither.
    """
    given, clauses = [], []
    if seconds:
        given.append(f"'async: {seconds}'")
        clauses.append(instead.of_async.format(seconds))
    if poll is not None:
        given.append(f"'poll: {poll}'")
        clauses.append(instead.of_poll.format(poll) if poll else instead.of_poll_0)
    return f"{' and '.join(given)} cannot be used with {action}: {'; '.join(clauses)}" if given else None
