# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host tells the controller: the types that both sides have in common.

PRIVATE to the collection background.jobs. Do not use this from other collections.

Nothing else is in here: each worker of the controller compiles what it imports of a collection anew.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import RUNNING, SKIPPED, STOPPED, UNFINISHED

OK, CHANGED = "ok", "changed"
FORETOLD = ("", OK, CHANGED, SKIPPED)
"""What `foretold` may say."""


def seen_as(state: str, reason: str | None) -> str:
    """:returns: what is compared to tell whether there is something new to say about a job."""
    return STOPPED if reason == STOPPED else state


@dataclasses.dataclass
class Status:
    """A job as a reader sees it. `record` is `None` for a job of builtin async, and where there is no file to read.

    `ours_to_remove` tells whether a clean-up may remove the file: not one that another host or user still needs.
    """

    jid: str
    results_file: str
    state: str
    reason: str | None = None
    message: str | None = None
    record: Record | None = None
    result: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    ours_to_remove: bool = True

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in UNFINISHED

    def running_for(self, now: float) -> float | None:
        """:returns: the seconds since a running job of ours was started, `None` for any other.

        :arg now: seconds since the epoch.
        """
        if self.state != RUNNING or self.record is None or self.record.started_at is None:
            return None
        return max(0.0, now - self.record.started_at)


@dataclasses.dataclass
class Output:
    """Some output of a job. `text` is base64, since it may be anything; `next` is the offset behind it.

    `left_out` is how many bytes before it are not told.
    """

    text: str
    next: int
    left_out: int = 0


@dataclasses.dataclass
class Info:
    """What is told of one job. `None` is what is not known, or what there is not.

    `pid` and `supervisor_pid` are processes that run now. Times are ISO 8601 in UTC. `elapsed` and `timeout` are
    seconds, and so is `age`: since the job ended; of one that is not finished, since it was launched; of one that is
    lost, since its last sign of life. `rc` is the return code that its module gave. `survivors` are processes that
    could not be ended and still run.
    """

    ansible_job_id: str
    name: str
    group: str | None
    state: str
    reason: str | None
    message: str | None
    user: str
    pid: int | None
    supervisor_pid: int | None
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    age: float
    elapsed: float | None
    attempts: int | None
    timeout: float | None
    results_file: str
    builtin: bool
    no_log: bool
    trace: str | None = None
    rc: int | None = None
    survivors: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
