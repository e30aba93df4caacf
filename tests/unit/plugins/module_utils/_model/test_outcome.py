# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import signal
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.outcome import (
    Ending,
    Outcome,
    brief,
    find_result,
    is_failed,
    judge_ending,
    limit,
    of_block,
    of_result,
    part,
    signal_name,
    spawn_failed,
    with_cause,
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
    outcome = judge_ending(ending(stdout))
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
    assert judge_ending(ending(b'{"changed": false}', status=status)).state == "succeeded"


@pytest.mark.parametrize(
    ("stdout", "result", "after"),
    [
        (b'{"a": 1}', {"a": 1}, ""),
        (b'\n \t{"a": 1}\r\n', {"a": 1}, ""),
        (b'Last login: today\nbash: warning {x}\n{"a": 1}', {"a": 1}, ""),
        (b'[1, 2]\n{"a": 1}\n', {"a": 1}, ""),
        (b'{"a": 1}\nsegmentation fault\n', {"a": 1}, "segmentation fault"),
        (b'{"a": 1}\none\n\n two\n', {"a": 1}, "one\n\n two"),
        (b'{\n  "a": {\n    "b": [1,\n 2]}}', {"a": {"b": [1, 2]}}, ""),
        (b'{"a": "{\\n"}', {"a": "{\n"}, ""),
        (b'\xff\xfe junk\n{"a": "\xff"}', {"a": "\ufffd"}, ""),
        (b'{"a": "\\ud800", "\\udfff": ["x\\udc80"]}', {"a": "\ufffd", "\ufffd": ["x\ufffd"]}, ""),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, ""),
        (b'{"a": "\\u0000"}', {"a": "\0"}, ""),
        (b'\0\0\n{"a": 1}\n\0', {"a": 1}, "\0"),
        (b'10%\r100%\r{"a": 1}\rdone', {"a": 1}, "done"),
    ],
    ids=[
        "alone",
        "white space around",
        "junk before",
        "a list before",
        "junk after",
        "lines after",
        "many lines",
        "a brace inside",
        "not UTF-8",
        "lone surrogates",
        "a pair of surrogates",
        "NUL inside",
        "NUL around",
        "carriage returns",
    ],
)
def test_the_result_is_found_among_other_output(stdout: bytes, result: dict[str, t.Any], after: str) -> None:
    assert find_result(stdout) == (result, after)


def test_what_is_found_can_be_written_as_utf8() -> None:
    result, dummy = find_result(b'{"a": {"b": ["\\ud800", {"\\udc00": "\\ud800\xff"}]}}')
    json.dumps(result, ensure_ascii=False).encode("utf-8")


def test_junk_after_the_result_becomes_a_warning_beside_the_modules_own() -> None:
    outcome = judge_ending(ending(b'{"warnings": ["mine"]}\n' + b"j" * 9999))
    assert outcome.result["warnings"][0] == "mine"
    assert outcome.result["warnings"][1].startswith("Module invocation had junk after the JSON data: jjj")
    assert len(outcome.result["warnings"][1]) < 2100
    assert judge_ending(ending(b'{"warnings": "text"}\njunk')).result == {"warnings": "text"}


def test_error_output_is_kept_where_the_module_has_none_of_that_name() -> None:
    assert judge_ending(ending(b"{}", b"oops \xff\n")).result == {"stderr": "oops \ufffd\n"}
    assert judge_ending(ending(b'{"stderr": "mine"}', b"oops")).result == {"stderr": "mine"}
    assert judge_ending(ending(b"{}", b" \n")).result == {}


@pytest.mark.parametrize(
    ("stdout", "status", "reason", "sentence"),
    [
        (b"", 0, "no_output", "ended with exit code 0 and printed nothing"),
        (b" \n\n", 7, "no_output", "ended with exit code 7 and printed nothing"),
        (b"hello", 1, "output_unparsable", "ended with exit code 1 and printed no JSON object"),
        (b"[1, 2]", 0, "output_unparsable", "printed no JSON object"),
        (b'"text"', 0, "output_unparsable", "printed no JSON object"),
        (b'{"a": 1', 0, "output_unparsable", "printed a JSON object that is not complete"),
        (
            b'{"debug": 1}\n{"failed": true}',
            0,
            "output_unparsable",
            "else than one JSON object (Extra data: ",
        ),
        (b'{"a": 1} {"failed": true}', 0, "output_unparsable", "else than one JSON object (Extra data: "),
        (b'{not json}\n{"a": 1}\n', 0, "output_unparsable", "else than one JSON object (Expecting property "),
        (b'{"a": 1} done', 0, "output_unparsable", "printed a JSON object that is not complete"),
        (b"\xff\0\xfe", 0, "output_unparsable", "printed no JSON object"),
        (b"", -9, "signal", "was ended by SIGKILL"),
        (b"half {", -11, "signal", "was ended by SIGSEGV"),
        (b"", -63, "signal", "was ended by signal 63"),
    ],
)
def test_no_result_is_a_failure_that_says_how(stdout: bytes, status: int, reason: str, sentence: str) -> None:
    outcome = judge_ending(ending(stdout, b"Traceback\nOSError: no\n", status))
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
    outcome = judge_ending(ending(stdout, cause="timeout", timeout=2.5, elapsed=3.0, status=-15))
    assert (outcome.state, outcome.reason) == ("timed_out", "timeout")
    assert outcome.message == "timed out after 3 s (timeout: 2.5 s)"
    assert outcome.result["failed"] is outcome.result["timed_out"] is True
    assert outcome.result["timeout"] == 2.5
    assert outcome.result["msg"] == outcome.message
    assert outcome.result.get("stdout") == ("x" if b"rc" in stdout else None)
    assert outcome.result.get("module_stdout") == (None if b"rc" in stdout else stdout.decode())


def test_much_junk_is_cut_in_the_middle() -> None:
    outcome = judge_ending(ending(b"<" + b"x" * 5_000_000 + b">", status=1))
    shown = outcome.result["module_stdout"]
    assert shown.startswith("<xx") and shown.endswith("xx>")
    assert "[... 4996002 characters left out ...]" in shown
    assert len(shown) < 4100


def test_much_junk_after_a_result_costs_little_time() -> None:
    with at_most(seconds=5):
        result, after = find_result(b'{"a": 1}\n' + b"y\n" * 50_000_000)
    assert result == {"a": 1} and after.startswith("y\ny\n") and len(after) < 10_000


@pytest.mark.parametrize(
    ("junk", "found"),
    [
        pytest.param(b"x" * 5_000_000 + b"\n", True, id="one line of 5 MB"),
        pytest.param(b"x\n" * 1_000_000, True, id="many short lines"),
        pytest.param(b"{\n" * 200_000, False, id="200k braces"),
        pytest.param(b"x{}x" * 2_000_000 + b"\n", True, id="4M braces in a line"),
        pytest.param(b'{"a": 1,\n' * 200_000, False, id="200k beginnings of an object"),
        pytest.param(b'{"a":\n' * 200_000, False, id="200k levels"),
        pytest.param(b'{"a": ' + b"9" * 5_000_000 + b"}\n", False, id="a number of 5 MB"),
    ],
)
def test_junk_before_a_result_costs_little_time(junk: bytes, found: bool) -> None:
    with at_most(seconds=30):
        try:
            result: t.Any = find_result(junk + b'{"a": 1}\n')
        except ValueError:
            result = None
    assert result == (({"a": 1}, "") if found else None)


@pytest.mark.parametrize(
    "nested",
    [b'{"a":' * 100_000, b'{"a":' + b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
    ids=["objects", "lists", "complete"],
)
def test_output_nested_too_deeply_is_no_result(nested: bytes) -> None:
    assert judge_ending(ending(nested)).reason == "output_unparsable"


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
        outcome = judge_ending(ending(b'{"a":' + b"[" * depth + b"]" * depth + b"}"))
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


# -- ended from outside


@pytest.mark.parametrize(
    ("fields", "state", "message"),
    [
        ({"cause": "deadline"}, "timed_out", "timed out after 1 s (deadline of its batch)"),
        ({"cause": "cancelled"}, "cancelled", "it was cancelled; ended after 1 s"),
        (
            {"cause": "cancelled", "why": "the host shuts down"},
            "cancelled",
            "the host shuts down; ended after 1 s",
        ),
        ({"cause": "halted", "why": "halt now,fail=1"}, "cancelled", "halt now,fail=1; ended after 1 s"),
    ],
    ids=["deadline", "cancelled", "shutdown", "halted"],
)
@pytest.mark.parametrize("stdout", [b"", b'{"failed": false, "msg": "mine"}'], ids=["nothing", "a result"])
def test_why_a_job_was_ended_is_told(stdout: bytes, fields: dict[str, t.Any], state: str, message: str) -> None:
    outcome = judge_ending(ending(stdout, status=-15, **fields))
    assert (outcome.state, outcome.reason, outcome.message) == (state, fields["cause"], message)
    assert (outcome.result["failed"], outcome.result["msg"]) == (True, message)
    assert outcome.result.get("timed_out") is (True if state == "timed_out" else None)


@pytest.mark.parametrize(
    "fields", [{"cause": "timeout"}, {"cause": "cancelled"}, {"status": -9}, {"status": 1}], ids=str
)
def test_what_commands_had_printed_is_kept_where_there_is_no_result(fields: dict[str, t.Any]) -> None:
    result = judge_ending(ending(b"", b"trace", log=lambda: b"one\n\xff", **fields)).result
    assert (result["stdout"], result["module_stdout"], result["module_stderr"]) == ("one\n\ufffd", "", "trace")
    assert judge_ending(ending(b'{"stdout": "mine"}', log=lambda: b"one", **fields)).result["stdout"] == "mine"
    assert "stdout" not in judge_ending(ending(b"", **fields)).result


def test_much_of_what_commands_had_printed_is_cut_in_the_middle() -> None:
    text = judge_ending(ending(b"", log=lambda: b"<" + b"x" * 3_000_000 + b">", cause="cancelled")).result["stdout"]
    assert text.startswith("<x") and text.endswith("x>") and "bytes left out" in text
    assert len(text) < 1_100_000


@pytest.mark.parametrize("fields", [{}, {"cause": "cancelled"}, {"cause": "timeout"}], ids=str)
@pytest.mark.parametrize("failed", [b"true", b"false"], ids=str)
def test_the_arguments_of_a_module_are_dropped(failed: bytes, fields: dict[str, t.Any]) -> None:
    stdout = b'{"failed": %s, "invocation": {"module_args": {"password": "S3CRET"}}}' % failed
    assert "S3CRET" not in repr(judge_ending(ending(stdout, **fields)))


# -- limits of size


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_texts_up_to_the_limit_stay(size: int) -> None:
    result: dict[str, t.Any] = {"stdout": "x" * (size or 5000), "rc": 0, "list": ["y" * 5000]}
    before = dict(result)
    limit(result, size)
    assert result == before


def test_long_texts_are_cut_in_the_middle_and_named() -> None:
    result: dict[str, t.Any] = {
        "stdout": "a" * 50 + "z" * 51,
        "stdout_lines": ["x"],
        "stderr": "short",
        "stderr_lines": [],
    }
    assert limit(result, 20) == ["stdout"]
    assert result == {
        "stdout": "a" * 10 + "\n[... 81 bytes left out ...]\n" + "z" * 10,
        "stderr": "short",
        "stderr_lines": [],
    }


def test_the_limit_is_of_bytes_and_leaves_no_half_characters() -> None:
    result = {"stdout": "\u20ac" * 10}
    limit(result, 30)
    assert result == {"stdout": "\u20ac" * 10}
    limit(result, 29)
    assert result["stdout"] == "\u20ac" * 4 + "\n[... 2 bytes left out ...]\n" + "\u20ac" * 4
    json.dumps(result, ensure_ascii=False).encode("utf-8")


def test_a_key_truncated_of_the_modules_own_stays() -> None:
    result = {"a": "x" * 100, "truncated": ["b"]}
    assert (limit(result, 10), limit(result, 0), result["truncated"]) == (["a"], [], ["b"])


@pytest.mark.parametrize("cause", [None, "timeout"])
def test_a_partial_output_is_limited_too(cause: str | None) -> None:
    outcome = judge_ending(ending(b"", log=lambda: b"x" * 5000, status=-9, cause=cause, max_output=100))
    assert len(outcome.result["stdout"]) < 150 and "stdout" in outcome.truncated


# -- blocks


def step(state: str = "succeeded", reason: str | None = None, **result: t.Any) -> Outcome:
    return Outcome(state, result, reason, reason and f"because of {reason}")


def test_the_result_of_a_block_is_that_of_its_last_step() -> None:
    outcomes = [step(changed=True, rc=0, stdout="a"), step(changed=False, rc=0, stdout="b")]
    outcome = of_block(["one", "two"], outcomes)
    assert (outcome.state, outcome.reason, outcome.message) == ("succeeded", None, None)
    assert outcome.result == {
        "changed": True,
        "rc": 0,
        "stdout": "b",
        "steps": [
            {"job": {"name": "one", "state": "succeeded"}, "changed": True, "rc": 0, "stdout": "a"},
            {"job": {"name": "two", "state": "succeeded"}, "changed": False, "rc": 0, "stdout": "b"},
        ],
    }
    assert outcomes[1].result == {"changed": False, "rc": 0, "stdout": "b"}


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        ("failed", "exit_code", "step 2 of 3 (two) failed: because of exit_code"),
        ("timed_out", "timeout", "step 2 of 3 (two): because of timeout"),
        ("cancelled", "cancelled", "step 2 of 3 (two): because of cancelled"),
    ],
)
def test_a_block_tells_which_step_was_its_end(state: str, reason: str, message: str) -> None:
    outcome = of_block(["one", "two", "three"], [step(), step(state, reason, rc=1)])
    assert (outcome.state, outcome.reason, outcome.message) == (state, reason, message)
    assert (outcome.result["failed"], outcome.result["msg"], outcome.result["rc"]) == (True, message, 1)
    assert [one["job"] for one in outcome.result["steps"]] == [
        {"name": "one", "state": "succeeded"},
        {"name": "two", "state": state, "reason": reason, "message": f"because of {reason}"},
    ]


def test_a_part_of_a_job_has_the_keys_of_its_module_and_ours_apart() -> None:
    own = {"name": "nginx", "state": "started", "job": 3, "msg": "its own", "stdout": "x" * 100}
    outcome = Outcome("failed", dict(own), "module", "why", truncated=["stderr"])
    assert part(outcome, 50, elapsed=1.5) == {
        **own,
        "stdout": "x" * 25 + "\n[... 50 bytes left out ...]\n" + "x" * 25,
        "job": {
            "state": "failed",
            "reason": "module",
            "message": "why",
            "elapsed": 1.5,
            "truncated": ["stderr", "stdout"],
            "shadowed": {"job": 3},
        },
    }
    assert outcome.result == own
    assert part(Outcome("succeeded", {"rc": 0})) == {"rc": 0, "job": {"state": "succeeded"}}
    assert part(Outcome("failed", {}, "no_output", "why"))["msg"] == "why"


def test_warnings_of_all_steps_come_together() -> None:
    typed = {"__ansible_type": "WarningSummary"}
    outcomes = [step(warnings=["a"], deprecations=[typed]), step(warnings="no list"), step(warnings=[typed])]
    result = of_block(["1", "2", "3"], outcomes).result
    assert (result["warnings"], result["deprecations"]) == (["a", typed], [typed])


def test_a_result_had_on_the_controller_is_judged_by_the_same_rule() -> None:
    assert of_result({"changed": False}).state == "succeeded"
    outcome = of_result({"failed": True, "msg": "no such file"})
    assert (outcome.state, outcome.reason, outcome.message) == ("failed", "module", "no such file")


def event(*messages: object, **chain: object) -> dict[str, object]:
    """What a module says of an exception and its causes since ansible-core 2.19."""
    found: dict[str, object] = {"msg": messages[0], "__ansible_type": "Event"}
    if messages[1:]:
        found["chain"] = {"follow": True, **chain, "event": event(*messages[1:], **chain)}
    return found


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        ({"event": event("Error.", "[Errno 2] no file")}, "Error: [Errno 2] no file"),
        ({"event": event("a", "b: c", "c")}, "a: b: c"),
        ({"event": event("a", "b", follow=False)}, "a"),
        ({"event": event("a", 5)}, "a"),
        ({"event": event("a", *"b" * 100)}, "a: b"),
        ({"event": {"msg": "a", "chain": "x"}}, "a"),
        ({"event": {"msg": "a", "chain": {"event": []}}}, "a"),
        ({"event": {}}, ""),
        ({"event": None}, ""),
        ({}, ""),
        ([], ""),
        (5, ""),
        (None, ""),
        ("", ""),
        ("Traceback (most recent call last):\n  File x\nValueError: words\n", "ValueError: words"),
        ("(traceback unavailable)", ""),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_exception_is_told_by_its_causes(exception: object, said: str) -> None:
    assert brief(exception) == said


@pytest.mark.parametrize(
    ("message", "cause", "together"),
    [
        ("Error.", "Error: no file", "Error: no file"),
        ("could not do it.", "ValueError: words", "could not do it: ValueError: words"),
        ("step 1 of 2 (x) failed: Error: no file (exit code 2)", "Error: no file", None),
        ("words", "", None),
        (None, "words", "words"),
        (None, "", ""),
    ],
)
def test_a_message_and_its_cause_are_each_told_once(message: object, cause: str, together: str | None) -> None:
    assert with_cause(message, cause) == (message if together is None else together)


def test_the_outcome_of_a_failed_module_has_its_causes() -> None:
    exception = {"event": event("Error.", "no file")}
    assert of_result({"rc": 2, "msg": "Error.", "exception": exception}).message == "Error: no file (exit code 2)"
    assert of_result({"failed": True, "exception": exception}).message == "Error: no file"
