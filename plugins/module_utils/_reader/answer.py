# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is answered about jobs: each status, and each result, as a text of its own (see `_model.wire`).

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import whole
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import LOST, SKIPPED, SUCCEEDED, UNREADABLE
from ansible_collections.background.jobs.plugins.module_utils._model.told import CHANGED, OK, Status
from ansible_collections.background.jobs.plugins.module_utils._model.wire import Question, Statuses
from ansible_collections.background.jobs.plugins.module_utils._reader.tail import Tails
from ansible_collections.background.jobs.plugins.module_utils._reader.wait import LocatedJob, wait_for_jobs
from ansible_collections.background.jobs.plugins.module_utils._store.directory import user_name
from ansible_collections.background.jobs.plugins.module_utils._supervisor.news import News

_SECRETS = "_ansible_new_secrets"
_LARGEST = 64 * 1024 * 1024
"""Characters that the result of a job may have as JSON."""

_LEVELS, _CHARACTERS = 20, 1024 * 1024
"""How deeply a result may be nested, and how long its texts may be, for it to be certain that it can be taken."""


class Unsendable(Exception):
    """A result that cannot travel; the message says why, as the end of a sentence."""


def take_secrets(status: Status) -> list[str]:
    """Take out of a job's results what ansible-core 2.22 wants masked: it reads that at the top level of an answer.

    :returns: the secrets of the job's module, of the steps of a `block` and of earlier attempts. What is no list of
        texts is none.
    """
    results = [status.result]
    if status.record is not None:
        results += status.record.earlier
    found: list[str] = []
    for result in results:
        steps = result.get("steps")
        for run in [result, *(steps if isinstance(steps, list) else [])]:
            secrets = run.pop(_SECRETS, None) if isinstance(run, dict) else None
            if isinstance(secrets, list) and all(isinstance(secret, str) for secret in secrets):
                found += secrets
    return found


def tell_status(status: Status, **beside: t.Any) -> dict[str, t.Any]:
    """:returns: what an answer says of one job: `jid`, `status` as JSON without its results, and these.

    The module's `result`, the results of `earlier` attempts and what the record has `shadowed` are each JSON, or a
    list with the one sentence why it cannot be sent.

    :arg beside: what else there is to say of the status.
    """
    record = status.record
    try:
        told = as_json({**_without(status, "result", "record"), **beside, "record": _plain(record)})
    except Unsendable as exc:
        lost = Status(status.jid, status.results_file, LOST, UNREADABLE, f"of its record: {exc}")
        told = as_json({**_without(lost, "result"), **beside})
    return {
        "jid": status.jid,
        "status": told,
        "result": _sendable(status.result),
        "earlier": [_sendable(earlier) for earlier in record.earlier] if record is not None else [],
        "shadowed": _sendable(record.shadowed if record is not None else {}),
    }


def tell_record(record: Record) -> str:
    """:returns: a record as JSON, without what modules returned."""
    return as_json(_plain(record))


def _plain(record: Record | None) -> dict[str, t.Any] | None:
    return None if record is None else _without(record, "earlier", "shadowed")


def _without(values: t.Any, *names: str) -> dict[str, t.Any]:
    """:returns: the fields of a dataclass but these."""
    return {field.name: getattr(values, field.name) for field in dataclasses.fields(values) if field.name not in names}


def _sendable(result: t.Mapping[str, t.Any]) -> str | list[str]:
    try:
        return as_json(result)
    except Unsendable as exc:
        return [str(exc)]


def as_json(value: t.Any) -> str:
    """:returns: `value` as JSON in which no lone surrogates are: where they stand for bytes, U+FFFD does.

    :raises Unsendable: it is nested too deeply, or too large.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise Unsendable("it is nested too deeply to be sent") from None
    if len(text) > _LARGEST:
        raise Unsendable(f"it is too large to be sent ({len(text)} characters, {_LARGEST} are possible)")
    return whole(text)


def plain(value: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: `value` without lone surrogates, which stand for bytes."""
    result: dict[str, t.Any] = json.loads(as_json(value))
    return result


def foretold(status: Status) -> str:
    """:returns: what the result of a job that has succeeded will say: `ok`, `changed` or `skipped`; nothing where
    there is no such result, or where it is one that the controller may not be able to take.
    """
    if status.state != SUCCEEDED or not _is_ordinary(status.result):
        return ""
    if status.result.get("skipped"):
        return SKIPPED
    return CHANGED if status.result.get("changed") else OK


def _is_ordinary(result: t.Mapping[str, t.Any]) -> bool:
    level: list[t.Any] = [result]
    size = 0
    for dummy in range(_LEVELS):
        inside: list[t.Any] = []
        for each in level:
            if isinstance(each, dict):
                if any(key.startswith("__ansible_") for key in each):  # a type of ansible-core's, or nonsense
                    return False
                inside += each.values()
            elif isinstance(each, list):
                inside += each
            elif isinstance(each, str):
                size += len(each)
        if size > _CHARACTERS:
            return False
        if not inside:
            return True
        level = inside
    return False


def wait_and_tell(
    jobs: t.Sequence[LocatedJob],
    question: Question,
    results: bool = True,
    started: t.Sequence[Record] = (),
    news: News | None = None,
) -> tuple[Statuses, list[str], list[Status]]:
    """Wait for jobs as `question` says.

    :arg results: whether to tell the results of the jobs, once nobody will ask again.
    :arg started: see `_reader.wait.wait`, and so for `news`.
    :returns: the answer, the secrets that are in it, and the statuses that it tells. `final` in it is whether all jobs
        are finished, or nobody will ask again.
    """
    start = time.monotonic()
    tails = None if question.offsets is None else Tails(jobs, question.offsets)
    statuses = wait_for_jobs(
        jobs, question.patience, question.report, question.known, tails, started=started, news=news
    )
    time_is_up = time.monotonic() - start >= question.patience
    final = all(status.finished for status in statuses) or (question.last and time_is_up)
    secrets: list[str] = []
    now = time.time()
    early = [foretold(status) if not (final and results) else "" for status in statuses]
    for status in statuses:
        if not (final and results):
            status.result = {}
            if status.record is not None:
                status.record.earlier, status.record.shadowed = [], {}
        secrets += take_secrets(status)
    told = [
        tell_status(status, running_for=status.running_for(now), **({"ended_as": ended_as} if ended_as else {}))
        for status, ended_as in zip(statuses, early)
    ]
    answer = Statuses(told, user_name(os.geteuid()), final)
    if tails is not None:
        output = tails.read({status.jid for status in statuses if status.finished})
        answer.output = {jid: dataclasses.asdict(each) for jid, each in output.items()}
    return answer, secrets, statuses
