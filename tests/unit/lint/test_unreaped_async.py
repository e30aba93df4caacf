# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ansible-lint with the rule, on the playbooks beside this file. Their comments say what it is to report."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "extensions" / "ansible_lint" / "rules"
PLAYBOOKS = Path(__file__).parent / "playbooks"
FILES = sorted(str(path.relative_to(PLAYBOOKS)) for path in PLAYBOOKS.rglob("*.yml"))
NOTHING_REPORTED = {"group_vars/all.yml", "second.yml", "tasks/collect.yml"}

EXPECTED = re.compile(r"# reported: (\S+)$")
Report = t.Dict[str, t.Any]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[Report]:
    """What ansible-lint reports, configured as the rule's documentation says, but without the rules of its own."""
    project = tmp_path_factory.mktemp("project") / "playbooks"
    shutil.copytree(PLAYBOOKS, project)
    documentation = (RULES / "unreaped_async.md").read_text(encoding="utf-8")
    (configuration,) = re.findall(r"```yaml\n(rulesdir:.*?)```", documentation, flags=re.DOTALL)
    configuration = re.sub(r"~/.*/rules", str(RULES), configuration)
    configuration = configuration.replace("use_default_rules: true", "use_default_rules: false")
    (project / ".ansible-lint").write_text(f"profile: production\n{configuration}", encoding="utf-8")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "ansiblelint", "--offline", "--format=json", *FILES]
    done = subprocess.run(command, cwd=project, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "Ignored exception" not in done.stderr, done.stderr
    return t.cast("list[Report]", json.loads(done.stdout))


@pytest.mark.parametrize("file", FILES)
def test_reports_what_nobody_waits_for(reports: list[Report], file: str) -> None:
    lines = (PLAYBOOKS / file).read_text(encoding="utf-8").splitlines()
    found = [(number, EXPECTED.search(line)) for number, line in enumerate(lines, 1)]
    expected = [(number, f"unreaped-async[{match.group(1)}]") for number, match in found if match]
    reported = [
        (report["location"]["lines"]["begin"], report["check_name"])
        for report in reports
        if report["location"]["path"] == file
    ]

    assert sorted(reported) == expected
    assert expected or file in NOTHING_REPORTED


def test_says_what_to_do(reports: list[Report]) -> None:
    descriptions = {report["check_name"]: report["description"] for report in reports}

    assert all("background.jobs.wait" in description for description in descriptions.values())
    assert len(descriptions) == 2
    assert any("'backup_job'" in report["description"] for report in reports)
