# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way to a host: a request goes to the program there, and what it has printed comes back.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The program travels on standard input, in one round trip, where the connection and `become` can do that, and else in the
module `async_wrapper`, which runs it just so.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import shlex
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, program
from ansible_collections.background.jobs.plugins.plugin_utils._core.unsent import Unsent, is_unsent
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import detail

display = Display()
Vars = t.Dict[str, t.Any]

WRAPPER = "background.jobs.async_wrapper"
"""The module that carries the program where it cannot travel on standard input."""
_ANY = "background.jobs.wait"
"""A module of which there is nothing but documentation: what it would be run with takes no time to find out."""
_NOBODY = ("default", "Direct")
"""Origins of an option that no user has set; the latter is how `_on_stdin` leaves it."""
_NO_PROGRAM = (126, 127)
"""Exit codes of a shell that could not run what it was to run (POSIX, 2.8.2)."""
_OLDEST = "Python 3.6 or newer"
_TOO_OLD = "Unknown option: -I"
"""What Python 2 says."""


class Unanswered(Exception):
    """The program ended without a word, such as one that was killed: what it has done by then is not known."""


class NoProgram(Exception):
    """The program was not run, so nothing was done; the message is a clause."""


@dataclasses.dataclass
class Said:
    """What came back. `problem` is what ansible-core says where it could not run the module."""

    code: int
    out: str
    err: str
    problem: str = ""

    @property
    def text(self) -> str:
        """All of it, for those who look for a cause."""
        return f"{self.err}{self.out}".strip()


def send_request(action: ActionBase, request: wire.Request, task_vars: Vars) -> Said:
    """Send a request, in one round trip.

    :raises Unsent: the connection failed before the request was sent.
    :raises AnsibleConnectionFailure: it failed, and it is not known what was done.
    """
    connection: t.Any = action._connection
    delegated = task_vars.get("ansible_delegated_vars", {}).get(action._task.delegate_to)
    with _on_stdin(connection, task_vars if delegated is None else delegated) as unasked:
        is_possible = ActionBase._is_pipelining_enabled(action, "new")
        if is_possible:
            said = _on_standard_input(action, request, task_vars)
    if is_possible and not (unasked and connection.become and _wants_tty(said)):
        return said
    if is_possible:
        detail(display, "become wants a terminal, so the program goes into a file first", _host(action, task_vars))
    return _in_a_module(action, request, task_vars)


def answer(said: Said, interpreter: str | None) -> tuple[wire.Answer, list[str]]:
    """:returns: the answer in what came back, whatever stands around it, and secrets.

    :arg interpreter: what the program was run with.
    :raises Unanswered: there is none, and it is not known what was done.
    :raises NoProgram: there is none, and nothing was done.
    :raises wire.WireError: it makes no sense.
    """
    for line in reversed(said.out.splitlines()):
        if line.startswith(wire.MARK):
            return wire.decode_answer(line[len(wire.MARK) :])
    where = f"at {interpreter}" if interpreter else "there"
    if said.code in _NO_PROGRAM:
        raise NoProgram(f"there is no Python {where}; install {_OLDEST} there, or set ansible_python_interpreter")
    if _TOO_OLD in said.err:
        raise NoProgram(f"the Python {where} is too old; install {_OLDEST}, or set ansible_python_interpreter")
    last = f" ({said.text.splitlines()[-1][:300]})" if said.text else ""
    raise Unanswered(f"{said.problem or 'no answer'}{last}")


def _on_standard_input(action: ActionBase, request: wire.Request, task_vars: Vars) -> Said:
    connection: t.Any = action._connection
    try:
        interpreter = compat.build(action, _ANY, {}, task_vars).shebang
    except AnsibleConnectionFailure as exc:  # it was looked for on the host
        raise Unsent(exc.message) from None
    action._used_interpreter = interpreter
    command = _command(action, interpreter, [*program.OPTIONS, program.LINE])
    told = f"background.jobs: {wire.kind_of(request)}, on standard input of {interpreter[2:].strip()}"
    detail(display, told, _host(action, task_vars))
    try:
        done: t.Any = action._low_level_execute_command(command, in_data=program.payload(request))
    except AnsibleConnectionFailure as exc:
        if is_unsent(connection, exc):
            raise Unsent(exc.message) from None
        raise
    return Said(done["rc"], done["stdout"], done["stderr"])


def _host(action: ActionBase, task_vars: Vars) -> str:
    return str(action._task.delegate_to or task_vars.get("inventory_hostname", ""))


def _command(action: ActionBase, shebang: str, arguments: list[str]) -> str:
    """:returns: how an interpreter is started, as ansible-core does it for a module: up to 2.16 the shell reads it, so
    that it may have arguments; since then it is one word. It never is where it is found by env(1).
    """
    shell: t.Any = action._connection._shell
    environment = action._compute_environment_string()
    words = shlex.split(shebang[2:])
    if words and os.path.basename(words[0]) == "env":
        start = f"{environment} {' '.join(map(shell.quote, words))}"
    else:
        start = shell.build_module_command(environment, shebang, "")
    return f"{start.strip()} {' '.join(map(shell.quote, arguments))}"


def _in_a_module(action: ActionBase, request: wire.Request, task_vars: Vars) -> Said:
    """A launch is asked nothing along: its batch would be in a file of ansible-core's as long as that takes."""
    if isinstance(request, wire.Launch):
        request = dataclasses.replace(request, question=None)
    packed = base64.b64encode(program.payload(request)).decode("ascii")
    arguments: dict[str, t.Any] = {"options": list(program.OPTIONS), "line": program.LINE, "payload": packed}
    try:
        result: t.Any = action._execute_module(module_name=WRAPPER, module_args=arguments, task_vars=task_vars)
    except AnsibleConnectionFailure as exc:
        shell: t.Any = action._connection._shell
        if shell.tmpdir is None:  # there is no place for the module yet
            raise Unsent(exc.message) from None
        raise
    if not result.get("failed") and isinstance(result.get("stdout"), str):
        return Said(result.get("code", 0), result["stdout"], str(result.get("stderr", "")))
    out, err = (str(result.get(key, "")) for key in ("module_stdout", "module_stderr"))
    code = result.get("rc")
    return Said(code if isinstance(code, int) else 1, out, err, str(result.get("msg", "")).strip())


@contextlib.contextmanager
def _on_stdin(connection: t.Any, variables: Vars) -> t.Iterator[bool]:
    """Let the program travel on standard input, in one round trip, where nobody has said anything about `pipelining`.

    ansible-core does that only where it is asked to, since its fall-back for a `sudo` that wants a terminal is the
    temporary file itself. Whether the connection, the `become` method and the settings permit it is still its choice.

    :arg variables: those of the host that it connects to.
    :returns: whether this is our doing.
    """
    value, origin = compat.option(connection, "pipelining", variables)
    unasked = not value and origin in _NOBODY
    if unasked:
        connection.set_option("pipelining", True)
    try:
        yield unasked
    finally:
        if unasked:
            connection.set_option("pipelining", value)


def _wants_tty(said: Said) -> bool:
    """:returns: whether `become` has not run the program at all, for lack of a terminal."""
    return said.code != 0 and wire.MARK not in said.out and "tty" in said.text.lower()
