# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States and reasons are constants of one unit: no other has one of these words as a text of its own."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

from ansible_collections.background.jobs.plugins.module_utils._model import states

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
WORDS = {value for name, value in vars(states).items() if name.isupper() and isinstance(value, str)}
FIELDS = ("state", "reason", "cause")
"""What holds one of them: a field, a variable, an argument or a key of this name."""
MAKERS = ("Outcome", "Drop", "Status", "Record", "_lost", "_not_found", "_say")
"""What takes one of them as one of its arguments."""


def constants(value: ast.expr | None) -> t.Iterator[str]:
    """:returns: the texts that an expression can be, whatever its conditions say."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from (*constants(value.body), *constants(value.orelse))
    elif isinstance(value, (ast.Tuple, ast.List, ast.Set)):
        for each in value.elts:
            yield from constants(each)
    elif isinstance(value, ast.BoolOp):
        for each in value.values:
            yield from constants(each)


def name_of(node: ast.expr) -> str:
    """:returns: what a variable, an attribute or a key is called."""
    if isinstance(node, ast.Subscript):
        return next(constants(node.slice), "")
    return getattr(node, "attr", getattr(node, "id", ""))


def assigned(node: ast.Assign) -> t.Iterator[str]:
    """:returns: the texts that something called like one of `FIELDS` is set to."""
    for target in node.targets:
        names, values = [target], [node.value]
        if isinstance(target, ast.Tuple):
            names = target.elts
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value] * len(names)
        for name, value in zip(names, values):
            if name_of(name) in FIELDS:
                yield from constants(value)


def said(node: ast.AST) -> t.Iterator[str]:
    """:returns: texts in places where a state or a reason stands."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        yield from (text for side in sides[isinstance(node.ops[0], (ast.In, ast.NotIn)) :] for text in constants(side))
    elif isinstance(node, ast.keyword) and node.arg in FIELDS:
        yield from constants(node.value)
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values)
        yield from (text for key, value in pairs if {*constants(key)} & {*FIELDS} for text in constants(value))
    elif isinstance(node, ast.Assign):
        yield from assigned(node)
    elif isinstance(node, ast.Return):
        yield from constants(node.value)
    elif isinstance(node, ast.Call) and name_of(node.func) in MAKERS:
        yield from (text for argument in node.args for text in constants(argument))


def found(source: str) -> list[str]:
    """:returns: the states and reasons that are literals in a source."""
    return [text for node in ast.walk(ast.parse(source)) for text in said(node) if text in WORDS]


def test_no_state_and_no_reason_is_a_literal() -> None:
    paths = [path for place in ("module_utils", "plugin_utils", "action") for path in PLUGINS.glob(f"{place}/**/*.py")]
    literals = {str(path.relative_to(PLUGINS)): found(path.read_text(encoding="utf-8")) for path in paths}
    assert len(paths) > 90 and literals.pop("module_utils/_model/states.py") == []
    assert {path: words for path, words in literals.items() if words} == {}


def test_literals_are_found_where_they_stand() -> None:
    source = """
status.state, status.reason = LOST, "reboot"
status.reason = "exit_code" if code else "module"
job["reason"] = other or "signal"
entry({"state": "lost"}, reason="timeout")
Outcome(FAILED, {"failed": True, "skipped": result.get("skipped")}, "spawn")
if cause == "deadline" or state in ("failed", "timed_out") or "failed" in result:
    duration(options["timeout"], "timeout")
def why():
    return "disk_full", message
"""
    expected = "reboot exit_code module signal lost timeout spawn deadline failed timed_out disk_full"
    assert sorted(found(source)) == sorted(expected.split())
