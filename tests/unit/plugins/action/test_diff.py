# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What --diff shows of several jobs."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.tests.unit.controller import Controller


def line(name: str, path: Path, text: str, **fields: t.Any) -> dict[str, t.Any]:
    arguments = {"path": str(path), "line": text, "create": True}
    return {"name": name, "ansible.builtin.lineinfile": arguments, **fields}


@pytest.fixture(scope="session", params=[["--diff"], ["--diff", "--check"], []], ids=["diff", "check", "neither"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, set[str]]:
    directory = tmp_path_factory.mktemp("diff")
    controller = Controller(directory)
    (directory / "old").write_text("there\n", encoding="ascii")
    steps = [line("first", directory / "s", "step one"), line("second", directory / "t", "step two")]
    secrets = [[line(name, directory / name, "SECRET") for name in names] for names in ("ef", "gh")]
    secrets[0][0]["no_log"] = True
    play = controller.playbook(
        "play.yml",
        {
            "background.jobs.run": {
                "jobs": [
                    line("a", directory / "new", "added"),
                    line("b", directory / "old", "appended"),
                    line("c", directory / "old", "there"),
                    {"name": "d", "block": steps},
                ],
                "concurrency": "1",
            }
        },
        {"background.jobs.run": {"jobs": secrets[0]}},
        {"background.jobs.run": {"jobs": secrets[1]}, "no_log": True},
        line("alone", directory / "u", "of a task"),
    )
    done = controller.run(play, *request.param)
    assert done.status == 0, done.output
    return done.output, set(request.param)


def test_every_job_and_step_that_changed_shows_how(run: tuple[str, set[str]]) -> None:
    output, options = run
    shown = [text for text in output.splitlines() if text.startswith(("+++ ", "+"))]
    if not options:
        assert shown == []
        return
    assert [text for text in shown if not text.startswith("+++")] == [
        "+added",
        "+appended",
        "+step one",
        "+step two",
        "+of a task",
    ]
    headers = [text for text in shown if text.startswith("+++")]
    names = [" (a)", " (b)", " (d, first)", " (d, second)", ""]
    assert [text.partition(" (content)")[2] for text in headers] == names


def test_nothing_is_shown_of_what_is_hidden(run: tuple[str, set[str]]) -> None:
    assert "SECRET" not in run[0]
