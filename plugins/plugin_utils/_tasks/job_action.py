# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of this collection have in common.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.background.jobs.plugins.module_utils._argspec import Spec
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import START
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, door, keywords
from ansible_collections.background.jobs.plugins.plugin_utils._core.alarm import TooLate, within
from ansible_collections.background.jobs.plugins.plugin_utils._core.entry import job_of
from ansible_collections.background.jobs.plugins.plugin_utils._core.escape import one_line, shown, visible
from ansible_collections.background.jobs.plugins.plugin_utils._core.voice import mention, say
from ansible_collections.background.jobs.plugins.plugin_utils._define.advice import below
from ansible_collections.background.jobs.plugins.plugin_utils._define.closure import Resolve
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import DefinitionError
from ansible_collections.background.jobs.plugins.plugin_utils._define.modules import is_module
from ansible_collections.background.jobs.plugins.plugin_utils._define.options import check_options
from ansible_collections.background.jobs.plugins.plugin_utils._results import answer as _answer
from ansible_collections.background.jobs.plugins.plugin_utils._results.handle import HandleError
from ansible_collections.background.jobs.plugins.plugin_utils._tasks import interrupt

display = Display()
Vars = t.Dict[str, t.Any]
_SHOWN = 3
"""Verbosity from which on connection plugins show what a module printed."""
_AS_IT_IS = contextlib.nullcontext()
_WRONG = (
    "the options of this task are not right, and no_log hides how: try it with 'no_log: false' and values that are no "
    "secrets"
)
_NO_CAUSE = "; no_log hides why"
_LOOK = 10
"""Seconds that the keyword `timeout` of a task leaves for a look at what it has started."""
_PERSISTENT = ("network_cli", "netconf", "httpapi")


class NoAnswer(AnsibleActionFail):
    """The program on the host ended without a word, such as one that was killed: what it has done is not known."""


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
        self._is_first = self._play_host in (task_vars or {}).get("ansible_play_hosts", ())[:1]
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
            result = _with_discovery(result, compat.discovery(self))
        except (DefinitionError, HandleError) as exc:
            return self._refused(exc)
        except AnsibleActionFail as exc:
            return self._left_behind(exc.message)
        except AnsibleConnectionFailure as exc:
            raise AnsibleConnectionFailure(one_line(exc.message)) from None
        return self._told(result)

    def _refused(self, error: Exception) -> dict[str, t.Any]:
        """:returns: the result of a task that is not right, with an example of what would be, where that helps."""
        failed = {"failed": True, "changed": False}
        if self.hidden:
            return self._told({**failed, "msg": _WRONG})
        example, at = getattr(error, "example", ""), getattr(error, "at", None)
        headline = getattr(error, "headline", "") or str(error)
        if example and headline == str(error):
            example = below("For example", f"  {example}".replace("\n", "\n  "))
        if compat.CAN_DEFER_TEMPLATES:
            shown = compat.error(visible(headline), advice=example or None, at=at)
        else:
            shown = {}
            for line in example.split("\n") if example and self._is_first else ():
                mention(display, line)
        return self._told({**failed, "msg": str(error), **shown})

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
        given, action = self._task.args, str(self._task.resolved_action or self._task.action)
        check_options(action, given, spec, rules, functools.partial(is_module, collections=self._task.collections))
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
        if is_hidden:
            compat.hide(self)
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
        with contextlib.suppress(Exception, TooLate), within(_LOOK):
            jids = [handle["ansible_job_id"] for handle in left.handles]
            files = {each["ansible_job_id"]: each["results_file"] for each in left.handles if "results_file" in each}
            left.find(self.ask(jids, "status", task_vars, True, results_files=files)["jobs"])

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
    _is_first = False
    """Whether this is the first host of its play, which alone tells what would be the same for all."""

    @property
    def interpreter(self) -> str | None:
        """The Python on the host that modules of ours have been run with, `None` if there were none yet."""
        return str(self._used_interpreter or "").replace("#!", "").strip() or None

    def ask(self, jids: list[str], mode: str, task_vars: Vars, secret: bool, **question: t.Any) -> dict[str, t.Any]:
        """Ask for jobs, in one round trip.

        :arg mode: `status` or `cleanup`.
        :arg secret: see `_call`.
        :arg question: fields of `_model.wire.Question`.
        :returns: the answer.
        :raises AnsibleActionFail: there is none.
        """
        asked = wire.Question(async_dir=self._async_dir, **question)
        request = wire.Ask(jids, mode, asked, bool(self._task.check_mode))
        answer = self._call(request, task_vars, "ask for jobs", secret)
        with _answer.reading_answer_of(self.host):
            return _answer.statuses(answer, None if asked.selection else jids)

    def send_cancel(self, request: dict[str, t.Any], task_vars: Vars, secret: bool) -> dict[str, t.Any]:
        """End jobs, in one round trip.

        :arg request: which jobs, and how: fields of `_model.wire.Cancel`.
        :arg secret: see `_call`.
        :returns: the answer: how the jobs stand now.
        :raises AnsibleActionFail: there is none.
        """
        cancel = wire.Cancel(async_dir=self._async_dir, dry=bool(self._task.check_mode), **request)
        answer = self._call(cancel, task_vars, "cancel jobs", secret)
        with _answer.reading_answer_of(self.host):
            return _answer.statuses(answer, cancel.jobs)

    def send_batch(
        self,
        batch: bytes,
        task_vars: Vars,
        question: dict[str, t.Any] | None = None,
        secret: bool = False,
        if_running: str = START,
    ) -> dict[str, t.Any]:
        """Send a packed batch, in one round trip.

        :arg question: what to ask of the jobs in the same round trip: fields of `_model.wire.Question`. It is not asked
            where the request goes through a file, which has the batch in it and is to be gone soon.
        :arg secret: see `_call`.
        :arg if_running: what the batch says of running jobs.
        :returns: the answer: the `records` of the jobs that now exist, and to a question what `ask` returns.
        :raises AnsibleActionFail: nothing was started, or with `NoAnswer` perhaps.
        """
        asked = None if question is None else wire.Question(async_dir=self._async_dir, **question)
        request = wire.Launch(self._async_dir, asked, batch, if_running)
        answer = self._call(request, task_vars, "start jobs", secret)
        with _answer.reading_answer_of(self.host):
            return _answer.records(answer)

    def run_removal(self, command: str) -> None:
        """Run a plain command that removes files, without a module: it takes a tenth of the time.

        :raises AnsibleActionFail: it failed.
        """
        done = self._low_level_execute_command(command, sudoable=True)
        if done["rc"]:
            raise AnsibleActionFail(f"{done['stdout']}{done['stderr']}".strip() or f"exit code {done['rc']}")

    @property
    def _async_dir(self) -> str:
        return str(self.get_shell_option("async_dir", default="~/.ansible_async"))  # type: ignore[no-untyped-call]

    def _call(self, request: wire.Request, task_vars: Vars, purpose: str, secret: bool = False) -> wire.Answer:
        """Let the program on the host serve a request.

        :arg purpose: what that is for, in a message.
        :arg secret: its answer may hold results of jobs with `no_log`, which connections show at high verbosity.
        :raises AnsibleActionFail: there is no answer.
        """
        quiet = secret and display.verbosity >= _SHOWN
        with compat.quiet_connection(self._connection) if quiet else _AS_IT_IS:
            said = door.send_request(self, request, task_vars)
        failed = f"could not {purpose} on {self.host}"
        try:
            with _answer.reading_answer_of(self.host):
                answer, secrets = door.answer(said, self.interpreter)
        except door.Unanswered as exc:
            raise NoAnswer(f"{failed}: {exc}") from None  # type: ignore[no-untyped-call]
        except door.NoProgram as exc:
            raise AnsibleActionFail(f"{failed}: {exc}") from None
        compat.register_secrets(secrets)
        if isinstance(answer, wire.Refusal):
            raise AnsibleActionFail(failed + (_NO_CAUSE if self.hidden else f": {answer.message}"))
        return answer

    def _update_module_args(
        self, module_name: str, module_args: dict[str, t.Any], *args: t.Any, **kwargs: t.Any
    ) -> None:
        super()._update_module_args(module_name, module_args, *args, **kwargs)
        if module_name == door.WRAPPER:  # the arguments of all jobs are in it: not for the target's syslog
            module_args["_ansible_no_log"] = True

    def _check_target(self) -> None:
        """:raises AnsibleActionFail: detached jobs are not possible there; nothing was sent."""
        connection = self._connection
        if getattr(connection._shell, "_IS_WINDOWS", False):
            raise AnsibleActionFail(
                f"{self.host} is a Windows host: background.jobs needs a POSIX target with Python 3.6 or newer"
            )
        if getattr(connection, "force_persistence", False) or connection.transport in _PERSISTENT:
            raise AnsibleActionFail(
                f"{self.host} is reached by connection {connection.transport}, whose modules run on the controller; "
                "background.jobs needs a POSIX target that modules run on"
            )


def _with_discovery(result: dict[str, t.Any], found: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the result of a task, with what was found on the way to its host."""
    for key, value in found.items():
        before = result.get(key)
        if isinstance(value, dict):
            result[key] = {**value, **(before if isinstance(before, dict) else {})}
        else:
            result[key] = [*(before if isinstance(before, list) else []), *value]
    return result
