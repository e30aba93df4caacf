# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Outputs and pictures in the documentation are those of a run of what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.docs import record

RECORDED = [page for page in record.PAGES if record.steps_of(page)]
STALE = "run 'nox -s record'"


def test_pages_with_output_are_found() -> None:
    assert {"README", "tutorial"} <= {page.stem for page in RECORDED}


@pytest.mark.parametrize("page", RECORDED, ids=lambda page: page.stem)
def test_what_a_page_shows_is_what_its_commands_print(page: Path) -> None:
    for step, output in record.outputs(page):
        assert record.same(step.shown) == record.same(output), f"{step.command}: {STALE}"


def test_the_picture_of_the_timeline_is_of_the_page_as_it_is() -> None:
    assert json.loads(record.TIMELINE_INPUTS.read_text(encoding="ascii")) == record.timeline_inputs(), STALE


def test_a_picture_holds_the_text_it_shows() -> None:
    shown = "\x1b[0;32mok: [web1] => {\x1b[0m\n    <a & b>\n"
    file = record.PICTURES / "first.svg"
    assert record.text_of(file).startswith("PLAY [")
    drawn = record.picture(shown, "ansible-playbook a.yml")
    assert "<desc>$ ansible-playbook a.yml\nok: [web1] =&gt; {\n    &lt;a &amp; b&gt;\n</desc>" in drawn
    assert "url(" not in drawn.replace("url(#", "")


def test_times_and_ids_do_not_matter_and_words_do() -> None:
    first = "changed: [web1] => (job=a, 1.3 s)\nok: [web1] => (job=b, 2 s)\nweb1: 1/2 done, 1 running (a 1 s)\n"
    assert record.same(first) == record.same("ok: [web1] => (job=b, 0.1 s)\nchanged: [web1] => (job=a, 12 s)\n")
    assert record.same(first) != record.same(first.replace("ok", "failed"))


def test_every_picture_is_shown() -> None:
    shown = {step.picture.name for page in RECORDED for step in record.steps_of(page) if step.kind == "picture"}
    assert {file.name for file in record.PICTURES.glob("*.svg")} == shown
