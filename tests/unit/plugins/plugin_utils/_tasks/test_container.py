# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.plugin_utils._tasks import container
from ansible_collections.background.jobs.plugins.plugin_utils._tasks.job_action import JobAction


@pytest.mark.parametrize("name", [".dockerenv", "run/.containerenv"])
def test_a_container_is_known_by_what_its_engine_puts_there(tmp_path: Path, name: str) -> None:
    assert not container.is_container(str(tmp_path), {})
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert container.is_container(str(tmp_path), {})


def test_a_container_is_known_by_its_environment(tmp_path: Path) -> None:
    assert container.is_container(str(tmp_path), {"container": "podman"})
    assert container.is_container(str(tmp_path), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert not container.is_container(str(tmp_path), {"container": "", "HOME": "/root"})


@pytest.mark.parametrize(
    ("transport", "inside", "warned"), [("local", True, True), ("local", False, False), ("ssh", True, False)]
)
def test_only_jobs_in_the_controllers_own_container_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, transport: str, inside: bool, warned: bool
) -> None:
    monkeypatch.setattr(container, "is_container", lambda: inside)
    action = types.SimpleNamespace(_connection=types.SimpleNamespace(transport=transport), host="localhost")
    warning = container.short_lived(t.cast(JobAction, action))
    assert bool(warning) is warned
    assert warning is None or warning.startswith("the jobs on localhost run in the same container as Ansible.")
