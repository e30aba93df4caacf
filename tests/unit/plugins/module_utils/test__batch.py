# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import random
import typing as t
import zlib

import pytest

from ansible_collections.background.jobs.plugins.module_utils._batch import FILE, Batch, Job, Packed, pack

PROGRAMS = {
    "every byte": bytes(range(256)) * 3,
    "CRLF": b"one\r\ntwo\r\n\r\n",
    "no newline at the end": b"one\ntwo",
    "newlines only": b"\n\n\n",
    "empty": b"",
    "one byte": b"\xff",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_every_byte_of_a_job_arrives(program: bytes) -> None:
    job = Job(
        jid="j1.0",
        name="ä 'backup'",
        program=program,
        interpreter=["/usr/bin/env", "python3"],
        style=FILE,
        arguments=program + b"\n",
        environment={"LANG": "ä"},
        timeout=1.5,
        kill_after=0,
        no_log=True,
        files={"a": program, "b": b""},
        remove=["/tmp/x"],
    )
    text = pack(Batch("j1", [job], "50%"))
    assert text.isascii() and "\n" not in text
    packed = Packed(text)
    assert (packed.batch, packed.concurrency, packed.jids) == ("j1", "50%", ["j1.0"])
    assert packed.job("j1.0") == job


def test_jobs_keep_their_order_and_their_programs() -> None:
    jobs = [Job(jid=f"j1.{number}", name=f"n{number}", program=b"a\nb\n%d" % number) for number in range(20)]
    packed = Packed(pack(Batch("j1", jobs)))
    assert [packed.job(jid) for jid in packed.jids] == jobs


def test_an_outline_is_the_job_without_what_is_large() -> None:
    job = Job(jid="j1.0", name="n", program=b"p", arguments=b"a", files={"f": b"f"}, timeout=9, remove=["/r"])
    packed = Packed(pack(Batch("j1", [job])))
    outline = packed.outline("j1.0")
    assert (outline.program, outline.arguments, outline.files) == (b"", b"", {})
    assert (outline.name, outline.timeout, outline.remove) == ("n", 9, ["/r"])
    assert packed.job("j1.0") == job


def test_five_hundred_programs_of_one_module_cost_little_more_than_one_and_their_parameters() -> None:
    """A payload is some hundred lines of Python, one long line with the zipped modules, one with the parameters."""
    source = random.Random(1)
    zipped = base64.b64encode(source.getrandbits(8 * 60_000).to_bytes(60_000, "big"))
    code = [b"    line %d of the wrapper: %016x" % (number, source.getrandbits(64)) for number in range(100)]
    parameters = [b"%0400x" % source.getrandbits(1600) for dummy in range(500)]
    programs = [b"\n".join([*code, b"PARAMS = " + line, b"ZIP = " + zipped, b""]) for line in parameters]

    def size(some: t.Sequence[bytes]) -> int:
        return len(
            pack(Batch("j1", [Job(jid=f"j1.{index}", name="n", program=each) for index, each in enumerate(some)]))
        )

    alone = len(base64.b64encode(zlib.compress(b"\n".join(parameters))))
    assert size(programs) < 1.1 * (size(programs[:1]) + alone)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("äöü", id="not ASCII"),
        pytest.param("abc", id="not base64"),
        pytest.param(
            base64.b64encode(b"plain").decode(),
            id="not compressed",
        ),
        pytest.param(
            pack(Batch("j1", [Job("j1.0", "n", b"program")]))[:-40],
            id="truncated",
        ),
        pytest.param(base64.b64encode(zlib.compress(b"text")).decode(), id="not JSON"),
        pytest.param(
            base64.b64encode(zlib.compress(json.dumps({"jobs": []}).encode())).decode(),
            id="not a batch",
        ),
    ],
)
def test_what_is_no_batch_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Packed(text)
