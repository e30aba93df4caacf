# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of private code import only what stands above them here."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
PREFIX = "ansible_collections.background.jobs.plugins."
LAYERS = (
    "module_utils._model",
    "module_utils",
    "module_utils._store",
    "module_utils._processes",
    "module_utils._locks",
    "module_utils._supervisor",
    "module_utils._reader",
    "module_utils._cleanup",
    "module_utils._launcher",
    "module_utils._serve",
    "plugin_utils._core",
    "plugin_utils._define",
    "plugin_utils._results",
    "plugin_utils._display",
    "plugin_utils._tasks",
    "plugin_utils._callbacks",
)


def imports(path: Path) -> t.Iterator[str]:
    """:returns: the packages of ours from which a file imports, without this prefix."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            yield ".".join((node.module or "")[len(PREFIX) :].split(".")[:2])


def test_packages_import_one_way() -> None:
    files = [*PLUGINS.glob("module_utils/**/*.py"), *PLUGINS.glob("plugin_utils/**/*.py")]
    packages = {path: ".".join(path.relative_to(PLUGINS).parent.parts) for path in files}
    assert {*packages.values()} - {"plugin_utils"} == {*LAYERS}
    rank = {layer: number for number, layer in enumerate(LAYERS)}
    up = [
        f"{path.relative_to(PLUGINS)} imports from {found}"
        for path in files
        for found in imports(path)
        if found != packages[path] and rank.get(found, rank["module_utils"]) >= rank[packages[path]]
    ]
    assert up == []
