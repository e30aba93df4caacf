# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import sys
import types
import typing as t

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.background.jobs.plugins.plugin_utils._core import relay
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import read_handles
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import interrupt
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.interrupt import (
    STAND,
    STARTED,
    Left,
    Way,
    command,
    open_handle,
    stands,
)
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction


def left(*states: str, **fields: t.Any) -> Left:
    handles = [open_handle(f"j1.{number}", f"job {number}", state) for number, state in enumerate(states)]
    return Left(handles, **fields)


@pytest.mark.parametrize(
    ("jobs", "sentence"),
    [
        (left("running"), "1 job still runs on web1 (job 0)"),
        (
            left("running", "succeeded", "queued"),
            "2 jobs still run on web1 (job 0, job 2), 1 job ended, its result waits to be collected",
        ),
        (left("failed", "succeeded"), "2 jobs ended on web1, their results wait to be collected"),
        (
            left("running", doubt=STAND),
            "It is not known how 1 job stands on web1 (job 0): the host was not able to say so in time",
        ),
        (left(*["queued"] * 7), "7 jobs still run on web1 (job 0, job 1, job 2, job 3, job 4 and 2 more)"),
        (
            left("queued", doubt=STARTED),
            "It is not known whether 1 job of this task started on web1 (job 0): the host was not able to say so "
            "in time; background.jobs.job_info shows them, if they did, with ids that begin with j1",
        ),
    ],
)
def test_a_sentence_says_what_still_runs_and_what_is_not_known(jobs: Left, sentence: str) -> None:
    assert stands(jobs, "web1") == sentence


def test_names_are_hidden_where_the_task_hides_them() -> None:
    assert stands(left("running"), "web1", hidden=True) == "1 job still runs on web1"


def test_many_jobs_of_a_group_are_named_by_it() -> None:
    many = left(*["running"] * 21, group="nightly build")
    assert command("background.jobs.cancel", many, Way("web1", ("-b",))) == (
        'ansible web1 -b -m background.jobs.cancel -a \'{"group": "nightly build"}\''
    )
    assert command("background.jobs.wait", left("running", group="g"), Way("web1")) == (
        'ansible web1 -m background.jobs.wait -a \'{"jobs": ["j1.0"]}\''
    )


def test_what_is_left_can_be_waited_for_again_though_it_has_ended() -> None:
    result = interrupt.interrupted_result(left("succeeded", "running"), "why", action())
    assert [(handle.jid, handle.result) for handle in read_handles(result)] == [("j1.0", None), ("j1.1", None)]
    assert (result["failed"], result["finished"], result["changed"]) == (True, False, False)


def test_a_look_finds_what_was_started() -> None:
    jobs = left("queued", "queued", doubt=STARTED)
    status = {"record": {"user": "app"}, "state": "running", "results_file": "/a/j1.0"}
    jobs.find([status, {**status, "record": None}])
    assert jobs.doubt == STARTED
    jobs.find([status, status])
    assert jobs.doubt is None
    assert [handle["job"]["state"] for handle in jobs.handles] == ["running", "running"]
    assert jobs.handles[0]["results_file"] == "/a/j1.0"
    assert jobs.handles[0]["job"]["user"] == "app"


def action(**task: t.Any) -> t.Any:
    """An action on an ordinary host, without the machinery of a play around it."""
    made: t.Any = JobAction.__new__(JobAction)
    defaults = {"delegate_to": None, "no_log": False, "become": False, "remote_user": None, "timeout": 3}
    made._task = types.SimpleNamespace(**{**defaults, **task})
    made._connection = types.SimpleNamespace(transport="ssh")
    made._play_host = "web1"
    made.get_shell_option = lambda name, default: default
    return made


@pytest.mark.parametrize(
    ("task", "given", "options"),
    [
        ({}, {}, ()),
        ({}, {"inventory": ("/srv/hosts", "/srv/more")}, ("-i", "/srv/hosts", "-i", "/srv/more")),
        ({"delegate_to": "db1"}, {}, ("-i", "db1,")),
        ({"remote_user": "admin"}, {"become_ask_pass": True}, ("-u", "admin", "-K")),
        ({"become": True, "become_method": "sudo", "become_user": "app"}, {}, ("-b", "--become-user", "app")),
        ({"become": True, "become_method": "su", "become_user": None}, {}, ("-b", "--become-method", "su")),
    ],
)
def test_a_command_reaches_the_host_as_the_task_does(
    monkeypatch: pytest.MonkeyPatch, task: dict[str, t.Any], given: dict[str, t.Any], options: tuple[str, ...]
) -> None:
    monkeypatch.setattr(context, "CLIARGS", given)
    assert Way.of(action(**task)).options == options


def test_a_directory_and_a_connection_that_are_not_the_usual_ones_are_said() -> None:
    made = action()
    made.get_shell_option = lambda name, default: "/srv/async"
    made._connection = types.SimpleNamespace(transport="local")
    assert Way.of(made).options == ("-c", "local", "-e", "ansible_async_dir=/srv/async")


class TaskTimeoutError(BaseException):
    """As ansible-core calls it."""


@pytest.mark.parametrize(
    ("raised", "result"),
    [
        (TaskTimeoutError(), {"timedout": {"period": 3}, "failed": True}),
        (AnsibleConnectionFailure("it is away"), {"unreachable": True}),
        (AnsibleActionFail("no answer"), {"failed": True}),
    ],
)
def test_whatever_ends_a_task_names_the_jobs_it_has_started(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, result: dict[str, t.Any]
) -> None:
    made = action()

    def run(tmp: t.Any, task_vars: t.Any) -> t.Any:
        made.left = left("running", "running")
        raise raised

    def fail(tmp: t.Any, task_vars: t.Any) -> t.Any:
        try:
            return run(tmp, task_vars)
        except AnsibleActionFail as exc:
            return made._left_behind(exc.message)

    monkeypatch.setattr(made, "_run", fail)
    told = made.run(None, {"inventory_hostname": "web1"})
    assert {key: told[key] for key in result} == result
    assert [each["ansible_job_id"] for each in told["results"]] == ["j1.0", "j1.1"]
    assert "2 jobs still run on web1 (job 0, job 1)" in told["msg"]


@pytest.mark.parametrize("raised", [TaskTimeoutError(), AnsibleConnectionFailure("it is away"), KeyboardInterrupt()])
def test_a_task_that_has_started_nothing_ends_as_any_other(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    made = action()

    def run(tmp: t.Any, task_vars: t.Any) -> t.Any:
        raise raised

    monkeypatch.setattr(made, "_run", run)
    with pytest.raises(type(raised)):
        made.run()


def test_a_result_that_stands_is_the_result() -> None:
    made = action()
    made.left = left("succeeded", result={"failed": False, "results": ["all of it"]})
    assert made._left_behind("whatever") == {"failed": False, "results": ["all of it"]}
    assert made._notice() is None


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noticed_and_then_does_what_it_does(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    read_end, write_end = os.pipe()
    monkeypatch.setattr(relay, "_TERMINAL", write_end)
    heard: list[int] = []
    before = signal.signal(number, lambda number, frame: heard.append(number))
    try:
        with interrupt.noticing(lambda: "2 jobs\n"):
            os.kill(os.getpid(), number)
        assert os.read(read_end, 100) == b"2 jobs\n"
        assert heard == [number]
    finally:
        signal.signal(number, before)
        os.close(read_end)
        os.close(write_end)


def in_a_process_of_its_own(function: t.Callable[[], int]) -> int:
    """:returns: the result of `function`, in a process as a worker is one: with no other thread that signals reach."""
    pid = os.fork()
    if not pid:
        sys.unraisablehook = lambda unraisable: os._exit(9)  # Python has reported something on the terminal
        try:
            os._exit(function())
        finally:
            os._exit(8)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def together() -> None:
    """Have both signals there before Python looks."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for number in SIGNALS:
        os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def test_further_signals_are_heard_when_all_is_said() -> None:
    def interrupted() -> int:
        heard: list[int] = []
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: heard.append(number))

        def notice() -> None:
            heard.append(0)
            for number in SIGNALS:
                os.kill(os.getpid(), number)

        with interrupt.noticing(notice):
            together()
        return 0 if (heard[0], sorted(heard[1:])) == (0, [*SIGNALS]) else 1

    assert in_a_process_of_its_own(interrupted) == 0


def test_a_signal_that_comes_together_with_another_is_not_lost() -> None:
    """Otherwise Python would report it on the terminal, and who was to be ended might go on for ever."""

    def interrupted() -> int:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with interrupt.noticing(lambda: None):
            together()
        return 1

    assert in_a_process_of_its_own(interrupted) == -signal.SIGTERM


def test_what_a_name_holds_cannot_write_on_the_terminal() -> None:
    jobs = Left([open_handle("j1.0\x1b[2J", "\x1b[2Jevil\nroot@web1 # ", "running")])
    told = interrupt.notice(jobs, action())
    assert "\x1b" not in told
    assert told.count("\n") == 4
