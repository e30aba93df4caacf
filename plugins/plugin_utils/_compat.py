# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between the supported versions of ansible-core, asked by feature, in this one place.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import typing as t

from ansible import constants as C
from ansible import template as core_template
from ansible.errors import AnsibleActionFail
from ansible.executor import module_common
from ansible.module_utils.common import json as _common_json
from ansible.plugins.action import ActionBase
from ansible.utils import display as core_display

common_json: t.Any = _common_json

CAN_DEFER_TEMPLATES = hasattr(ActionBase, "finalize_task_arg")
"""Whether an action may leave an argument untemplated until it knows more. Since 2.19; needed for O(for_each)."""

CENSORS_MESSAGES = not CAN_DEFER_TEMPLATES
"""Whether the callbacks hide the message of a failed task with C(no_log), which names jobs but no secrets: to 2.18."""


@dataclasses.dataclass
class Built:
    """A module as ansible-core built it for the target."""

    style: str
    shebang: str
    program: bytes
    path: str
    profile: str


def build(action: ActionBase, name: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Built:
    """:returns: the module O(name) with O(arguments) in it.

    C(_configure_module) returns four values up to 2.18 and an object with the path since 2.19.
    """
    built = action._configure_module(module_name=name, module_args=arguments, task_vars=task_vars)
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


@contextlib.contextmanager
def quiet_connection(connection: t.Any) -> t.Iterator[None]:
    """Let a connection not show what it transports, as ansible-core does for a task with C(no_log)."""
    context = getattr(connection, "_play_context", None)
    before = getattr(context, "no_log", None)
    if context is not None:
        context.no_log = True
    try:
        yield
    finally:
        if context is not None:
            context.no_log = before


def with_defaults(action: ActionBase, fqcn: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """:returns: O(arguments) with what C(module_defaults) of the task has for the module O(fqcn).

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
    """:returns: the arguments of command and its like with O(cmd) as the free form that it is another word for.

    Up to 2.18 C(Task.preprocess_data) does that for a task; since 2.19 the modules know O(cmd) themselves.
    """
    if not CAN_DEFER_TEMPLATES and module in C._ACTION_HAS_CMD and "cmd" in arguments:
        if arguments.get("_raw_params"):
            raise AnsibleActionFail("'cmd' cannot be used beside a free-form command")
        arguments["_raw_params"] = arguments.pop("cmd")
    return arguments


def template(action: ActionBase, value: t.Any, variables: t.Mapping[str, t.Any]) -> t.Any:
    """:returns: O(value) with its templates resolved against O(variables) and nothing else."""
    return action._templar.copy_with_new_env(available_variables=dict(variables)).template(value)


def task_result(told: t.Any) -> tuple[t.Any, t.Any, t.Mapping[str, t.Any]]:
    """:returns: host, task and result of what a callback is told. Attributes without underscore exist since 2.19."""
    if hasattr(told, "task"):
        return told.host, told.task, told.result
    return told._host, told._task, told._result


def trusted(text: str) -> str:
    """:returns: a text of ours that ansible-core may take for a template. Since 2.19 it does not without being told."""
    mark = getattr(core_template, "trust_as_template", str)
    return t.cast(str, mark(text))


def mask_secrets(text: str) -> str:
    """:returns: O(text) as ansible-core would print it, without the secrets that it knows of. Since 2.22 it does."""
    mask = getattr(core_display, "mask_secrets", str)
    return t.cast(str, mask(text))


def quiet_manager(manager: t.Any, callback: t.Any) -> t.Any:
    """:returns: another C(TaskQueueManager), for the same inventory and variables, that tells only O(callback).

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
