# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Coverage of every Python that unit tests start, those on the side of the target included: for the session `coverage`.

A file measure.pth, which the session puts into its environment, imports this where a Python starts, and pytest knows it
as a plugin. The program, which starts without either (-I, -S), is given a line more, and its docstrings, by which texts
are recognised. Code that a Python is sent as text has no file: it gets the name of the one that it is in here.
"""

import atexit
import builtins
import sys
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parents[2]
MODULE_UTILS = ROOT / "plugins" / "module_utils"
PREFIX = "ansible_collections.background.jobs.plugins.module_utils."
FUTURE = "from __future__ import annotations\n"
REAL_COMPILE, REAL_EXEC = builtins.compile, builtins.exec


def start() -> None:
    measured = coverage.Coverage(
        config_file=str(ROOT / "pyproject.toml"),
        data_file=str(ROOT / ".cache" / "coverage" / "data"),
        source=[str(MODULE_UTILS), str(ROOT / "plugins" / "plugin_utils")],
    )
    measured.start()
    atexit.register(measured.save)  # and at os._exit, with which forks end


def compile_part(source, filename, *args, **kwargs):
    """What the program compiles its parts with: it names each as a module."""
    if filename.startswith(PREFIX):
        filename = str(MODULE_UTILS.joinpath(*filename[len(PREFIX) :].split(".")).with_suffix(".py"))
    return REAL_COMPILE(source, filename, *args, **kwargs)


def exec_text(source, *names):
    """What a job's process runs its first text with: these parts, the last one perhaps not, and a call of one."""
    if not names:
        caller = sys._getframe(1)
        names = (caller.f_globals, caller.f_locals)
    text = source.decode() if isinstance(source, bytes) else source
    for part in ("_processes/title", "_supervisor/boot", "_supervisor/fork_server"):
        path = MODULE_UTILS / f"{part}.py"
        whole = path.read_text("utf-8")
        for sent in (whole, whole.replace(FUTURE, "")):
            if isinstance(text, str) and text.startswith(sent):
                builtins.exec = REAL_EXEC
                REAL_EXEC(REAL_COMPILE(whole, str(path), "exec", dont_inherit=True), *names)
                text = text[len(sent) :]
                break
    return REAL_EXEC(text, *names)


def pytest_configure() -> None:
    from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources

    paths = [str(Path(__file__).parent), str(Path(coverage.__file__).parents[1])]
    line = f"import sys; sys.path += {paths!r}; import builtins, measure; builtins.compile = measure.compile_part\n"
    source = program.source
    program.source = lambda part: line + source(part) if part == "_serve.loader" else source(part)
    sources._bare = lambda text: text


start()
if "-c" in sys.orig_argv:
    builtins.exec = exec_text
