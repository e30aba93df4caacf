# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of one job, and the status file it is kept in.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A status file is one JSON object. Its top level is what `ansible.builtin.async_status` expects: `started`,
`finished` and `ansible_job_id`, and after the end the module's own result. Everything of ours lives under the one
key in `KEY`. A module whose result uses one of the three names of the top level gets them back from
`record.shadowed`, so its result is never changed by being stored.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model import fields as _fields
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    QUEUED,
    STATES,
    UNFINISHED,
)

KEY = "background_jobs"
"""The key of a status file that holds the record; also how a reader tells our files from builtin async's."""

FORMAT = 1
"""Version of the record. A reader refuses a larger one by name instead of guessing."""

_TOP_LEVEL = ("started", "finished", "ansible_job_id")


@dataclasses.dataclass
class Record:
    """One job as its status file tells it.

    Times ending in `_at` are wall-clock seconds since the epoch, for showing only; `elapsed` and the limits are
    seconds of the monotonic clock of the target. `earlier` are the results of the attempts before the last one.
    `conditions` is for the controller, which judges the result by it. `survivors` are processes of a job with the
    reason `NOT_ENDED` that could not be ended: `pid`, `started`, `owner` and `command` of each. `truncated` are
    the keys of the result whose texts were cut.
    """

    jid: str
    name: str
    batch: str
    state: str = QUEUED
    reason: str | None = None
    message: str | None = None
    node: str | None = None
    user: str | None = None
    boot_id: str | None = None
    supervisor_pid: int | None = None
    supervisor_start: str | None = None
    pid: int | None = None
    pid_start: str | None = None
    queued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    elapsed: float | None = None
    timeout: float = 0
    kill_after: float = 10
    leave_children: bool = False
    attempts: int = 0
    earlier: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    group: str | None = None
    lock: str | None = None
    no_log: bool = False
    conditions: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    shadowed: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    survivors: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    truncated: list[str] = dataclasses.field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether the state is a final one."""
        return self.state not in UNFINISHED


class RecordError(Exception):
    """A status file whose content cannot be what a supervisor wrote."""


class NewerRecord(RecordError):
    """A status file that the supervisor of a newer release wrote; the message is a clause."""


def encode_record(record: Record, result: t.Mapping[str, t.Any] | None = None) -> dict[str, t.Any]:
    """Build the content of a status file.

    :arg record: the job; its `shadowed` is computed here.
    :arg result: the module's own result, only for a finished job.
    :returns: an object that `decode_record` turns back into both, unchanged.
    """
    document: dict[str, t.Any] = dict(result or {})
    shadowed = {key: document[key] for key in (*_TOP_LEVEL, KEY) if key in document}
    document.update(started=True, finished=record.finished, ansible_job_id=record.jid)
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    document[KEY] = {"format": FORMAT, **fields, "shadowed": shadowed}
    return document


def decode_record(document: t.Mapping[str, t.Any]) -> tuple[Record | None, dict[str, t.Any]]:
    """Take a status file apart. A time or another number that was damaged is as if it was never told.

    :returns: the record, `None` for a file of builtin async, and the module's own result (empty while unfinished).
    :raises RecordError: the record is none.
    :raises NewerRecord: it is of a newer format.
    """
    result = dict(document)
    raw = result.pop(KEY, None)
    if raw is None:
        return None, result
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise RecordError(f"the key '{KEY}' of the status file is not a record of background.jobs")
    if raw["format"] > FORMAT:
        raise NewerRecord(
            f"a newer release of background.jobs has started the job (its status file has format {raw['format']}, and "
            f"this release reads up to {FORMAT}); use that release, or update the collection on this controller"
        )
    try:
        record = record_of(_fields.repaired(Record, raw))
    except RecordError as exc:
        raise RecordError(f"the record of the status file makes no sense: {exc}") from exc
    for key in _TOP_LEVEL:
        result.pop(key, None)
    result.update(record.shadowed)
    return record, result


def record_of(fields: t.Mapping[str, t.Any], states: t.Collection[str] = STATES) -> Record:
    """:returns: the record with these fields; what is no field of it is left out.

    :arg states: those that it can have.
    :raises RecordError: one is missing, or has a value that it cannot have.
    """
    wrong = _fields.wrong(Record, fields)
    if wrong is None and fields.get("state", QUEUED) not in states:
        wrong = f"there is no state {fields['state']!r}"
    if wrong is not None:
        raise RecordError(wrong)
    names = {field.name for field in dataclasses.fields(Record)}
    try:
        return Record(**{key: value for key, value in fields.items() if key in names})
    except TypeError as exc:
        raise RecordError(f"it is incomplete: {exc}") from exc


def told_of(survivors: t.Iterable[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """:returns: what a result tells of processes that could not be ended (see `_processes.tree.describe_processes`)."""
    return [{key: one[key] for key in ("pid", "owner", "command")} for one in survivors]
