# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.background.jobs.tests.docs import migration


def test_the_pages_show_the_playbooks_that_are_tested() -> None:
    assert migration.PAGE.read_text(encoding="utf-8") == migration.page(), "run tests/docs/migration.py"
    assert migration.LISTING.read_text(encoding="utf-8") == migration.listing(), "run tests/docs/migration.py"


def test_originals_use_builtin_async_alone() -> None:
    originals = [migration.MOLECULE / task.folder / "original.yml" for task in migration.TASKS]
    assert {*migration.MOLECULE.glob("*/**/original.yml")} == {*originals}
    texts = [path.read_text(encoding="utf-8") for path in originals]
    assert all("async:" in text and "background.jobs." not in text for text in texts)


def test_every_pattern_is_shown_and_was_measured() -> None:
    tested = {path.parent for path in migration.MOLECULE.glob("*/**/after.yml")}
    assert {migration.MOLECULE / pattern.folder for pattern in migration.PATTERNS} >= tested
