# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a module prints and however it ends: a finished job, a readable cause, and a reader that never raises."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.tests.unit.helpers import Batches, python_job, script_job

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


class Case(t.NamedTuple):
    """What a module does, as a Python program with `say` for its output, and what has to come out of it."""

    source: str
    state: str
    reason: str | None = None
    sentence: str = ""


SAY = "import os, signal, sys\nsay = sys.stdout.buffer.write\n"
JSON = b'{"changed": true, "stdout": "x"}'

CASES = {
    "junk before": Case(f"say(b'Last login: today\\nbash: {{oops\\n' + {JSON!r})", "succeeded"),
    "junk after": Case(f"say({JSON!r} + b'\\nSegmentation fault\\n')", "succeeded"),
    "another object": Case(f"say(b'{{}}\\n' + {JSON!r})", "failed", "output_unparsable", "than one JSON object"),
    "junk around, binary": Case(f"say(bytes(range(256)) + b'\\n' + {JSON!r} + b'\\n\\0\\xff')", "succeeded"),
    "no JSON": Case("say(b'hello')", "failed", "output_unparsable", "printed no JSON object"),
    "half a JSON": Case(f"say({JSON[:-1]!r})", "failed", "output_unparsable", "that is not complete"),
    "a list": Case("say(b'[1, 2]')", "failed", "output_unparsable", "printed no JSON object"),
    "a number": Case("say(b'42')", "failed", "output_unparsable", "printed no JSON object"),
    "null": Case("say(b'null')", "failed", "output_unparsable", "printed no JSON object"),
    "invalid UTF-8": Case('say(b\'{"stdout": "\\xff\\xfe\\x80", "changed": true}\')', "succeeded"),
    "lone surrogates": Case('say(b\'{"stdout": "\\\\ud800", "changed": true}\')', "succeeded"),
    "NUL bytes": Case("say(b'\\0' * 1000)", "failed", "output_unparsable", "printed no JSON object"),
    "NUL in a text": Case('say(b\'{"stdout": "a\\\\u0000b", "changed": true}\')', "succeeded"),
    "NaN": Case('say(b\'{"value": NaN, "changed": true}\')', "succeeded"),
    "a huge number": Case("say(b'{\"value\": 1' + b'0' * 400 + b'.0, \"changed\": true}')", "succeeded"),
    "noise on stderr": Case(f"os.write(2, b'\\xff warning\\n' * 99999); say({JSON!r})", "succeeded"),
    "nothing": Case("pass", "failed", "no_output", "ended with exit code 0 and printed nothing"),
    "nothing but stderr": Case("sys.exit('no such host')", "failed", "no_output", "no such host"),
    "exit 7": Case("os._exit(7)", "failed", "no_output", "ended with exit code 7"),
    "a segmentation fault": Case("os.kill(os.getpid(), signal.SIGSEGV)", "failed", "signal", "SIGSEGV"),
    "abort": Case("os.abort()", "failed", "signal", "SIGABRT"),
    "killed": Case("say(b'half'); sys.stdout.flush(); os.kill(os.getpid(), 9)", "failed", "signal", "SIGKILL"),
    "killed after its result": Case(f"say({JSON!r}); sys.stdout.flush(); os.kill(os.getpid(), 9)", "succeeded"),
    "closed output": Case("os.close(1); os.close(2); os._exit(0)", "failed", "no_output", "printed nothing"),
    "deep nesting": Case(
        "say(b'{\"a\":' * 100000)", "failed", "output_unparsable", "a JSON object that is not complete"
    ),
    "its code is no code": Case("def", "failed", "no_output", "SyntaxError"),
    "an exception": Case("raise ValueError('what a pity')", "failed", "no_output", "ValueError: what a pity"),
}


def test_every_ending_is_told(batches: Batches) -> None:
    jids = {f"j1.{number}": name for number, name in enumerate(CASES)}
    batches.launch(*(python_job(jid, SAY + CASES[name].source) for jid, name in jids.items()), concurrency="4")
    told = {name: batches.end(jid) for jid, name in jids.items()}
    for name, status in told.items():
        case = CASES[name]
        assert (name, status.state, status.reason) == (name, case.state, case.reason)
        if case.state == "failed":
            assert status.message is not None and case.sentence in status.message, name
            assert (status.result["failed"], status.result["msg"]) == (True, status.message), name
        else:
            assert status.result["changed"] is True, name
        json.dumps(status.result, ensure_ascii=False).encode("utf-8")
        readable_for_core(batches, status)


def readable_for_core(batches: Batches, status: Status) -> None:
    """As ansible.builtin.async_status tells "done": the file is UTF-8 and JSON, and the top level says so."""
    document = json.loads(Path(batches.store.path(status.jid)).read_text(encoding="utf-8"))
    assert (document["started"], document["finished"], document["ansible_job_id"]) == (True, True, status.jid)


@pytest.mark.parametrize("valid", [True, False], ids=["a result", "junk"])
def test_50_megabytes_pass_or_are_cut(batches: Batches, valid: bool) -> None:
    text = "x" * 1000 + "\\n"
    end = "}" if valid else ""
    source = f'print(\'{{"changed": true, "stdout": "\' + {text!r} * 50_000 + \'"{end}\')'
    batches.launch(python_job("j1.0", source))
    status = batches.end("j1.0")
    if valid:
        assert (status.state, len(status.result["stdout"])) == ("succeeded", 50_050_000)
    else:
        assert (status.state, status.reason) == ("failed", "output_unparsable")
        assert len(status.result["module_stdout"]) < 5000
        assert os.path.getsize(batches.store.path("j1.0")) < 20_000


OWN = {
    "started": "12:00",
    "finished": "never",
    "ansible_job_id": ["mine"],
    "background_jobs": {"format": 99, "state": "running"},
    "warnings": [{"__ansible_type": "WarningSummary", "event": {"msg": "careful"}}, "plain"],
    "deprecations": [{"msg": "old", "version": "3.0"}],
    "state": "present",
    "jid": 1,
    "results_file": "/etc/passwd",
    "exception": "(traceback unavailable)",
    "diff": [{"before": "a", "after": "b"}],
    "ansible_facts": {"answer": 42},
}


@pytest.mark.parametrize("failed", [True, False])
def test_a_module_may_use_every_name_of_ours(batches: Batches, failed: bool) -> None:
    result = {**OWN, "failed": failed, "changed": False}
    source = (
        f"import json; print(json.dumps({{**{result!r}, 'invocation': {{'module_args': {{'password': 'S3CRET'}}}}}}))"
    )
    batches.launch(python_job("j1.0", source))
    status = batches.end("j1.0")
    assert status.state == ("failed" if failed else "succeeded")
    assert status.result == result
    assert b"S3CRET" not in Path(batches.store.path("j1.0")).read_bytes()
    readable_for_core(batches, status)


def test_no_invocation_is_kept_of_a_step_or_an_attempt(batches: Batches) -> None:
    script = 'echo \'{"rc": 1, "invocation": {"module_args": {"password": "S3CRET"}}}\''
    job = script_job("j1.0", script, retries=1, delay=0, retry_on=["failed"], block=True)
    batches.launch(job)
    status = batches.end("j1.0")
    assert status.record is not None and len(status.record.earlier) == 1
    assert b"S3CRET" not in Path(batches.store.path("j1.0")).read_bytes()
