# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever names versions of ansible-core names those that the gates run."""

from __future__ import annotations

import ast
import re
import typing as t

import pytest
import yaml

from ansible_collections.background.jobs.tests.unit.controller import ROOT


def assigned(name: str) -> t.Any:
    """:returns: a constant of noxfile.py, which needs nox to be imported."""
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [name]:
            return ast.literal_eval(node.value)
    raise LookupError(name)


CORES: dict[str, tuple[str, ...]] = assigned("CORES")
SERIES = [".".join(core.split(".")[:2]) for core in CORES]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_pull_requests_are_tested_with_each() -> None:
    jobs = yaml.safe_load(read(".github/workflows/test.yml"))["jobs"]
    matrix = jobs["core"]["strategy"]["matrix"]["include"]
    assert [each["core"] for each in matrix] == list(CORES)
    for each in matrix:
        assert each["python"] in CORES[each["core"]]


def test_the_oldest_is_the_one_that_ansible_core_asks_for() -> None:
    assert yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"] == f">={min(CORES)}"
    assert yaml.safe_load(read("roles/reap/meta/main.yml"))["galaxy_info"]["min_ansible_version"] == SERIES[0]


@pytest.mark.parametrize("path", ["README.md", "docs/docsite/rst/start.rst"])
def test_users_are_told_the_oldest(path: str) -> None:
    assert re.findall(r"ansible-core (2\.\d+) or newer", read(path)) == [SERIES[0]]
