# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell_status
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, door
from ansible_collections.background.jobs.plugins.plugin_utils._core.door import Said
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import job_action
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, NoAnswer
from ansible_collections.background.jobs.tests.unit.helpers import entry


@pytest.fixture
def action() -> t.Any:
    """An action on an ordinary host, without the machinery of a play around it."""
    action: t.Any = JobAction.__new__(JobAction)
    action._task = types.SimpleNamespace(
        delegate_to=None, action="background.jobs.wait", async_val=0, no_log=False, check_mode=False
    )
    action._connection = types.SimpleNamespace(transport="ssh", _shell=types.SimpleNamespace(SHELL_FAMILY="sh"))
    action._play_host = "web1"
    action._used_interpreter = "/usr/bin/python3"
    return action


def test_it_works_on_the_host_of_the_play_or_of_the_delegation(action: t.Any) -> None:
    assert action.host == "web1"
    action._task.delegate_to = "db1"
    assert action.host == "db1"


def test_a_posix_host_is_taken(action: t.Any) -> None:
    action._check_target()


def test_a_windows_host_is_refused(action: t.Any) -> None:
    action._connection._shell._IS_WINDOWS = True
    with pytest.raises(AnsibleActionFail, match=r"web1 is a Windows host: background.jobs needs a POSIX target"):
        action._check_target()


@pytest.mark.parametrize("transport", ["network_cli", "netconf", "httpapi"])
def test_a_network_device_is_refused(action: t.Any, transport: str) -> None:
    action._connection.transport = transport
    with pytest.raises(AnsibleActionFail, match=f"web1 is reached by connection {transport}, whose modules run on the"):
        action._check_target()


def program(monkeypatch: pytest.MonkeyPatch, *said: wire.Answer | Said) -> list[wire.Request]:
    """Let these come back from the host, one after the other; returns the requests that go there."""
    sent: list[wire.Request] = []

    def send(action: t.Any, request: wire.Request, task_vars: t.Any) -> Said:
        assert task_vars == {"a": 1}
        sent.append(request)
        each = said[len(sent) - 1]
        return (
            each if isinstance(each, Said) else Said(0, wire.MARK + wire.encode_answer(each, ["secret"]).decode(), "")
        )

    monkeypatch.setattr(compat, "register_secrets", lambda secrets: None)
    monkeypatch.setattr(door, "send_request", send)
    monkeypatch.setattr(JobAction, "get_shell_option", lambda action, option, default=None: f"<{option}>")
    return sent


NOBODY = wire.Statuses([], "root")


def test_a_request_goes_to_the_async_directory_and_its_answer_is_checked(
    action: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = wire.Statuses([tell_status(Status("j1", "/a/j1", "running"))], "root", False)
    sent = program(monkeypatch, wire.Started([], "/a"), wire.Started([], "/a", NOBODY), running, running)
    action.send_batch(b"packed", {"a": 1})
    assert action.send_batch(b"packed", {"a": 1}, {"patience": 5})["jobs"] == []
    assert action.ask(["j1"], "status", {"a": 1}, False, patience=5)["jobs"][0]["state"] == "running"
    action._task.check_mode = True
    action.send_cancel({"jobs": ["j1"], "mode": "kill", "results_files": {"j1": "/b/j1"}}, {"a": 1}, False)
    question = wire.Question("<async_dir>", patience=5)
    assert sent == [
        wire.Launch("<async_dir>", None, b"packed"),
        wire.Launch("<async_dir>", question, b"packed"),
        wire.Ask(["j1"], "status", question, False),
        wire.Cancel("<async_dir>", ["j1"], "kill", results_files={"j1": "/b/j1"}, dry=True),
    ]


def test_secrets_in_an_answer_are_masked_from_then_on(action: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[t.Any] = []
    program(monkeypatch, NOBODY)
    monkeypatch.setattr(compat, "register_secrets", registered.append)
    action.ask([], "status", {"a": 1}, False)
    assert registered == [["secret"]]


@pytest.mark.parametrize(
    ("said", "hidden", "message"),
    [
        (wire.Refusal("no room"), False, "could not start jobs on web1: no room"),
        (wire.Refusal("swordfish"), True, "could not start jobs on web1; no_log hides why"),
        (NOBODY, False, "the answer of web1 about its jobs makes no sense: it does not tell of jobs"),
        (Said(0, wire.MARK + "{", ""), False, "the answer of web1 about its jobs makes no sense: it is no JSON"),
        (Said(127, "sh: not found", ""), False, "could not start jobs on web1: there is no Python at /usr/bin/python3"),
        (Said(1, "", "Traceback\nOSError: y"), True, "could not start jobs on web1: no answer (OSError: y)"),
    ],
    ids=["refused", "hidden", "other", "nonsense", "no Python", "crashed"],
)
def test_what_is_no_answer_fails_with_its_cause(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, said: t.Any, hidden: bool, message: str
) -> None:
    """No_log hides what the program says of jobs, and not what stands in its way."""
    action._task.no_log = hidden
    program(monkeypatch, said)
    with pytest.raises(AnsibleActionFail) as caught:
        action.send_batch(b"", {"a": 1})
    assert message in str(caught.value)
    assert isinstance(caught.value, NoAnswer) is ("OSError" in message)


@pytest.mark.parametrize(
    ("secret", "verbosity", "quiet"), [(True, 3, True), (True, 2, None), (False, 4, None)], ids=str
)
def test_an_answer_that_may_hold_secrets_is_not_shown_by_the_connection(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, secret: bool, verbosity: int, quiet: bool | None
) -> None:
    program(monkeypatch, NOBODY)
    seen = []
    context = types.SimpleNamespace(no_log=None)
    send = door.send_request

    def watched(*arguments: t.Any) -> Said:
        seen.append(context.no_log)
        return send(*arguments)

    monkeypatch.setattr(door, "send_request", watched)
    monkeypatch.setattr(action, "_connection", types.SimpleNamespace(_play_context=context))
    monkeypatch.setattr(job_action.display, "verbosity", verbosity)
    action.ask([], "status", {"a": 1}, secret)
    assert seen == [quiet] and context.no_log is None


def test_a_python_that_was_found_on_the_way_is_a_fact() -> None:
    found = {"ansible_facts": {"discovered_interpreter_python": "/p"}, "warnings": ["w"]}
    assert job_action._with_discovery({"changed": False}, found) == {"changed": False, **found}
    both = job_action._with_discovery({"ansible_facts": {"a": 1}, "warnings": ["v"]}, found)
    assert both == {"ansible_facts": {"discovered_interpreter_python": "/p", "a": 1}, "warnings": ["v", "w"]}


@pytest.mark.parametrize("censors", [True, False])
@pytest.mark.parametrize(
    ("task", "job", "kept"),
    [(False, False, True), (True, False, False), (False, True, False), (True, True, False)],
)
def test_no_log_takes_what_ansible_core_shows_all_the_same(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, task: bool, job: bool, kept: bool, censors: bool
) -> None:
    said: list[str] = []
    monkeypatch.setattr(job_action, "say", lambda display, text: said.append(text))
    monkeypatch.setattr(compat, "CENSORS_MESSAGES", censors)
    action._task.no_log = task
    loose = {"exception": "swordfish", "warnings": ["swordfish"], "deprecations": [{"msg": "swordfish"}]}
    secret = entry("a", "queued", {"no_log": True})
    inner = [{"x": 1}, secret, "odd"]
    result = {"failed": True, "msg": "1 of 1 job did not succeed\x1b", "ansible_job_id": "j1.0", **loose}
    result["results"] = inner
    told = action._told({**result, **({"_ansible_no_log": True} if job else {})})
    assert ("swordfish" in str(told)) is kept
    mark = {"_ansible_no_log": True}
    assert told["results"] == [{"x": 1, **(mark if task else {})}, {**secret, **mark}, "odd"]
    assert said == ([] if kept or not censors else [r"web1: 1 of 1 job did not succeed\x1b"])


@pytest.mark.skipif(compat.core_messages is None, reason="ansible-core shows no error beside the message")
def test_the_error_beside_a_message_counts_and_does_not_tell_the_causes_again(action: t.Any) -> None:
    action.headline = "2 of 2 jobs did not succeed on we\x1bb1"
    failed = {"failed": True, "msg": "2 of 2 jobs did not succeed on web1: a, b failed: exit code 3"}
    event = action._told(failed)["exception"].event
    assert (event.msg, event.formatted_traceback) == (r"2 of 2 jobs did not succeed on we\x1bb1", failed["msg"])
    assert action._told({**failed, "exception": "of the module"})["exception"] == "of the module"
    assert "exception" not in action._told({**failed, "failed": False})


def test_the_message_of_a_module_stays_and_is_not_shown_with_no_log(action: t.Any) -> None:
    action._msg_is_ours = False
    module = {"failed": True, "msg": "sword\x1b\nfish", "exception": "sword\x1b\nfish"}
    told = action._told(module)
    error = getattr(told["exception"], "event", None)
    assert told["msg"] == module["msg"]
    assert (told["exception"] if error is None else error.formatted_traceback) == "sword\\x1b\nfish"
    assert (None if error is None else error.msg) == (None if compat.core_messages is None else r"sword\x1b fish")
    told = action._told({**module, "_ansible_no_log": True, "ansible_job_id": "1.2"})
    assert told["msg"] == module["msg"] and "sword" not in str(told.get("exception"))


@pytest.mark.skipif(compat.core_messages is None, reason="ansible-core shows no error beside the message")
def test_the_error_that_ansible_core_makes_of_the_message_of_a_module_is_visible(action: t.Any) -> None:
    action._msg_is_ours = False
    told = action._told({"failed": True, "msg": "a\x1b[2J\nfatal: [other]"})
    assert (told["msg"], told["exception"].event.msg) == ("a\x1b[2J\nfatal: [other]", r"a\x1b[2J fatal: [other]")
    assert "exception" not in action._told({"failed": True, "msg": "plain"})
