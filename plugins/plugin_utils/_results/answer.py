# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host answers, before anything looks at it: matched, typed, decoded job by job, and without what acts.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A host is not trusted. Its answer can be wrong in every field, by accident or on purpose. It reaches the play as the
results of its own jobs, and nothing in it makes ansible-core do something.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import json
import os
import typing as t

from ansible.errors import AnsibleActionFail

from ansible_collections.background.jobs.plugins.module_utils._model import fields as _fields
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.ids import is_meant
from ansible_collections.background.jobs.plugins.module_utils._model.names import is_jid
from ansible_collections.background.jobs.plugins.module_utils._model.record import (
    Record,
    RecordError,
    record_of,
)
from ansible_collections.background.jobs.plugins.module_utils._model.states import (
    ANSWERS,
    FAILED,
    LOST,
    NOT_FOUND,
    UNDECODABLE,
    UNFINISHED,
)
from ansible_collections.background.jobs.plugins.module_utils._model.told import (
    FORETOLD,
    Info,
    Output,
    Status,
)
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat

DEEPEST = 100
"""How deeply the result of a job may be nested. Some 250 levels are more than ansible-core can take."""

_ACTED_ON = frozenset(("ansible_stats", *compat.INTERNAL_RESULT_KEYS))
"""Keys by which the result of a task has ansible-core change its inventory or its statistics."""
_JUDGED_BY = frozenset(("failed_when_result", "changed_when_result", "break_when_result", "unreachable"))
"""Keys by which ansible-core judges a task, or a loop by its items. They are its own, not a module's."""
_OF_A_LOOP = frozenset(("ansible_loop", "ansible_loop_var", "ansible_index_var"))
"""Keys in which ansible-core keeps which item of a loop a result is for."""
_DISCOVERED = ("discovered_interpreter_", "ansible_discovered_interpreter_")
"""Facts that only ansible-core itself may set."""
_INSIDE = ("steps", "attempt_results")
"""Keys with further results."""


class Nonsense(Exception):
    """An answer that no host gives that works as it should; the message says what is wrong with it."""


class Unbelievable(AnsibleActionFail):
    """What a host answered makes no sense, so nobody knows what it has done."""


@contextlib.contextmanager
def reading_answer_of(host: str) -> t.Iterator[None]:
    """Look at an answer.

    :arg host: whose it is.
    :raises Unbelievable: it makes no sense.
    """
    try:
        yield
    except (Nonsense, wire.WireError) as exc:
        message = f"the answer of {host} about its jobs makes no sense: {exc}"
        raise Unbelievable(message) from None  # type: ignore[no-untyped-call]


@dataclasses.dataclass
class Extra:
    """What is told of a job beside its status: its seconds so far, whether it was ended, which processes were not.

    `ended_as` is what `_reader.answer.foretold` says.
    """

    running_for: float | None = None
    changed: bool = False
    survivors: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    ended_as: str = ""


@dataclasses.dataclass
class Survivor:
    """A process that could not be ended, as `_processes.tree.describe_processes` tells of it."""

    pid: int
    owner: str
    command: str


def statuses(answer: wire.Answer, jids: t.Sequence[str] | None) -> dict[str, t.Any]:
    """Check what a host says about jobs.

    :arg jids: the jobs that were asked for; `None` where the host was to find them.
    :returns: `jobs`, in the order of `jids`, each with the fields of `Status` and `Extra`, `user`, `final`, and
        `output` with the fields of `Output` by jid, if there is any.
    :raises Nonsense: that is not what it says.
    """
    if not isinstance(answer, wire.Statuses):
        raise Nonsense("it does not tell how jobs stand")
    found = [_status(each) for each in answer.jobs]
    matched = _matched(found, jids)
    kept = {"jobs": matched, "user": compat.unsafe(answer.user), "final": answer.final}
    if not answer.final and matched and all(status["state"] not in UNFINISHED for status in matched):
        raise Nonsense("it says that all jobs have ended, and that more will come")
    if answer.output is not None:
        kept["output"] = _output(answer.output, {status["jid"] for status in matched})
    return kept


def records(answer: wire.Answer) -> dict[str, t.Any]:
    """Check what a host says about jobs that it has started.

    :returns: `records`, each with the fields of `Record`, and `async_dir`; and what `statuses` does, if the host
        was asked for them in the same round trip.
    :raises Nonsense: that is not what it says.
    """
    if not isinstance(answer, wire.Started):
        raise Nonsense("it does not tell of jobs that were started")
    if not os.path.isabs(answer.async_dir):
        raise Nonsense(f"async_dir is {answer.async_dir!r}, not an absolute path")
    found = [_record(_plain(each)) for each in answer.records]
    kept: dict[str, t.Any] = {
        "records": [dataclasses.asdict(record) for record in found],
        "async_dir": compat.unsafe(answer.async_dir),
    }
    if answer.statuses is not None:
        kept.update(statuses(answer.statuses, [record.jid for record in found]))
    return kept


def check_started(found: t.Sequence[t.Mapping[str, t.Any]], sent: t.Sequence[tuple[str, str]], attach: bool) -> None:
    """Check that the jobs of these records are those that were sent.

    :arg sent: their jids and names.
    :arg attach: whether another job of the same name may stand for one of them.
    :raises Nonsense: they are not.
    """
    if len(found) != len(sent):
        raise Nonsense(f"it tells of {len(found)} jobs, and {len(sent)} were sent")
    for record, (jid, name) in zip(found, sent):
        if record["name"] != name or (record["jid"] != jid and not attach):
            raise Nonsense(f"it tells of job {record['name']} ({record['jid']}) in place of {name} ({jid})")
    if len({record["jid"] for record in found}) != len(found):
        raise Nonsense("it tells of one job more than once")


def listed(answer: wire.Answer) -> dict[str, t.Any]:
    """:returns: what a host says is in an async directory: the fields of `_model.wire.Listed`.

    :raises Nonsense: that is not what it says.
    """
    if not isinstance(answer, wire.Listed):
        raise Nonsense("it does not tell which jobs there are")
    beside = {"elsewhere": answer.elsewhere, "user": answer.user, "async_dir": answer.async_dir}
    return t.cast("dict[str, t.Any]", compat.unsafe({"jobs": _infos(answer.jobs), **beside}))


def pruned(answer: wire.Answer) -> dict[str, t.Any]:
    """:returns: what a host says that it has removed: the fields of `_model.wire.Pruned`.

    :raises Nonsense: that is not what it says.
    """
    if not isinstance(answer, wire.Pruned):
        raise Nonsense("it does not tell what was removed")
    told = {"jobs": _infos(answer.jobs), "kept": _infos(answer.kept), "files": answer.files, "error": answer.error}
    return t.cast("dict[str, t.Any]", compat.unsafe(told))


def clean(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: what a module returned, without the keys that make ansible-core do something, or judge by them.

    The same goes for the results of steps and of earlier attempts in it. Data below that stays as it is.
    """
    kept = {key: value for key, value in result.items() if not _acts(key)}
    facts = kept.get("ansible_facts")
    if isinstance(facts, dict):
        kept["ansible_facts"] = {name: value for name, value in facts.items() if not name.startswith(_DISCOVERED)}
    else:
        kept.pop("ansible_facts", None)
    for key in _INSIDE:
        if isinstance(kept.get(key), list):
            kept[key] = [clean(item) if isinstance(item, dict) else item for item in kept[key]]
    return kept


def _acts(key: str) -> bool:
    return key.startswith("_ansible_") or key in _ACTED_ON or key in _JUDGED_BY or key in _OF_A_LOOP


def _status(told: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the status of one job."""
    beside = {field.name: told[field.name] for field in dataclasses.fields(Extra) if field.name in told}
    fields = {**_plain(told.get("status")), **beside}
    _check(Status, fields)
    _check(Extra, fields)
    jid, path = fields.get("jid"), fields.get("results_file")
    if not isinstance(jid, str) or jid != told.get("jid"):
        raise Nonsense(f"one status is for {told.get('jid')!r} and {jid!r}")
    is_file = isinstance(path, str) and os.path.isabs(path) and is_jid(os.path.basename(path))
    if not is_file and (path != jid or is_jid(jid)):  # a job that several wait for is in a file of another name
        raise Nonsense(f"results_file of {jid} is {path!r}")
    if fields.get("state") not in ANSWERS:
        raise Nonsense(f"there is no state {fields.get('state')!r} (job {jid})")
    if fields.get("ended_as", "") not in FORETOLD:
        raise Nonsense(f"ended_as is {fields['ended_as']!r} (job {jid})")
    record = fields.get("record")
    status = Status(
        **{field.name: fields[field.name] for field in dataclasses.fields(Status) if field.name in fields},
    )
    if record is not None:
        status.record = _record(record)
    if status.finished:
        _add_results(status, told)
    extra = Extra(**{field.name: fields[field.name] for field in dataclasses.fields(Extra) if field.name in fields})
    _check_survivors(extra.survivors)
    record_fields = None if status.record is None else _as_dict(status.record)
    return {**_as_dict(status), "record": record_fields, **_as_dict(extra)}


def _as_dict(of: t.Any) -> dict[str, t.Any]:
    """:returns: the fields of a dataclass; what is in them stays, such as the typed errors of ansible-core 2.19."""
    return {field.name: getattr(of, field.name) for field in dataclasses.fields(of)}


def _record(fields: t.Mapping[str, t.Any]) -> Record:
    try:
        record = record_of({**fields, "earlier": [], "shadowed": {}}, ANSWERS)
    except RecordError as exc:
        raise Nonsense(f"in a record, {exc}") from None
    if not is_jid(record.jid):
        raise Nonsense(f"{record.jid!r} is no job id")
    _check_survivors(record.survivors)
    return record


def _check_survivors(told: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    for each in told:
        _check(Survivor, each, missing=True)


def _add_results(status: Status, told: t.Mapping[str, t.Any]) -> None:
    """Decode what a job and its earlier attempts returned. What cannot be decoded is the failure of that one job."""
    earlier = told.get("earlier", [])
    if not isinstance(earlier, list):
        raise Nonsense(f"earlier is {earlier!r:.60}, not a list (job {status.jid})")
    try:
        status.result = _result(told.get("result", "{}"))
        shadowed = _result(told.get("shadowed", "{}"))
    except compat.Undecodable as exc:
        if status.state not in (LOST, NOT_FOUND):
            status.state, status.reason = FAILED, UNDECODABLE
        kept = f"; it is kept on the host in {status.results_file}" if status.ours_to_remove else ""
        status.message = f"its result cannot be taken: {exc}{kept}"
        status.result, shadowed, status.ours_to_remove = {}, {}, False
    if status.record is None:
        return
    status.record.shadowed = shadowed
    for text in earlier:
        try:
            status.record.earlier.append(_result(text))
        except compat.Undecodable as exc:
            status.record.earlier.append({"failed": True, "msg": f"the result of this attempt cannot be taken: {exc}"})


def _result(text: t.Any) -> dict[str, t.Any]:
    """:raises compat.Undecodable: it is none; the message is the end of a sentence."""
    if isinstance(text, list) and len(text) == 1:
        raise compat.Undecodable(str(text[0])[:200])
    if not isinstance(text, str):
        raise compat.Undecodable("it is not told")
    try:
        depth = _depth(json.loads(text))
    except ValueError as exc:
        raise compat.Undecodable(str(exc)) from None
    except RecursionError:
        raise compat.Undecodable("it is nested too deeply") from None
    if depth > DEEPEST:
        raise compat.Undecodable(f"it is nested {depth} levels deep, and {DEEPEST} are possible")
    result = compat.decode_result(text)
    if not isinstance(result, dict):
        raise compat.Undecodable("it is not a JSON object")
    return clean(result)


def _depth(value: t.Any) -> int:
    """:returns: how many lists and mappings are within each other."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inside = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level = [child for children in inside for child in children]
    return depth - 1


def _plain(text: t.Any) -> dict[str, t.Any]:
    """:returns: what is told by a module of ours, in which nothing is of a type that ansible-core has to know.

    :raises Nonsense: it is no such thing.
    """
    try:
        told = compat.unsafe(json.loads(text))
    except (TypeError, ValueError, RecursionError) as exc:
        raise Nonsense(f"a part of it is no JSON: {exc}") from None
    if not isinstance(told, dict):
        raise Nonsense(f"a part of it is {told!r:.60}, not a mapping")
    return told


def _matched(found: t.Sequence[dict[str, t.Any]], jids: t.Sequence[str] | None) -> list[dict[str, t.Any]]:
    """:returns: the statuses in the order in which they were asked for, by their ids or by short ones."""
    told = collections.Counter(status["jid"] for status in found)
    if jids is None:
        twice = [jid for jid, count in told.items() if count > 1]
        if twice:
            raise Nonsense(f"it tells of job {twice[0]} more than once")
        return list(found)
    meant = {jid: jid if jid in told else next((whole for whole in told if is_meant(jid, whole)), None) for jid in jids}
    asked = collections.Counter(meant[jid] or jid for jid in jids)
    missing, others = list(asked - told), list(told - asked)
    if others:
        fault = " more often than it was asked for" if others[0] in asked else ", which it was not asked for"
        raise Nonsense(f"it tells of {_some(others)}{fault}")
    if missing:
        raise Nonsense(f"it tells nothing of {_some(missing)}")
    status = {each["jid"]: each for each in found}
    return [dict(status[meant[jid] or jid]) for jid in jids]


def _some(jids: t.Sequence[str]) -> str:
    more = f" and {len(jids) - 1} more" if len(jids) > 1 else ""
    return f"job {jids[0]}{more}"


def _infos(told: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    infos = []
    for each in told:
        _check(Info, each, missing=True)
        if each["state"] not in ANSWERS or not is_jid(each["ansible_job_id"]):
            raise Nonsense(f"there is no job {each['ansible_job_id']!r} in state {each['state']!r}")
        _check_survivors(each["survivors"])
        infos.append({field.name: each[field.name] for field in dataclasses.fields(Info)})
    return infos


def _output(told: t.Any, jids: t.Collection[str]) -> dict[str, dict[str, t.Any]]:
    if not isinstance(told, dict):
        raise Nonsense(f"output is {told!r:.60}, not a mapping")
    found = {}
    for jid, fields in told.items():
        if jid not in jids or not isinstance(fields, dict):
            raise Nonsense(f"it has output of job {jid}, which it was not asked for")
        _check(Output, fields, missing=True)
        try:
            base64.b64decode(fields["text"], validate=True)
        except ValueError:
            raise Nonsense(f"the output of job {jid} is no base64") from None
        if min(fields["next"], fields["left_out"]) < 0:
            raise Nonsense(f"the output of job {jid} is at {fields['next']}, without {fields['left_out']} bytes")
        found[jid] = {field.name: fields[field.name] for field in dataclasses.fields(Output)}
    return found


def _check(kind: t.Any, values: t.Mapping[str, t.Any], missing: bool = False) -> None:
    """:raises Nonsense: one of these fields has a value that it cannot have, or is missing."""
    clause = _fields.wrong(kind, values)
    if clause is None and missing:
        absent = [field.name for field in dataclasses.fields(kind) if field.name not in values]
        clause = f"it has no {absent[0]}" if absent else None
    if clause is not None:
        raise Nonsense(clause)
