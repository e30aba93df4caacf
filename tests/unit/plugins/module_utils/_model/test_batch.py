# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import dataclasses
import json
import random
import typing as t
import zlib
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.batch import FILE, Batch, Job, Packed, Step, pack

PROGRAMS = {
    "every byte": bytes(range(256)) * 3,
    "CRLF": b"one\r\ntwo\r\n\r\n",
    "no newline at the end": b"one\ntwo",
    "newlines only": b"\n\n\n",
    "empty": b"",
    "one byte": b"\xff",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_every_byte_of_a_step_arrives(program: bytes) -> None:
    step = Step(
        name="ä 'dump'",
        program=program,
        interpreter=["/usr/bin/env", "python3"],
        style=FILE,
        arguments=program + b"\n",
        files={"a": program, "b": b""},
    )
    assert Packed(pack(Batch("j1", [Job("j1.0", "backup", [step])]))).step("j1.0", 0) == step


def test_a_step_that_has_its_result_already_arrives() -> None:
    step = Step(name="debug", result={"failed": False, "msg": ["ä", None, 1.5, {}]})
    assert Packed(pack(Batch("j1", [Job("j1.0", "n", [step])]))).step("j1.0", 0) == step


def test_all_options_arrive() -> None:
    job = Job(
        jid="j1.0",
        name="ä 'backup'",
        block=True,
        environment={"LANG": "ä"},
        timeout=1.5,
        kill_after=0,
        leave_children=True,
        retries=3,
        delay=0.5,
        backoff=2,
        retry_on=["failed", "timed_out"],
        after=["j1.1"],
        lock="dpkg",
        max_output=1000,
        no_log=True,
        remove=["/tmp/x"],
        conditions={"failed_when": ["rc > 1"]},
    )
    options = {"deadline": 60, "start_delay": 0.5, "halt": "now,fail=20%", "group": "nightly", "if_running": "attach"}
    batch = Batch("j1", [job], "50%", trace=True, **options)
    assert_differs_everywhere(job, Job("", ""))
    assert_differs_everywhere(batch, Batch("", []))
    packed = Packed(pack(batch))
    assert packed.batch == batch
    assert packed.job("j1.0") == job


def assert_differs_everywhere(value: t.Any, default: t.Any) -> None:
    """A new option is tested too, or this fails."""
    for field in dataclasses.fields(value):
        assert field.name == "steps" or getattr(value, field.name) != getattr(default, field.name), field.name


def test_jobs_and_steps_keep_their_order_and_their_programs() -> None:
    jobs = [
        Job(f"j1.{number}", f"n{number}", [Step(f"s{index}", b"a\nb\n%d.%d" % (number, index)) for index in range(3)])
        for number in range(20)
    ]
    packed = Packed(pack(Batch("j1", jobs)))
    assert [job.jid for job in packed.batch.jobs] == [job.jid for job in jobs]
    for job in jobs:
        assert [packed.step(job.jid, index) for index in range(packed.steps(job.jid))] == job.steps


def test_jobs_come_without_what_is_large() -> None:
    steps = [Step("s", b"p", arguments=b"a", files={"f": b"f"})] * 2
    packed = Packed(pack(Batch("j1", [Job("j1.0", "n", steps, timeout=9), Job("j1.1", "empty")])))
    assert packed.job("j1.0") == Job("j1.0", "n", timeout=9)
    assert (packed.steps("j1.0"), packed.steps("j1.1")) == (2, 0)


def test_a_step_can_be_had_again_and_is_new_each_time() -> None:
    packed = Packed(pack(Batch("j1", [Job("j1.0", "n", [Step("s", b"p", files={"f": b"f"})])])))
    first = packed.step("j1.0", 0)
    first.program = b""
    first.files.clear()
    assert packed.step("j1.0", 0) == Step("s", b"p", files={"f": b"f"})


def test_packing_leaves_the_batch_alone() -> None:
    def make() -> Batch:
        return Batch("j1", [Job("j1.0", "n", [Step("s", b"p", files={"f": b"f"})])])

    batch = make()
    assert pack(batch) == pack(batch)
    assert batch == make()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        base64.b64encode(bytes(1200)),
        b"zip = '" + base64.b64encode(bytes(range(256)) * 5) + b"',",
        base64.b64encode(bytes(1201)) + b"=",
        b"A" * 1025,
        b"A" * 1023 + b"/" * 4 + b"==" + base64.b64encode(bytes(900)),
        base64.b64encode(bytes(1200))[:-1] + b"B",
        base64.b64encode(bytes(1199))[:-2] + b"B=",
        b"\xff" + base64.b64encode(bytes(1200)) + b"\0" + base64.b64encode(bytes(1200)),
    ],
)
def test_what_looks_like_base64_arrives_as_it_was(line: bytes) -> None:
    step = Step("s", b"one\n" + line + b"\ntwo", arguments=line)
    assert Packed(pack(Batch("j1", [Job("j1.0", "n", [step])]))).step("j1.0", 0) == step


def test_base64_travels_as_what_it_stands_for() -> None:
    """So that a zip that is not compressed can be."""
    text = b"".join(path.read_bytes() for path in sorted(Path(json.__file__).parent.glob("*.py")))
    program = b"ZIP = '" + base64.b64encode(text) + b"'"
    size = len(pack(Batch("j1", [Job("j1.0", "n", [Step(program=program)])])))
    assert size < 1.02 * len(zlib.compress(text)) + 300 < 0.8 * len(zlib.compress(program))


def test_five_hundred_programs_of_one_module_cost_little_more_than_one_and_their_parameters() -> None:
    """A payload is some hundred lines of Python, one long line with the zipped modules, one with the parameters."""
    source = random.Random(1)
    zipped = base64.b64encode(source.getrandbits(8 * 60_000).to_bytes(60_000, "big"))
    code = [b"    line %d of the wrapper: %016x" % (number, source.getrandbits(64)) for number in range(100)]
    parameters = [b"%0400x" % source.getrandbits(1600) for dummy in range(500)]
    programs = [b"\n".join([*code, b"PARAMS = " + line, b"ZIP = " + zipped, b""]) for line in parameters]

    def size(some: t.Sequence[bytes]) -> int:
        return len(
            pack(Batch("j1", [Job(f"j1.{index}", "n", [Step(program=each)]) for index, each in enumerate(some)]))
        )

    alone = len(zlib.compress(b"\n".join(parameters)))
    assert size(programs) < 1.1 * (size(programs[:1]) + alone)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"plain", id="not compressed"),
        pytest.param(
            pack(Batch("j1", [Job("j1.0", "n", [Step(program=b"program")])]))[:-40],
            id="truncated",
        ),
        pytest.param(zlib.compress(b"text"), id="not JSON"),
        *(
            pytest.param(zlib.compress(document.encode()), id=document[:40])
            for document in (
                "7",
                "[]",
                '{"jobs": []}',
                '{"jobs": [], "lines": []}',
                '{"jobs": [7], "lines": [], "batch": "j1"}',
                '{"jobs": [{"jid": "j1.0"}], "lines": [], "batch": "j1"}',
                '{"jobs": [{"jid": "j1.0", "steps": []}], "lines": [], "batch": "j1"}',
                '{"jobs": [{"jid": "j1.0", "name": "n", "steps": [], "colour": 1}], "lines": [], "batch": "j1"}',
                '{"jobs": [], "lines": [], "batch": "j1", "colour": 1}',
                '{"jobs": [], "lines": ["\u20ac"], "batch": "j1"}',
                '{"jobs": [], "lines": [1], "batch": "j1"}',
                '{"jobs": [], "lines": [1], "batch": "j1"}\nab',
                '{"jobs": [], "lines": [-1, 2], "batch": "j1"}\na',
                '{"jobs": [], "lines": [[1, 1]], "batch": "j1"}\nab',
                '{"jobs": [], "lines": [[0, -1, 3]], "batch": "j1"}\nab',
                "[" * 100_000,
            )
        ),
    ],
)
def test_what_is_no_batch_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        Packed(data)


def test_the_refusal_says_what_it_is_about() -> None:
    with pytest.raises(ValueError, match=r"^this is not a packed batch: "):
        Packed(b"plain")
