# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._locks import named_lock


@pytest.fixture(params=[True, False], ids=["abstract socket", "file"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not sys.platform.startswith("linux"):
        pytest.skip("only Linux has these")
    monkeypatch.setattr(named_lock, "_ABSTRACT", request.param)


def taken(name: str, directory: Path) -> int:
    handle = named_lock.take(name, str(directory))
    assert handle is not None
    return handle


@pytest.mark.usefixtures("kind")
def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    name = f"apt {tmp_path}"
    handle = taken(name, tmp_path)
    assert named_lock.take(name, str(tmp_path)) is None
    other = taken(f"{name}2", tmp_path)
    named_lock.release(handle)
    again = taken(name, tmp_path)
    for held in (other, again):
        named_lock.release(held)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("name", ["", "a/../b", "x" * 5000, "ä\0b", "\udc80"], ids=ascii)
def test_any_text_is_the_name_of_a_lock(tmp_path: Path, name: str) -> None:
    handle = taken(f"{tmp_path}{name}", tmp_path)
    assert named_lock.take(f"{tmp_path}{name}", str(tmp_path)) is None
    named_lock.release(handle)


@pytest.mark.usefixtures("kind")
def test_a_lock_lives_as_long_as_a_process_that_inherited_it(tmp_path: Path) -> None:
    name = str(tmp_path)
    handle = taken(name, tmp_path)
    heir = subprocess.Popen(["sleep", "600"], pass_fds=[handle])
    os.close(handle)
    try:
        assert named_lock.take(name, str(tmp_path)) is None
    finally:
        heir.kill()
        heir.wait()
    named_lock.release(taken(name, tmp_path))


@pytest.mark.usefixtures("kind")
def test_who_is_started_meanwhile_does_not_inherit_it(tmp_path: Path) -> None:
    name = str(tmp_path)
    handle = taken(name, tmp_path)
    other = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        named_lock.release(handle)
        named_lock.release(taken(name, tmp_path))
    finally:
        other.kill()
        other.wait()


def test_a_lock_is_one_for_the_host_whatever_the_directory(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has these")
    handle = taken(str(tmp_path), tmp_path)
    assert named_lock.take(str(tmp_path), "/no/such/directory") is None
    assert os.listdir(tmp_path) == []
    named_lock.release(handle)


def test_a_lock_file_is_not_made_where_a_link_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_lock, "_ABSTRACT", False)
    named_lock.release(taken("a", tmp_path))
    (name,) = os.listdir(tmp_path)
    os.unlink(tmp_path / name)
    os.symlink(tmp_path / "elsewhere", tmp_path / name)
    with pytest.raises(OSError, match="symbolic link"):
        named_lock.take("a", str(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


def test_what_cannot_be_asked_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_lock, "_ABSTRACT", False)
    with pytest.raises(FileNotFoundError):
        named_lock.take("a", str(tmp_path / "missing"))


def test_a_lock_that_is_refused_leaves_no_descriptor(tmp_path: Path) -> None:
    handle: t.Any = taken(str(tmp_path), tmp_path)
    before = os.listdir("/proc/self/fd")
    assert named_lock.take(str(tmp_path), str(tmp_path)) is None
    assert os.listdir("/proc/self/fd") == before
    named_lock.release(handle)
