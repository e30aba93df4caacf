# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import re

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import ATTACH, START
from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources

SENT = {kind: set(program.parts(roots)) for kind, roots in program._ROOTS.items()}


def test_no_shell_takes_anything_in_the_line_for_something_else() -> None:
    """It stands in single quotes, which sh, csh and fish read differently."""
    assert not set("'!\\$`\n") & set(program.LINE) and program.LINE.isascii()


@pytest.mark.parametrize("kind", SENT)
def test_each_part_comes_with_all_that_it_imports(kind: str) -> None:
    """Whatever a part imports at its top is needed to load it."""
    for part in SENT[kind]:
        text = sources.source(part)
        top = [line for line in text.splitlines() if re.match(r"(from|import) ansible", line)]
        for line in top:
            assert line.startswith(f"from {sources.PACKAGE}"), f"{part}: {line}"
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(sources.PACKAGE):
                place = (node.module or "")[len(sources.PACKAGE) + 1 :]
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
    sizes = {which: len(program.payload(wire.Launch("/a", if_running=which))) for which in (START, ATTACH)}
    assert sizes[START] < sizes[ATTACH]
    assert len(program.payload(wire.List("/a"))) < sizes[START] / 1.4
