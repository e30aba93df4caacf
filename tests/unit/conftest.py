# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of several unit tests."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._store import Store, prepare
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Gates


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(prepare(str(tmp_path / "async")))


@pytest.fixture
def batches(store: Store) -> t.Iterator[Batches]:
    batches = Batches(store.directory)
    yield batches
    batches.kill_all()


@pytest.fixture
def gates(tmp_path: Path) -> Gates:
    (tmp_path / "gates").mkdir()
    return Gates(tmp_path / "gates")
