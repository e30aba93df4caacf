# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is replaced in ansible-core's classes is replaced in two units: others set nothing of them."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
MAY = ("plugin_utils/_core/compat.py", "plugin_utils/_core/patches.py")


def replaced(source: str) -> list[str]:
    """:returns: the names of what a source imports from ansible-core and sets an attribute of, whatever stands for it.

    Known are `Class.method = ...`, the same with a variable that is one of these classes, and `setattr`.
    """
    tree = ast.parse(source)
    known = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ansible"
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Name):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and node.value.id in known:
                    known[target.id] = known[node.value.id]
    for node in ast.walk(tree):
        owner: ast.expr | None = None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            owner = node.targets[0].value
            found += ["buffer"] if isinstance(owner, ast.Attribute) and owner.attr == "buffer" else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            owner = node.args[0]
        if isinstance(owner, ast.Name) and owner.id in known:
            found.append(known[owner.id])
    return found


def test_nothing_of_ansible_core_is_replaced_elsewhere() -> None:
    paths = {str(path.relative_to(PLUGINS)): path for path in PLUGINS.glob("**/*.py")}
    found = {name: replaced(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    assert {name for name, names in found.items() if names} == {*MAY}


def test_what_is_replaced_is_found() -> None:
    source = """
from ansible.utils.display import Display
from ansible.executor.task_queue_manager import TaskQueueManager as Manager
manager: t.Any = Manager
manager.run = run
setattr(Display, name, told)
stream.buffer.write = write
self.display = Display()
"""
    assert sorted(replaced(source)) == ["Display", "TaskQueueManager", "buffer"]
