# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import signal
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._outcome import (
    Ending,
    find_result,
    is_failed,
    judge,
    signal_name,
    spawn_failed,
)


def ending(stdout: bytes = b"", stderr: bytes = b"", status: int = 0, **fields: t.Any) -> Ending:
    return Ending(**{"stdout": stdout, "stderr": stderr, "status": status, "elapsed": 1.0, **fields})


@contextlib.contextmanager
def at_most(seconds: float) -> t.Iterator[None]:
    """Fail what takes more CPU time than that."""

    def give_up(number: int, frame: t.Any) -> None:
        raise AssertionError(f"took more than {seconds} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(
    ("stdout", "state", "reason", "message"),
    [
        (b'{"changed": true, "rc": 0}', "succeeded", None, None),
        (b"{}", "succeeded", None, None),
        (b'{"rc": 3, "msg": "non-zero return code"}', "failed", "exit_code", "exit code 3"),
        (b'{"rc": 3, "msg": "no such table"}', "failed", "exit_code", "no such table (exit code 3)"),
        (b'{"rc": 3}', "failed", "exit_code", "the module reported a failure (exit code 3)"),
        (b'{"failed": true, "msg": "no"}', "failed", "module", "no"),
        (b'{"failed": true}', "failed", "module", "the module reported a failure"),
        (b'{"failed": true, "rc": 0, "msg": "no"}', "failed", "module", "no"),
        (b'{"failed": false, "rc": 3}', "succeeded", None, None),
        (b'{"failed": true, "rc": 3, "msg": "no"}', "failed", "exit_code", "no (exit code 3)"),
        (b'{"rc": null}', "succeeded", None, None),
    ],
    ids=lambda value: value.decode() if isinstance(value, bytes) else "",
)
def test_a_result_is_judged_by_the_rule_of_core(
    stdout: bytes, state: str, reason: str | None, message: str | None
) -> None:
    outcome = judge(ending(stdout))
    assert (outcome.state, outcome.reason, outcome.message) == (state, reason, message)
    assert outcome.result == json.loads(stdout)


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ({}, False),
        ({"rc": "0"}, False),
        ({"rc": "1"}, True),
        ({"rc": -9}, True),
        ({"failed": None, "rc": 1}, False),
        ({"failed": 1}, True),
        ({"rc": [1]}, True),
    ],
    ids=str,
)
def test_failed_outranks_the_return_code(result: dict[str, t.Any], failed: bool) -> None:
    assert is_failed(result) is failed


@pytest.mark.parametrize("status", [1, -9, 255])
def test_a_printed_result_counts_however_the_process_went_after_it(status: int) -> None:
    assert judge(ending(b'{"changed": false}', status=status)).state == "succeeded"


@pytest.mark.parametrize(
    ("stdout", "result", "after"),
    [
        (b'{"a": 1}', {"a": 1}, ""),
        (b'\n \t{"a": 1}\r\n', {"a": 1}, ""),
        (b'Last login: today\nbash: warning {x}\n{"a": 1}', {"a": 1}, ""),
        (b'{"a": 1}\nsegmentation fault\n', {"a": 1}, "segmentation fault"),
        (b'{"a": 1} {"b": 2}', {"a": 1}, '{"b": 2}'),
        (b'{not json}\n{"a": 1}\n', {"a": 1}, ""),
        (b'{\n  "a": {\n    "b": [1,\n 2]}}', {"a": {"b": [1, 2]}}, ""),
        (b'{"a": "{\\n"}', {"a": "{\n"}, ""),
        (b'\xff\xfe junk\n{"a": "\xff"}', {"a": "\ufffd"}, ""),
        (b'{"a": "\\ud800", "\\udfff": ["x\\udc80"]}', {"a": "\ufffd", "\ufffd": ["x\ufffd"]}, ""),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, ""),
        (b'{"a": "\\u0000"}', {"a": "\0"}, ""),
        (b'\0\0\n{"a": 1}\0', {"a": 1}, "\0"),
    ],
    ids=[
        "alone",
        "white space around",
        "junk before",
        "junk after",
        "two objects",
        "a brace before",
        "many lines",
        "a brace inside",
        "not UTF-8",
        "lone surrogates",
        "a pair of surrogates",
        "NUL inside",
        "NUL around",
    ],
)
def test_the_result_is_found_among_other_output(stdout: bytes, result: dict[str, t.Any], after: str) -> None:
    assert find_result(stdout) == (result, after)


def test_what_is_found_can_be_written_as_utf8() -> None:
    found = find_result(b'{"a": {"b": ["\\ud800", {"\\udc00": "\\ud800\xff"}]}}')
    assert found is not None
    json.dumps(found[0], ensure_ascii=False).encode("utf-8")


def test_junk_after_the_result_becomes_a_warning_beside_the_modules_own() -> None:
    outcome = judge(ending(b'{"warnings": ["mine"]}\n' + b"j" * 9999))
    assert outcome.result["warnings"][0] == "mine"
    assert outcome.result["warnings"][1].startswith("Module invocation had junk after the JSON data: jjj")
    assert len(outcome.result["warnings"][1]) < 2100
    assert judge(ending(b'{"warnings": "text"} junk')).result == {"warnings": "text"}


def test_error_output_is_kept_where_the_module_has_none_of_that_name() -> None:
    assert judge(ending(b"{}", b"oops \xff\n")).result == {"stderr": "oops \ufffd\n"}
    assert judge(ending(b'{"stderr": "mine"}', b"oops")).result == {"stderr": "mine"}
    assert judge(ending(b"{}", b" \n")).result == {}


@pytest.mark.parametrize(
    ("stdout", "status", "reason", "sentence"),
    [
        (b"", 0, "no_output", "ended with exit code 0 and printed nothing"),
        (b" \n\n", 7, "no_output", "ended with exit code 7 and printed nothing"),
        (b"hello", 1, "output_unparsable", "ended with exit code 1 and printed no JSON object"),
        (b"[1, 2]", 0, "output_unparsable", "printed no JSON object"),
        (b'"text"', 0, "output_unparsable", "printed no JSON object"),
        (b'{"a": 1', 0, "output_unparsable", "printed no JSON object"),
        (b"\xff\0\xfe", 0, "output_unparsable", "printed no JSON object"),
        (b"", -9, "signal", "was ended by SIGKILL"),
        (b"half {", -11, "signal", "was ended by SIGSEGV"),
        (b"", -63, "signal", "was ended by signal 63"),
    ],
)
def test_no_result_is_a_failure_that_says_how(stdout: bytes, status: int, reason: str, sentence: str) -> None:
    outcome = judge(ending(stdout, b"Traceback\nOSError: no\n", status))
    assert (outcome.state, outcome.reason) == ("failed", reason)
    assert outcome.message is not None and sentence in outcome.message
    assert outcome.message.endswith("(last line of its error output: OSError: no)")
    assert outcome.result == {
        "failed": True,
        "rc": status,
        "msg": outcome.message,
        "module_stdout": stdout.decode("utf-8", "replace"),
        "module_stderr": "Traceback\nOSError: no\n",
    }


@pytest.mark.parametrize(
    "stdout", [b"", b"half", b'{"rc": 0, "stdout": "x", "msg": "mine"}'], ids=["nothing", "junk", "result"]
)
def test_a_timeout_is_one_whatever_was_printed(stdout: bytes) -> None:
    outcome = judge(ending(stdout, cause="timeout", timeout=2.5, elapsed=3.0, status=-15))
    assert (outcome.state, outcome.reason) == ("timed_out", "timeout")
    assert outcome.message == "ran into its limit of 2.5 s and was ended after 3 s"
    assert outcome.result["failed"] is outcome.result["timed_out"] is True
    assert outcome.result["timeout"] == 2.5
    assert outcome.result["msg"] == f"Timeout exceeded: the job {outcome.message}"
    assert outcome.result.get("stdout") == ("x" if b"rc" in stdout else None)
    assert outcome.result.get("module_stdout") == (None if b"rc" in stdout else stdout.decode())


def test_much_junk_is_cut_in_the_middle() -> None:
    outcome = judge(ending(b"<" + b"x" * 5_000_000 + b">", status=1))
    shown = outcome.result["module_stdout"]
    assert shown.startswith("<xx") and shown.endswith("xx>")
    assert "[... 4996002 characters left out ...]" in shown
    assert len(shown) < 4100


@pytest.mark.parametrize(
    ("junk", "found"),
    [
        pytest.param(b"x" * 5_000_000 + b"\n", True, id="one line of 5 MB"),
        pytest.param(b"x\n" * 1_000_000, True, id="many short lines"),
        pytest.param(b"{x\n" * 500, True, id="some lines with a brace"),
        pytest.param(b"{\n" * 200_000, False, id="200k braces"),
        pytest.param(b'{"a": 1,\n' * 200_000, False, id="200k beginnings of an object"),
        pytest.param(b'{"a":\n' * 200_000, False, id="200k levels"),
    ],
)
def test_junk_before_a_result_costs_little_time(junk: bytes, found: bool) -> None:
    """What begins an object again and again is not looked through for ever."""
    with at_most(seconds=30):
        result = find_result(junk + b'{"a": 1}\n')
    assert result == (({"a": 1}, "") if found else None)


@pytest.mark.parametrize(
    "nested",
    [b'{"a":' * 100_000, b'{"a":' + b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
    ids=["objects", "lists", "complete"],
)
def test_output_nested_too_deeply_is_no_result(nested: bytes) -> None:
    assert judge(ending(nested)).reason == "output_unparsable"


@pytest.mark.parametrize(
    "depth",
    [
        100,
        pytest.param(600),
        pytest.param(5000),
    ],
)
def test_a_result_nested_deeply_can_be_written_or_is_none(depth: int) -> None:
    outcome = None
    with contextlib.suppress(RecursionError):  # whose traceback would take a minute to be shown
        outcome = judge(ending(b'{"a":' + b"[" * depth + b"]" * depth + b"}"))
        json.dumps(outcome.result)
    assert outcome is not None, "recursed too deeply"
    assert depth > 100 or outcome.state == "succeeded"


@pytest.mark.parametrize(
    ("interpreter", "what"), [(["/opt/python", "-u"], "/opt/python"), ([], "the module")], ids=["script", "binary"]
)
def test_a_job_that_cannot_start_says_what_was_missing(interpreter: list[str], what: str) -> None:
    outcome = spawn_failed("backup", interpreter, FileNotFoundError(2, "No such file or directory"))
    assert (outcome.state, outcome.reason) == ("failed", "spawn")
    assert outcome.message == f"could not start job backup: {what}: No such file or directory"
    assert outcome.result == {"failed": True, "msg": outcome.message}


def test_signals_are_called_by_name() -> None:
    assert signal_name(signal.SIGTERM) == "SIGTERM"
    assert signal_name(99) == "signal 99"
