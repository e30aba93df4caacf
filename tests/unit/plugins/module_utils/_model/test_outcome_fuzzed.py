# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a job prints, it has an outcome that can be written into its status file."""

from __future__ import annotations

import json
import typing as t

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import (
    Ending,
    Outcome,
    find_result,
    judge_ending,
)
from ansible_collections.background.jobs.plugins.module_utils._model.record import decode_record, encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES
from ansible_collections.background.jobs.tests.unit.helpers import record
from ansible_collections.background.jobs.tests.unit.strategies import JSON, mutated, objects

KEYS = ("failed", "rc", "msg", "warnings", "exception", "stdout", "stdout_lines", "stderr", "invocation", "truncated")
LIKELY = objects(*KEYS) | st.fixed_dictionaries({"stdout": st.text(min_size=40), "truncated": JSON, "failed": JSON})
NOT_ASCII = st.sampled_from([True, False])
LINES = st.sampled_from([b"{", b"}", b"{}", b'{"a": ', b"[1]", b"\xff\xfe", b" \t", b"\0", b'"\\ud800"', b"bash: x"])


def printed(result: dict[str, t.Any], ascii_only: bool) -> bytes:
    return json.dumps(result, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


RESULTS = st.builds(printed, LIKELY, NOT_ASCII)
JUNK = st.binary(max_size=30) | st.lists(LINES, max_size=4).map(b"\n".join)
OUTPUTS = (
    JUNK
    | RESULTS
    | mutated(RESULTS)
    | st.lists(JUNK | RESULTS | JSON.map(json.dumps).map(str.encode), max_size=4).map(b"\n".join)
)
ENDINGS = st.builds(
    Ending,
    stdout=OUTPUTS,
    stderr=JUNK,
    status=st.integers(-70, 255),
    elapsed=st.floats(0, 1e9),
    timeout=st.integers(0, 10**9) | st.floats(0, 1e9),
    cause=st.sampled_from([None, None, "timeout", "deadline", "cancelled", "halted"]),
    why=st.none() | st.text(),
    log=JUNK.map(lambda junk: lambda: junk),
    max_output=st.integers(0, 40),
)


def check_outcome(outcome: Outcome) -> None:
    assert outcome.state in STATES
    assert (outcome.reason is None) is (outcome.message is None) is (outcome.state == "succeeded")
    assert outcome.reason is None or isinstance(outcome.reason, str)
    assert outcome.message is None or isinstance(outcome.message, str)
    job = record(state=outcome.state, reason=outcome.reason, message=outcome.message)
    stored = json.dumps(encode_record(job, outcome.result)).encode("ascii")
    assert json.dumps(decode_record(json.loads(stored))[1]) == json.dumps(outcome.result)
    json.dumps(outcome.result, ensure_ascii=False).encode("utf-8")


@given(OUTPUTS)
def test_a_result_is_found_or_not_in_any_output(stdout: bytes) -> None:
    try:
        result, junk = find_result(stdout)
    except ValueError as exc:
        assert str(exc).startswith("printed ")
        return
    assert isinstance(result, dict) and isinstance(junk, str)
    json.dumps(result).encode("ascii")
    json.dumps([result, junk], ensure_ascii=False).encode("utf-8")


@given(LIKELY, NOT_ASCII, st.lists(st.sampled_from([b"", b" ", b"Last login: {today}", b"[1]", b"\xff"]), max_size=3))
def test_a_result_is_found_whatever_was_printed_before(
    result: dict[str, t.Any], ascii_only: bool, before: list[bytes]
) -> None:
    assume(ascii_only or len(printed(result, False).decode("utf-8", "replace").splitlines()) == 1)  # U+2028, by core
    found = find_result(b"\n".join([*before, printed(result, ascii_only)]))
    assert found[1] == ""
    assert found[0].keys() == {key.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for key in result} or (
        not all(key.isprintable() for key in result)
    )


@given(ENDINGS)
@example(Ending(b'{"stdout": "0123456789", "truncated": true}', b"", 0, 1.0, max_output=8))
@example(Ending(b'{"stdout": "0123456789", "truncated": [null, {}]}', b"", 0, 1.0, max_output=8))
def test_every_ending_has_an_outcome_that_can_be_stored(ending: Ending) -> None:
    check_outcome(judge_ending(ending))
