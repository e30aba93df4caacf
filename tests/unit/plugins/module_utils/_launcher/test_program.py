# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib

from ansible_collections.background.jobs.plugins.module_utils._launcher import program as _program
from ansible_collections.background.jobs.plugins.module_utils._launcher import start

OURS = re.compile(r"^(?:from|import) ansible_collections\.background\.jobs\.plugins\.module_utils\.([\w.]+)", re.M)


def test_it_is_one_line_of_plain_text() -> None:
    assert _program.packed().isascii()
    assert _program.packed().splitlines() == [_program.packed()]


def test_each_part_comes_after_those_it_imports_and_nothing_else_is_needed() -> None:
    """It is loaded where there is nothing else: a part that is missing, or too late, ends the loader."""
    program = json.loads(zlib.decompress(base64.b64decode(_program.packed())))
    names = [name for name, dummy in program["parts"]]
    imported = {found for dummy, source in program["parts"] for found in OURS.findall(source) if found}
    known = {part for name in names for part in (name, name.rpartition(".")[0])}
    assert imported <= {name.partition(".module_utils.")[2] for name in known}
    nothing = start._LOADER.replace("module.main(**program, ", "print(module.__name__, program.keys()); dict(")
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", nothing],
        input=_program.packed() + "\n{}",
        capture_output=True,
        check=True,
        encoding="ascii",
    )
    assert loaded.stdout == f"{names[-1]} dict_keys(['boot'])\n"
