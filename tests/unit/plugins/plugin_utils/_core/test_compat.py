# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.plugins.action import ActionBase

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
