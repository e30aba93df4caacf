# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._serve import loader
from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources
from ansible_collections.background.jobs.tests.unit.helpers import python, serve

REQUEST = wire.List("/nowhere")


def run(data: bytes, *options: str, **how: t.Any) -> subprocess.CompletedProcess[bytes]:
    command = [python(), *(options or program.OPTIONS), program.LINE]
    return subprocess.run(command, input=data, capture_output=True, check=False, **how)


def test_the_mark_is_the_one_that_is_looked_for() -> None:
    assert loader._MARK == wire.MARK


def test_a_request_is_answered() -> None:
    answer = serve(REQUEST)
    assert isinstance(answer, wire.Listed) and (answer.jobs, answer.async_dir) == ([], "/nowhere")


def test_nothing_is_imported_from_where_it_happens_to_stand(tmp_path: Path) -> None:
    """Neither by the line itself, nor by what it loads; with and without the options that keep Python from it, too."""
    for name in ("zlib", "json", "os", "typing", "dataclasses", "pwd", "ansible_collections"):
        (tmp_path / f"{name}.py").write_text("open('owned', 'w'); raise SystemExit('owned')\n", encoding="ascii")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": str(tmp_path / "os.py")}
    done = run(program.payload(REQUEST), cwd=tmp_path, env=environment)
    assert (done.returncode, done.stderr) == (0, b"") and wire.MARK.encode() in done.stdout
    done = run(program.payload(REQUEST), "-S", "-c", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("kept", [0, 3, 2000, 0.5, 0.99, -1])
def test_what_does_not_arrive_as_a_whole_does_nothing(tmp_path: Path, kept: float) -> None:
    data = program.payload(wire.Launch(str(tmp_path / "async"), batch=b"x" * 1000))
    done = run(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    assert done.returncode != 0 and done.stdout == b"" and done.stderr != b""
    assert not (tmp_path / "async").exists()


def test_a_traceback_names_the_parts() -> None:
    def broken(name: str) -> str:
        return sources.source(name).replace("expand(request.async_dir)", "1 / 0")

    done = run(program.payload(REQUEST, sources=broken))
    assert done.returncode == 1
    assert b'module_utils._serve.listing", line' in done.stderr and b"ZeroDivisionError" in done.stderr


def test_a_python_that_is_too_old_says_so() -> None:
    """Its text can be read by Python 3.5, and nothing of it fails before that is looked at."""
    ast.parse(sources.source("_serve.loader"), feature_version=(3, 5))

    def older(name: str) -> str:
        return sources.source(name).replace("_OLDEST = (3, 6)", "_OLDEST = (9, 8)")

    (line,) = [line for line in run(program.payload(REQUEST, sources=older)).stdout.splitlines() if line]
    answer = wire.decode_answer(line.decode()[len(wire.MARK) :])[0]
    assert isinstance(answer, wire.Refusal)
    assert "is Python 3." in answer.message and "needs 3.6 or newer" in answer.message
