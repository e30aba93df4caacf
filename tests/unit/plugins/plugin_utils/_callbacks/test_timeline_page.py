# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as text; tests/unit/browser has it in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._callbacks.timeline_page import page, write_page


def test_data_cannot_leave_its_element() -> None:
    content = {"name": "</script><!--<script>& @SCRIPT@ @STYLE@"}
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page(content), re.DOTALL)
    assert json.loads(data) == content
    assert data.isascii() and not set(data) & set("<>&")


def test_what_turns_text_around_or_shows_nothing_is_escaped_and_lines_are_not() -> None:
    content = {"jobs": [{"name": "a\u202e\u2028\u200b\udc80\x1b", "stdout": ["\ta\r"], "msg": "one\ntwo", "rc": 1}]}
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page(content), re.DOTALL)
    assert json.loads(data) == {
        "jobs": [{"name": r"a\u202e\u2028\u200b\udc80\x1b", "stdout": ["\ta\\r"], "msg": "one\ntwo", "rc": 1}]
    }


def test_the_page_asks_for_nothing_and_runs_its_own_script_alone() -> None:
    html = page({})
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', html)
    for element in ("style", "script"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "://" not in re.sub(r"https://www\.gnu\.org/licenses/gpl-3\.0\.txt", "", html)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", html)
    assert "@" not in re.sub(r"@media", "", html)


def test_a_file_is_for_its_owner_and_replaces_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "page.html"
    target.write_text("untouched", encoding="ascii")
    link.symlink_to(target)
    write_page(str(link), "\N{CHECK MARK}")
    assert link.read_text(encoding="utf-8") == "\N{CHECK MARK}"
    assert (target.read_text(encoding="ascii"), link.is_symlink()) == ("untouched", False)
    assert stat.S_IMODE(link.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(IsADirectoryError):
        write_page(str(tmp_path / "page.html"), "text")
    with pytest.raises(FileNotFoundError):
        write_page(str(tmp_path / "missing" / "page.html"), "text")
    assert os.listdir(tmp_path) == ["page.html"]
    monkeypatch.chdir(tmp_path)
    write_page("here.html", "text")
    assert (tmp_path / "here.html").exists()
