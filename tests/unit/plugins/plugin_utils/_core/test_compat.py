# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import inspect
import os
import types
import typing as t

import pytest
from ansible import errors
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader
from pytest_mock import MockerFixture

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat


class Action:
    """An action that has built a module as ansible-core up to 2.18 does."""

    def __init__(self, **found: t.Any) -> None:
        self._discovered_interpreter_key = found.get("key")
        self._discovered_interpreter = found.get("interpreter")
        self._discovery_warnings = found.get("warnings", [])
        self.task_vars: dict[str, t.Any] = {}

    def _configure_module(self, module_name: str, module_args: t.Any, task_vars: dict[str, t.Any]) -> t.Any:
        raise AssertionError("a strategy of Mitogen puts such a one in the way of ansible-core's own")


@pytest.mark.parametrize(
    ("said", "stored", "used"),
    [
        ({}, True, "ZIP_STORED"),
        ({"ansible_module_compression": "ZIP_DEFLATED"}, True, "ZIP_STORED"),
        ({"ansible_module_compression": "ZIP_BZIP2"}, True, "ZIP_BZIP2"),
        ({}, False, None),
        ({"ansible_module_compression": "ZIP_DEFLATED"}, False, "ZIP_DEFLATED"),
        ({"ansible_module_compression": "ZIP_BZIP2"}, False, "ZIP_BZIP2"),
    ],
    ids=str,
)
def test_a_module_is_not_compressed_by_itself_but_as_the_user_says(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], stored: bool, used: str | None
) -> None:
    def configure(action: t.Any, module_name: str, module_args: t.Any, task_vars: dict[str, t.Any]) -> t.Any:
        action.task_vars = task_vars
        return "new", "#!/usr/bin/python3", b"program", "/x.py"

    monkeypatch.setattr(ActionBase, "_configure_module", configure)
    action: t.Any = Action()
    facts: dict[str, t.Any] = {}
    variables = {"ansible_facts": facts, **said}
    assert compat.build(action, "m", {}, variables, stored).program == b"program"
    assert action.task_vars.get("ansible_module_compression") == used
    assert action.task_vars["ansible_facts"] is facts, "what ansible-core finds out goes there"
    assert variables == {"ansible_facts": {}, **said}


def test_what_was_found_on_the_way_to_a_host_is_told_with_the_result() -> None:
    nothing: t.Any = Action()
    assert compat.discovery(nothing) == {}
    found: t.Any = Action(key="discovered_interpreter_python", interpreter="/p", warnings=["w"])
    told = {"ansible_facts": {"discovered_interpreter_python": "/p"}, "warnings": ["w"]}
    assert compat.discovery(found) == told


def test_secrets_are_registered_where_ansible_core_masks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[str] = []
    monkeypatch.setattr(compat, "core_secrets", types.SimpleNamespace(register_secrets=known.extend))
    compat.register_secrets(["swordfish"])
    assert known == ["swordfish"]
    monkeypatch.setattr(compat, "core_secrets", None)
    compat.register_secrets(["nobody"])


class Core:
    """An action of ansible-core for a task that is async, in check mode, and what it can do."""

    run = ActionBase.run

    def __init__(self, supports_async: bool = True) -> None:
        self._supports_async = supports_async
        self._supports_check_mode = True
        self._VALID_ARGS: frozenset[str] = frozenset()
        self._task = types.SimpleNamespace(async_val=30, check_mode=True, action="m", args={})
        self._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/t"))
        self.told: dict[str, t.Any] = {}

    def _update_module_args(self, name: str, arguments: t.Any, task_vars: t.Any, **more: t.Any) -> None:
        self.told.update(more)


def test_an_action_that_supports_async_runs_in_check_mode_too() -> None:
    action: t.Any = Core()
    before = ActionBase.run
    with compat.async_in_check_mode():
        assert ActionBase.run(action) == {}
    assert action._task.async_val == 30, "what comes after that goes by it"
    assert ActionBase.run is before
    no_async: t.Any = Core(supports_async=False)
    with compat.async_in_check_mode(), pytest.raises(AnsibleActionFail, match="async"):
        ActionBase.run(no_async)


def test_a_module_is_told_to_ignore_options_only_by_who_knows_that() -> None:
    action: t.Any = Core()
    compat.complete(action, "m", {}, {}, lenient=False)
    assert action.told == {}
    compat.complete(action, "m", {}, {}, lenient=True)
    known = "ignore_unknown_opts" in inspect.signature(ActionBase._update_module_args).parameters
    assert action.told == ({"ignore_unknown_opts": True} if known else {})


@pytest.mark.parametrize("overruled", [False, True])
def test_what_an_action_hides_is_hidden_by_the_task_where_that_alone_counts(
    mocker: MockerFixture, overruled: bool
) -> None:
    mocker.patch.object(compat, "OVERRULES_NO_LOG", overruled)
    action: t.Any = types.SimpleNamespace(_task=types.SimpleNamespace(no_log=False))
    compat.hide(action)
    assert action._task.no_log is overruled


@pytest.mark.parametrize(
    ("gone", "result"),
    [
        ((), {"skipped": True, "changed": False, "msg": "x exists"}),
        (("AnsibleActionSkip",), {"changed": False, "msg": "x exists"}),
    ],
)
def test_who_had_nothing_to_do_is_called_skipped_as_long_as_there_is_such_a_thing(
    mocker: MockerFixture, gone: tuple[str, ...], result: dict[str, t.Any]
) -> None:
    left = {name: value for name, value in vars(errors).items() if name not in gone}
    mocker.patch.object(compat, "core_errors", types.SimpleNamespace(**left))
    assert compat.nothing_to_do("x exists") == result


@pytest.mark.parametrize(
    ("variables", "environment", "is_set"),
    [
        ({}, {}, False),
        ({"ansible_ssh_pipelining": False}, {}, True),
        ({"ansible_pipelining": True}, {}, True),
        ({"ansible_pipelining": True, "vars": {"ansible_pipelining": True}}, {}, True),
        ({"ansible_pipelining": False, "vars": {}}, {}, False),
        ({}, {"ANSIBLE_PIPELINING": "false"}, True),
    ],
    ids=str,
)
def test_who_has_set_an_option_is_found_out_where_a_connection_does_not_remember_it(
    mocker: MockerFixture, variables: dict[str, t.Any], environment: dict[str, str], is_set: bool
) -> None:
    mocker.patch.dict(os.environ, environment)
    connection_loader.get("ssh", class_only=True)  # reads what options there are
    connection = types.SimpleNamespace(_load_name="ssh", get_option=lambda name: "value")
    value, origin = compat.option(connection, "pipelining", variables)
    assert value == "value"
    assert (origin != "default") is is_set


def test_an_option_that_a_connection_does_not_have_is_nobodys() -> None:
    connection_loader.get("ssh", class_only=True)  # reads what options there are
    connection = types.SimpleNamespace(_load_name="ssh", get_option={}.__getitem__)
    assert compat.option(connection, "no_such_option", {}) == (None, None)
