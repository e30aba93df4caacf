# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one release has started, the others collect and cancel: see `tests/unit/recorded/record.py`."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import batch as _batch
from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.record import decode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import GOOD, STATES, UNFINISHED
from ansible_collections.background.jobs.plugins.module_utils._reader.status import read_status
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.plugins.plugin_utils._core import program
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Gates, eventually, python, serve

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

RECORDED = Path(__file__).parents[1] / "recorded"
RELEASES = sorted(path.stem for path in RECORDED.glob("*.json"))
JIDS = [f"j12345.{number}" for number in range(6)]
NAMES = {state: "succeeded" if state == "running" else state for state in STATES}
"""The names of the jobs in the recorded status files: that which has succeeded was seen before, too."""


class Release:
    """What was recorded of a release."""

    def __init__(self, name: str) -> None:
        told = json.loads((RECORDED / f"{name}.json").read_text(encoding="ascii"))
        self.program = base64.b64decode(told["program"])
        self.batch = base64.b64decode(told["batch"])
        self.requests: dict[str, str] = told["requests"]
        self.answers: dict[str, str] = told["answers"]
        self.statuses: dict[str, str] = told["statuses"]

    def ask(self, kind: str, directory: str, gate: str = "", **fields: t.Any) -> dict[str, t.Any]:
        """What its program answers to its request, with other values in some fields."""
        document = json.loads(self.requests[kind].replace("@DIRECTORY@", directory))
        document["request"].update(fields)
        sections = (json.dumps(document).encode("ascii"), self.batch if kind == "launch" else b"")
        done = subprocess.run(
            [python(), *program.OPTIONS, program.LINE],
            input=self.program + b"".join(b"%d\n%s" % (len(each), each) for each in sections),
            stdout=subprocess.PIPE,
            env={**os.environ, "GATE": gate},
            check=True,
        )
        lines = done.stdout.decode("ascii").splitlines()
        (answer,) = [line[len(wire.MARK) :] for line in lines if line.startswith(wire.MARK)]
        document = json.loads(answer)
        assert document["kind"] != "refusal", document
        return t.cast("dict[str, t.Any]", document["answer"])


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> Release:
    return Release(request.param)


def states(answer: t.Any) -> dict[str, str]:
    """The states in an answer about jobs, of today's or as JSON."""
    jobs = answer["jobs"] if isinstance(answer, dict) else answer.jobs
    return {job["jid"]: json.loads(job["status"])["state"] for job in jobs}


def test_a_release_is_recorded() -> None:
    assert RELEASES[0] == "1.0.0"


def test_its_status_files_are_read(release: Release, store: Store) -> None:
    assert {*release.statuses} == {*STATES} - {"lost"}
    for number, (state, text) in enumerate(release.statuses.items()):
        record, result = decode_record(json.loads(text))
        assert record is not None and (record.state, record.name, record.group) == (state, NAMES[state], "nightly")
        assert record.conditions == {"changed_when": ["rc == 0"]} and record.kill_after == 1
        if state in UNFINISHED:
            assert result == {}
            continue
        Path(store.path(f"j12345.{number}")).write_text(text, encoding="ascii")
        status = read_status(store, f"j12345.{number}")
        assert (status.state, status.record, status.result) == (state, record, result)
        assert result.get("failed", False) is (state not in (*GOOD, "failed"))  # its module said rc alone
    assert decode_record(json.loads(release.statuses["succeeded"]))[1] == {"changed": True, "rc": 0, "started": "yes"}


def test_its_requests_its_batch_and_its_answers_are_understood(release: Release) -> None:
    for kind, text in release.requests.items():
        request = wire.decode_request(text.encode("ascii"), release.batch)
        assert wire.kind_of(request) == kind
    packed = _batch.Packed(release.batch)
    assert [job.jid for job in packed.batch.jobs] == JIDS
    assert packed.step(JIDS[2], 0).program == b"sleep 600" and packed.step(JIDS[2], 0).style == _batch.FILE
    for text in release.answers.values():
        answer, secrets = wire.decode_answer(text)
        assert not isinstance(answer, wire.Refusal) and secrets == []
        if isinstance(answer, wire.Statuses):
            assert {*states(answer)} <= {*JIDS}


def test_what_it_has_started_is_collected_and_cancelled(release: Release, batches: Batches, tmp_path: Path) -> None:
    """By what is here, while its supervisor runs the jobs."""
    directory, gate = batches.directory, tmp_path / "gate"
    batches.adopt(*JIDS)
    release.ask("launch", directory, gate=str(gate))
    batches.reaches(JIDS[0], "running")
    listed = serve(wire.List(directory, group="nightly"))
    assert isinstance(listed, wire.Listed) and len(listed.jobs) == len(JIDS)
    assert listed.jobs[0]["supervisor_pid"] == batches.supervisor(JIDS[0])
    cancelled = serve(wire.Cancel(directory, [JIDS[3]], "kill"))
    assert isinstance(cancelled, wire.Statuses) and states(cancelled) == {JIDS[3]: "cancelled"}
    gate.touch()
    batches.supervisor_ends("j12345")
    expected = ["succeeded", "failed", "timed_out", "cancelled", "skipped", "succeeded"]
    assert [*states(serve(wire.Ask(JIDS, "status", wire.Question(directory)))).values()] == expected
    pruned = serve(wire.Prune(directory, 0))
    assert isinstance(pruned, wire.Pruned) and {info["ansible_job_id"] for info in pruned.jobs} == {*JIDS}
    assert os.listdir(directory) == []


def test_what_is_started_here_it_collects_and_cancels(release: Release, batches: Batches, gates: Gates) -> None:
    jids = [f"j12345.{number}" for number in range(4)]
    jobs = [gates.job(jid) for jid in jids[:3]]
    batches.launch(*jobs, gates.job(jids[3], after=f"raise SystemExit({jids!r})"), batch="j12345", group="nightly")
    for jid in jids:
        batches.reaches(jid, "running")
    listed = release.ask("list", batches.directory)
    assert [info["state"] for info in listed["jobs"]] == ["running"] * 4
    assert states(release.ask("cancel", batches.directory, jobs=[jids[1]])) == {jids[1]: "cancelled"}
    for jid in jids:
        gates.open(jid)
    eventually(lambda: all(batches.look(jid).finished for jid in jids))
    told = states(release.ask("ask", batches.directory, jids=jids))
    assert told == dict(zip(jids, ["succeeded", "cancelled", "succeeded", "failed"]))
    batches.supervisor_ends("j12345")
    assert len(release.ask("prune", batches.directory)["jobs"]) == 4 and os.listdir(batches.directory) == []
