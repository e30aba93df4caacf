# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import dis
import json
import subprocess
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import batch, wire
from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources
from ansible_collections.background.jobs.tests.unit.helpers import LIMIT, python, script_job

PARTS = sorted(set(program.parts(root for roots in program._ROOTS.values() for root in (*roots, program._RUNNING))))


def meaning(code: types.CodeType) -> t.Any:
    """What a code object does, and in which lines."""
    inside = [meaning(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    lines = [line for dummy, line in dis.findlinestarts(code) if line is not None]
    return code.co_code, code.co_names, inside, lines


@pytest.mark.parametrize("part", PARTS)
def test_without_what_its_docstrings_and_comments_say_a_part_does_the_same_in_the_same_lines(part: str) -> None:
    text = sources.source(part)
    bare = sources._bare(text)
    whole, sent = (compile(source, part, "exec", 0, True, 2) for source in (text, bare))
    assert meaning(sent) == meaning(whole)
    assert len(bare) < len(text) and "PRIVATE" not in bare and ":returns:" not in bare
    assert "SPDX" not in bare and "# type: ignore" not in bare


class Untyped(ast.NodeTransformer):
    """A tree without the types in signatures."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


@pytest.mark.parametrize("part", [*PARTS, program._LOADER])
def test_nothing_but_the_types_of_signatures_is_taken_out_of_a_part(part: str) -> None:
    bare = sources._bare(sources.source(part))
    untyped = sources._untyped(bare)
    assert ast.dump(ast.parse(untyped)) == ast.dump(Untyped().visit(ast.parse(bare)))
    assert untyped.count("\n") == bare.count("\n")


def test_types_are_taken_out_of_signatures_in_any_form() -> None:
    text = """\
def f(self, a: int = 1, *rest: "dict[str, t.Any]", b: t.Callable[[int], str] = g(x, y={1: 2}), **c: t.Any) -> int:
    x: int = {"a": 1}[a]
def g(a: t.Callable[[], object] = lambda: None, b: int = 1) -> int:
    return lambda a: 1
class C:
    def h(
        self, a: str = "x: y, (",
        b: tuple[
            int
        ] = (),
    ) -> None:
        ...
"""
    assert (
        sources._untyped(text)
        == """\
def f(self, a = 1, *rest, b = g(x, y={1: 2}), **c):
    x: int = {"a": 1}[a]
def g(a = lambda: None, b = 1):
    return lambda a: 1
class C:
    def h(
        self, a = "x: y, (",
        b

 = (),
    ):
        ...
"""
    )


def test_only_docstrings_are_taken_out() -> None:
    text = 'A = """\\\nx\n"""\n"""About\n\nA."""\n\n\ndef f():\n    """Do."""\n    g("""x""", """\ny""")  # """ no\n'
    assert sources.sent(text.replace('  # """ no', "")) == (
        'A = """\\\nx\n"""\n""""""\n\n\n\n\ndef f():\n    """"""\n    g("""x""", """\ny""")\n'
    )


@pytest.mark.parametrize("part", PARTS)
def test_types_are_for_those_who_read_a_part(part: str) -> None:
    """What is sent does not import them, and names them in annotations only: nothing looks for them on the target."""
    text = sources.sent(sources.source(part))
    assert len(text.splitlines()) == len(sources.source(part).splitlines())
    tree = ast.parse(text)
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert not {name.name for node in found for name in node.names} & {"typing", "dataclasses", "t"}
    annotations = [getattr(node, kind, None) for node in ast.walk(tree) for kind in ("annotation", "returns")]
    read = {id(node) for annotation in annotations if annotation is not None for node in ast.walk(annotation)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "t"]
    assert [node.lineno for node in names if id(node) not in read] == []


def request_of(kind: str, directory: str) -> wire.Request:
    """A request of each kind; that of a launch waits for the end of its one job."""
    question = wire.Question(directory, patience=LIMIT)
    packed = batch.pack(batch.Batch("j1", [script_job("j1.0", "echo '{}'")]))
    requests = {
        "launch": wire.Launch(directory, question, packed, batch.RESTART),
        "ask": wire.Ask([], "status", question),
        "cancel": wire.Cancel(directory, [], "kill"),
        "list": wire.List(directory),
        "prune": wire.Prune(directory, 0),
    }
    return requests[kind]


@pytest.mark.parametrize("kind", program._ROOTS)
def test_no_request_imports_them_on_the_target(kind: str, tmp_path: Path) -> None:
    def noted(name: str) -> str:
        text = sources.source(name)
        before = "    out = sys.stdout.buffer\n"
        assert (before in text) is (name == "_serve.main")
        return text.replace(before, f"    print(sorted(sys.modules), flush=True)\n{before}")

    data = program.payload(request_of(kind, str(tmp_path / "async")), noted)
    done = subprocess.run([python(), *program.OPTIONS, program.LINE], input=data, stdout=subprocess.PIPE, check=True)
    loaded, dummy, answer = done.stdout.decode("ascii").splitlines()
    assert wire.MARK in answer and "'zlib'" in loaded and "_model.small_dataclasses'" in loaded
    for name in ("typing", "dataclasses", "inspect"):
        assert f"'{name}'" not in loaded


OLD = """
import json, sys
sys.version_info = (3, 6, 15)
sys.path.insert(0, {here!r})
from loader import parsed
texts = json.load(sys.stdin)
for name, text in texts.items():
    tree = parsed(text)
    compile(tree, name, "exec", 0, True, 2)
kinds = {{}}
for text in (
    "class A:\\n    x: list[None + 1] = []\\n    y: Unknown | None\\n",
    "def f(a: None + 1, *b: 1 + None, c: X = 1, **d: Y) -> Z:\\n    e: Z = 1\\n    return e\\n",
):
    exec(compile(parsed(text), "text", "exec"), kinds)
print(json.dumps([kinds["A"].__annotations__, kinds["f"](1)]))
"""


def test_what_python_3_6_would_evaluate_is_text_there(tmp_path: Path) -> None:
    """It compiles each part. The loader of another Python can be made to believe that it is that one."""
    (tmp_path / "loader.py").write_text(sources.source("_serve.loader"), encoding="ascii")
    texts = {part: sources.sent(sources.source(part)) for part in PARTS}
    done = subprocess.run(
        [python(), "-W", "ignore", "-c", OLD.format(here=str(tmp_path))],
        input=json.dumps(texts).encode("ascii"),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(done.stdout) == [{"x": "list[None + 1]", "y": "Unknown | None"}, 1]
