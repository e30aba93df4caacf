# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a job's payload by letting the job's own action plugin do its work, up to the moment it would detach.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The action plugin of the module runs with a copied task whose `async_val` is set. Its call of `_execute_module` that
arrives with a true `wrap_async` is the detached one: its payload is built as ansible-core would and kept instead of
being run. What else reaches the target on the way goes through if `Guard` permits it (a package action asking for the
package manager).
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import functools
import importlib
import os
import pkgutil
import re
import shlex
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader, module_loader

from ansible_collections.background.jobs.plugins.module_utils._model.batch import FILE, FILES, PYTHON, Job, Step
from ansible_collections.background.jobs.plugins.plugin_utils._core import compat
from ansible_collections.background.jobs.plugins.plugin_utils._define.definition import Definition, StepDefinition
from ansible_collections.background.jobs.plugins.plugin_utils._define.guard import Guard

_ON_TARGET = {"copy": False, "unarchive": False, "assemble": True}
"""Actions of ansible.builtin that do all their work in their module if `remote_src` is true; and its default."""

_LONGEST = 2**31 - 1
"""Seconds of `async` that no action has to be ready for more of."""

_STORED = 50
"""Module runs of a batch up to which their zips travel as what they hold: half the bytes, and then hardly fewer than
else, but a millisecond or two of each run on the controller, which goes through three times as many for it."""

_INSTEAD = {
    "template": "render it before with ansible.builtin.template, then start jobs that use the file",
    "copy": "copy from this controller in a task before, or give 'remote_src: true' for a file that is on the host",
    "unarchive": "copy the archive to the host in a task before, and give 'remote_src: true'",
    "assemble": "give 'remote_src: true' for fragments that are on the host",
    "fetch": "let the job write a file and use ansible.builtin.fetch after background.jobs.wait",
    "reboot": "use ansible.builtin.reboot as a task: it waits for the host by itself",
    "raw": "use ansible.builtin.command or ansible.builtin.shell",
    "gather_facts": "use ansible.builtin.setup, which is a module",
    "wait_for_connection": "use ansible.builtin.wait_for_connection as a task",
    "pause": "ask before the jobs are started, in a task of its own",
    "include_tasks": "write what it includes as a 'block' of the job",
    "async_status": "use background.jobs.wait in a task after",
}
_BUILTIN = ("ansible.builtin.", "ansible.legacy.")


class CaptureError(Exception):
    """A job that cannot be made; the message is a sentence that names it."""


@dataclasses.dataclass
class Captured:
    """A job ready to be sent, or, where its action ended without running a module, that action's own result."""

    job: Job | None = None
    result: dict[str, t.Any] | None = None


@dataclasses.dataclass
class _Place:
    """Which module run of which job is being built, and whether it runs right when its job is started.

    `no_log` becomes true where the action hides its module.
    """

    job: Definition
    step: StepDefinition
    jid: str = ""
    first: bool = False
    no_log: bool = False

    def __str__(self) -> str:
        step = f", step '{self.step.name}'" if self.job.block else ""
        return f"job '{self.job.name}'{step}"


class Capture:
    """Makes jobs out of definitions, for one task on one host."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        """:arg action: the action that launches; the jobs run with its task's become, check mode and connection."""
        self._action = action
        self._task_vars = task_vars
        self._taken: list[str] = []
        self._answers: dict[str, dict[str, t.Any]] = {}
        self._read: dict[int, tuple[str, dict[str, t.Any]]] = {}
        self._stored = True
        self._resolve = functools.lru_cache(maxsize=None)(self._resolve_anew)
        self._handler_name = functools.lru_cache(maxsize=None)(self._find_handler)
        self.facts: dict[str, t.Any] = {}
        """Facts to hand on: the interpreter, where it was looked for on the way."""
        environment: dict[str, t.Any] = {}
        action._compute_environment_string(environment)
        self._python = {name: str(value) for name, value in environment.items() if name.startswith("PYTHON")}
        """What the task's `environment` says to Pythons: a job's own takes nothing of the kind from the login."""

    def check(self, definitions: t.Iterable[Definition]) -> None:
        """Look at the modules and arguments of all jobs, before the action of the first is run.

        :raises CaptureError: there is no such module, or its arguments are none.
        """
        steps = [(definition, step) for definition in definitions for step in definition.steps]
        self._stored = len(steps) <= _STORED
        for definition, step in steps:
            place = _Place(definition, step)
            try:
                self._read[id(step)] = self._parse(place)
            except AnsibleError as exc:
                raise CaptureError(f"{place} ({step.module}): {exc}") from None

    def job(self, definition: Definition, jid: str) -> Captured:
        """Build one job that was checked; what it comes `after` is left to be filled in.

        :raises CaptureError: a module of it cannot run detached, or its action fails.
        """
        if definition.false_condition is not None:
            return Captured(result={"skipped": True, "changed": False})
        before = len(self._taken)
        steps = []
        no_log = False
        for index, step in enumerate(definition.steps):
            place = _Place(definition, step, jid, first=index == 0 and not definition.after)
            steps.append(self._step(place))
            no_log = no_log or place.no_log
        if not definition.block and steps[0].result is not None:
            return Captured(result=steps[0].result)
        job = Job(
            jid=jid,
            name=definition.name,
            steps=steps,
            block=definition.block,
            environment={**self._python, **definition.environment},
            timeout=definition.timeout,
            kill_after=definition.kill_after,
            leave_children=definition.leave_children,
            retries=definition.retries,
            delay=definition.delay,
            backoff=definition.backoff,
            retry_on=definition.retry_on,
            lock=definition.lock,
            max_output=definition.max_output,
            no_log=no_log or bool(self._action._task.no_log or definition.no_log),
            remove=self._taken[before:],
            conditions=definition.conditions.stored(),
        )
        return Captured(job=job)

    def hand_over(self, jobs: t.Sequence[Job]) -> None:
        """Give what an action left of its temporary directory to the last of `jobs`, which removes it at its end."""
        shell = self._action._connection._shell
        if shell.tmpdir is not None and jobs:
            jobs[-1].remove.append(shell.tmpdir)
            self._taken.append(shell.tmpdir)
            shell.tmpdir = None

    def give_up(self) -> None:
        """Remove the temporary directories, since nothing will be started."""
        for directory in self._taken:
            self._action._remove_tmp_path(directory, force=True)
        self._action._remove_tmp_path(self._action._connection._shell.tmpdir, force=True)

    def _step(self, place: _Place) -> Step:
        """Build one step; one whose action ended without running a module has that action's own result."""
        try:
            module, arguments = self._read.pop(id(place.step))
            leaf = module.rpartition(".")[2]
            builtin = "." not in module or module.startswith(_BUILTIN)
            if builtin and leaf == "script":
                return self._script(place, arguments)
            if builtin and leaf in _ON_TARGET and boolean(arguments.get("remote_src", _ON_TARGET[leaf]), strict=False):
                return self._plain(place, leaf, arguments)
            return self._run_action(place, module, self._handler_name(module), arguments)
        except AnsibleConnectionFailure:
            raise  # the host is unreachable, which is not the job's failure
        except AnsibleError as exc:
            if isinstance(exc, compat.NOTHING_TO_DO):
                return Step(place.step.name, result={**compat.nothing_to_do(str(exc)), **exc.result})
            raise CaptureError(f"{place} ({place.step.module}): {exc}") from None

    # -- the module and its arguments

    def _parse(self, place: _Place) -> tuple[str, dict[str, t.Any]]:
        fqcn = self._resolve(place.step.module)
        if fqcn is None:
            raise CaptureError(f"{place}: there is no module {place.step.module}{_hint(place.step.module)}")
        source = {place.step.module: place.step.arguments}
        if place.step.free_form is not None:
            source["args"] = place.step.free_form
        parser = ModuleArgsParser(source, collection_list=self._action._task.collections)
        module, arguments, dummy = parser.parse(skip_action_validation=True)  # there is such a module, see above
        return module, compat.free_form(module, compat.with_defaults(self._action, fqcn, dict(arguments)))

    def _resolve_anew(self, module: str) -> str | None:
        """:returns: the full name of a module; `None` if there is none."""
        for loader in (action_loader, module_loader):
            found = loader.find_plugin_with_context(module, collection_list=self._action._task.collections)
            if found.resolved:
                return str(found.resolved_fqcn)
        return None

    def _find_handler(self, module: str) -> str:
        """Find the action plugin of a module by the rules of ansible-core (task_executor)."""
        collections = self._action._task.collections
        found = module_loader.find_plugin_with_context(module, collection_list=collections)
        if found.resolved and found.action_plugin:
            return str(found.action_plugin)
        if action_loader.has_plugin(module, collection_list=collections):
            return module
        return "ansible.legacy.normal"

    # -- modules whose action does not support async, and which this collection runs all the same

    def _plain(self, place: _Place, leaf: str, arguments: dict[str, t.Any]) -> Step:
        """Run the module of an action whose controller side has nothing to do."""
        arguments.pop("decrypt", None)
        creates = arguments.get("creates") if leaf == "unarchive" else None
        if creates and not place.first:
            raise AnsibleActionFail(
                "its 'creates' is looked for before anything is started, so it can only be used in the first step of a "
                "job that comes after no other; leave it out, or use a job or a task of its own"
            )
        if creates and self._action._remote_file_exists(self._action._remote_expand_user(creates)):
            return Step(place.step.name, result=compat.nothing_to_do(f"skipped, since {creates} exists"))
        return self._run_action(place, f"ansible.legacy.{leaf}", "ansible.legacy.normal", arguments)

    def _script(self, place: _Place, arguments: dict[str, t.Any]) -> Step:
        """Carry a script along and run it as a command, which knows all the other options of script."""
        raw = str(arguments.pop("_raw_params", None) or arguments.pop("cmd", None) or "").strip()
        if not raw:
            raise AnsibleActionFail("script needs the path of a script on this controller")
        unknown = set(arguments) - {"creates", "removes", "chdir", "executable"}
        if unknown:
            raise AnsibleActionFail(f"script has no option {', '.join(sorted(unknown))}")
        source = shlex.split(raw)[0]
        path = self._action._loader.get_real_file(self._action._find_needle("files", source))
        with open(path, "rb") as stream:
            content = stream.read()
        name = re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(source))
        rest = raw[len(source) :] if raw.startswith(source) else " " + shlex.join(shlex.split(raw)[1:])
        executable = arguments.pop("executable", None)
        command = f'{executable + " " if executable else ""}"${FILES}"/{name}{rest}'
        shell = str(self._action._play_context.executable or "")
        if len(shell.split()) > 1:  # for a module of ansible-core's that is the name of one program
            command = f"exec {shell} -c {shlex.quote(command)}"
            arguments["executable"] = "/bin/sh"
        step = self._run_action(
            place,
            "ansible.legacy.command",
            "ansible.legacy.command",
            {**arguments, "_raw_params": command, "_uses_shell": True},
        )
        if step.result is None:
            step.files[name] = content
        return step

    # -- the capture itself

    def _run_action(self, place: _Place, module: str, handler_name: str, arguments: dict[str, t.Any]) -> Step:
        ours = self._action
        task = ours._task.copy(exclude_parent=True)
        task._parent = ours._task._parent
        task.action = module
        task.args = arguments
        task.async_val = min(int(place.job.timeout) or 1, _LONGEST)
        task.poll = 0
        task.no_log = bool(ours._task.no_log or place.job.no_log)
        intercept = _Intercept(ours._connection, place, self._taken, self._answers, self._stored)
        handler: t.Any = None
        try:
            with intercept.guard.watch():
                handler = action_loader.get(
                    handler_name,
                    task=task,
                    connection=ours._connection,
                    play_context=ours._play_context,
                    loader=ours._loader,
                    templar=ours._templar,
                    shared_loader_obj=ours._shared_loader_obj,
                    collection_list=task.collections,
                )
                if handler is None:
                    raise AnsibleActionFail(f"its action plugin {handler_name} cannot be loaded")
                with compat.async_in_check_mode():
                    result = handler.run(task_vars=self._task_vars)
        except Exception as exc:
            if intercept.guard.refusal is None:
                _explain(exc, module, handler)
                raise
        finally:
            intercept.finish()
        if intercept.guard.refusal is not None:  # whatever the action has made of it
            _explain(intercept.guard.refusal, module, handler)
            raise intercept.guard.refusal
        if handler._discovered_interpreter_key:
            self.facts[handler._discovered_interpreter_key] = handler._discovered_interpreter
        if intercept.step is not None:
            return intercept.step
        if not isinstance(result, dict) or not result:  # ansible-core has no job then, and fails the task
            raise AnsibleActionFail("its action ended without starting a module, and returned no result")
        if result.get("ansible_job_id"):
            raise AnsibleActionFail(
                f"its action detached job {result['ansible_job_id']} by itself, past background.jobs"
            )
        if result.get("failed"):
            raise AnsibleActionFail(str(result.get("msg") or f"its action failed: {result}"))
        return Step(place.step.name, result=dict(result))


@dataclasses.dataclass
class _Call:
    """The arguments of one call of `_execute_module`, named and in the order of ansible-core."""

    module_name: str | None = None
    module_args: dict[str, t.Any] | None = None
    tmp: str | None = None
    task_vars: dict[str, t.Any] | None = None
    persist_files: bool = False
    delete_remote_tmp: bool | None = None
    wrap_async: bool | int = False
    ignore_unknown_opts: bool = False


class _Intercept:
    """Stands in for the `_execute_module` of an action, and of the actions it loads to do its work (as shell does)."""

    def __init__(
        self, connection: t.Any, place: _Place, taken: list[str], answers: dict[str, dict[str, t.Any]], stored: bool
    ) -> None:
        """:arg taken: here go the directories that now belong to the job.

        :arg answers: what `setup` said before, for this batch: 20 jobs of `package` ask for one package manager.
        :arg stored: see `compat.build`.
        """
        self.step: Step | None = None
        self.guard = Guard(connection, self._install)
        self._place = place
        self._shell = connection._shell
        self._taken = taken
        self._answers = answers
        self._stored = stored
        self._transferred = False

    def _install(self, handler: t.Any) -> None:
        """Take the place of methods of `handler`."""
        through, transfer = handler._execute_module, handler._transfer_file

        def execute_module(*args: t.Any, **kwargs: t.Any) -> dict[str, t.Any]:
            call = _Call(*args, **kwargs)
            if not getattr(handler, "_supports_async", False):
                raise AnsibleActionFail(_unsupported(handler._task.action))
            if not call.wrap_async:
                if not self.guard.is_open:
                    return self._ask(functools.partial(through, *args, **kwargs), call)
                return t.cast("t.Dict[str, t.Any]", through(*args, **kwargs))
            with self.guard.opened():  # the interpreter may have to be looked for
                self._keep(handler, call)
            return {"started": True, "finished": False, "changed": True, "ansible_job_id": self._place.jid}

        def transfer_file(local_path: str, remote_path: str) -> t.Any:
            self._transferred = True
            return transfer(local_path, remote_path)

        handler._execute_module = execute_module
        handler._transfer_file = transfer_file

    def _ask(self, through: t.Callable[[], dict[str, t.Any]], call: _Call) -> dict[str, t.Any]:
        self.guard.check_module(call.module_name, call.module_args)
        question = repr((call.module_name, call.module_args))
        if question not in self._answers:
            with self.guard.opened():
                self._answers[question] = through()
        return copy.deepcopy(self._answers[question])

    def finish(self) -> None:
        """Hand the action's temporary directory over to the job, if the action put files for it there."""
        if self.step is not None and self._transferred and self._shell.tmpdir is not None:
            self._taken.append(self._shell.tmpdir)
            self._shell.tmpdir = None

    def _keep(self, handler: ActionBase, call: _Call) -> None:
        if self.step is not None:
            raise AnsibleActionFail("its action detaches more than one module")
        name = call.module_name or handler._task.action
        task_vars = call.task_vars or {}
        arguments = dict(handler._task.args if call.module_args is None else call.module_args)
        kept = self._shell.tmpdir
        if not self._transferred:  # it will be gone by then
            self._shell.tmpdir = None
        try:
            compat.complete(handler, name, arguments, task_vars, call.ignore_unknown_opts)
        finally:
            self._shell.tmpdir = kept
        self.step = self._build(handler, name, arguments, task_vars)

    def _build(self, handler: ActionBase, name: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Step:
        built = compat.build(handler, name, arguments, task_vars, self._stored)
        if not built.shebang and built.style != "binary":
            raise AnsibleActionFail(_unsupported(name))  # a name that only the controller gives a meaning to
        self._place.no_log = bool(handler._task.no_log)
        step = Step(
            name=self._place.step.name,
            program=built.program,
            interpreter=shlex.split(built.shebang.replace("#!", "", 1)),
        )
        if built.style == "new":
            step.style = PYTHON
        elif built.style == "old":
            step.style = FILE
            step.arguments = " ".join(f"{key}={shlex.quote(str(value))}" for key, value in arguments.items()).encode()
        else:
            step.style = FILE
            step.arguments = compat.arguments_file(arguments, built.profile)
        return step


def _explain(error: Exception, module: str, handler: ActionBase | None) -> None:
    """:raises AnsibleActionFail: in place of `error`, where it says too little of what a user can do about it."""
    if isinstance(error, (*compat.NOTHING_TO_DO, AnsibleConnectionFailure)):
        return
    if handler is not None and not getattr(handler, "_supports_async", False):
        raise AnsibleActionFail(_unsupported(module)) from None
    if not isinstance(error, AnsibleError):
        raise AnsibleActionFail(f"its action failed: {type(error).__name__}: {error}") from error


def _unsupported(module: str) -> str:
    leaf = module.rpartition(".")[2]
    instead = _INSTEAD.get(leaf) if "." not in module or module.startswith(_BUILTIN) else None
    return f"the action {module} cannot run detached: it works on the controller; " + (
        instead or "use it as a task of its own, or a module that does the same on the host"
    )


def _hint(module: str) -> str:
    close = difflib.get_close_matches(module, _known_modules(module), n=3, cutoff=0.75)
    return f"; do you mean {' or '.join(close)}?" if close else "; is its collection installed?"


def _known_modules(like: str) -> list[str]:
    """:returns: the full names of the modules of ansible.builtin and of the collection that `like` is written in."""
    packages = {"ansible.builtin": "ansible.modules"}
    parts = like.split(".")
    if len(parts) > 2:
        packages[".".join(parts[:2])] = f"ansible_collections.{parts[0]}.{parts[1]}.plugins.modules"
    names = []
    for collection, package in packages.items():
        try:
            paths = importlib.import_module(package).__path__
        except ImportError:
            continue
        names += [f"{collection}.{info.name}" for info in pkgutil.iter_modules(paths)]
    return names if "." in like else [name.rpartition(".")[2] for name in names]
