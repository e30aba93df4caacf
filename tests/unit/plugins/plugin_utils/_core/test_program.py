# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import dis
import re
import types
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import ATTACH, START
from ansible_collections.background.jobs.plugins.plugin_utils._core import program

SENT = {kind: set(program.parts(roots)) for kind, roots in program._ROOTS.items()}


def test_no_shell_takes_anything_in_the_line_for_something_else() -> None:
    """It stands in single quotes, which sh, csh and fish read differently."""
    assert not set("'!\\$`\n") & set(program.LINE) and program.LINE.isascii()


@pytest.mark.parametrize("kind", SENT)
def test_each_part_comes_with_all_that_it_imports(kind: str) -> None:
    """Whatever a part imports at its top is needed to load it."""
    for part in SENT[kind]:
        text = program.source(part)
        top = [line for line in text.splitlines() if re.match(r"(from|import) ansible", line)]
        for line in top:
            assert line.startswith(f"from {program._PACKAGE}"), f"{part}: {line}"
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(program._PACKAGE):
                place = (node.module or "")[len(program._PACKAGE) + 1 :]
                wanted = {place, *(f"{place}.{name.name}" for name in node.names)}
                assert wanted & SENT[kind], f"{part} imports {wanted}"


def test_what_a_request_does_not_need_is_not_sent() -> None:
    supervisor = {
        f"_supervisor.{part}" for part in ("main", "schedule", "fork_client", "fork_server", "boot", "attempt")
    }
    assert supervisor <= SENT["launch"]
    for kind in ("ask", "cancel", "list", "prune"):
        assert not supervisor & SENT[kind]
    assert "_cleanup.cancel" not in SENT["launch"] and "_cleanup.prune" not in SENT["ask"]
    sizes = {which: len(program.payload(wire.Launch("/a"), which)) for which in (START, ATTACH)}
    assert sizes[START] < sizes[ATTACH]
    assert len(program.payload(wire.List("/a"))) < sizes[START] / 1.4


def meaning(code: types.CodeType) -> t.Any:
    """What a code object does, and in which lines."""
    inside = [meaning(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    lines = [line for dummy, line in dis.findlinestarts(code) if line is not None]
    return code.co_code, code.co_names, inside, lines


@pytest.mark.parametrize("part", sorted(set().union(*SENT.values())))
def test_without_what_its_docstrings_say_a_part_does_the_same_in_the_same_lines(part: str) -> None:
    text = program.source(part)
    bare = program.bare(text)
    whole, sent = (compile(source, part, "exec", 0, True, 2) for source in (text, bare))
    assert meaning(sent) == meaning(whole)
    assert len(bare) < len(text) and "PRIVATE" not in bare and ":returns:" not in bare


def test_only_docstrings_are_taken_out() -> None:
    text = 'A = """\\\nx\n"""\n"""About\n\nA."""\n\n\ndef f():\n    """Do."""\n    g("""x""", """\ny""")  # """ no\n'
    assert program.bare(text.replace('  # """ no', "")) == (
        'A = """\\\nx\n"""\n""""""\n\n\n\n\ndef f():\n    """"""\n    g("""x""", """\ny""")\n'
    )
