# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""What the numbers depend on: the machine, the versions, and the code that was measured."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from measure import HERE, SUITE, TREE
from results import COMMIT

ROOT = HERE.parents[1]
VERSIONS = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"


def describe(mitogen: Path, container: str) -> dict[str, str]:
    """The table of machine and versions, in the order in which it is shown.

    :arg mitogen: the virtual environment with Mitogen.
    :arg container: a running host.
    """
    mitogen_version, mitogen_core = printed(
        str(mitogen / "bin" / "python"), "-c", VERSIONS, "mitogen", "ansible-core"
    ).split()
    return {
        "CPU": f"{os.cpu_count()} cores, {cpu_model()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "controller": f"Python {platform.python_version()}, {printed('ssh', '-V')}",
        "hosts": f"Docker {printed('docker', 'version', '--format', '{{.Server.Version}}')}, Debian {SUITE}, "
        f"{printed('docker', 'exec', container, 'python3', '--version')}",
        "ansible-core": printed(sys.executable, "-c", VERSIONS, "ansible-core"),
        "Mitogen": f"{mitogen_version} with ansible-core {mitogen_core}",
        "background.jobs": f"{collection_version()}, code {code()}",
        COMMIT: commit(),
    }


def printed(*command: str) -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()


def cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def collection_version() -> str:
    (version,) = re.findall(r"^version: (.+)$", (ROOT / "galaxy.yml").read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() or "unknown"


def copy_collection() -> None:
    """Take a copy of the collection, so that all runs measure the same code while somebody works on it."""
    copy = TREE / "ansible_collections" / "background" / "jobs"
    shutil.rmtree(TREE, ignore_errors=True)
    for name in ("plugins", "meta"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", copy)


def code() -> str:
    """A short hash of what is measured: the copy's plugins, and the plays."""
    content = hashlib.sha256()
    for top, pattern in ((TREE, "*.py"), (HERE / "plays", "*.yml"), (HERE / "plays", "*.py")):
        for path in sorted(top.rglob(pattern)):
            content.update(f"{path.relative_to(top)}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()[:12]
