# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._define.condition import Conditions
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import Handle, HandleError, read_handles
from ansible_collections.background.jobs.tests.unit.helpers import entry

OURS = entry("backup", "queued", {"host": "web1"}, ansible_job_id="j1.0", results_file="/a/j1.0")
BUILTIN = {
    "ansible_job_id": "j2.3",
    "results_file": "/b/j2.3",
    "started": 1,
    "finished": 0,
    "changed": True,
}


LOOP_OVER_JOB = {"ansible_loop_var": "job"}


def looped(item: t.Any, **result: t.Any) -> dict[str, t.Any]:
    return {**BUILTIN, "item": item, "ansible_loop_var": "item", **result}


def found(registered: t.Any) -> list[tuple[str, str]]:
    return [(handle.jid, handle.name) for handle in read_handles(registered)]


@pytest.mark.parametrize("nothing", [None, "", [], (), {"results": []}, [[], None]], ids=repr)
def test_nothing_is_no_jobs(nothing: t.Any) -> None:
    assert read_handles(nothing) == []


def test_a_handle_of_ours_is_read_as_it_is() -> None:
    (handle,) = read_handles(OURS)
    assert (handle.jid, handle.name, handle.results_file, handle.host) == ("j1.0", "backup", "/a/j1.0", "web1")
    assert (handle.origin, handle.result) == ({}, None)


@pytest.mark.parametrize(
    ("registered", "jobs"),
    [
        ({"changed": False, "jobs": [{"ansible_job_id": "j1.0", "name": "a", "state": "running"}]}, [("j1.0", "a")]),
        ("j1.0", [("j1.0", "j1.0")]),
        (["j1.0", "j2.0"], [("j1.0", "j1.0"), ("j2.0", "j2.0")]),
        (BUILTIN, [("j2.3", "j2.3")]),
        ({**BUILTIN, "name": "a key of the module"}, [("j2.3", "j2.3")]),
        ({"results": [OURS, BUILTIN], "changed": True}, [("j1.0", "backup"), ("j2.3", "j2.3")]),
        ({**OURS, "results": [OURS]}, [("j1.0", "backup")]),
        ([[OURS], [[BUILTIN]], "j3.0"], [("j1.0", "backup"), ("j2.3", "j2.3"), ("j3.0", "j3.0")]),
        (
            {"results": [looped("a"), looped({"name": "b", "x": 1}), looped({"x": 1}), looped(7)]},
            [("j2.3", "a"), ("j2.3", "b"), ("j2.3", "x=1"), ("j2.3", "7")],
        ),
        (
            {"results": [{"results": [looped("a"), looped("b")]}, {"results": [looped("c")]}]},
            [("j2.3", "a"), ("j2.3", "b"), ("j2.3", "c")],
        ),
        ((dict(BUILTIN) for dummy in range(2)), [("j2.3", "j2.3")] * 2),
    ],
    ids=[
        "job_info",
        "a jid",
        "jids",
        "builtin",
        "builtin with a name",
        "results",
        "one job of ours",
        "nested lists",
        "a loop",
        "nested loops",
        "a generator",
    ],
)
def test_jobs_are_found_in_order_in_whatever_was_registered(registered: t.Any, jobs: list[tuple[str, str]]) -> None:
    assert found(registered) == jobs


def test_the_item_of_a_loop_stays_with_its_job() -> None:
    item = {"name": "redis"}
    (plain,) = read_handles({"results": [looped(item)]})
    assert plain.origin == {"item": item, "ansible_loop_var": "item"}
    named = {**BUILTIN, "pkg": item, "ansible_loop_var": "pkg", "index": 3, "ansible_index_var": "index"}
    (renamed,) = read_handles([named])
    assert renamed.origin == {
        "pkg": item,
        "item": item,
        "ansible_loop_var": "pkg",
        "index": 3,
        "ansible_index_var": "index",
    }
    assert renamed.name == "redis"


def test_the_item_of_an_outer_loop_serves_jobs_that_have_none() -> None:
    inner = {"results": [OURS, looped("own")], "item": "outer", "ansible_loop_var": "item"}
    assert [handle.origin["item"] for handle in read_handles({"results": [inner]})] == ["outer", "own"]


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        ({"skipped": True, "skip_reason": "Conditional result was False"}, "skipped", None),
        ({"failed": True, "msg": "no such module"}, "failed", "launch"),
        ({"unreachable": True, "msg": "no route"}, "lost", "unreachable"),
        ({"unreachable": True, "failed": True, "msg": "no route"}, "lost", "unreachable"),
        ({"skipped": True, "failed": False}, "skipped", None),
    ],
    ids=["skipped", "failed", "unreachable", "unreachable and failed", "skipped, not failed"],
)
def test_an_item_that_started_no_job_is_known_already(result: dict[str, t.Any], state: str, reason: str | None) -> None:
    first, second = read_handles({"results": [{**result, "item": "a", "ansible_loop_var": "item"}, looped("b")]})
    assert first.result is not None
    assert (first.result["job"]["state"], first.result["job"].get("reason")) == (state, reason)
    assert (first.result["started"], first.result["finished"]) == (False, True)
    assert (first.name, first.origin["item"]) == ("a", "a")
    assert (second.jid, second.result) == ("j2.3", None)


def test_a_job_that_was_waited_for_is_not_asked_for_again() -> None:
    its_own = {"rc": 3, "state": "its own"}
    failed = {**entry("backup", "failed", {"reason": "exit_code"}, ansible_job_id="j1.0"), **its_own}
    (handle,) = read_handles({"results": [failed]})
    assert handle.result == failed


@pytest.mark.parametrize(
    "result",
    [
        entry("a", "not_found", ansible_job_id="j1.0"),
        entry("a", "not_found", {"reason": "other_host"}, ansible_job_id="j1.0"),
        {**entry("a", "cancelled", {"reason": "cancelled"}, ansible_job_id="j1.0"), "failed": False},
        {**entry("a", "succeeded", ansible_job_id="j1.0"), "failed": True},
        entry("a", "running", ansible_job_id="j1.0"),
    ],
    ids=["not found", "elsewhere", "ended by cancel", "not what it says", "running"],
)
def test_a_job_whose_result_is_not_there_is_asked_for_again(result: dict[str, t.Any]) -> None:
    (handle,) = read_handles([result])
    assert (handle.jid, handle.name, handle.result) == ("j1.0", "a", None)


def test_a_job_that_halt_has_ended_is_not_taken_for_one_that_succeeded() -> None:
    ended = {**entry("a", "cancelled", {"reason": "halted"}, ansible_job_id="j1.0"), "failed": False}
    (handle,) = read_handles([ended])
    assert handle.result == ended


def test_all_that_a_handle_says_is_read() -> None:
    said = {"host": "web1", "user": "app", "group": "nightly", "no_log": True, "attached_as": "j2.0", "conditions": {}}
    (handle,) = read_handles([entry("a", "queued", said, ansible_job_id="j1.0", results_file="/a/j1.0", item=1)])
    assert handle == Handle(
        jid="j1.0",
        name="a",
        named=True,
        results_file="/a/j1.0",
        host="web1",
        user="app",
        group="nightly",
        attached_as="j2.0",
        no_log=True,
        origin={"item": 1},
        conditions=Conditions(),
    )


def test_jobs_of_job_info_say_it_flat() -> None:
    said = {"ansible_job_id": "j1.0", "name": "a", "state": "running", "results_file": "/a/j1.0", "host": "web1"}
    (handle,) = read_handles({"jobs": [{**said, "user": "app", "group": "nightly", "no_log": True, "builtin": False}]})
    assert (handle.name, handle.named, handle.host, handle.user) == ("a", True, "web1", "app")
    assert (handle.group, handle.no_log, handle.results_file, handle.result) == ("nightly", True, "/a/j1.0", None)


@pytest.mark.parametrize("finished", [0, 1, False, True])
@pytest.mark.parametrize(
    "own",
    [{"name": "nginx", "state": "running"}, {"job": {"name": "x"}}, {"job": {"state": "lost"}}, {"job": "text"}],
    ids=str,
)
def test_no_key_of_a_module_says_anything_of_a_job_of_builtin_async(own: dict[str, t.Any], finished: t.Any) -> None:
    told = {"host": "web9", "user": "evil", "group": "g", "no_log": True, "conditions": {"ignore_errors": True}}
    (handle,) = read_handles({**BUILTIN, **told, **own, "finished": finished})
    assert (handle.jid, handle.name, handle.results_file) == ("j2.3", "j2.3", "/b/j2.3")
    assert (handle.host, handle.user, handle.group, handle.no_log, handle.conditions) == (None, None, None, False, None)
    if finished:
        assert handle.result is not None
        said = {"name": "j2.3", "state": "succeeded", **({"shadowed": {"job": own["job"]}} if "job" in own else {})}
        assert handle.result["job"] == said
        assert {key: handle.result[key] for key in told} == told


def test_the_variable_of_a_loop_may_be_called_job() -> None:
    item = {"name": "nginx", "state": "running"}
    (handle,) = read_handles(
        [{**BUILTIN, "failed": False, "started": True, "finished": False, "job": item, **LOOP_OVER_JOB}]
    )
    assert (handle.name, handle.named, handle.origin["item"]) == ("nginx", False, item)
    ours = entry("mine", "queued", ansible_job_id="j1.0", item=item, **LOOP_OVER_JOB)
    (handle,) = read_handles([ours])
    assert (handle.name, handle.origin) == ("mine", {"item": item, **LOOP_OVER_JOB})


REGISTERED: dict[str, list[str]] = {
    "async_0": ["succeeded"],
    "async_0_failed": ["failed: exit_code"],
    "async_status": ["succeeded"],
    "dnf": ["succeeded"],
    "dnf_list": ["succeeded"],
    "dnf_nothing": ["succeeded"],
    "dnf_poll_1": ["succeeded"],
    "info_empty": [],
    "jobs": ["succeeded"],
    "jobs_poll_1": ["succeeded"],
    "launch_1": ["ask"],
    "launch_2": ["ask", "ask"],
    "loop_async_0": ["succeeded"] * 2,
    "loop_dict": ["ask"],
    "loop_dnf": ["succeeded"] * 2,
    "loop_empty": [],
    "loop_poll_0": ["ask", "ask"],
    "loop_poll_1": ["succeeded"] * 2,
    "loop_product": ["ask"],
    "loop_skipped": ["skipped"] * 2,
    "poll_0": ["ask"],
    "poll_1": ["succeeded"],
    "poll_1_failed": ["failed: exit_code"],
    "poll_1_timeout": ["ask"],
    "run_1_failed": ["failed: exit_code"],
    "skipped": ["skipped"],
    "started_poll_0": ["ask"],
    "started_poll_1": ["ask"],  # core waits in vain for a module that says "started" itself
    "unreachable": ["lost: unreachable"],
}
"""What tasks register (their names are in the files, which real runs have written), and what is to be made of it."""


@pytest.mark.parametrize("core", ["2.18.19", "2.22.0rc1"])
def test_what_tasks_really_register_is_understood(core: str) -> None:
    path = Path(__file__).with_name("registered") / f"{core}.json"
    registered = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for name, result in registered.items():
        handles = read_handles(result)
        assert all(handle.jid for handle in handles if handle.result is None)
        found[name] = [
            "ask" if each is None else ": ".join(filter(None, (each["job"]["state"], each["job"].get("reason"))))
            for each in (handle.result for handle in handles)
        ]
    assert found == REGISTERED


@pytest.mark.parametrize("core", ["2.18.19", "2.22.0rc1"])
@pytest.mark.parametrize("name", ["dnf", "dnf_nothing", "dnf_list", "dnf_poll_1", "jobs", "jobs_poll_1", "async_0"])
def test_a_final_result_keeps_what_the_module_returned(core: str, name: str) -> None:
    path = Path(__file__).with_name("registered") / f"{core}.json"
    registered = json.loads(path.read_text(encoding="utf-8"))[name]
    (handle,) = read_handles(registered)
    assert handle.result is not None
    assert {**handle.result, **handle.result["job"].get("shadowed", {})}.items() >= {
        (key, value) for key, value in registered.items() if isinstance(value, (str, int))
    }
    for key in ("results", "jobs"):
        assert handle.result.get(key) == registered.get(key)


def test_a_modules_own_words_for_its_state_are_kept_apart() -> None:
    (handle,) = read_handles(
        {"changed": True, "failed": False, "state": "running", "started": "12:00", "finished": False}
    )
    assert handle.result is not None
    assert (handle.result["state"], handle.result["started"], handle.result["finished"]) == ("running", True, True)
    assert handle.result["job"]["state"] == "succeeded"
    assert handle.result["job"]["shadowed"] == {"started": "12:00", "finished": False}


@pytest.mark.parametrize(
    "inside",
    [["Installed: vim"], [{"ansible_job_id": "j9.9", "state": "queued"}, OURS], [{"x": 1}], [], "text", {"a": 1}],
    ids=str,
)
@pytest.mark.parametrize("key", ["results", "jobs"])
def test_a_mapping_with_a_job_id_is_that_job_whatever_else_it_holds(key: str, inside: t.Any) -> None:
    assert found({**BUILTIN, key: inside, "started": True, "jobs_done": 3}) == [("j2.3", "j2.3")]


def test_a_launch_that_failed_started_nothing() -> None:
    (handle,) = read_handles({"failed": True, "changed": False, "msg": "no", "module_stdout": "", "rc": 1})
    assert handle.result is not None
    assert (handle.result["job"]["reason"], handle.result["started"]) == ("launch", False)
    (handle,) = read_handles({"failed": True, "changed": False, "msg": "404", "url": "http://a"})
    assert handle.result is not None
    assert (handle.result["job"]["reason"], handle.result["started"]) == ("module", True)


def test_what_is_nested_without_end_is_refused_or_ends() -> None:
    endless: t.Any = "j1.0"
    for dummy in range(5000):
        endless = [endless]
    with pytest.raises(HandleError, match="nested too deep"):
        read_handles(endless)
    result: dict[str, t.Any] = {"failed": False}
    for dummy in range(500):
        result = {"results": [result], "jobs": [result], "failed": False}
    (handle,) = read_handles(result)
    assert handle.result is not None and handle.result["job"]["state"] == "succeeded"


def test_a_job_whose_action_did_the_work_itself_is_known() -> None:
    (handle,) = read_handles({**entry("say", "succeeded"), "started": False})
    assert handle.result is not None and handle.name == "say"


@pytest.mark.parametrize(
    ("registered", "message"),
    [
        ({}, "there is no job in an empty mapping: give what background.jobs.launch returned"),
        ({"changed": False, "rc": 0}, "there is no job in a mapping with changed, rc: give what"),
        ({"results": [OURS, {"stdout": ""}]}, "there is no job in a mapping with stdout: give"),
        (5, "there is no job in 5: give"),
        (True, "there is no job in True: give"),
        ([OURS, 1.5], "there is no job in 1.5: give"),
        (b"j1.0", "there is no job in b'j1.0': give"),
        ({**BUILTIN, "ansible_job_id": 123.4}, "the job id 123.4 is not a string: quote it where it was stored"),
        ({**BUILTIN, "ansible_job_id": 1234}, "the job id 1234 is not a string: quote it where it was stored"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_job_is_refused(registered: t.Any, message: str) -> None:
    with pytest.raises(HandleError) as caught:
        read_handles(registered)
    assert str(caught.value).startswith(message)


def test_a_handle_starts_empty() -> None:
    assert Handle().origin == {} and Handle().result is None


def test_what_was_registered_is_given_a_name() -> None:
    assert found({"name": "mine", "job": BUILTIN}) == [("j2.3", "mine")]
    assert found([{"name": "mine", "job": "j1.0"}, OURS]) == [("j1.0", "mine"), ("j1.0", "backup")]
    assert found({"name": "all", "job": {"results": [looped("a"), OURS]}}) == [
        ("j2.3", "all (a)"),
        ("j1.0", "all (backup)"),
    ]
    (final,) = read_handles({"name": "mine", "job": {"rc": 0, "failed": False, "name": "its own"}})
    assert final.result is not None
    assert (final.name, final.result["job"]["name"], final.result["name"]) == ("mine", "mine", "its own")
    before = entry("old", "succeeded")
    (final,) = read_handles({"name": "mine", "job": before})
    assert final.result is not None
    assert (final.result["job"]["name"], before["job"]["name"]) == ("mine", "old"), "what was given is left alone"
    assert [handle.named for handle in read_handles([OURS, "j1.0", BUILTIN, {"name": "x", "job": "j1.0"}])] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["", " ", None, 3, "a\nb", "a\u202eb"])
def test_a_name_that_cannot_be_shown_is_refused(name: t.Any) -> None:
    with pytest.raises(HandleError, match=r"^the name .* of a job is no text, or is empty"):
        read_handles({"name": name, "job": BUILTIN})
