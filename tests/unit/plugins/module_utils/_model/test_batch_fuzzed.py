# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing of a batch changes on its way, and nothing that is no batch is taken for one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import typing as t
import zlib

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._model.batch import (
    FILE,
    PYTHON,
    Batch,
    Job,
    Packed,
    Step,
    pack,
)
from ansible_collections.background.jobs.tests.unit.strategies import JSON, PATHS, TEXTS, mutated, objects, replaced

LINES = st.sampled_from([b"", b"import os", b"\r", b"\xff\x00", b"# \xc3\xa4", b"x" * 200])
PROGRAMS = st.binary(max_size=40) | st.lists(LINES, max_size=6).map(b"\n".join)
SECONDS = st.integers(0, 10**6) | st.floats(0, 10**6)
STEPS = st.builds(
    Step,
    name=TEXTS,
    program=PROGRAMS,
    interpreter=st.lists(TEXTS, max_size=2),
    style=st.sampled_from([PYTHON, FILE]),
    arguments=PROGRAMS,
    files=st.dictionaries(TEXTS, PROGRAMS, max_size=2),
    result=st.none() | objects("rc", "failed"),
)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    jobs = [
        Job(
            jid=f"j1.{number}",
            name=draw(TEXTS),
            steps=draw(st.lists(STEPS, max_size=3)),
            block=draw(st.booleans()),
            environment=draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
            timeout=draw(SECONDS),
            kill_after=draw(SECONDS),
            retries=draw(st.integers(0, 9)),
            delay=draw(SECONDS),
            backoff=draw(SECONDS),
            retry_on=draw(st.lists(TEXTS, max_size=2)),
            after=[f"j1.{other}" for other in draw(st.sets(st.integers(0, 9), max_size=2))],
            lock=draw(st.none() | TEXTS),
            max_output=draw(st.integers(0)),
            no_log=draw(st.booleans()),
            remove=draw(st.lists(TEXTS, max_size=2)),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return Batch(
        batch=draw(TEXTS),
        jobs=jobs,
        concurrency=draw(TEXTS),
        deadline=draw(SECONDS),
        start_delay=draw(SECONDS),
        halt=draw(TEXTS),
        group=draw(st.none() | TEXTS),
    )


@given(batches())
def test_every_batch_arrives_as_it_was(batch: Batch) -> None:
    packed = Packed(pack(batch))
    arrived = [
        dataclasses.replace(job, steps=[packed.step(job.jid, index) for index in range(packed.steps(job.jid))])
        for job in packed.batch.jobs
    ]
    assert dataclasses.replace(packed.batch, jobs=arrived) == batch


WHOLE = pack(
    Batch(
        "j1",
        [
            Job("j1.0", "backup", [Step("one", b"a\nb", ["python3"], arguments=b"{}"), Step("two", b"a\nc")], True),
            Job("j1.1", "reports", [Step("one", b"a\nb", files={"f": b"x" * 1500 + b"="})], after=["j1.0"]),
        ],
    )
)
HEAD, LINES = zlib.decompress(WHOLE).split(b"\n", 1)
DOCUMENT = json.loads(HEAD)


def read(data: bytes) -> None:
    """What is no batch is a ValueError, and nothing else."""
    with contextlib.suppress(ValueError):
        Packed(data)


@given(st.binary())
def test_anything_is_a_batch_or_a_value_error(data: bytes) -> None:
    read(data)


@given(mutated(st.just(WHOLE)))
def test_a_batch_that_was_damaged_is_a_batch_or_a_value_error(data: bytes) -> None:
    read(data)


@given(st.binary() | mutated(st.just(HEAD + b"\n" + LINES)) | JSON.map(json.dumps).map(str.encode))
def test_anything_in_the_form_of_a_batch_is_one_or_a_value_error(data: bytes) -> None:
    read(zlib.compress(data))


@given(PATHS, JSON)
def test_a_batch_with_anything_in_it_is_one_or_a_value_error(path: list[int], value: t.Any) -> None:
    read(zlib.compress(json.dumps(replaced(DOCUMENT, path, value)).encode() + b"\n" + LINES))
