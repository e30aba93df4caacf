# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import shlex
import subprocess
import types
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.plugins.shell import sh

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, door, program
from ansible_collections.background.jobs.plugins.plugin_utils._core.door import NoProgram, Said, Unanswered
from ansible_collections.background.jobs.plugins.plugin_utils._core.unsent import Unsent

LAUNCH = wire.Launch("/a", wire.Question(patience=5), b"batch")
LISTED = wire.Listed([], 0, "root", "/a")
LINE = wire.MARK + wire.encode_answer(LISTED).decode()


class Ssh:
    """A connection with the option `pipelining`, as a user has set it, or not."""

    become: t.Any = object()
    transport = "ssh"
    _origins: t.Mapping[str, str] = types.MappingProxyType({})

    def __init__(self, pipelining: bool = False, origin: str = "default") -> None:
        self.options = {"pipelining": (pipelining, origin)}
        self._shell = sh.ShellModule()
        self._shell.tmpdir = None

    @staticmethod
    def get_options() -> dict[str, t.Any]:
        return {"reconnection_retries": 0}

    def get_option_and_origin(self, name: str) -> tuple[bool, str]:
        return self.options[name]

    def set_option(self, name: str, value: bool) -> None:
        self.options[name] = value, "Direct"  # as ansible-core notes it


class Action:
    """An action of ansible-core on a host; a sudo there wants a terminal, if `tty`."""

    def __init__(self, connection: Ssh, tty: bool = False, said: tuple[int, str, str] = (0, LINE, "")) -> None:
        self._connection = connection
        self._task = types.SimpleNamespace(delegate_to=None)
        self._used_interpreter: str | None = None
        self._tty = tty
        self._said = said
        self.commands: list[tuple[str, bytes]] = []
        self.modules: list[dict[str, t.Any]] = []
        self.failure: AnsibleConnectionFailure | None = None

    def _is_pipelining_enabled(self, style: str) -> bool:
        raise AssertionError("a strategy of Mitogen puts such a one in the way of ansible-core's own")

    def _compute_environment_string(self) -> str:
        return "LANG=C"

    def _low_level_execute_command(self, command: str, in_data: bytes) -> dict[str, t.Any]:
        self.commands.append((command, in_data))
        if self.failure is not None:
            raise self.failure
        if self._tty:
            return {"rc": 1, "stdout": "", "stderr": "sudo: sorry, you must have a tty to run sudo"}
        code, out, err = self._said
        return {"rc": code, "stdout": out, "stderr": err}

    def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> dict[str, t.Any]:
        assert not self._connection.options["pipelining"][0]
        self.modules.append({"module": module_name, **module_args})
        if self.failure is not None:
            raise self.failure
        code, out, err = self._said
        return {"code": code, "stdout": out, "stderr": err}


@pytest.fixture(autouse=True)
def pipelining(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ansible-core makes of the option; whether connection and `become` can do it is left out here."""

    def is_enabled(action: t.Any, style: str) -> bool:
        return style == "new" and bool(action._connection.options["pipelining"][0])

    monkeypatch.setattr(ActionBase, "_is_pipelining_enabled", is_enabled)


@pytest.fixture(autouse=True)
def interpreter(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], None]:
    """Lets ansible-core find another interpreter."""

    def find(path: str) -> None:
        built = compat.Built("old", f"#!{path}", b"", "/x.py", "legacy")
        monkeypatch.setattr(compat, "build", lambda action, name, arguments, task_vars: built)

    find("/usr/bin/python3")
    return find


def send(action: Action, request: wire.Request = LAUNCH) -> Said:
    return door.send_request(t.cast("t.Any", action), request, {})


def request_in(payload: bytes) -> wire.Request:
    sections = []
    while payload:
        size, dummy, payload = payload.partition(b"\n")
        sections.append(payload[: int(size)])
        payload = payload[int(size) :]
    assert len(sections) == 4
    return wire.decode_request(sections[2], sections[3])


def test_the_program_travels_on_stdin_where_nobody_has_set_pipelining() -> None:
    action = Action(Ssh())
    for dummy in range(2):  # the items of a loop have one connection
        assert send(action).out == LINE
        assert action._connection.options["pipelining"][0] is False
    assert (len(action.commands), action.modules) == (2, [])
    command, payload = action.commands[0]
    assert shlex.split(command) == ["LANG=C", "/usr/bin/python3", "-I", "-S", "-c", program.LINE]
    assert request_in(payload) == LAUNCH
    assert action._used_interpreter == "#!/usr/bin/python3"


def test_what_the_user_has_set_is_obeyed() -> None:
    action = Action(Ssh(False, "/etc/ansible/ansible.cfg"))
    assert send(action).out == LINE
    assert action._connection.options["pipelining"] == (False, "/etc/ansible/ansible.cfg")
    (module,) = action.modules
    assert (module["module"], action.commands) == ("background.jobs.async_wrapper", [])
    assert [*module["options"], module["line"]] == ["-I", "-S", "-c", program.LINE]


def test_a_question_is_asked_along_only_where_no_file_would_hold_the_batch_meanwhile() -> None:
    action = Action(Ssh(False, "/etc/ansible/ansible.cfg"))
    send(action)
    request = request_in(base64.b64decode(action.modules[0]["payload"]))
    assert request == wire.Launch("/a", None, b"batch")


def test_a_sudo_that_wants_a_terminal_gets_one() -> None:
    action = Action(Ssh(), tty=True)
    assert send(action).out == LINE
    assert (len(action.commands), len(action.modules)) == (1, 1)


def test_a_failure_for_lack_of_a_terminal_is_told_where_pipelining_was_asked_for() -> None:
    action = Action(Ssh(True, "env: ANSIBLE_PIPELINING"), tty=True)
    assert "you must have a tty" in send(action).err
    assert action.modules == []


@pytest.mark.parametrize("path", ["/opt/my python/bin/python3", "~/venv/bin/python", "/usr/bin/python3 -s"])
def test_an_interpreter_is_read_as_ansible_core_reads_that_of_a_module(
    interpreter: t.Callable[[str], None], path: str
) -> None:
    interpreter(path)
    action = Action(Ssh())
    send(action)
    as_core = sh.ShellModule().build_module_command("LANG=C", f"#!{path}", "").strip()
    assert as_core in (f"LANG=C {path}", f"LANG=C {shlex.quote(path)}")
    assert action.commands[0][0] == f"{as_core} -I -S -c {shlex.quote(program.LINE)}"


def test_an_interpreter_that_env_finds_is_several_words(interpreter: t.Callable[[str], None]) -> None:
    interpreter("/usr/bin/env python3")
    action = Action(Ssh())
    send(action)
    assert action.commands[0][0] == f"LANG=C /usr/bin/env python3 -I -S -c {shlex.quote(program.LINE)}"


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "csh", "tcsh", "fish", "zsh"])
def test_every_shell_hands_the_line_on_as_it_is(shell: str, tmp_path: Path) -> None:
    """As that of who logs in: it starts another one, with the command as one word."""
    action = Action(Ssh())
    send(action)
    command = action.commands[0][0].replace("/usr/bin/python3", "printf %s.")
    inner = command.replace("'printf %s.'", "printf %s.")
    try:
        done = subprocess.run([shell, "-c", f"/bin/sh -c {shlex.quote(inner)}"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"there is no {shell}")
    assert done.stdout.decode() == "".join(f"{word}." for word in (*program.OPTIONS, program.LINE))


@pytest.mark.parametrize(
    "out",
    [
        LINE,
        f"Last login: yesterday\nfish: {{\n{LINE}\n",
        f"\r\n{LINE}\r\nlogout\r\n",
        f"{wire.MARK}of another day\n{LINE}\n{{}}",
    ],
    ids=["plain", "before", "a terminal", "around"],
)
def test_the_answer_is_found_whatever_stands_around_it(out: str) -> None:
    assert door.answer(Said(0, out, "sudo: a lecture"), None) == (LISTED, [])


class TestUnreachable:
    refused = AnsibleConnectionFailure("Failed to connect to the host via ssh: ssh: connect to host h port 1: Refused")
    reset = AnsibleConnectionFailure("Failed to connect to the host via ssh: Connection reset by peer")

    @staticmethod
    def failing(action: Action, failure: AnsibleConnectionFailure) -> AnsibleConnectionFailure:
        action.failure = failure
        with pytest.raises(AnsibleConnectionFailure) as raised:
            send(action)
        return raised.value

    def test_where_ssh_came_to_no_session_nothing_was_sent(self) -> None:
        failure = self.failing(Action(Ssh()), self.refused)
        assert (type(failure), failure.message) == (Unsent, self.refused.message)

    def test_where_it_may_have_had_one_that_is_not_known(self) -> None:
        assert not isinstance(self.failing(Action(Ssh()), self.reset), Unsent)

    def test_where_no_interpreter_could_be_looked_for_nothing_was_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def build(*arguments: t.Any) -> t.NoReturn:
            raise self.reset

        monkeypatch.setattr(compat, "build", build)
        assert isinstance(self.failing(Action(Ssh()), self.reset), Unsent)

    @pytest.mark.parametrize("tmpdir", [None, "/tmp/x"])
    def test_a_module_was_not_sent_where_there_was_no_place_for_it_yet(self, tmpdir: str | None) -> None:
        action = Action(Ssh(False, "/etc/ansible/ansible.cfg"))
        action._connection._shell.tmpdir = tmpdir
        assert isinstance(self.failing(action, self.refused), Unsent) is (tmpdir is None)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said(127, "", "sh: 1: /usr/bin/python3: not found"), "there is no Python at /p; install Python 3.6 or newer"),
        (Said(126, "", "Permission denied"), "there is no Python at /p; install Python 3.6 or newer there"),
        (Said(2, "", "Unknown option: -I\nusage: python"), "the Python at /p is too old; install Python 3.6 or newer"),
    ],
    ids=["missing", "not executable", "Python 2"],
)
def test_where_it_was_not_run_nothing_was_done(said: Said, message: str) -> None:
    with pytest.raises(NoProgram, match=message):
        door.answer(said, "/p")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Said(137, "", ""), "no answer"),
        (Said(1, "", "Traceback\nOSError: y"), r"no answer \(OSError: y\)"),
        (Said(1, "", "sudo: a password is required"), r"no answer \(sudo: a password is required\)"),
        (Said(1, "out", "err", "MODULE FAILURE"), r"MODULE FAILURE \(errout\)"),
    ],
    ids=["killed", "crashed", "sudo", "of core"],
)
def test_without_a_word_it_is_not_known_what_was_done(said: Said, message: str) -> None:
    with pytest.raises(Unanswered, match=f"^{message}$"):
        door.answer(said, "/p")
