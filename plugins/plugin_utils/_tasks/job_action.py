# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of this collection have in common.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import signal
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._argspec import Spec
from ansible_collections.background.jobs.plugins.module_utils._launcher import program
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, keywords
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import job_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, shown, visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import detail, say
from ansible_collections.background.jobs.plugins.plugin_utils._define.closure import Resolve
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._results import answer as _answer
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import HandleError
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import interrupt

display = Display()
Vars = t.Dict[str, t.Any]
_WRAPPER = "background.jobs.async_wrapper"
_STATUS = "background.jobs.async_status"
_CANCEL = "background.jobs.cancel"
_ANSWERS = ("jobs", "records", "told")
"""Keys of an answer, one of which every module of ours gives."""
_SHOWN = 3
"""Verbosity from which on connection plugins show what a module printed."""
_AS_IT_IS = contextlib.nullcontext()
_NOBODY = ("default", "Direct")
"""Origins of an option that no user has set; the latter is how `_on_stdin` leaves it."""
_NO_PROGRAM = (126, 127)
"""Exit codes of a shell that could not run what it was to run (POSIX, 2.8.2)."""
_WRONG = (
    "the options of this task are not right, and no_log hides how: try it with 'no_log: false' and values that are no "
    "secrets"
)
_NO_CAUSE = "; no_log hides why"
_LOOK = 10
"""Seconds that the keyword `timeout` of a task leaves for a look at what it has started."""
_PERSISTENT = ("network_cli", "netconf", "httpapi")


class NoAnswer(AnsibleActionFail):
    """A module of ours ended without a word, such as one that was killed: what it has done by then is not known."""


class JobAction(ActionBase):
    """An action that starts jobs or asks for them: options by the one spec, POSIX targets only, never `async`."""

    _supports_check_mode = True
    _supports_async = False
    _instead: t.ClassVar = keywords.ASKING
    """What to do in place of the keywords `async` and `poll` on this action."""
    _other_words: t.ClassVar[t.Mapping[str, str]] = {}
    """Options that are looked for here under a name that means something else: what to write instead, a sentence."""
    headline: str | None = None
    """The message of a result with the causes of failures left out, for an error that is shown beside the message."""
    _msg_is_ours = True
    """Whether the message of the result of `perform` is a sentence of ours; that of a module stays as it is."""

    def options(self) -> tuple[Spec, dict[str, t.Any]]:
        """:returns: the argument spec of the action, and the rules between its options."""
        raise NotImplementedError

    def perform(self, options: dict[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
        """Do the work.

        :arg options: the validated options.
        :returns: the result of the task.
        """
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: Vars | None = None) -> dict[str, t.Any]:
        """Check what holds for every action, then `perform`.

        A failure is returned, not raised: `failed_when` and `until` of the task see only what is returned. If jobs
        are left on the host, the result names them, whatever has ended the task.
        """
        self._play_host = str((task_vars or {}).get("inventory_hostname", ""))
        self.inventory_hosts = (task_vars or {}).get("groups", {}).get("all", ())
        try:
            with interrupt.noticing(self._notice):
                return self._run(tmp, task_vars)
        except AnsibleConnectionFailure as exc:
            if self.left is None:
                raise
            return {**self._left_behind(exc.message), "unreachable": True}
        except BaseException as exc:
            if self.left is None or not compat.is_task_timeout(exc):
                raise
            self._look(self.left, task_vars or {})
            period = self._task.timeout
            cause = f"the task was interrupted by its keyword 'timeout: {period}', its jobs were not"
            return {"timedout": {"period": period}, **self._left_behind(cause)}

    def _run(self, tmp: str | None, task_vars: Vars | None) -> dict[str, t.Any]:
        try:
            self._check_keywords()
            result: dict[str, t.Any] = super().run(tmp, task_vars)
            self._check_words()
            spec, rules = self.options()
            options = self._options(spec, rules)
            self._check_target()
            result.update(self.perform(options, task_vars or {}))
        except (DefinitionError, HandleError) as exc:
            message = _WRONG if self.hidden else str(exc)
            return self._told({"failed": True, "changed": False, "msg": message})
        except AnsibleActionFail as exc:
            return self._left_behind(exc.message)
        except AnsibleConnectionFailure as exc:
            raise AnsibleConnectionFailure(one_line(exc.message)) from None
        return self._told(result)

    def _check_keywords(self) -> None:
        """:raises AnsibleActionFail: the task has `async`, or a `poll` that is not the default."""
        task: t.Any = self._task
        poll = None if task.poll == t.cast("t.Any", constants).DEFAULT_POLL_INTERVAL else task.poll
        message = keywords.refusal(task.action, self._instead, task.async_val, poll)
        if message is not None:
            raise AnsibleActionFail(message)

    def _check_words(self) -> None:
        """:raises AnsibleActionFail: an option has another name here."""
        told = [sentence for word, sentence in self._other_words.items() if word in self._task.args]
        if told:
            raise AnsibleActionFail("; ".join(told))

    def _options(self, spec: Spec, rules: dict[str, t.Any]) -> dict[str, t.Any]:
        """:returns: the options of the task, validated.

        :raises DefinitionError: they are not valid.
        """
        try:
            dummy, options = self.validate_argument_spec(argument_spec=spec, **rules)  # type: ignore[no-untyped-call]
        except AnsibleActionFail as exc:
            raise DefinitionError(exc.message) from None
        return t.cast("dict[str, t.Any]", options)

    def _told(self, result: dict[str, t.Any]) -> dict[str, t.Any]:
        """:returns: the result of the task as ansible-core is to have it.

        With `no_log` it shows errors and warnings all the same since 2.19, with an error made of the message where
        there is none, and in 2.19 and 2.20 each of the `results` that does not ask for `no_log` itself; and up to
        2.18 not even the message, so that is printed here.
        """
        told = shown(result, self._msg_is_ours)
        is_hidden = self.hidden or bool(result.get("_ansible_no_log"))
        if self.hidden or (is_hidden and "ansible_job_id" in result):
            for key in ("exception", "warnings", "deprecations"):
                told.pop(key, None)
        if isinstance(told.get("results"), list):
            told["results"] = [
                {**each, "_ansible_no_log": True}
                if isinstance(each, dict) and (self.hidden or job_of(each).get("no_log") is True)
                else each
                for each in told["results"]
            ]
        if is_hidden and result.get("failed"):
            if not self._msg_is_ours:
                told.update(compat.error("the job did not succeed; no_log hides why"))
            elif compat.CENSORS_MESSAGES:
                say(display, f"{self.host}: {told['msg']}")
        elif result.get("failed") and self.headline is not None and not is_hidden and "exception" not in told:
            told.update(compat.error(visible(self.headline), told["msg"]))
        elif result.get("failed") and not self._msg_is_ours and not is_hidden:
            message, exception = one_line(compat.mask_secrets(str(result.get("msg", "")))), told.get("exception")
            if message != result.get("msg") and not hasattr(exception, "event"):  # else it is no text, but an error
                told.update(compat.error(message, exception if isinstance(exception, str) else None))
        return told

    left: interrupt.Left | None = None
    """The jobs that would be left on the host if the task was interrupted now, `None` where there are none."""
    inventory_hosts: t.Collection[str] = ()

    def _left_behind(self, cause: str) -> dict[str, t.Any]:
        """:returns: the result of a task that `cause`, a clause, has ended."""
        if self.left is None:
            return self._told({"failed": True, "changed": False, "msg": cause})
        if self.left.result is not None:
            return self._told(self.left.result)
        return self._told(interrupt.interrupted_result(self.left, cause, self))

    def _look(self, left: interrupt.Left, task_vars: Vars) -> None:
        """Ask the host, once and not for long, for jobs that are in doubt."""
        if left.doubt is None:
            return
        try:
            try:
                signal.alarm(_LOOK)
                jids = [handle["ansible_job_id"] for handle in left.handles]
                files = {
                    each["ansible_job_id"]: each["results_file"] for each in left.handles if "results_file" in each
                }
                left.find(self.ask(jids, "status", task_vars, True, results_files=files)["jobs"])
            finally:
                signal.alarm(0)
        except BaseException as exc:
            if not isinstance(exc, Exception) and not compat.is_task_timeout(exc):
                raise

    def _notice(self) -> str | None:
        """:returns: what somebody who interrupts the run has to know."""
        return None if self.left is None or self.left.result else interrupt.notice(self.left, self)

    def variables(self, task_vars: Vars) -> Resolve:
        """:returns: a function that finds the value of a variable of the play by its name."""

        def resolve(name: str) -> t.Any:
            return compat.template(self, compat.trusted(f"{{{{ {name} }}}}"), task_vars)

        return resolve

    @property
    def hidden(self) -> bool:
        """Whether `no_log` of the task keeps names, items, causes and arguments out of all that is shown."""
        return bool(self._task.no_log)

    @property
    def in_diff_mode(self) -> bool:
        """Whether what the jobs have changed is to be shown."""
        return bool(self._task.diff)

    @property
    def host(self) -> str:
        """The inventory name of the host that this task works on."""
        return str(self._task.delegate_to or self._play_host)

    _play_host = ""

    @property
    def interpreter(self) -> str | None:
        """The Python on the host that modules of ours have been run with, `None` if there were none yet."""
        return str(self._used_interpreter or "").replace("#!", "").strip() or None

    def ask(self, jids: list[str], mode: str, task_vars: Vars, secret: bool, **question: t.Any) -> dict[str, t.Any]:
        """Ask the module `async_status`, in one trip.

        :arg secret: see `_call`.
        :arg question: fields of `_reader.wait.Question`.
        :returns: its answer.
        :raises AnsibleActionFail: it gave none.
        """
        question["async_dir"] = self._async_dir
        arguments = {"jids": jids, "mode": mode, "_question": question}
        answer = self._call(_STATUS, arguments, task_vars, "ask for jobs", secret)
        with _answer.of(self.host):
            return _answer.statuses(answer, None if question.get("selection") else jids)

    def cancel(
        self, request: dict[str, t.Any], task_vars: Vars, secret: bool, results_files: dict[str, str]
    ) -> dict[str, t.Any]:
        """Let the module `cancel` end jobs, in one trip.

        :arg request: which jobs, and how: its options.
        :arg secret: see `_call`.
        :returns: its answer: how the jobs stand now.
        :raises AnsibleActionFail: it gave none.
        """
        question = {"async_dir": self._async_dir, "results_files": results_files}
        answer = self._call(_CANCEL, {**request, "_question": question}, task_vars, "cancel jobs", secret)
        with _answer.of(self.host):
            return _answer.statuses(answer, request.get("jobs"))

    def start(
        self, packed: str, task_vars: Vars, question: dict[str, t.Any] | None = None, secret: bool = False
    ) -> dict[str, t.Any]:
        """Send a packed batch to the module `async_wrapper`, in one trip.

        :arg question: what to ask of the jobs in the same trip: fields of `_reader.wait.Question`. It is not asked
            where the module goes through a file, which has the batch in it and is to be gone soon.
        :arg secret: see `_call`.
        :returns: its answer: the `records` of the jobs that now exist, and to a question what `ask` returns.
        :raises AnsibleActionFail: nothing was started, or with `NoAnswer` perhaps.
        """
        arguments: dict[str, t.Any] = {"async_dir": self._async_dir, "batch": packed, "program": program.packed()}
        with _on_stdin(self._connection):
            if question is not None and self._is_pipelining_enabled("new"):
                arguments["_question"] = question
        answer = self._call(_WRAPPER, arguments, task_vars, "start jobs", secret)
        with _answer.of(self.host):
            return _answer.records(answer)

    def remove(self, command: str) -> None:
        """Run a plain command that removes files, without a module: it takes a tenth of the time.

        :raises AnsibleActionFail: it failed.
        """
        done = self._low_level_execute_command(command, sudoable=True)
        if done["rc"]:
            raise AnsibleActionFail(f"{done['stdout']}{done['stderr']}".strip() or f"exit code {done['rc']}")

    @property
    def _async_dir(self) -> str:
        return str(self.get_shell_option("async_dir", default="~/.ansible_async"))  # type: ignore[no-untyped-call]

    def _call(
        self, module: str, arguments: dict[str, t.Any], task_vars: Vars, purpose: str, secret: bool = False
    ) -> dict[str, t.Any]:
        """Run a module of ours.

        :arg secret: its answer may hold results of jobs with `no_log`, which connections show at high verbosity.
        """
        with compat.quiet_connection(self._connection) if secret and display.verbosity >= _SHOWN else _AS_IT_IS:
            with _on_stdin(self._connection) as unasked:
                result = self._module(module, arguments, task_vars)
            if unasked and self._connection.become and _wants_tty(result):
                detail(display, "become wants a terminal, so the module goes into a file first", self.host)
                if module == _WRAPPER:
                    arguments = {name: value for name, value in arguments.items() if name != "_question"}
                result = self._module(module, arguments, task_vars)
        if result.get("failed") or not any(key in result for key in _ANSWERS):
            is_ours = "module_stdout" not in result
            cause = _NO_CAUSE if self.hidden and is_ours else f": {_cause(result, self._used_interpreter)}"
            message = f"could not {purpose} on {self.host}{cause}"
            if not is_ours and result.get("rc") not in _NO_PROGRAM:
                raise NoAnswer(message)  # type: ignore[no-untyped-call]
            raise AnsibleActionFail(message)
        return result

    def _module(self, name: str, arguments: dict[str, t.Any], task_vars: Vars) -> dict[str, t.Any]:
        result: dict[str, t.Any] = self._execute_module(
            module_name=name, module_args=dict(arguments), task_vars=task_vars
        )
        return result

    def _update_module_args(
        self, module_name: str, module_args: dict[str, t.Any], *args: t.Any, **kwargs: t.Any
    ) -> None:
        super()._update_module_args(module_name, module_args, *args, **kwargs)
        if module_name == _WRAPPER:  # the batch holds the arguments of all its jobs: not for the target's syslog
            module_args["_ansible_no_log"] = True

    def _check_target(self) -> None:
        """:raises AnsibleActionFail: detached jobs are not possible there; nothing was sent."""
        connection = self._connection
        if getattr(connection._shell, "_IS_WINDOWS", False):
            raise AnsibleActionFail(
                f"{self.host} is a Windows host: background.jobs needs a POSIX target with Python 3.8 or newer"
            )
        if getattr(connection, "force_persistence", False) or connection.transport in _PERSISTENT:
            raise AnsibleActionFail(
                f"{self.host} is reached by connection {connection.transport}, whose modules run on the controller; "
                "background.jobs needs a POSIX target that modules run on"
            )


@contextlib.contextmanager
def _on_stdin(connection: t.Any) -> t.Iterator[bool]:
    """Let modules travel on standard input, in one trip, where nobody has said anything about `pipelining`.

    ansible-core does that only where it is asked to, since its fall-back for a `sudo` that wants a terminal is the
    temporary file itself. Whether the connection, the `become` method and the settings permit it is still its choice.

    :returns: whether this is our doing.
    """
    try:
        value, origin = connection.get_option_and_origin("pipelining")
    except (AttributeError, KeyError):
        value, origin = None, None
    unasked = not value and origin in _NOBODY
    if unasked:
        connection.set_option("pipelining", True)
    try:
        yield unasked
    finally:
        if unasked:
            connection.set_option("pipelining", value)


def _wants_tty(result: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether `become` has not run the module at all, for lack of a terminal."""
    said = f"{result.get('module_stderr', '')}{result.get('module_stdout', '')}"
    return bool(result.get("failed")) and "tty" in said.lower()


def _cause(result: t.Mapping[str, t.Any], interpreter: t.Any) -> str:
    text = f"{result.get('module_stderr', '')}{result.get('module_stdout', '')}".strip()
    if result.get("rc") in _NO_PROGRAM:
        path = str(interpreter or "").replace("#!", "")
        return f"there is no Python at {path}; install Python 3.8 or newer there, or set ansible_python_interpreter"
    message = str(result.get("msg") or "no answer").strip()
    return f"{message} ({text.splitlines()[-1][:300]})" if text else message
