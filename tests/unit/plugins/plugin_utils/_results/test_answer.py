# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import dataclasses
import json
import typing as t

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.record import Record
from ansible_collections.background.jobs.plugins.module_utils._model.states import UNDECODABLE
from ansible_collections.background.jobs.plugins.module_utils._model.told import Info, Status
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell_record, tell_status
from ansible_collections.background.jobs.plugins.plugin_utils._results import answer as _answer
from ansible_collections.background.jobs.plugins.plugin_utils._results.answer import (
    DEEPEST,
    Nonsense,
    check_started,
    clean,
)
from ansible_collections.background.jobs.tests.unit.helpers import record

Answer = t.Dict[str, t.Any]
WRONG = (Nonsense, wire.WireError)


def said(kind: str, fields: Answer) -> wire.Answer:
    """What a host says, as it arrives."""
    return wire.decode_answer(json.dumps({"version": 1, "kind": kind, "answer": fields}))[0]


def statuses(told: Answer, jids: t.Sequence[str] | None) -> Answer:
    return _answer.statuses(said("statuses", told), jids)


def records(told: Answer) -> Answer:
    return _answer.records(said("started", told))


def listed(told: Answer) -> Answer:
    return _answer.listed(said("listed", told))


def pruned(told: Answer) -> Answer:
    return _answer.pruned(said("pruned", told))


def job(jid: str, result: Answer | None = None, state: str = "succeeded", **fields: t.Any) -> Answer:
    """What a host says of one job."""
    return tell_status(Status(jid, f"/a/{jid}", state, record=record(jid, state=state, **fields), result=result or {}))


def answer(*jobs: Answer, **fields: t.Any) -> Answer:
    return {"jobs": list(jobs), "user": "root", "final": True, **fields}


def changed(told: Answer, **fields: t.Any) -> Answer:
    """What a host says of a job, with other fields of its status."""
    return {**told, "status": json.dumps({**json.loads(told["status"]), **fields})}


def in_record(told: Answer, **fields: t.Any) -> Answer:
    return changed(told, record={**json.loads(told["status"])["record"], **fields})


# Matched


def test_statuses_come_in_the_order_that_was_asked_for() -> None:
    told = statuses(answer(job("j1.1", {"rc": 1}), job("j1.0", {"rc": 0})), ["j1.0", "j1.1"])
    assert [(status["jid"], status["result"]) for status in told["jobs"]] == [("j1.0", {"rc": 0}), ("j1.1", {"rc": 1})]
    assert (told["user"], told["final"], set(told)) == ("root", True, {"jobs", "user", "final"})


def test_a_status_has_all_fields_whatever_was_told() -> None:
    (status,) = statuses(answer(job("j1.0", {"rc": 0}, earlier=[{"rc": 1}], shadowed={"started": 5})), None)["jobs"]
    names = [field.name for field in dataclasses.fields(Status)]
    assert list(status) == [*names, "running_for", "changed", "survivors", "ended_as"]
    assert list(status["record"]) == [field.name for field in dataclasses.fields(Record)]
    assert (status["record"]["earlier"], status["record"]["shadowed"]) == ([{"rc": 1}], {"started": 5})


def test_what_could_not_be_ended_is_told_beside_the_status() -> None:
    survivors = [{"pid": 7, "owner": "root", "command": "sh", "started": "1"}]
    (status,) = statuses(answer({**job("j1.0"), "survivors": survivors}), None)["jobs"]
    assert status["survivors"] == survivors


def test_how_a_job_has_ended_is_told_in_one_of_a_few_words() -> None:
    (status,) = statuses(answer(changed(job("j1.0"), ended_as="changed")), None)["jobs"]
    assert status["ended_as"] == "changed"
    for wrong in ("failed", "ok: [web2]", 5):
        with pytest.raises(WRONG, match="ended_as is"):
            statuses(answer(changed(job("j1.0"), ended_as=wrong)), None)


def test_a_job_can_be_asked_for_twice() -> None:
    first, second = statuses(answer(job("j1.0"), job("j1.0")), ["j1.0", "j1.0"])["jobs"]
    assert first == second and first is not second


@pytest.mark.parametrize(
    ("told", "asked", "message"),
    [
        ([], ["j1.0"], "it tells nothing of job j1.0"),
        (["j1.0"], ["j1.0", "j1.1", "j1.2"], "it tells nothing of job j1.1 and 1 more"),
        (["j1.0", "j1.1"], ["j1.0"], "it tells of job j1.1, which it was not asked for"),
        (["j1.0", "j1.0"], ["j1.0"], "it tells of job j1.0 more often than it was asked for"),
        (["j1.0", "j1.0"], ["j1.0", "j1.1"], "it tells of job j1.0 more often than it was asked for"),
        (["j1.0", "j1.0"], None, "it tells of job j1.0 more than once"),
    ],
    ids=str,
)
def test_what_was_not_asked_for_is_no_answer(told: list[str], asked: list[str] | None, message: str) -> None:
    with pytest.raises(WRONG, match=message):
        statuses(answer(*map(job, told)), asked)


# Typed

ONE = job("j1.0", {"rc": 0})


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"jobs": [], "final": True}, "it has no user"),
        ({"jobs": 5, "user": "me"}, "jobs is 5, not a list"),
        ({"jobs": [5], "user": "me"}, r"jobs is \[5\], not a list"),
        (answer(ONE, user=5), "user is 5, not a text"),
        (answer(ONE, final="no"), "final is 'no', not true or false"),
        (answer(ONE, final=False), "it says that all jobs have ended, and that more will come"),
        (answer({**ONE, "status": 5}), "a part of it is no JSON"),
        (answer({**ONE, "status": "["}), "a part of it is no JSON"),
        (answer({**ONE, "status": "[]"}), r"a part of it is \[\], not a mapping"),
        (answer({**ONE, "status": "[" * 99999}), "a part of it is no JSON"),
        (answer({**ONE, "jid": "j1.1"}), "one status is for 'j1.1' and 'j1.0'"),
        (answer(changed(ONE, state="done")), r"there is no state 'done' \(job j1.0\)"),
        (answer(changed(ONE, state=None)), "state is None, not a text"),
        (answer(changed(ONE, results_file="/etc/passwd")), "results_file of j1.0 is '/etc/passwd'"),
        (answer(changed(ONE, ours_to_remove="yes")), "ours_to_remove is 'yes', not true or false"),
        (answer(changed(ONE, running_for="long")), "running_for is 'long', not a number"),
        (answer(changed(ONE, record=5)), "record is 5, not a mapping"),
        (answer(changed(ONE, record={})), "in a record, it is incomplete"),
        (answer(in_record(ONE, earlier=5, name=7)), "in a record, name is 7, not a text"),
        (answer(in_record(ONE, state="x")), "in a record, there is no state 'x'"),
        (answer(in_record(ONE, queued_at="x")), "in a record, queued_at is 'x', not a number"),
        (answer(in_record(ONE, survivors=[{"pid": 1}])), "it has no owner"),
        (answer({**ONE, "survivors": [{"pid": "1"}]}), "pid is '1', not a whole number"),
        (answer(changed(ONE, survivors=[{"pid": "1"}])), "pid is '1', not a whole number"),
        (answer(in_record(ONE, jid="../x")), r"'\.\./x' is no job id"),
        (answer({**ONE, "earlier": 5}), "earlier is 5, not a list"),
        (answer(ONE, output=5), "output is 5, not a mapping"),
        (answer(ONE, output={"j1.1": {}}), "it has output of job j1.1, which it was not asked for"),
        (answer(ONE, output={"j1.0": {"text": "", "next": 5}}), "it has no left_out"),
        (answer(ONE, output={"j1.0": {"text": "?", "next": 5, "left_out": 0}}), "the output of job j1.0 is no base64"),
        (answer(ONE, output={"j1.0": {"text": "", "next": -5, "left_out": 0}}), "is at -5, without 0 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_another_type_is_no_answer(told: Answer, message: str) -> None:
    with pytest.raises(WRONG, match=message):
        statuses(told, ["j1.0"])


def test_output_comes_with_what_there_is_of_it() -> None:
    output = {"j1.0": {"text": base64.b64encode(b"a\n").decode(), "next": 2, "left_out": 0}}
    assert statuses(answer(ONE, output=output), ["j1.0"])["output"] == output


def test_an_error_names_the_host() -> None:
    message = "the answer of web1 about its jobs makes no sense: "
    with pytest.raises(AnsibleActionFail, match=f"{message}it has no jobs"), _answer.reading_answer_of("web1"):
        statuses({}, [])
    with pytest.raises(AnsibleActionFail, match=f"{message}it tells of job j1.1 more"), _answer.reading_answer_of(
        "web1"
    ):
        statuses(answer(job("j1.1"), job("j1.1")), None)


@pytest.mark.parametrize(
    "look", [lambda told: _answer.statuses(told, []), _answer.records, _answer.listed, _answer.pruned]
)
def test_the_answer_to_something_else_is_none(look: t.Callable[[wire.Answer], t.Any]) -> None:
    with pytest.raises(Nonsense, match="it does not tell"):
        look(wire.Refusal("no room"))


# Decoded one by one

ODD = '{"body": {"__ansible_type": "nonsense"}}'
DIGITS = '{"rc": ' + "9" * 5000 + "}"


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is not a JSON object"),
        (5, "it is not told"),
        (["it is too large to be sent"], "it is too large to be sent"),
        (deep(DEEPEST + 1), f"it is nested {DEEPEST + 1} levels deep, and {DEEPEST} are possible"),
        (deep(99999), "it is nested too deeply"),
        (DIGITS, "Exceeds the limit"),
    ],
    ids=["cut", "list", "number", "not sent", "deep", "deeper", "digits"],
)
def test_a_result_that_cannot_be_decoded_costs_that_one_job(text: t.Any, message: str) -> None:
    told = statuses(answer(job("j1.0", {"rc": 0}), {**job("j1.1"), "result": text}), ["j1.0", "j1.1"])
    good, bad = told["jobs"]
    assert (good["state"], good["result"], good["ours_to_remove"]) == ("succeeded", {"rc": 0}, True)
    assert (bad["state"], bad["reason"], bad["result"]) == ("failed", UNDECODABLE, {})
    assert message in bad["message"]
    assert "it is kept on the host in /a/j1.1" in bad["message"] and not bad["ours_to_remove"]


def test_a_type_that_only_ansible_core_knows_costs_that_one_job() -> None:
    """Before 2.19 it is a mapping like any other."""
    told = statuses(answer({**job("j1.0"), "result": ODD}, job("j1.1", {"rc": 0})), ["j1.0", "j1.1"])["jobs"]
    assert told[0]["result"] == json.loads(ODD) or told[0]["reason"] == UNDECODABLE
    assert told[1]["result"] == {"rc": 0}


def test_an_earlier_attempt_that_cannot_be_decoded_costs_only_itself() -> None:
    told = {**job("j1.0", {"rc": 0}), "earlier": ["{", '{"rc": 1}']}
    (status,) = statuses(answer(told), None)["jobs"]
    assert (status["state"], status["result"]) == ("succeeded", {"rc": 0})
    bad, good = status["record"]["earlier"]
    assert bad["failed"] and "the result of this attempt cannot be taken" in bad["msg"]
    assert good == {"rc": 1}


def test_what_is_not_finished_has_no_result() -> None:
    told = {**job("j1.0", state="running"), "result": '{"rc": 0}'}
    (status,) = statuses(answer(told, final=False), None)["jobs"]
    assert status["result"] == {}


# Without what acts

ACTS: Answer = {
    "add_host": {"host_name": "other"},
    "add_group": "g",
    "ansible_stats": {"data": {"a": 1}},
    "failed_when_result": False,
    "changed_when_result": False,
    "unreachable": True,
    "ansible_loop_var": [],
    "ansible_index_var": "i",
    "_ansible_notify": ["h"],
    "_ansible_no_log": False,
    "_ansible_anything": 1,
}


@pytest.mark.parametrize("key", sorted(ACTS))
def test_no_key_that_ansible_core_acts_on_is_left(key: str) -> None:
    assert clean({"rc": 0, key: ACTS[key]}) == {"rc": 0}
    inside = {"rc": 0, "steps": [{"name": "a", key: ACTS[key]}, 5], "attempt_results": [{key: ACTS[key]}]}
    assert clean(inside) == {"rc": 0, "steps": [{"name": "a"}, 5], "attempt_results": [{}]}


@pytest.mark.parametrize("key", sorted(ACTS))
def test_data_of_a_module_stays_as_it_is(key: str) -> None:
    data = {"json": {key: ACTS[key]}, "results": [{key: ACTS[key]}], "steps": {key: ACTS[key]}}
    assert clean(data) == data


def test_facts_are_a_mapping_without_what_only_ansible_core_finds_out() -> None:
    facts = {"a": 1, "discovered_interpreter_python": "/x", "ansible_discovered_interpreter_python": "/x"}
    assert clean({"ansible_facts": facts}) == {"ansible_facts": {"a": 1}}
    assert clean({"ansible_facts": 5}) == {}


def test_results_of_all_kinds_are_cleaned_on_their_way() -> None:
    told = job("j1.0", {"rc": 0, **ACTS}, earlier=[{"rc": 1, **ACTS}], shadowed={"started": 1, **ACTS})
    (status,) = statuses(answer(told), None)["jobs"]
    assert (status["result"], status["record"]["earlier"]) == ({"rc": 0}, [{"rc": 1}])
    assert status["record"]["shadowed"] == {"started": 1}


# What else a host says


def started(*jids: str, **fields: t.Any) -> Answer:
    return {"records": [tell_record(record(jid, name=jid)) for jid in jids], "async_dir": "/a", **fields}


def test_records_come_with_what_was_asked_along() -> None:
    told = records(started("j1.0", "j1.1"))
    assert [each["jid"] for each in told["records"]] == ["j1.0", "j1.1"]
    assert (told["async_dir"], set(told)) == ("/a", {"records", "async_dir"})
    told = records(started("j1.0", statuses=answer(job("j1.0", {"rc": 0}))))
    assert told["jobs"][0]["result"] == {"rc": 0}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"records": 5, "async_dir": "/a"}, "records is 5, not a list"),
        ({"records": ["{}"], "async_dir": "/a"}, "in a record, it is incomplete"),
        (started("j1.0", async_dir="a"), "async_dir is 'a', not an absolute path"),
        (started("j1.0", async_dir=5), "async_dir is 5"),
        (started("j1.0", statuses=answer(job("j1.1"))), "it tells of job j1.1, which it was not asked for"),
        (started("j1.0", statuses={"jobs": []}), "it has no user"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_record_is_no_answer(told: Answer, message: str) -> None:
    with pytest.raises(WRONG, match=message):
        records(told)


@pytest.mark.parametrize(
    ("found", "attach", "message"),
    [
        (["a.0"], False, "it tells of 1 jobs, and 2 were sent"),
        (["a.0", "b.2"], False, r"it tells of job b \(b.2\) in place of b \(b.1\)"),
        (["b.1", "a.0"], True, r"it tells of job b \(b.1\) in place of a \(a.0\)"),
        (["a.0", "b.2"], True, None),
        (["a.0", "b.1"], False, None),
    ],
    ids=str,
)
def test_jobs_that_were_not_sent_were_not_started(found: list[str], attach: bool, message: str | None) -> None:
    told = [{"jid": jid, "name": jid[0]} for jid in found]
    sent = [("a.0", "a"), ("b.1", "b")]
    if message is None:
        check_started(told, sent, attach)
        return
    with pytest.raises(WRONG, match=message):
        check_started(told, sent, attach)


INFO = dataclasses.asdict(
    Info(
        "j1.0",
        "a",
        None,
        "failed",
        "module",
        "m",
        "me",
        None,
        7,
        None,
        None,
        None,
        1,
        None,
        1,
        0,
        "/a/j1.0",
        False,
        False,
    )
)


def test_what_is_listed_and_pruned_comes_as_it_is_and_without_anything_else() -> None:
    told = {"jobs": [{**INFO, **ACTS}], "elsewhere": 1, "user": "me", "async_dir": "/a", "add_host": 1}
    assert listed(told) == {"jobs": [INFO], "elsewhere": 1, "user": "me", "async_dir": "/a"}
    told = {"files": ["/a/x"], "error": None, "jobs": [INFO], "kept": [{**INFO, **ACTS}], "add_group": "g"}
    assert pruned(told) == {"jobs": [INFO], "kept": [INFO], "files": ["/a/x"], "error": None}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "it has no jobs"),
        ({"jobs": [{}], "elsewhere": 1, "user": "me", "async_dir": "/a"}, "it has no ansible_job_id"),
        ({"jobs": [5], "elsewhere": 1, "user": "me", "async_dir": "/a"}, "jobs is"),
        ({"jobs": [{**INFO, "age": "old"}], "elsewhere": 1, "user": "me", "async_dir": "/a"}, "age is 'old'"),
        ({"jobs": [{**INFO, "state": "x"}], "elsewhere": 1, "user": "me", "async_dir": "/a"}, "in state 'x'"),
        ({"jobs": [], "elsewhere": "1", "user": "me", "async_dir": "/a"}, "elsewhere is '1'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_list_of_jobs_is_no_answer(told: Answer, message: str) -> None:
    with pytest.raises(WRONG, match=message):
        listed(told)
