# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of several unit tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from ansible_collections.background.jobs.plugins.module_utils._store.directory import prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Family, Gates, Unprivileged

set_hypothesis_home_dir(str(Path(__file__).resolve().parents[2] / ".cache" / "hypothesis"))
# A busy host is slow and no reason to fail. For a long search: HYPOTHESIS_PROFILE=search HYPOTHESIS_EXAMPLES=100000.
settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", settings.get_profile("gate"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(prepare_directory(str(tmp_path / "async")))


@pytest.fixture
def batches(store: Store) -> t.Iterator[Batches]:
    batches = Batches(store.directory)
    yield batches
    batches.kill_all()


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    (tmp_path / "gates").mkdir()
    return Gates(tmp_path / "gates")


@pytest.fixture
def family(tmp_path: Path) -> t.Iterator[Family]:
    (tmp_path / "family").mkdir()
    family = Family(tmp_path / "family")
    yield family
    family.kill_all()


@pytest.fixture
def sleeper() -> t.Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any job."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def unprivileged() -> t.Iterator[Unprivileged]:
    """Somebody else than root, who may become root, with a directory where he may look."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root can become somebody else, and only Linux lets him become root again")
    with tempfile.TemporaryDirectory() as directory:
        yield Unprivileged(Path(directory))


@pytest.fixture
def disk(tmp_path: Path) -> t.Iterator[t.Callable[[str], str]]:
    """Mounts a small file system with the given options of tmpfs(5); returns an async directory on it."""
    mounted: list[str] = []

    def mount(options: str) -> str:
        directory = tmp_path / f"disk{len(mounted)}"
        directory.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(directory)]
        may = os.geteuid() == 0 and shutil.which("mount")
        if not may or subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
            pytest.skip("only root, and not in every container, can mount a disk")
        mounted.append(str(directory))
        return prepare_directory(str(directory / "async"))

    yield mount
    for directory in mounted:
        subprocess.run(["umount", "-l", directory], check=True)


@pytest.fixture
def small_disk(disk: t.Callable[[str], str]) -> str:
    return disk("size=64k")
