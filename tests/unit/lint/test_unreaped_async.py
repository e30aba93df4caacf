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
NOTHING_REPORTED = {"group_vars/all.yml", "second.yml", "tasks/below.yml", "tasks/collect.yml"}

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


def test_outside_of_a_project_only_what_belongs_to_a_file_is_read(tmp_path: Path) -> None:
    """The directory is that of no project, and what is beside it may be the whole disk."""
    playbook = tmp_path / "here" / "site.yml"
    for path in (playbook, tmp_path / "here" / "deep" / "x.yml", tmp_path / "other.yml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("- hosts: all\n  tasks: []\n", encoding="utf-8")
    (tmp_path / "here" / "tasks").mkdir()
    (tmp_path / "here" / "tasks" / "main.yml").write_text("[]\n", encoding="utf-8")
    program = (
        "import sys, types, json\n"
        f"sys.path.insert(0, {str(RULES)!r})\n"
        "from pathlib import Path\n"
        "from ansiblelint.file_utils import Lintable\n"
        "from unreaped_async import UnreapedAsyncRule\n"
        "rule = UnreapedAsyncRule()\n"
        "options = types.SimpleNamespace(project_dir=sys.argv[1], exclude_paths=[])\n"
        "rule._collection = types.SimpleNamespace(options=options)\n"
        "print(json.dumps(sorted(map(str, rule._project(Lintable(sys.argv[2]))))))\n"
    )
    for mark, read in (
        (None, [playbook, tmp_path / "here" / "tasks" / "main.yml"]),
        (".git", [playbook, *(tmp_path / name for name in ("here/deep/x.yml", "here/tasks/main.yml", "other.yml"))]),
    ):
        if mark:
            (tmp_path / mark).mkdir()
        command = [sys.executable, "-c", program, str(tmp_path), str(playbook)]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        assert json.loads(done.stdout) == sorted(map(str, read))
