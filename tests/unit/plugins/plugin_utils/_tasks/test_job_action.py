# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.background.jobs.plugins.module_utils._launcher import program
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.plugins.module_utils._reader.answer import tell
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import job_action
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction, NoAnswer
from ansible_collections.background.jobs.tests.unit.helpers import entry


@pytest.fixture
def action() -> t.Any:
    """An action on an ordinary host, without the machinery of a play around it."""
    action: t.Any = JobAction.__new__(JobAction)
    action._task = types.SimpleNamespace(delegate_to=None, action="background.jobs.wait", async_val=0, no_log=False)
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


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"failed": True, "msg": "no room"}, "could not start jobs on web1: no room"),
        (
            {"rc": 127, "msg": "x", "module_stdout": "sh: not found"},
            "could not start jobs on web1: there is no Python at /usr/bin/python3",
        ),
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\nOSError: y"},
            "MODULE FAILURE (OSError: y)",
        ),
        ({}, "could not start jobs on web1: no answer"),
        ({"changed": True}, "could not start jobs on web1: no answer"),
    ],
    ids=["failed", "no Python", "crashed", "empty", "not ours"],
)
def test_an_answer_that_is_none_fails_with_its_cause(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any], message: str
) -> None:
    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: "/srv/jobs", raising=False)
    monkeypatch.setattr(action, "_execute_module", lambda **arguments: answer)
    with pytest.raises(AnsibleActionFail) as caught:
        action.start("batch", {})
    assert message in str(caught.value)


class Ssh:
    """A connection with the option `pipelining`, as a user has set it, or not."""

    transport = "ssh"
    become: t.Any = object()

    def __init__(self, pipelining: bool = False, origin: str = "default") -> None:
        self.options = {"pipelining": (pipelining, origin)}

    def get_option_and_origin(self, name: str) -> tuple[bool, str]:
        return self.options[name]

    def set_option(self, name: str, value: bool) -> None:
        self.options[name] = value, "Direct"  # as ansible-core notes it


class Target:
    """Stands for what is behind `_execute_module`: a sudo that wants a terminal, if `tty`."""

    def __init__(self, connection: Ssh, tty: bool = False) -> None:
        self.connection = connection
        self.tty = tty
        self.saw: list[bool] = []

    def __call__(self, **arguments: t.Any) -> dict[str, t.Any]:
        self.saw.append(self.connection.get_option_and_origin("pipelining")[0])
        if self.tty and self.saw[-1]:
            return {"failed": True, "rc": 1, "module_stderr": "sudo: sorry, you must have a tty to run sudo"}
        return {"records": [], "async_dir": "/a"}


def use(action: t.Any, monkeypatch: pytest.MonkeyPatch, target: Target) -> None:
    action._connection = target.connection
    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: "/srv/jobs", raising=False)
    monkeypatch.setattr(action, "_execute_module", target)


def test_a_module_travels_on_stdin_where_nobody_has_set_pipelining(
    action: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(Ssh())
    use(action, monkeypatch, target)
    for dummy in range(2):  # the items of a loop have one connection
        action.start("batch", {})
        assert target.connection.get_option_and_origin("pipelining")[0] is False
    assert target.saw == [True, True]


@pytest.mark.parametrize("pipelining", [True, False])
def test_what_the_user_has_set_is_obeyed(action: t.Any, monkeypatch: pytest.MonkeyPatch, pipelining: bool) -> None:
    target = Target(Ssh(pipelining, "/etc/ansible/ansible.cfg"))
    use(action, monkeypatch, target)
    action.start("batch", {})
    assert target.saw == [pipelining]
    assert target.connection.options["pipelining"] == (pipelining, "/etc/ansible/ansible.cfg")


def test_a_sudo_that_wants_a_terminal_gets_one(action: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(Ssh(), tty=True)
    use(action, monkeypatch, target)
    action.start("batch", {})
    assert target.saw == [True, False]


def test_a_failure_for_lack_of_a_terminal_is_told_where_pipelining_was_asked_for(
    action: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(Ssh(True, "env: ANSIBLE_PIPELINING"), tty=True)
    use(action, monkeypatch, target)
    with pytest.raises(AnsibleActionFail, match="you must have a tty"):
        action.start("batch", {})
    assert target.saw == [True]


def test_questions_and_batches_go_to_the_async_directory(action: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, t.Any]] = []

    def execute(**arguments: t.Any) -> dict[str, t.Any]:
        sent.append(arguments)
        jobs = [tell(Status("j1", "/a/j1", "running"))] if len(sent) > 1 else []
        return {"jobs": jobs, "records": [], "async_dir": "/a"}

    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: f"<{option}>", raising=False)
    monkeypatch.setattr(action, "_execute_module", execute)
    action.start("packed", {"a": 1})
    action.ask(["j1"], "status", {"a": 1}, False, patience=5)
    action.cancel({"jobs": ["j1"], "mode": "kill"}, {"a": 1}, False, {"j1": "/b/j1"})
    assert [call["module_name"] for call in sent] == [
        "background.jobs.async_wrapper",
        "background.jobs.async_status",
        "background.jobs.cancel",
    ]
    assert sent[0]["module_args"] == {"async_dir": "<async_dir>", "batch": "packed", "program": program.packed()}
    assert sent[1]["module_args"] == {
        "jids": ["j1"],
        "mode": "status",
        "_question": {"async_dir": "<async_dir>", "patience": 5},
    }
    assert sent[2]["module_args"] == {
        "jobs": ["j1"],
        "mode": "kill",
        "_question": {"async_dir": "<async_dir>", "results_files": {"j1": "/b/j1"}},
    }
    assert {call["task_vars"]["a"] for call in sent} == {1}


@pytest.mark.parametrize(
    ("secret", "verbosity", "quiet"), [(True, 3, True), (True, 2, None), (False, 4, None)], ids=str
)
def test_an_answer_that_may_hold_secrets_is_not_shown_by_the_connection(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, secret: bool, verbosity: int, quiet: bool | None
) -> None:
    seen = []
    context = types.SimpleNamespace(no_log=None)

    def execute(**dummy: t.Any) -> dict[str, t.Any]:
        seen.append(context.no_log)
        return {"jobs": [tell(Status("j1", "/a/j1", "running"))]}

    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: default, raising=False)
    monkeypatch.setattr(action, "_execute_module", execute)
    monkeypatch.setattr(action, "_connection", types.SimpleNamespace(_play_context=context))
    monkeypatch.setattr(job_action.display, "verbosity", verbosity)
    action.ask(["j1"], "status", {}, secret)
    assert seen == [quiet] and context.no_log is None


@pytest.mark.parametrize("piped", [True, False])
def test_a_question_is_asked_along_only_where_no_file_would_hold_the_batch_meanwhile(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, piped: bool
) -> None:
    sent: list[dict[str, t.Any]] = []

    def execute(**arguments: t.Any) -> dict[str, t.Any]:
        sent.append(arguments["module_args"])
        return {"records": [], "async_dir": "/a"}

    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: default, raising=False)
    monkeypatch.setattr(action, "_is_pipelining_enabled", lambda style: piped)
    monkeypatch.setattr(action, "_execute_module", execute)
    action.start("packed", {}, {"patience": 5})
    assert sent[0].get("_question") == ({"patience": 5} if piped else None)


@pytest.mark.parametrize(
    ("answer", "silent"),
    [
        ({"rc": 137, "module_stdout": "", "module_stderr": "Killed", "failed": True}, True),
        ({"rc": 127, "module_stdout": "sh: not found", "failed": True}, False),
        ({"failed": True, "msg": "no room"}, False),
    ],
    ids=["killed", "no Python", "a word"],
)
def test_a_module_without_a_word_is_told_from_one_that_refused(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any], silent: bool
) -> None:
    monkeypatch.setattr(action, "get_shell_option", lambda option, default=None: default, raising=False)
    monkeypatch.setattr(action, "_execute_module", lambda **dummy: answer)
    with pytest.raises(AnsibleActionFail) as raised:
        action.start("packed", {})
    assert isinstance(raised.value, NoAnswer) is silent


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


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"failed": True, "msg": "swordfish"}, "could not start jobs on web1; no_log hides why"),
        ({"rc": 1, "msg": "x", "module_stdout": "sudo: no"}, r"could not start jobs on web1: x \(sudo: no\)"),
    ],
)
def test_no_log_hides_what_a_module_of_ours_says_and_not_what_stands_in_its_way(
    action: t.Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any], message: str
) -> None:
    action._task.no_log = True
    monkeypatch.setattr(action, "_module", lambda *dummy: answer)
    with pytest.raises(AnsibleActionFail, match=f"^{message}$"):
        action._call("x", {}, {}, "start jobs")
