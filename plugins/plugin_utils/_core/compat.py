# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between the supported versions of ansible-core, asked by feature, in this one place.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import json
import re
import typing as t

from ansible import constants as C
from ansible import errors as _errors
from ansible import template as core_template
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.executor import module_common
from ansible.executor import task_executor as _task_executor
from ansible.module_utils.common import json as _common_json
from ansible.playbook import conditional as _conditional
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.utils import display as core_display
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.background.jobs.plugins.module_utils._model import outcome

try:
    from ansible.module_utils._internal import _event_utils, _messages

    core_events: t.Any = _event_utils
    core_messages: t.Any = _messages
except ImportError:  # up to 2.18
    core_events = core_messages = None

try:
    core_secrets: t.Any = importlib.import_module("ansible.module_utils.secrets")
except ImportError:  # up to 2.21
    core_secrets = None

common_json: t.Any = _common_json
conditional: t.Any = _conditional
core_errors: t.Any = _errors
task_executor: t.Any = _task_executor

INTERNAL_RESULT_KEYS: tuple[str, ...] = getattr(C, "INTERNAL_RESULT_KEYS", ("add_host", "add_group"))
"""Keys of a result that change the inventory. Named by ansible-core up to 2.20, and not acted on since 2.21."""

CAN_DEFER_TEMPLATES = hasattr(ActionBase, "finalize_task_arg")
"""Whether ansible-core itself lets an action leave an argument untemplated until it knows more: since 2.19."""

CENSORS_MESSAGES = not CAN_DEFER_TEMPLATES
"""Whether the callbacks hide the message of a failed task with `no_log`, which names jobs but no secrets: to 2.18."""

OVERRULES_NO_LOG = not CAN_DEFER_TEMPLATES and "bool" not in task_executor.TaskExecutor._execute.__code__.co_names
"""Whether a result is only hidden if the task has `no_log`, whatever the action says: in 2.16.0 and a few after it.
Before and since, the executor asks for `bool(no_log or result.get(...))`."""

CAN_TELL_PARENT = hasattr(core_display.Display, "_proxy") or hasattr(core_display, "proxy_display")
"""Whether a worker can let its parent call a method of `Display` other than `display`: since 2.16."""

_IGNORES_UNKNOWN_OPTIONS = "ignore_unknown_opts" in inspect.signature(ActionBase._update_module_args).parameters
"""Whether a module can be told not to mind options that it does not know: since 2.17."""

_HAS_ASYNC_IN_CHECK_MODE = _IGNORES_UNKNOWN_OPTIONS
"""Whether `ActionBase.run` lets an action with `async_val` run in check mode: since 2.17 too, and nothing tells it."""

NOTHING_TO_DO: t.Any = tuple(
    getattr(core_errors, name)
    for name in ("AnsibleActionSkip", "AnsibleActionNoCheckMode")
    if hasattr(core_errors, name)
)
"""How an action ends that does not know check mode: the former goes with 2.25, the latter comes with 2.22."""


@dataclasses.dataclass
class Built:
    """A module as ansible-core built it for the target."""

    style: str
    shebang: str
    program: bytes
    path: str
    profile: str


_TAGS = "ansible._internal._datatag._tags"
_COMPRESSION = "ansible_module_compression"


def build(
    action: ActionBase, name: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any], stored: bool = True
) -> Built:
    """:returns: the module `name` with `arguments` in it. `_configure_module` returns four values up to 2.18 and an
        object with the path since 2.19.

    :arg stored: the zip in it is not compressed where ansible-core would do as it does by default: it is compressed
        with all else that travels with it, and not as base64. That makes fewer bytes, and more work for each module.
    """
    variables = task_vars
    is_default = task_vars.get(_COMPRESSION, "ZIP_DEFLATED") == "ZIP_DEFLATED"  # it is there, put by `PlayContext`
    if stored and is_default:
        variables = {**task_vars, _COMPRESSION: "ZIP_STORED"}
    built = ActionBase._configure_module(action, module_name=name, module_args=arguments, task_vars=variables)
    if len(built) == 4:
        style, shebang, program, path = built
        return Built(style, shebang or "", _bytes(program), path, "legacy")
    bits, path = built
    program = bits.b_module_data
    if not program:  # 2.21: a binary module is not read, only its path is given
        with open(path, "rb") as stream:
            program = stream.read()
    return Built(bits.module_style, bits.shebang or "", _bytes(program), path, bits.serialization_profile)


def arguments_file(arguments: dict[str, t.Any], profile: str) -> bytes:
    """:returns: the content of the arguments file of a module that takes JSON from a file.

    Encoders by profile exist since 2.19.
    """
    if hasattr(common_json, "get_module_encoder"):
        encoder = common_json.get_module_encoder(profile, common_json.Direction.CONTROLLER_TO_MODULE)
    else:
        encoder = common_json.AnsibleJSONEncoder
    return json.dumps(arguments, cls=encoder).encode()


class Undecodable(Exception):
    """What a module returned that ansible-core does not decode; the message says why, as the end of a sentence."""


def decode_result(text: str) -> t.Any:
    """:returns: what a module has printed, as ansible-core decodes it. Decoders by profile exist since 2.19.

    :raises Undecodable: it does not.
    """
    try:
        if hasattr(common_json, "get_module_decoder"):
            decoder = common_json.get_module_decoder("legacy", common_json.Direction.MODULE_TO_CONTROLLER)
            return json.loads(text, cls=decoder)
        return unsafe(json.loads(text))
    except Exception as exc:  # types that it does not know, of values that they cannot have
        raise Undecodable(f"{type(exc).__name__}: {exc}"[:200]) from None


def unsafe(value: t.Any) -> t.Any:
    """:returns: `value` such that no text in it is taken for a template. Since 2.19 none is without being told."""
    return value if CAN_DEFER_TEMPLATES else wrap_var(value)


@contextlib.contextmanager
def quiet_connection(connection: t.Any) -> t.Iterator[None]:
    """Let a connection not show what it transports, as ansible-core does for a task with `no_log`."""
    context = getattr(connection, "_play_context", None)
    before = getattr(context, "no_log", None)
    if context is not None:
        context.no_log = True
    try:
        yield
    finally:
        if context is not None:
            context.no_log = before


def option(connection: t.Any, name: str, variables: t.Mapping[str, t.Any]) -> tuple[t.Any, str | None]:
    """:returns: an option of a connection and who has set it, `None` twice where it has no such option.

    It remembers who since 2.18. Before, that is found out anew, from the variables too: as they were before
    `PlayContext` put the values of some options among them.
    """
    try:
        if hasattr(connection, "_origins"):
            return t.cast("t.Tuple[t.Any, str]", connection.get_option_and_origin(name))
        of = {"plugin_type": "connection", "plugin_name": connection._load_name}
        known = variables.get("vars", variables)
        origin = t.cast("t.Any", C).config.get_config_value_and_origin(name, variables=known, **of)[1]
        return connection.get_option(name), origin
    except (AttributeError, KeyError, AnsibleError):
        return None, None


def complete(action: ActionBase, name: str, arguments: dict[str, t.Any], task_vars: t.Any, lenient: bool) -> None:
    """Put what ansible-core tells each module beside its own `arguments` into them.

    :arg lenient: whether the module is not to mind options that it does not know. Up to 2.16 it always does.
    """
    more = {"ignore_unknown_opts": True} if lenient and _IGNORES_UNKNOWN_OPTIONS else {}
    action._update_module_args(name, arguments, task_vars, **more)


@contextlib.contextmanager
def async_in_check_mode() -> t.Iterator[None]:
    """Let actions that support async run with `async_val` in check mode, which `ActionBase.run` refuses up to 2.16.

    Actions call it at their start, and look at `async_val` themselves after that.
    """
    if _HAS_ASYNC_IN_CHECK_MODE:
        yield
        return
    base: t.Any = ActionBase
    original = base.run

    def run(self: t.Any, tmp: t.Any = None, task_vars: t.Any = None) -> t.Any:
        seconds = self._task.async_val
        if self._task.check_mode and self._supports_async:
            self._task.async_val = 0
        try:
            return original(self, tmp, task_vars)
        finally:
            self._task.async_val = seconds

    base.run = run
    try:
        yield
    finally:
        base.run = original


def told_by_parent(method: t.Callable[..., None]) -> t.Any:
    """:returns: `method` of `Display`, such that workers let their parent call it, if `CAN_TELL_PARENT`.

    What makes one is a static method since 2.17, and was a function before.
    """
    proxy: t.Any = getattr(core_display.Display, "_proxy", None) or core_display.proxy_display
    return proxy(method)


def nothing_to_do(reason: str) -> dict[str, t.Any]:
    """:returns: the result of an action that found its work done. `skipped` goes out of use with 2.25."""
    result = {"changed": False, "msg": reason}
    return {"skipped": True, **result} if hasattr(core_errors, "AnsibleActionSkip") else result


def with_defaults(action: ActionBase, fqcn: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: `arguments` with what `module_defaults` of the task has for the module `fqcn`.

    One function up to 2.18, another since 2.19.
    """
    task: t.Any = action._task
    core: t.Any = module_common
    if hasattr(core, "_apply_action_arg_defaults"):
        return dict(core._apply_action_arg_defaults(fqcn, task, arguments, action._templar))
    groups = task._parent._play._action_groups
    return dict(
        core.get_action_args_with_defaults(fqcn, arguments, task.module_defaults, action._templar, action_groups=groups)
    )


def free_form(module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: the arguments of command and its like with `cmd` as the free form that it is another word for.

    Up to 2.18 `Task.preprocess_data` does that for a task; since 2.19 the modules know `cmd` themselves.
    """
    if not CAN_DEFER_TEMPLATES and module in C._ACTION_HAS_CMD and "cmd" in arguments:
        if arguments.get("_raw_params"):
            raise AnsibleActionFail("'cmd' cannot be used beside a free-form command")
        arguments["_raw_params"] = arguments.pop("cmd")
    return arguments


def defer_arguments(containers: t.Collection[str], texts: t.Collection[str], actions: t.Collection[str]) -> None:
    """Let tasks of `actions` keep arguments untemplated, where ansible-core has no way for it: up to 2.18.

    :arg containers: the names of those that are lists or mappings, or a variable that is one.
    :arg texts: the names of those that are texts.
    To be called when the class of such an action is loaded. All strategies do that before they queue its first task, in
    the process that forks the workers, in which `Task.post_validate` then runs.
    """
    task: t.Any = Task
    # Since 2.14.12, 2.15.7 and 2.16.1; before, as all attributes without a method of their own.
    original = getattr(task, "_post_validate_args", None) or _template_args
    if CAN_DEFER_TEMPLATES or hasattr(original, "deferred"):
        return

    def post_validate_args(self: t.Any, attr: t.Any, value: t.Any, templar: t.Any) -> t.Any:
        ours = isinstance(value, dict) and (self.resolved_action or self.action) in actions
        given = _with_variable(value, templar) if ours else {}
        kept = {name: given[name] for name in (*containers, *texts) if name in given}
        if not kept:
            return original(self, attr, value, templar)
        others = {name: each for name, each in given.items() if name not in kept}
        args = original(self, attr, others, templar)
        self.untemplated_args = value
        kept.update({name: _container(kept[name], templar) for name in containers if name in kept})
        return {**args, **kept}

    post_validate_args.deferred = True  # type: ignore[attr-defined]
    task._post_validate_args = post_validate_args


def _template_args(task: t.Any, attr: t.Any, value: t.Any, templar: t.Any) -> t.Any:
    return templar.template(value)


def _with_variable(args: dict[str, t.Any], templar: t.Any) -> dict[str, t.Any]:
    """:returns: the arguments of a task with those of a variable that its `args` names. An empty one is left for
    ansible-core to warn of.
    """
    variable = _container(args.get(_VARIABLE), templar)
    return {**variable, **args, _VARIABLE: {}} if isinstance(variable, dict) else args


_VARIABLE = "_variable_params"
_ONLY_A_NAME = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*)\s*\}\}\s*")


def _container(value: t.Any, templar: t.Any) -> t.Any:
    """:returns: what a text that only names a variable stands for, with the templates in it left alone.

    `resolve_to_container` does it since 2.19. Before, any other text is resolved with all that is in it.
    """
    seen: set[str] = set()
    while isinstance(value, str):
        match = None if is_untrusted(value) else _ONLY_A_NAME.fullmatch(value)
        if match is None or match.group(1) in seen or match.group(1) not in templar.available_variables:
            return templar.template(value)
        seen.add(match.group(1))
        value = templar.available_variables[match.group(1)]
    return value


def template(action: ActionBase, value: t.Any, variables: t.Mapping[str, t.Any]) -> t.Any:
    """:returns: `value` with its templates resolved against `variables` and nothing else.

    :raises AnsibleError: they cannot be.
    """
    found = action._templar.copy_with_new_env(available_variables=dict(variables)).template(value)
    if not CAN_DEFER_TEMPLATES and "omit" in variables:  # which `TaskExecutor` takes out of a task's arguments
        found = task_executor.remove_omit(found, variables["omit"])
    return found


def is_untrusted(text: str) -> bool:
    """:returns: whether ansible-core up to 2.18 has marked `text` as none of the author's: from facts or results.

    Since 2.19 it is the other way round, and its functions refuse what has no mark.
    """
    return bool(getattr(text, "__UNSAFE__", False))


def holds(action: ActionBase, condition: t.Any, variables: t.Mapping[str, t.Any]) -> bool:
    """:returns: whether a condition is true, as `when` and `assert` of this ansible-core evaluate it.

    :raises AnsibleError: it cannot be evaluated, or is no text of the author's.
    """
    templar = action._templar.copy_with_new_env(available_variables=dict(variables))
    if hasattr(templar, "evaluate_conditional"):  # since 2.19
        return bool(templar.evaluate_conditional(condition))
    if is_untrusted(condition):
        raise AnsibleActionFail("it comes from facts or from a result, and is not evaluated")
    checked = conditional.Conditional(loader=action._loader)
    checked.when = [condition]
    return bool(checked.evaluate_conditional(templar, dict(variables)))


def is_shown(key: str, warning: t.Any) -> bool:
    """:returns: whether ansible-core can show one of a result's `warnings` or `deprecations`.

    They are texts, and mappings with the arguments of `Display.deprecated`, up to 2.18, and since 2.19 objects too.
    """
    if key == "warnings":
        return isinstance(warning, str) or _is_summary(warning)
    if isinstance(warning, dict):
        known = {"msg", "version", "date", "collection_name"}
        texts = all(value is None or isinstance(value, str) for value in warning.values())
        return texts and set(warning) <= known and isinstance(warning.get("msg"), str)
    return _is_summary(warning)


def _is_summary(warning: t.Any) -> bool:
    return type(warning).__name__ in ("WarningSummary", "DeprecationSummary")


def task_result(told: t.Any) -> tuple[t.Any, t.Any, t.Mapping[str, t.Any]]:
    """:returns: host, task and result of what a callback is told. Attributes without underscore exist since 2.19."""
    if hasattr(told, "task"):
        return told.host, told.task, told.result
    return told._host, told._task, told._result


def error(text: str, details: str | None = None, advice: str | None = None, at: t.Any = None) -> dict[str, t.Any]:
    """:returns: what a failed result needs so that ansible-core shows `text` as its error, not its message.

    Up to 2.18 it shows neither with `no_log`; since 2.19 there are objects for that.

    :arg details: what is shown where tracebacks are, such as in a report of the callback `junit`.
    :arg advice: lines that are shown below it.
    :arg at: a value of the playbook whose lines are shown, if they are known.
    """
    if core_messages is None:
        return {}
    event = core_messages.Event(
        msg=text, formatted_traceback=details, help_text=advice, formatted_source_context=_source(at)
    )
    return {"exception": core_messages.ErrorSummary(event=event)}


def _source(value: t.Any) -> str | None:
    """:returns: the place of a value in the playbook, with its lines; `None` if it is not known."""
    try:
        errors, tags = map(importlib.import_module, ("ansible._internal._errors._error_utils", _TAGS))
        origin = tags.Origin.get_tag(value)
        return str(errors.SourceContext.from_value(value)) if origin is not None and origin.path else None
    except (ImportError, AttributeError):  # another way in a later version
        return None


def hide(action: ActionBase) -> None:
    """Let ansible-core hide the result that `action` is about to return, where `_ansible_no_log` in it is overruled."""
    if OVERRULES_NO_LOG:
        action._task.no_log = True


def task_hides(told: t.Any) -> bool:
    """:returns: whether the task has `no_log` of whose result a callback is told; not whether a job of it has, where
    that can be told apart: see `hide`.
    """
    return bool(told._task_fields.get("no_log"))


def brief_error(exception: t.Any) -> str:
    """:returns: what ansible-core tells of the `exception` of a result without being asked for a traceback.

    It has decoded one of a module to an ErrorSummary since 2.19.
    """
    event = getattr(exception, "event", None)
    if event is None or core_events is None:
        return outcome.brief(exception)
    return str(core_events.format_event_brief_message(event))


def trusted(text: str) -> str:
    """:returns: a text of ours that ansible-core may take for a template. Since 2.19 it does not without being told."""
    mark = getattr(core_template, "trust_as_template", str)
    return t.cast(str, mark(text))


def mask_secrets(text: str) -> str:
    """:returns: `text` as ansible-core would print it, without the secrets that it knows of. Since 2.22 it does."""
    mask = getattr(core_display, "mask_secrets", str)
    return t.cast(str, mask(text))


def register_secrets(secrets: t.Sequence[str]) -> None:
    """Let ansible-core mask these from now on. Since 2.22 it does that with what the answer of a module names."""
    if core_secrets is not None:
        core_secrets.register_secrets(list(secrets))


def discovery(action: ActionBase) -> dict[str, t.Any]:
    """:returns: what the result of a task has beside where ansible-core has looked for a Python on its way, as
    `_execute_module` would put it there. Up to 2.18 the action keeps the warnings; since 2.19 they are shown at once.
    """
    found: dict[str, t.Any] = {}
    if action._discovered_interpreter_key:
        found["ansible_facts"] = {action._discovered_interpreter_key: action._discovered_interpreter}
    for key in ("warnings", "deprecations"):
        kept = getattr(action, f"_discovery_{key.replace('deprecations', 'deprecation_warnings')}", None)
        if kept:
            found[key] = list(kept)
    return found


def is_task_timeout(exc: BaseException) -> bool:
    """:returns: whether `exc` is how the keyword `timeout` ends a task: a class that has moved in 2.19."""
    return not isinstance(exc, Exception) and type(exc).__name__ == "TaskTimeoutError"


def quiet_manager(manager: t.Any, callback: t.Any) -> t.Any:
    """:returns: another `TaskQueueManager`, for the same inventory and variables, that tells only `callback`.

    It takes a callback as an argument up to 2.18, and only names of callbacks since 2.19.
    """
    quiet = type(manager)(
        inventory=manager.get_inventory(),
        variable_manager=manager.get_variable_manager(),
        loader=manager.get_loader(),
        passwords=manager.passwords,
        run_additional_callbacks=False,
        forks=manager._forks,
    )
    if hasattr(callback, "_init_callback_methods"):
        callback._init_callback_methods()
        quiet._callback_plugins.append(callback)
    else:
        quiet._stdout_callback = callback
    quiet._start_at_done = True  # what --start-at-task names was found already
    return quiet


def _bytes(program: str | bytes) -> bytes:
    return program.encode() if isinstance(program, str) else program
