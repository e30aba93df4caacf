# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible import constants as C

from ansible_collections.background.jobs.plugins.plugin_utils._core import compat, voice

ROOT = Path(__file__).resolve().parents[5]
PRINTS = re.compile(
    r"(?<!\.)\bprint\(|isplay(\(\))?\.(display|warning|error|deprecated|banner|v+|verbose|debug|system_warning)\("
)


class Display:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, t.Any]]] = []

    def display(self, text: str, **options: t.Any) -> None:
        self.told.append(("display", text, options))

    def warning(self, text: str) -> None:
        self.told.append(("warning", text, {}))

    def vvv(self, text: str, host: str | None) -> None:
        self.told.append(("vvv", text, {"host": host}))


def test_nothing_else_prints() -> None:
    sources = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "playbooks").rglob("*.py")]
    assert len(sources) > 60
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sources
        if not {"modules", "module_utils"} & {*path.parts} and path.name != "voice.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if PRINTS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        *[(name, True) for name in ("default", "minimal", "oneline", "ansible.builtin.default", "awx_display")],
        *[(name, True) for name in ("community.general.yaml", "community.general.unixy", "ansible.posix.debug")],
        *[(name, False) for name in ("json", "jsonl", "ansible.posix.json", "ansible.posix.jsonl", "null", "acme.x.y")],
    ],
)
def test_people_read_what_callbacks_for_people_print(
    callback: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(C, "DEFAULT_STDOUT_CALLBACK", callback)
    assert voice.is_for_people() is expected


@pytest.mark.parametrize("wanted", [True, False])
def test_lines_on_what_is_ok_are_wanted_where_those_of_ansible_core_are(
    wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Config:
        def get_config_value(self, option: str, plugin_type: str, plugin_name: str) -> bool:
            return wanted

    monkeypatch.setattr(C, "config", Config())
    assert [voice.is_wanted(outcome) for outcome in ("ok", "skipped", "changed", "failed")] == 2 * [wanted] + 2 * [True]


@pytest.mark.parametrize("people", [True, False])
def test_standard_output_has_lines_only_where_people_read_it(people: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "is_for_people", lambda: people)
    display = Display()
    voice.say(display, "said", "cyan")
    voice.mention(display, "mentioned", "red")
    voice.note(display, "noted")
    assert display.told == [
        ("display", "said", {"color": "cyan"} if people else {"color": "cyan", "stderr": True}),
        ("display", "mentioned", {"color": "red"} if people else {"log_only": True}),
        ("display", "noted", {"log_only": True}),
    ]


def test_all_of_it_is_visible_and_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "mask_secrets", lambda text: text.replace("sword\tfish", "$REDACTED$"))
    display = Display()
    for speak in (voice.say, voice.mention, voice.note, voice.warn, voice.detail):
        t.cast("t.Callable[[Display, str], None]", speak)(display, "\x1b[2Ja\nok: [web2] sword\tfish\u202e")
    assert [text for dummy, text, dummy in display.told] == 5 * [r"\x1b[2Ja\nok: [web2] $REDACTED$\u202e"]
