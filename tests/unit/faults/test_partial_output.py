# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job's commands print is kept while they run, and the module notices nothing of that."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._cleanup import cancel, files
from ansible_collections.background.jobs.plugins.module_utils._model.told import Status
from ansible_collections.background.jobs.tests.unit.helpers import Batches, eventually, python_job

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

# As run_command of ansible-core does it: two pipes that do not block, a selector, chunks of 32 KiB.
RUN_COMMAND = """
import json, os, selectors, subprocess
def run_command(args):
    process = subprocess.Popen(
        args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, close_fds=True
    )
    output = {process.stdout: b"", process.stderr: b""}
    selector = selectors.PollSelector()
    for stream in output:
        selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(stream.fileno(), False)
    process.stdin.close()
    while selector.get_map():
        for key, dummy in selector.select(1):
            chunk = key.fileobj.read(32768)
            if not chunk:
                selector.unregister(key.fileobj)
            output[key.fileobj] += chunk or b""
    return process.wait(), output[process.stdout].decode(), output[process.stderr].decode()
"""

ANSIBLE = f"""
import sys
sys.path[:0] = {[path for path in sys.path if path.endswith("-packages")]!r}
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = b'{{"ANSIBLE_MODULE_ARGS": {{}}}}', "legacy"
run_command = basic.AnsibleModule(argument_spec={{}}).run_command
"""

needs_ansible = pytest.mark.skipif(not importlib.util.find_spec("ansible"), reason="there is no ansible-core here")
RUNNERS = [pytest.param(RUN_COMMAND, id="plain"), pytest.param(ANSIBLE, id="ansible-core", marks=needs_ansible)]

TALKS = "\nrun_command(['/bin/sh', '-c', 'echo one; echo two >&2; exec sleep 600'])\n"


def logged(batches: Batches, jid: str) -> bytes:
    path = Path(batches.directory, f"{jid}.log")
    return path.read_bytes() if path.exists() else b""


def has_said(batches: Batches, jid: str, *lines: bytes) -> None:
    eventually(lambda: set(lines) <= set(logged(batches, jid).splitlines()))


def lines_of(status: Status) -> list[str]:
    return sorted(status.result["stdout"].splitlines())


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_cancelled_job_keeps_what_it_had_printed(batches: Batches, runner: str) -> None:
    batches.launch(python_job("j1.0", runner + TALKS, kill_after=1))
    has_said(batches, "j1.0", b"one", b"two")
    (cancelled,) = cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    assert (cancelled.status.state, lines_of(cancelled.status)) == ("cancelled", ["one", "two"])
    assert cancelled.status.result["failed"] is True


def test_a_job_over_its_limit_keeps_what_it_had_printed(batches: Batches) -> None:
    batches.launch(python_job("j1.0", RUN_COMMAND + TALKS, timeout=3, kill_after=1))
    status = batches.end("j1.0")
    assert (status.state, lines_of(status)) == ("timed_out", ["one", "two"])
    assert status.result["timed_out"] is True and status.result["timeout"] == 3
    assert status.record is not None and status.record.elapsed is not None and status.record.elapsed >= 3


def test_a_job_killed_by_somebody_else_keeps_what_it_had_printed(batches: Batches) -> None:
    batches.launch(python_job("j1.0", RUN_COMMAND + TALKS))
    has_said(batches, "j1.0", b"one", b"two")
    os.kill(batches.pid("j1.0"), signal.SIGKILL)
    status = batches.end("j1.0")
    assert (status.state, status.reason, lines_of(status)) == ("failed", "signal", ["one", "two"])
    assert "SIGKILL" in status.result["msg"]


def test_a_module_that_ends_its_command_at_term_may_still_give_its_result(batches: Batches) -> None:
    """Its result outranks what was printed until then: it holds that already."""
    source = """
    import json, subprocess
    process = subprocess.Popen(["/bin/sh", "-c", "echo one; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        process.stdout.read()
    except SystemExit:
        print(json.dumps({"stdout": "mine", "rc": 143}))
    """
    batches.launch(python_job("j1.0", source))
    has_said(batches, "j1.0", b"one")
    (cancelled,) = cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    assert (cancelled.status.state, cancelled.status.result["stdout"]) == ("cancelled", "mine")


def test_a_log_grows_while_the_job_runs_and_is_nobody_elses(batches: Batches, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        script = f"echo one; while ! test -e {tmp_path}/go; do sleep 0.02; done; echo two; exec sleep 600"
        batches.launch(python_job("j1.0", RUN_COMMAND + f"run_command(['/bin/sh', '-c', {script!r}])"))
    finally:
        os.umask(before)
    eventually(lambda: logged(batches, "j1.0") == b"one\n")
    info = os.stat(f"{batches.directory}/j1.0.log")
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o600, os.geteuid())
    (tmp_path / "go").touch()
    eventually(lambda: logged(batches, "j1.0") == b"one\ntwo\n")


def test_nothing_is_logged_under_no_log(batches: Batches, tmp_path: Path) -> None:
    script = f"echo S3CRET; : > {tmp_path}/said; exec sleep 600"
    batches.launch(python_job("j1.0", RUN_COMMAND + f"run_command(['/bin/sh', '-c', {script!r}])", no_log=True))
    eventually((tmp_path / "said").exists)
    assert sorted(os.listdir(batches.directory)) == [".j1.lock", ".j1.reserve", "j1.0"]
    (cancelled,) = cancel.cancel_jobs([(batches.store, "j1.0")], "kill", dry=False)
    assert "S3CRET" not in json.dumps(cancelled.status.result)


def test_a_log_stays_until_its_job_is_reaped_unless_it_is_empty(batches: Batches) -> None:
    batches.launch(python_job("j1.0", "print('{}')"), python_job("j1.1", RUN_COMMAND + "run_command(['echo', '1'])"))
    statuses = [batches.end(jid) for jid in ("j1.0", "j1.1")]
    batches.supervisor_ends()
    assert sorted(os.listdir(batches.directory)) == ["j1.0", "j1.1", "j1.1.log"]
    files.remove_finished(statuses)
    assert os.listdir(batches.directory) == []


@pytest.mark.parametrize("size", [999, 1000, 1001], ids=lambda size: f"limit {size}")
def test_a_log_stops_at_its_limit_and_says_so(batches: Batches, size: int) -> None:
    """However the limit falls: into a piece of output, or between two."""
    source = """
    import subprocess
    for dummy in range(3):
        subprocess.run(["printf", "%0500d", "0"], stdout=subprocess.PIPE)
    subprocess.run(["sleep", "600"], stdout=subprocess.PIPE)
    """
    batches.launch(python_job("j1.0", source, max_output=size))
    eventually(lambda: logged(batches, "j1.0").endswith(b"bytes]\n"))
    kept, *rest = logged(batches, "j1.0").split(b"\n", 1)
    assert kept == b"0" * size
    assert rest == [b"[no more of this is kept: the limit is %d bytes]\n" % size]


BINARY = "bytes(range(256)) * 40"
SAME = {
    "text": "call(['printf', 'a\\\\nb\\\\n'])",
    "nothing": "call(['true'])",
    "an exit code": "call(['/bin/sh', '-c', 'echo x; exit 7'])",
    "both streams": "call(['/bin/sh', '-c', 'echo out; echo err >&2; echo out2'])",
    "standard input": "call(['cat'], input=b'from us\\n' * 1000)",
    "binary": f"call(['cat'], input={BINARY})",
    "5 MB": "call(['head', '-c', '5000000', '/dev/zero'])",
    "5 MB through": "call(['cat'], input=b'0123456789' * 500000)",
    "only one stream": "subprocess.Popen(['echo', 'x'], stdout=PIPE).communicate()[0]",
    "merged": "subprocess.Popen(['/bin/sh', '-c', 'echo x; echo y >&2'], stdout=PIPE, stderr=STDOUT).communicate()[0]",
    "check_output": "subprocess.check_output(['echo', 'x'])",
    "with a limit of time": "subprocess.check_output(['echo', 'x'], timeout=60)",
    "text mode": "subprocess.check_output(['printf', 'a\\\\r\\\\nb'], universal_newlines=True).encode()",
    "by lines": "b'|'.join(subprocess.Popen(['printf', 'a\\\\nb'], stdout=PIPE).stdout)",
    "by bytes": "read_by(1, subprocess.Popen(['printf', 'abc'], stdout=PIPE).stdout)",
    "not buffered": "read_by(2, subprocess.Popen(['printf', 'abc'], stdout=PIPE, bufsize=0).stdout)",
    "not buffered, all": "subprocess.Popen(['printf', 'abc'], stdout=PIPE, bufsize=0).stdout.read()",
    "not buffered, lines": "b'|'.join(subprocess.Popen(['printf', 'a\\\\nb'], stdout=PIPE, bufsize=0).stdout)",
    "read1": "subprocess.Popen(['printf', 'abc'], stdout=PIPE).stdout.read1(10)",
    "peek": "subprocess.Popen(['printf', 'abc'], stdout=PIPE).stdout.peek(1)[:1]",
    "readinto": "into(bytearray(5), subprocess.Popen(['printf', 'abc'], stdout=PIPE).stdout)",
    "system call": "drain(subprocess.Popen(['printf', 'abc'], stdout=PIPE))",
    "to another": "pipeline()",
    "not to us": "str(subprocess.call(['true'])).encode()",
}
COMPARED = f"""
import hashlib, json, os, subprocess
from subprocess import PIPE, STDOUT
def call(args, input=None):
    done = subprocess.run(args, input=input, stdout=PIPE, stderr=PIPE)
    return b"%d|%s|%s" % (done.returncode, done.stdout, done.stderr)
def read_by(size, stream):
    return b"|".join(iter(lambda: stream.read(size), b""))
def into(buffer, stream):
    return b"%d|%s" % (stream.readinto(buffer), buffer)
def drain(process):
    process.wait()
    return os.read(process.stdout.fileno(), 10)
def pipeline():
    first = subprocess.Popen(["echo", "abc"], stdout=PIPE)
    return subprocess.check_output(["tr", "a-z", "A-Z"], stdin=first.stdout)
seen = {{name: eval(source) for name, source in {SAME!r}.items()}}
print(json.dumps({{name: [len(data), data[:20].decode("latin-1"), hashlib.sha256(data).hexdigest()]
                  for name, data in seen.items()}}))
"""


def test_the_log_changes_nothing_for_the_module(batches: Batches) -> None:
    batches.launch(python_job("j1.0", COMPARED, no_log=True), python_job("j1.1", COMPARED))
    without, with_log = batches.end("j1.0"), batches.end("j1.1")
    assert without.state == with_log.state == "succeeded", (without.message, with_log.message)
    assert set(without.result) == set(SAME)
    assert with_log.result == without.result


READ = ["text", "both streams", "binary", "only one stream", "check_output", "with a limit of time", "by lines"]
READ += ["by bytes", "not buffered", "not buffered, all", "not buffered, lines", "read1", "readinto", "text mode"]


@pytest.mark.parametrize("name", READ)
def test_whatever_way_output_is_read_it_is_logged_once(batches: Batches, tmp_path: Path, name: str) -> None:
    source = COMPARED.replace(repr(SAME), repr({name: SAME[name]}))
    stay = f"\nimport time\nopen({str(tmp_path / 'done')!r}, 'w').close()\ntime.sleep(600)\n"
    batches.launch(python_job("j1.0", source + stay))
    eventually((tmp_path / "done").exists)
    expected = {
        "text": b"a\nb\n",
        "both streams": b"err\nout\nout2\n",
        "binary": eval(BINARY),
        "text mode": b"a\r\nb",
        "by lines": b"a\nb",
        "not buffered, lines": b"a\nb",
    }.get(name, b"x\n" if "check" in name or "only" in name or "limit" in name else b"abc")
    found = logged(batches, "j1.0")
    assert found == expected or b"".join(sorted(found.splitlines(keepends=True))) == expected
