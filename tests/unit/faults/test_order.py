# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes before what, how often, and until when: retries, order, blocks, locks, halt, limits of a batch."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Job, Step
from ansible_collections.background.jobs.tests.unit.helpers import (
    Batches,
    Family,
    Gates,
    eventually,
    marked,
    python_job,
    python_step,
    runs,
    script_job,
    script_step,
)

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose


@pytest.fixture
def lock_name(tmp_path: Path) -> str:
    """A lock is one per host, so that of each test has a name of its own."""
    return str(tmp_path)


def counting(path: Path, script: str) -> str:
    """A script that finds in $n how often it has been started."""
    return f"echo x >> {path}; n=$(wc -l < {path}); {script}"


# -- retries


def test_attempts_are_recorded_with_what_each_of_them_said(batches: Batches, tmp_path: Path) -> None:
    script = """printf '{"rc": %d, "n": %d, "stdout": "try %d"}' $((n < 3)) $n $n"""
    job = script_job("j1.0", counting(tmp_path / "n", script), retries=5, delay=0.01, retry_on=["failed"])
    batches.launch(job)
    status = batches.end("j1.0")
    assert (status.state, status.result) == ("succeeded", {"rc": 0, "n": 3, "stdout": "try 3"})
    assert status.record is not None and status.record.attempts == 3
    earlier = status.record.earlier
    said = [(each["job"]["state"], each["job"]["reason"], each["stdout"], each["rc"]) for each in earlier]
    assert said == [("failed", "exit_code", "try 1", 1), ("failed", "exit_code", "try 2", 1)]
    assert all(each["job"]["elapsed"] >= 0 and each["msg"] for each in earlier)


def test_the_last_attempt_is_the_result_when_all_have_failed(batches: Batches, tmp_path: Path) -> None:
    job = script_job("j1.0", counting(tmp_path / "n", 'echo "{\\"rc\\": $n}"'), retries=2, delay=0, retry_on=["failed"])
    batches.launch(job)
    status = batches.end("j1.0")
    assert (status.state, status.result["rc"]) == ("failed", 3)
    assert status.record is not None and [attempt["rc"] for attempt in status.record.earlier] == [1, 2]


def test_a_job_that_ran_into_its_limit_may_be_tried_again(batches: Batches, family: Family, tmp_path: Path) -> None:
    sleeper = family.program("sleeper", "exec sleep 600")
    script = counting(tmp_path / "n", f"[ $n = 1 ] && {{ setsid {sleeper} & wait; }}; echo '{{}}'")
    batches.launch(script_job("j1.0", script, timeout=3, kill_after=0, retries=1, delay=0, retry_on=["timed_out"]))
    status = batches.end("j1.0")
    assert status.state == "succeeded", status
    assert status.record is not None and status.record.earlier[0]["job"]["state"] == "timed_out"
    assert not any(runs(pid) for pid in family.pids(1, "j1.0")), "the first attempt runs on beside the second"


def test_the_outputs_of_attempts_are_kept_apart(batches: Batches, tmp_path: Path) -> None:
    source = f"""
    import os, subprocess
    open({str(tmp_path / "n")!r}, "a").write("x")
    n = os.path.getsize({str(tmp_path / "n")!r})
    subprocess.run(["echo", f"attempt {{n}}"], stdout=subprocess.PIPE)
    os._exit(1)
    """
    batches.launch(python_job("j1.0", source, retries=1, delay=0, retry_on=["failed"]))
    status = batches.end("j1.0")
    assert status.record is not None
    assert (status.record.earlier[0]["stdout"], status.result["stdout"]) == ("attempt 1\n", "attempt 2\n")


# -- order


def test_a_job_starts_after_those_it_needs(batches: Batches, gates: Gates) -> None:
    jobs = [dataclasses.replace(gates.job("j1.0"), after=["j1.1", "j1.2"]), gates.job("j1.1"), gates.job("j1.2")]
    batches.launch(*jobs)
    eventually(lambda: gates.is_reached("j1.1") and gates.is_reached("j1.2"))
    gates.open("j1.1")
    batches.end("j1.1")
    assert not gates.is_reached("j1.0") and batches.look("j1.0").state == "queued"
    gates.open("j1.2")
    eventually(lambda: gates.is_reached("j1.0"))


def test_what_comes_after_a_failure_is_skipped_with_the_reason(batches: Batches) -> None:
    batches.launch(
        script_job("j1.0", "exit 3", name="first"),
        script_job("j1.1", "echo '{}'", name="second", after=["j1.0"]),
        script_job("j1.2", "echo '{}'", name="third", after=["j1.1"]),
        script_job("j1.3", "echo '{}'"),
    )
    told = [batches.end(f"j1.{number}") for number in range(4)]
    assert [status.state for status in told] == ["failed", "skipped", "skipped", "succeeded"]
    assert [status.reason for status in told[1:3]] == ["dependency"] * 2
    assert told[1].message == "depends on first, which failed"
    assert told[2].message == "depends on second, which was skipped"
    assert told[1].result["skipped"] is True and told[1].result["failed"] is False


# -- blocks


def block(jid: str, *steps: Step, **fields: t.Any) -> Job:
    return Job(**{"jid": jid, "name": jid, "steps": list(steps), "block": True, **fields})


def test_a_block_runs_its_steps_in_order(batches: Batches, tmp_path: Path) -> None:
    script = f'echo NAME >> {tmp_path}/order; sleep 0.02; printf \'{{"changed": %s, "stdout": "NAME"}}\' CHANGED'
    steps = [
        script_step(script.replace("NAME", name).replace("CHANGED", changed), name=name)
        for name, changed in (("a", "false"), ("b", "true"), ("c", "false"))
    ]
    batches.launch(block("j1.0", *steps))
    status = batches.end("j1.0")
    assert status.state == "succeeded"
    assert (tmp_path / "order").read_text(encoding="ascii") == "a\nb\nc\n"
    assert (status.result["stdout"], status.result["changed"]) == ("c", True)
    assert [(step["job"]["name"], step["stdout"]) for step in status.result["steps"]] == [
        ("a", "a"),
        ("b", "b"),
        ("c", "c"),
    ]


def test_a_block_stops_at_the_first_failure(batches: Batches, tmp_path: Path) -> None:
    steps = [script_step("echo '{}'"), script_step("echo '{\"rc\": 2}'"), script_step(f": > {tmp_path}/never")]
    batches.launch(block("j1.0", *steps))
    status = batches.end("j1.0")
    assert (status.state, status.reason, len(status.result["steps"])) == ("failed", "exit_code", 2)
    assert status.message is not None and status.message.startswith("step 2 of 3 (script) failed: ")
    assert not (tmp_path / "never").exists()


def test_the_limit_of_a_block_is_for_all_its_steps(batches: Batches, family: Family) -> None:
    """What the first step has left running belongs to the job, which is ended in its second step."""
    sleeper = family.program("sleeper", "exec sleep 600 >/dev/null 2>&1")
    first = script_step(
        f'setsid {sleeper} & (setsid {sleeper} &) >/dev/null 2>&1; echo \'{{"stdout": "one"}}\'', name="one"
    )
    second = script_step(f"setsid {sleeper} & exec sleep 600", name="two")
    batches.launch(block("j1.0", first, second, script_step("echo '{}'"), timeout=3, kill_after=0.5))
    status = batches.end("j1.0")
    assert (status.state, status.reason) == ("timed_out", "timeout")
    assert [step["job"]["name"] for step in status.result["steps"]] == ["one", "two"]
    assert status.result["steps"][0]["stdout"] == "one"
    assert status.message is not None and status.message.startswith("step 2 of 3 (two): timed out after 3")
    assert [pid for pid in family.pids(3, "j1.0") if runs(pid)] == []
    assert marked(batches.directory, ["j1.0"]) == []


def test_the_partial_output_of_a_step_is_its_own(batches: Batches) -> None:
    say = "import subprocess; subprocess.run(['echo', {!r}], stdout=subprocess.PIPE); {}"
    steps = [
        python_step(say.format("one", "print('{}')")),
        python_step(say.format("two", "import time; time.sleep(600)")),
    ]
    batches.launch(block("j1.0", *steps, kill_after=1))
    log = Path(batches.directory, "j1.0.log")
    eventually(lambda: log.exists() and log.read_bytes() == b"one\ntwo\n")
    (done,) = cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    assert [step.get("stdout") for step in done.status.result["steps"]] == [None, "two\n"]


# -- locks


def spans(directory: Path) -> list[tuple[float, float]]:
    return sorted(tuple(json.loads(path.read_text(encoding="ascii"))) for path in directory.glob("*.span"))


def test_jobs_with_one_lock_never_overlap_whoever_runs_them(batches: Batches, lock_name: str, tmp_path: Path) -> None:
    source = f"""
    import json, os, time
    start = time.monotonic()
    time.sleep(0.05)
    with open({str(tmp_path)!r} + f"/{{os.getpid()}}.span", "w") as stream:
        json.dump([start, time.monotonic()], stream)
    print("{{}}")
    """
    jids = [f"j{batch}.{number}" for batch in (1, 2) for number in range(4)]
    for batch in ("j1", "j2"):
        batches.launch(*(python_job(jid, source, lock=lock_name) for jid in jids if jid.startswith(batch)), batch=batch)
    assert {batches.end(jid).state for jid in jids} == {"succeeded"}
    found = spans(tmp_path)
    assert len(found) == 8
    assert all(before[1] <= after[0] for before, after in zip(found, found[1:])), found


def test_a_job_that_waits_for_a_lock_says_so_and_leaves_its_slot(
    batches: Batches, gates: Gates, lock_name: str
) -> None:
    batches.launch(gates.job("j1.0", lock=lock_name))
    eventually(lambda: gates.is_reached("j1.0"))
    batches.launch(gates.job("j2.0", lock=lock_name), gates.job("j2.1"), batch="j2", concurrency="1")
    eventually(lambda: gates.is_reached("j2.1"))
    status = batches.look("j2.0")
    assert (status.state, status.reason) == ("queued", "lock")
    assert status.message is not None and lock_name in status.message
    gates.open("j1.0")
    gates.open("j2.1")
    eventually(lambda: gates.is_reached("j2.0"))


def test_a_lock_lives_as_long_as_the_job_not_its_supervisor(batches: Batches, gates: Gates, lock_name: str) -> None:
    batches.launch(gates.job("j1.0", lock=lock_name))
    eventually(lambda: gates.is_reached("j1.0"))
    pid = batches.pid("j1.0")
    os.kill(batches.supervisor("j1.0"), signal.SIGKILL)
    eventually(lambda: batches.look("j1.0").state == "lost")
    batches.launch(gates.job("j2.0", lock=lock_name), batch="j2")
    eventually(lambda: batches.look("j2.0").reason == "lock")
    assert not gates.is_reached("j2.0")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gates.is_reached("j2.0"))


def test_a_daemon_does_not_keep_the_lock_of_its_job(batches: Batches, lock_name: str) -> None:
    daemon = (
        "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True, close_fds=False); print('{}')"
    )
    batches.launch(python_job("j1.0", daemon, lock=lock_name), python_job("j1.1", "print('{}')", lock=lock_name))
    assert [batches.end(jid).state for jid in ("j1.0", "j1.1")] == ["succeeded"] * 2


# -- the batch as a whole


@pytest.mark.parametrize(
    ("halt", "state", "reason"), [("soon,fail=1", "running", None), ("now,fail=1", "cancelled", "halted")]
)
def test_a_batch_halts_at_a_failure(batches: Batches, gates: Gates, halt: str, state: str, reason: str | None) -> None:
    jobs = [
        gates.job("j1.0", after="raise SystemExit(1)", kill_after=1),
        gates.job("j1.1", kill_after=1),
        gates.job("j1.2"),
    ]
    batches.launch(*jobs, halt=halt, concurrency="2")
    eventually(lambda: gates.is_reached("j1.0") and gates.is_reached("j1.1"))
    gates.open("j1.0")
    status = batches.end("j1.2")
    assert (status.state, status.reason, batches.end("j1.0").state) == ("skipped", "halted", "failed")
    assert status.message is not None and halt in status.message
    if reason:
        batches.end("j1.1")
        batches.supervisor_ends()
    assert (batches.look("j1.1").state, batches.look("j1.1").reason) == (state, reason)


def test_a_deadline_ends_everything(batches: Batches, family: Family) -> None:
    sleeper = family.program("sleeper", "exec sleep 600")
    jobs = [script_job(f"j1.{number}", f"setsid {sleeper} & wait", kill_after=0.5) for number in range(3)]
    batches.launch(*jobs, concurrency="2", deadline=3)
    told = [batches.end(job.jid) for job in jobs]
    assert [(status.state, status.reason) for status in told] == [("timed_out", "deadline")] * 3
    assert [status.result["timed_out"] for status in told] == [True] * 3
    assert "not started before the deadline" in str(told[2].message)
    assert marked(batches.directory, [job.jid for job in jobs]) == []


def test_starts_are_spread(batches: Batches) -> None:
    batches.launch(*(script_job(f"j1.{number}", "echo '{}'") for number in range(4)), start_delay=0.4)
    records = [batches.end(f"j1.{number}").record for number in range(4)]
    starts = [record.started_at for record in records if record is not None and record.started_at is not None]
    assert len(starts) == 4
    assert all(after - before >= 0.39 for before, after in zip(starts, starts[1:])), starts


def test_what_is_cut_is_told(batches: Batches) -> None:
    result = {"stdout": "a" * 600 + "z" * 600, "stdout_lines": ["x"], "short": "y", "rc": 0}
    source = f"import json; print(json.dumps({result!r}))"
    batches.launch(python_job("j1.0", source, max_output=1000))
    status = batches.end("j1.0")
    result = status.result
    assert status.record is not None and status.record.truncated == ["stdout"]
    assert result["stdout"] == "a" * 500 + "\n[... 200 bytes left out ...]\n" + "z" * 500
    assert (result["short"], result["rc"], "stdout_lines" in result) == ("y", 0, False)
