# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises of the guide on security name the tests that hold them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "docsite" / "rst" / "security.rst"
NAMED = re.findall(r"``(\S+\.py)::(test_\w+)``", PAGE.read_text(encoding="utf-8"))


def test_each_test_that_is_named_is_there() -> None:
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not re.search(
            rf"^ *def {name}\(", (ROOT / "tests" / "unit" / file).read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert missing == []


def test_each_promise_names_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    promises = text[text.index("A hostile host\n---") : text.index("Files\n---")]
    bare = [part for part in re.split(r"\n(?=\*\*)", promises)[1:] if "::test_" not in part]
    assert bare == []
