# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._processes.title import title
from ansible_collections.background.jobs.tests.unit.helpers import Batches, python_job

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a process rename itself")

LOOK = """
import json, os
lines = {}
for pid in ("self", os.getppid()):
    with open("/proc/%s/cmdline" % pid) as stream:
        lines["parent" if pid != "self" else "own"] = stream.read().strip(chr(0))
with open("/proc/self/comm") as stream:
    lines["comm"] = stream.read().strip()
print(json.dumps(lines))
"""


def test_a_job_with_no_log_is_shown_by_its_id_alone() -> None:
    assert title("backup", "j1.0") == "background.jobs: backup (j1.0)"
    assert title(None, "j1.0") == "background.jobs: j1.0"


def look(batches: Batches, **fields: t.Any) -> dict[str, t.Any]:
    batches.launch(python_job("j1.0", LOOK, name="back up", **fields))
    return batches.end("j1.0").result


def test_the_process_list_names_a_job_and_its_supervisor(batches: Batches) -> None:
    lines = look(batches)
    assert lines["own"] == "background.jobs: back up (j1.0)"
    assert lines["parent"] == "background.jobs: supervisor (j1)"
    assert lines["comm"] == "background.jobs"


def test_the_process_list_does_not_tell_the_name_of_a_job_with_no_log(batches: Batches) -> None:
    assert look(batches, no_log=True)["own"] == "background.jobs: j1.0"


def test_the_environment_of_a_process_is_not_written_over(batches: Batches) -> None:
    source = "import json, os\nprint(json.dumps({'environ': open('/proc/self/environ').read()}))"
    batches.launch(python_job("j1.0", source, name="x" * 4000))
    assert "PATH=" in batches.end("j1.0").result["environ"]
    assert Path("/proc/self/environ").exists()
