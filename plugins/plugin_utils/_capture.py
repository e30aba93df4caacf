# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building a job's payload by letting the job's own action plugin do its work, up to the moment it would detach.

PRIVATE to the collection background.jobs. Do not use this from other collections.

The action plugin of the module runs with a copied task whose C(async_val) is set. Its call of C(_execute_module) that
arrives with a true C(wrap_async) is the detached one: its payload is built as ansible-core would and kept instead of
being run. Every other call (a package action asking for the package manager) goes through.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import os
import pkgutil
import re
import shlex
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleActionSkip, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader, module_loader

from ansible_collections.background.jobs.plugins.module_utils._batch import FILE, FILES, PYTHON, Job
from ansible_collections.background.jobs.plugins.plugin_utils import _compat
from ansible_collections.background.jobs.plugins.plugin_utils._definition import Definition

_ON_TARGET = {"copy": False, "unarchive": False, "assemble": True}
"""Actions of ansible.builtin that do all their work in their module if C(remote_src) is true; and its default."""

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
}
_BUILTIN = ("ansible.builtin.", "ansible.legacy.")


class CaptureError(Exception):
    """A job that cannot be made; the message is a sentence that names it."""


@dataclasses.dataclass
class Captured:
    """A job ready to be sent, or, where its action ended without running a module, that action's own result."""

    job: Job | None = None
    result: dict[str, t.Any] | None = None


class Capture:
    """Makes jobs out of definitions, for one task on one host."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        """:arg action: the action that launches; the jobs run with its task's become, check mode and connection."""
        self._action = action
        self._task_vars = task_vars
        self.facts: dict[str, t.Any] = {}
        """Facts to hand on: the interpreter, where it was looked for on the way."""

    def job(self, definition: Definition, jid: str) -> Captured:
        """Build one job.

        :raises CaptureError: its module is unknown, or cannot run detached, or its action fails.
        """
        try:
            module, arguments = self._parse(definition)
            leaf = module.rpartition(".")[2]
            builtin = "." not in module or module.startswith(_BUILTIN)
            if builtin and leaf == "script":
                return self._script(definition, arguments, jid)
            if builtin and leaf in _ON_TARGET and boolean(arguments.get("remote_src", _ON_TARGET[leaf]), strict=False):
                return self._plain(definition, leaf, arguments, jid)
            return self._run_action(definition, module, self._handler_name(module), arguments, jid)
        except AnsibleActionSkip as exc:
            return Captured(result={"skipped": True, "changed": False, **exc.result})
        except AnsibleConnectionFailure:
            raise  # the host is unreachable, which is not the job's failure
        except AnsibleError as exc:
            raise CaptureError(f"job '{definition.name}' ({definition.module}): {exc}") from None

    def hand_over(self, jobs: t.Sequence[Job]) -> None:
        """Give what an action left of its temporary directory to the last of O(jobs), which removes it at its end."""
        shell = self._action._connection._shell
        if shell.tmpdir is not None and jobs:
            jobs[-1].remove.append(shell.tmpdir)
            shell.tmpdir = None

    def give_up(self, jobs: t.Sequence[Job]) -> None:
        """Remove the temporary directories, since O(jobs) will not be started."""
        self.hand_over(jobs)
        for directory in [directory for job in jobs for directory in job.remove]:
            self._action._remove_tmp_path(directory, force=True)
        self._action._remove_tmp_path(self._action._connection._shell.tmpdir, force=True)

    # -- the module and its arguments

    def _parse(self, definition: Definition) -> tuple[str, dict[str, t.Any]]:
        fqcn = self._resolve(definition)
        source = {definition.module: definition.arguments}
        if definition.free_form is not None:
            source["args"] = definition.free_form
        module, arguments, dummy = ModuleArgsParser(source, collection_list=self._action._task.collections).parse()
        return module, _compat.free_form(module, _compat.with_defaults(self._action, fqcn, dict(arguments)))

    def _resolve(self, definition: Definition) -> str:
        collections = self._action._task.collections
        for loader in (action_loader, module_loader):
            found = loader.find_plugin_with_context(definition.module, collection_list=collections)
            if found.resolved:
                return str(found.resolved_fqcn)
        close = difflib.get_close_matches(definition.module, _known_modules(definition.module), n=3, cutoff=0.75)
        hint = f"; do you mean {' or '.join(close)}?" if close else "; is its collection installed?"
        raise CaptureError(f"job '{definition.name}': there is no module {definition.module}{hint}")

    def _handler_name(self, module: str) -> str:
        """Find the action plugin of a module by the rules of ansible-core (task_executor)."""
        collections = self._action._task.collections
        found = module_loader.find_plugin_with_context(module, collection_list=collections)
        if found.resolved and found.action_plugin:
            return str(found.action_plugin)
        if action_loader.has_plugin(module, collection_list=collections):
            return module
        return "ansible.legacy.normal"

    # -- jobs that need a hand of ours

    def _plain(self, definition: Definition, leaf: str, arguments: dict[str, t.Any], jid: str) -> Captured:
        """Run the module of an action whose controller side has nothing to do."""
        arguments.pop("decrypt", None)
        creates = arguments.get("creates") if leaf == "unarchive" else None
        if creates and self._action._remote_file_exists(self._action._remote_expand_user(creates)):
            return Captured(result={"skipped": True, "changed": False, "msg": f"skipped, since {creates} exists"})
        return self._run_action(definition, f"ansible.legacy.{leaf}", "ansible.legacy.normal", arguments, jid)

    def _script(self, definition: Definition, arguments: dict[str, t.Any], jid: str) -> Captured:
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
        captured = self._run_action(
            definition,
            "ansible.legacy.command",
            "ansible.legacy.command",
            {**arguments, "_raw_params": command, "_uses_shell": True},
            jid,
        )
        if captured.job is not None:
            captured.job.files[name] = content
        return captured

    # -- the capture itself

    def _run_action(
        self, definition: Definition, module: str, handler_name: str, arguments: dict[str, t.Any], jid: str
    ) -> Captured:
        ours = self._action
        task = ours._task.copy(exclude_parent=True)
        task._parent = ours._task._parent
        task.action = module
        task.args = arguments
        task.async_val = int(definition.timeout) or 1
        task.poll = 0
        task.no_log = bool(ours._task.no_log or definition.no_log)
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
        intercept = _Intercept(handler._connection._shell, definition, jid)
        intercept.install(handler)
        try:
            result = handler.run(task_vars=self._task_vars)
        except (AnsibleActionSkip, AnsibleConnectionFailure):
            raise
        except AnsibleError:
            if not getattr(handler, "_supports_async", False):
                raise AnsibleActionFail(_unsupported(module)) from None
            raise
        finally:
            intercept.finish()
        if handler._discovered_interpreter_key:
            self.facts[handler._discovered_interpreter_key] = handler._discovered_interpreter
        if intercept.job is not None:
            return Captured(job=intercept.job)
        if result.get("ansible_job_id"):
            raise AnsibleActionFail(
                f"its action detached job {result['ansible_job_id']} by itself, past background.jobs"
            )
        if result.get("failed"):
            raise AnsibleActionFail(str(result.get("msg") or f"its action failed: {result}"))
        return Captured(result=dict(result))


@dataclasses.dataclass
class _Call:
    """The arguments of one call of C(_execute_module), named and in the order of ansible-core."""

    module_name: str | None = None
    module_args: dict[str, t.Any] | None = None
    tmp: str | None = None
    task_vars: dict[str, t.Any] | None = None
    persist_files: bool = False
    delete_remote_tmp: bool | None = None
    wrap_async: bool | int = False
    ignore_unknown_opts: bool = False


class _Loaders:
    """The plugin loaders as an action sees them; the actions it gets from them are intercepted too."""

    def __init__(self, loaders: t.Any, intercept: _Intercept) -> None:
        self._loaders = loaders
        self.action_loader = _ActionLoader(loaders.action_loader, intercept)

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._loaders, name)


class _ActionLoader:
    def __init__(self, loader: t.Any, intercept: _Intercept) -> None:
        self._loader = loader
        self._intercept = intercept

    def get(self, name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        action = self._loader.get(name, *args, **kwargs)
        if isinstance(action, ActionBase):
            self._intercept.install(action)
        return action

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._loader, name)


class _Intercept:
    """Stands in for the C(_execute_module) of an action, and of the actions it loads to do its work (as shell does)."""

    def __init__(self, shell: t.Any, definition: Definition, jid: str) -> None:
        self.job: Job | None = None
        self._definition = definition
        self._jid = jid
        self._shell = shell
        self._transferred = False

    def install(self, handler: t.Any) -> None:
        """Take the place of the methods of O(handler) that reach the target."""
        through, transfer = handler._execute_module, handler._transfer_file

        def execute_module(*args: t.Any, **kwargs: t.Any) -> dict[str, t.Any]:
            call = _Call(*args, **kwargs)
            if not getattr(handler, "_supports_async", False):
                raise AnsibleActionFail(_unsupported(handler._task.action))
            if not call.wrap_async:
                return t.cast("t.Dict[str, t.Any]", through(*args, **kwargs))
            self._keep(handler, call)
            return {"started": True, "finished": False, "changed": True, "ansible_job_id": self._jid}

        def transfer_file(local_path: str, remote_path: str) -> t.Any:
            self._transferred = True
            return transfer(local_path, remote_path)

        handler._execute_module = execute_module
        handler._transfer_file = transfer_file
        handler._shared_loader_obj = _Loaders(handler._shared_loader_obj, self)

    def finish(self) -> None:
        """Hand the action's temporary directory over to the job, if the action put files for it there."""
        if self.job is not None and self._transferred and self._shell.tmpdir is not None:
            self.job.remove.append(self._shell.tmpdir)
            self._shell.tmpdir = None

    def _keep(self, handler: ActionBase, call: _Call) -> None:
        if self.job is not None:
            raise AnsibleActionFail("its action detaches more than one module")
        name = call.module_name or handler._task.action
        task_vars = call.task_vars or {}
        arguments = dict(handler._task.args if call.module_args is None else call.module_args)
        kept = self._shell.tmpdir
        if not self._transferred:  # it will be gone by then
            self._shell.tmpdir = None
        try:
            handler._update_module_args(name, arguments, task_vars, ignore_unknown_opts=call.ignore_unknown_opts)
        finally:
            self._shell.tmpdir = kept
        self.job = self._build(handler, name, arguments, task_vars)

    def _build(self, handler: ActionBase, name: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Job:
        built = _compat.build(handler, name, arguments, task_vars)
        if not built.shebang and built.style != "binary":
            raise AnsibleActionFail(_unsupported(name))  # a name that only the controller gives a meaning to
        job = Job(
            jid=self._jid,
            name=self._definition.name,
            program=built.program,
            interpreter=shlex.split(built.shebang.replace("#!", "", 1)),
            timeout=self._definition.timeout,
            kill_after=self._definition.kill_after,
            environment=self._definition.environment,
            no_log=bool(handler._task.no_log),
        )
        if built.style == "new":
            job.style = PYTHON
        elif built.style == "old":
            job.style = FILE
            job.arguments = " ".join(f"{key}={shlex.quote(str(value))}" for key, value in arguments.items()).encode()
        else:
            job.style = FILE
            job.arguments = _compat.arguments_file(arguments, built.profile)
        return job


def _unsupported(module: str) -> str:
    leaf = module.rpartition(".")[2]
    instead = _INSTEAD.get(leaf) if "." not in module or module.startswith(_BUILTIN) else None
    return f"the action {module} cannot run detached: it works on the controller; " + (
        instead or "use it as a task of its own, or a module that does the same on the host"
    )


def _known_modules(like: str) -> list[str]:
    """:returns: the full names of the modules of ansible.builtin and of the collection that O(like) is written in."""
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
