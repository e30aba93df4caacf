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

from ansible_collections.background.jobs.plugins.module_utils._processes import python as _python
from ansible_collections.background.jobs.tests.unit.helpers import Batches, python_job
from ansible_collections.background.jobs.tests.unit.payloads import probe_job

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

USER = os.geteuid()
STRANGER = 12345 if USER == 0 else USER + 1

EARLY = ("abc", "collections", "contextlib", "encodings", "enum", "functools", "genericpath", "importlib", "io", "os")
EARLY += ("posixpath", "re", "site", "sitecustomize", "stat", "types", "usercustomize", "zipfile")
"""Modules that Python may import before our first code."""
PLANTED = (*EARLY, "base64", "copy", "datetime", "gc", "json", "locale", "pwd", "random", "resource", "runpy", "select")
PLANTED += ("shutil", "signal", "socket", "struct", "subprocess", "tempfile", "threading", "typing", "zlib")
"""Modules of Python that a user leaves in his home: what core's wrapper, ours, or Python itself imports."""


@pytest.fixture(autouse=True)
def forgetful() -> None:
    _python.own_packages.cache_clear()


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that we stand in, with modules in it; `taken` in it tells which of them were imported."""
    directory = tmp_path / "planted"
    directory.mkdir()
    for name in PLANTED:
        source = f"open({str(directory / 'taken')!r}, 'a').write('{name} ')\nraise ImportError('planted')\n"
        (directory / f"{name}.py").write_text(source, encoding="ascii")
    monkeypatch.chdir(directory)
    return directory


def taken(planted: Path) -> list[str]:
    path = planted / "taken"
    return path.read_text(encoding="ascii").split() if path.exists() else []


def run(
    interpreter: t.Sequence[str], program: str, environment: t.Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a program as the first code of a Python that runs a job."""
    reading, writing = os.pipe()
    os.write(writing, _python.fed(b"exec(program)", program.encode("utf-8")))
    os.close(writing)
    try:
        command = [*_python.command(interpreter, environment), "-c", _python.start(reading)]
        return subprocess.run(command, env=dict(environment), pass_fds=[reading], capture_output=True, check=False)
    finally:
        os.close(reading)


SHOW = "import contextlib, json, signal, sys, typing; print(json.dumps(sys.path))"


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {}),
        (["-u"], {}),
        (["-E"], {}),
        (["-S"], {}),
        ([], {"PYTHONPATH": ""}),
        ([], {"PYTHONPATH": ":/nowhere"}),
        ([], {"PYTHONPATH": "/nowhere::"}),
        ([], {"PYTHONPATH": "."}),
    ],
    ids=str,
)
def test_nothing_is_imported_from_where_we_stand(
    planted: Path, options: list[str], environment: dict[str, str]
) -> None:
    if environment.get("PYTHONPATH"):  # of what Python itself imports before our first code we cannot say anything
        for name in EARLY:
            (planted / f"{name}.py").unlink()
    done = run([sys.executable, *options], SHOW, {**os.environ, **environment})
    assert (done.returncode, done.stderr, taken(planted)) == (0, b"", [])
    for place in ("", ".", str(planted)):
        assert f'"{place}"'.encode() not in done.stdout


def test_a_directory_that_has_gone_is_no_reason_to_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run([sys.executable], SHOW, os.environ).returncode == 0


def test_what_pythonpath_names_is_used_though_we_stand_there(planted: Path) -> None:
    (planted / "mine.py").write_text("value = 7\n", encoding="ascii")
    for name in PLANTED:
        (planted / f"{name}.py").unlink()
    done = run([sys.executable], "import mine; print(mine.value)", {**os.environ, "PYTHONPATH": str(planted)})
    assert done.stdout == b"7\n"


@pytest.mark.parametrize(
    ("interpreter", "command"),
    [
        (["/no/such/python3"], [sys.executable]),
        ([], [sys.executable]),
        (["/bin/sh", "-e"], ["/bin/sh", "-e"]),
        (["/usr/bin/env", "python3"], ["/usr/bin/env", "python3"]),
    ],
    ids=["missing", "none", "with an option", "env"],
)
def test_a_missing_interpreter_gives_way_to_this_python(
    tmp_path: Path, interpreter: list[str], command: list[str]
) -> None:
    assert _python.command(interpreter, {"HOME": str(tmp_path)}) == command


# -- the effective user's own packages


def packages(home: Path) -> Path:
    return home / ".local" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def give_away(path: Path) -> int:
    """Let a path belong to another user; returns the user that asks, who is not that one."""
    if USER == 0:
        os.chown(path, STRANGER, -1, follow_symlinks=False)
        return USER
    return STRANGER


@pytest.mark.parametrize("what", ["", ".local", ".local/lib", "python", "site-packages"])
def test_packages_in_a_directory_that_is_anothers_are_not_the_users_own(tmp_path: Path, what: str) -> None:
    directory = packages(tmp_path)
    directory.mkdir(parents=True)
    assert _python.own_packages(str(tmp_path), None, USER)
    _python.own_packages.cache_clear()
    named = {"python": directory.parent, "site-packages": directory}
    assert not _python.own_packages(str(tmp_path), None, give_away(named.get(what, tmp_path / what)))
    _python.own_packages.cache_clear()


def test_a_directory_that_anybody_may_write_is_nobodys_own(tmp_path: Path) -> None:
    packages(tmp_path).mkdir(parents=True)
    packages(tmp_path).chmod(0o777)
    assert not _python.own_packages(str(tmp_path), None, USER)


def test_what_another_could_make_is_not_the_users_own(tmp_path: Path) -> None:
    home = tmp_path / "shared"
    home.mkdir()
    home.chmod(0o1777)
    assert not _python.own_packages(str(home), None, USER)
    (home / ".local").mkdir()
    _python.own_packages.cache_clear()
    assert _python.own_packages(str(home), None, USER)


def test_a_link_to_anothers_directory_is_not_the_users_own(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / ".local").symlink_to(target)
    assert _python.own_packages(str(tmp_path), None, USER)
    _python.own_packages.cache_clear()
    assert not _python.own_packages(str(tmp_path), None, give_away(target))


@pytest.mark.parametrize(("home", "base"), [("", "x"), ("home", None), ("", "."), ("/", "x/y")], ids=str)
def test_a_relative_place_is_nobodys_own(home: str, base: str | None) -> None:
    assert not _python.own_packages(home, base, USER)


def test_a_home_that_is_not_there_holds_nothing_of_another(tmp_path: Path) -> None:
    assert _python.own_packages(str(tmp_path / "none"), None, USER)


def test_packages_of_the_user_are_imported_and_those_of_another_are_not(tmp_path: Path) -> None:
    directory = packages(tmp_path)
    directory.mkdir(parents=True)
    (directory / "mine.py").write_text("value = 7\n", encoding="ascii")
    (directory / "sitecustomize.py").write_text("import sys; sys.stderr.write('run')\n", encoding="ascii")
    (directory / "x.pth").write_text("import sys; sys.stderr.write('run')\n", encoding="ascii")
    python = os.path.realpath(sys.executable)  # a virtual environment knows no packages of the user
    done = run([python], "import mine; print(mine.value)", {"HOME": str(tmp_path)})
    assert done.stdout == b"7\n"
    if USER == 0:
        _python.own_packages.cache_clear()
        give_away(tmp_path)
        done = run([python], "import mine", {"HOME": str(tmp_path)})
        assert b"No module named 'mine'" in done.stderr and b"run" not in done.stderr


# -- jobs


def test_a_job_imports_nothing_from_where_its_batch_was_started(batches: Batches, planted: Path) -> None:
    jobs = [probe_job(f"j1.{number}", "2.22", code="import time; time.sleep(0.1)") for number in range(2)]
    alone = python_job("j1.2", f"{SHOW.replace('print', 'str')}\nprint('{{}}')")
    batches.launch(*jobs, alone)
    for number in range(3):
        status = batches.end(f"j1.{number}")
        assert (status.state, status.message) == ("succeeded", None)
    assert taken(planted) == []


LOOK = """
import json, os, subprocess, sys
told = subprocess.run(["/bin/sh", "-c", "echo $PYTHONPATH $PYTHONVERBOSE"], stdout=subprocess.PIPE).stdout.decode()
print(json.dumps({"told": told, "path": sys.path, "flags": sys.flags.verbose}))
sys.exit(0)
"""


@pytest.mark.parametrize("forked", [True, False], ids=["forked", "fresh"])
def test_variables_for_python_are_the_jobs_own_and_commands_get_those_of_the_caller(
    batches: Batches, forked: bool
) -> None:
    jobs = [probe_job(f"j1.{number}", "2.22", code=LOOK) for number in range(2)]
    if not forked:
        jobs = [python_job(f"j1.{number}", LOOK) for number in range(2)]
    for job in jobs:
        job.environment = {"PYTHONPATH": "/of/job"}
    other = python_job("j1.2", LOOK)
    batches.launch(*jobs, other, environment={**os.environ, "PYTHONPATH": "/of/login", "PYTHONVERBOSE": "1"})
    for number in range(2):
        result = batches.end(f"j1.{number}").result
        assert (result["told"], result["flags"]) == ("/of/job 1\n", 0)
        assert "/of/job" in result["path"] and "/of/login" not in result["path"]
    result = batches.end("j1.2").result
    assert result["told"] == "/of/login 1\n" and "/of/login" not in result["path"]


def test_a_python_module_that_is_a_file_is_told_no_more(batches: Batches, planted: Path) -> None:
    source = b"#!/usr/bin/python3\nimport contextlib, json, sys, typing\nprint(json.dumps({'path': sys.path}))\n"
    job = python_job("j1.0", "")
    job.steps[0].style, job.steps[0].program = "file", source
    batches.launch(job, environment={**os.environ, "PYTHONPATH": str(planted)})
    status = batches.end("j1.0")
    assert status.state == "succeeded" and str(planted) not in status.result["path"] and taken(planted) == []
