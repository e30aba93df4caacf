# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of a fork server, with payloads in the two forms that ansible-core has had since 2.18."""

from __future__ import annotations

import contextlib
import json
import os
import select
import selectors
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._launcher.start import LaunchError
from ansible_collections.background.jobs.plugins.module_utils._model.batch import (
    Batch,
    Job,
    Packed,
    Step,
    pack,
)
from ansible_collections.background.jobs.plugins.module_utils._processes import procfs, python
from ansible_collections.background.jobs.plugins.module_utils._supervisor.fork_client import (
    ForkClient,
    ForkServers,
    ProgramLines,
)
from ansible_collections.background.jobs.tests.unit.helpers import (
    LIMIT,
    Batches,
    Gates,
    altered,
    children,
    eventually,
    marked,
    python_job,
    runs,
)
from ansible_collections.background.jobs.tests.unit.payloads import FORMS, PROBE, is_forked, probe_job

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a launch leaves its supervisor alone, on purpose

# -- which jobs share a server


def lines(*jobs: Job) -> ProgramLines:
    return ProgramLines(Packed(pack(Batch("j1", list(jobs)))))


@pytest.mark.parametrize("form", FORMS)
def test_payloads_that_differ_in_their_arguments_only_share_a_server(form: str) -> None:
    secrets = frozenset(["x'y", "z"]) if form == "2.22" else frozenset()
    found = lines(
        probe_job("j1.0", form, number=2001, a='it\'s "ä" \\n', secrets=secrets),
        probe_job("j1.1", form, number=2002),
        probe_job("j1.2", form, environment={"LANG": "C"}),
        probe_job("j1.3", form, probe=PROBE + "#"),
    )
    keys = [found.key(f"j1.{number}", 0) for number in range(4)]
    assert keys[0] is not None and keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert found.own("j1.0", 0) == (json.dumps({"a": 'it\'s "ä" \\n'}), sorted(secrets))
    assert found.own("j1.1", 0) == ("{}", [])


@pytest.mark.parametrize("form", FORMS)
def test_a_server_gets_no_arguments(form: str) -> None:
    found = lines(probe_job("j1.0", form, password="S3CRET", secrets=frozenset(["S3CRET"])))
    program = found.program("j1.0", 0)
    compile(program, "program", "exec")
    assert b"S3CRET" not in program
    assert program.count(b"zip_data=" if form == "2.22" else b"ZIPDATA =") == 1


@pytest.mark.parametrize(
    "program",
    [
        b"print('{}')",
        b"params='{}'",
        b"_ANSIBALLZ_WRAPPER = True\n",
        b"_ANSIBALLZ_WRAPPER = True\nparams='{}',\nparams='{}',",
    ],
    ids=["a script", "no wrapper", "no arguments", "too many arguments"],
)
def test_what_has_another_form_gets_a_python_of_its_own(program: bytes) -> None:
    assert lines(Job("j1.0", "a", [Step("a", program, ["python3"])])).key("j1.0", 0) is None


# -- jobs of a server


def test_jobs_start_in_their_order_though_one_has_to_wait_for_its_server(batches: Batches, tmp_path: Path) -> None:
    note = f"open({str(tmp_path / 'order')!r}, 'a').write(arguments['name'])"
    jobs = [probe_job(f"j1.{number}", "2.22", code=note, name=str(number)) for number in (0, 1)]
    other = python_job("j1.2", note.replace("arguments['name']", "'2'") + "; print('{}')")
    batches.launch(jobs[0], other, jobs[1], concurrency="1")
    for number in range(3):
        assert batches.end(f"j1.{number}").state == "succeeded"
    assert (tmp_path / "order").read_text(encoding="ascii") == "021"


@pytest.mark.parametrize("form", FORMS)
def test_a_forked_job_is_in_all_like_one_with_a_python_of_its_own(
    batches: Batches, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"MINE": "ä", "LANG": "C.UTF-8"}
    secrets = frozenset(["x"]) if form == "2.22" else frozenset()
    jobs = [probe_job(f"j1.{number}", form, environment, text="ä", secrets=secrets) for number in range(3)]
    alone = probe_job("j1.3", form, environment, probe=PROBE + "#", text="ä", secrets=secrets)
    batches.launch(*jobs, alone)
    *forked, fresh = [batches.end(f"j1.{number}").result for number in range(4)]
    assert fresh["name"] == "__main__" and fresh["arguments"] == {"text": "ä"}
    for result in forked:
        assert {key: (value, fresh[key]) for key, value in result.items() if value != fresh[key]} == {}


@pytest.mark.parametrize("form", FORMS)
def test_jobs_of_a_server_are_children_of_the_supervisor_and_share_its_module(batches: Batches, form: str) -> None:
    code = "import time; time.sleep(600)"
    batches.launch(*(probe_job(f"j1.{number}", form, code=code) for number in range(3)))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: all(batches.look(f"j1.{number}").state == "running" for number in range(3)))
    pids = {batches.pid(f"j1.{number}") for number in range(3)}
    assert len(children(supervisor)) == 4 and pids < set(children(supervisor))
    assert is_forked(batches, "j1.1")


def test_processes_that_no_job_needs_after_all_go(batches: Batches) -> None:
    """Two of the processes that the server is asked for at once are for jobs whose lock another batch holds."""
    code = "import time; time.sleep(600)"
    batches.launch(python_job("j2.0", code, lock="a"), batch="j2")
    eventually(lambda: batches.look("j2.0").state == "running")
    jobs = [probe_job(f"j1.{number}", "2.22", code=code) for number in range(12)]
    for job in jobs[-2:]:
        job.lock = "a"
    batches.launch(*jobs)
    eventually(lambda: all(batches.look(job.jid).state == "running" for job in jobs[:-2]))
    eventually(lambda: batches.look("j1.11").reason == "lock")
    pids = {batches.pid(job.jid) for job in jobs[:-2]}
    assert is_forked(batches, "j1.0") and is_forked(batches, "j1.9")
    eventually(lambda: len(set(children(batches.supervisor("j1.0"))) - pids) == 1)  # the server


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("code", "state", "reason", "message"),
    [
        ("print('{}'); sys.exit(0)", "succeeded", None, None),
        ("print('{\"rc\": 4}'); sys.exit(1)", "failed", "exit_code", "exit code 4"),
        (
            "sys.exit('boom')",
            "failed",
            "no_output",
            "exit code 1 and printed nothing (last line of its error output: boom)",
        ),
        ("sys.exit(7)", "failed", "no_output", "exit code 7"),
        ("os._exit(8)", "failed", "no_output", "exit code 8"),
        ("os.kill(os.getpid(), 11)", "failed", "signal", "SIGSEGV"),
        ("atexit.register(lambda: print('{\"late\": true}')); sys.exit(0)", "succeeded", None, None),
        (
            "import threading, time; threading.Timer(0.3, lambda: print('{}')).start(); sys.exit(0)",
            "succeeded",
            None,
            None,
        ),
        ("raise KeyError('it')", "failed", None, "it"),
    ],
)
def test_a_forked_job_ends_as_its_module_does(
    batches: Batches, form: str, code: str, state: str, reason: str | None, message: str | None
) -> None:
    batches.launch(*(probe_job(f"j1.{number}", form, code=code) for number in range(2)))
    for number in range(2):
        status = batches.end(f"j1.{number}")
        assert status.state == state
        assert reason is None or status.reason == reason
        assert message is None or message in (status.message or "")


def test_nothing_passes_from_one_job_to_the_next(batches: Batches) -> None:
    code = """
    seen = [os.environ.get("LEAK"), getattr(basic, "leak", None), os.path.basename(os.getcwd()), tempfile.tempdir]
    os.environ["LEAK"] = basic.leak = tempfile.tempdir = "x"
    os.chdir("/")
    print(json.dumps({"seen": seen, "random": random.random()}))
    sys.exit(0)
    """
    jobs = [probe_job(f"j1.{number}", "2.22", code=textwrap.dedent(code)) for number in range(4)]
    batches.launch(*jobs, concurrency="1")
    results = [batches.end(f"j1.{number}").result for number in range(4)]
    assert [result["seen"] for result in results] == [results[0]["seen"]] * 4
    assert results[0]["seen"][:2] == [None, None]
    assert len({result["random"] for result in results}) == 4


def test_a_forked_job_is_ended_with_all_it_started_and_keeps_its_output(batches: Batches) -> None:
    code = """
    p = subprocess.Popen(["/bin/sh", "-c", "echo hello; setsid sleep 600 & sleep 600"], stdout=subprocess.PIPE)
    p.stdout.readline()
    open("/proc/self/comm").read()
    p.wait()
    """
    jobs = [probe_job(f"j1.{number}", "2.18", code=textwrap.dedent(code)) for number in range(2)]
    for job in jobs:
        job.timeout, job.kill_after = 5, 1
    batches.launch(*jobs)
    for number in range(2):
        status = batches.end(f"j1.{number}")
        assert (status.state, status.result["stdout"]) == ("timed_out", "hello\n")
    batches.supervisor_ends()


@pytest.mark.parametrize("form", FORMS)
def test_a_server_leaves_nothing(batches: Batches, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    batches.launch(*(probe_job(f"j1.{number}", form, code="print('{}'); sys.exit()") for number in range(5)))
    supervisor = batches.supervisor("j1.0") if batches.look("j1.0").state == "running" else None
    for number in range(5):
        assert batches.end(f"j1.{number}").state == "succeeded"
    batches.supervisor_ends()
    eventually(lambda: [path for path in tmp_path.iterdir() if path.name.startswith("ansible_probe")] == [])
    assert supervisor is None or eventually(lambda: not runs(supervisor))


@pytest.mark.parametrize("ended_by", ["the end of its batch", "TERM"])
def test_a_server_that_is_told_to_end_while_it_removes_its_files_removes_all_of_them(
    batches: Batches, ended_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    told = """
    import os, shutil, signal
    server, remove = os.getpid(), shutil.rmtree
    def rmtree(*args, **kwargs):
        if os.getpid() == server:
            os.kill(server, signal.SIGTERM)
            open(os.environ["TMPDIR"] + "/told", "w").close()
        remove(*args, **kwargs)
    shutil.rmtree = rmtree
    """
    probe = "import os, signal, sys\nfrom ansible.module_utils import starts_a_thread\n"
    if ended_by == "TERM":
        probe += "os.kill(starts_a_thread.server, signal.SIGTERM)\n"
    probe += "print('{}')\nsys.exit(0)\n"
    batches.launch(
        *(probe_job(f"j1.{number}", "2.22", probe=probe, extra=textwrap.dedent(told)) for number in range(2))
    )
    for number in range(2):
        assert batches.end(f"j1.{number}").state == "succeeded"
    batches.supervisor_ends()
    eventually(lambda: os.listdir(place) == ["told"])


def test_a_server_loads_its_module_while_the_status_files_are_written(batches: Batches, tmp_path: Path) -> None:
    """And it goes, if that fails."""
    note = tmp_path / "note"
    probe = "import sys\nfrom ansible.module_utils import starts_a_thread\nprint('{}')\nsys.exit(0)\n"
    wait = f"[time.sleep(0.01) for dummy in range(3000) if not os.path.exists({str(note)!r})]"
    write = "failed = store.write_all("
    for batch, more in (("j1", ""), ("j2", "raise OSError(28, 'no room'); ")):
        code = f"open({str(note)!r}, 'a').write({batch!r})"
        jobs = [probe_job(f"{batch}.{number}", "2.22", extra=code, probe=probe) for number in range(2)]
        sources = altered("_launcher.start", (write, f"{wait}; {more}{write}"))
        with pytest.raises(LaunchError, match="could not write under") if more else contextlib.nullcontext():
            batches.launch(*jobs, batch=batch, sources=sources)
        assert note.read_text(encoding="ascii") == batch
        note.unlink()
    assert batches.end("j1.0").state == "succeeded"
    eventually(lambda: not any("fork server (j2)" in " ".join(procfs.command_line(pid)) for pid in procfs.pids()))


def test_a_server_that_fails_costs_nothing_but_time(batches: Batches) -> None:
    """A module that cannot even be loaded tells so in each job."""
    batches.launch(*(probe_job(f"j1.{number}", "2.18", probe="this is no Python") for number in range(2)))
    for number in range(2):
        status = batches.end(f"j1.{number}")
        assert (status.state, status.reason) == ("failed", "no_output")
        assert "SyntaxError" in str(status.message)


def test_a_module_whose_imports_start_threads_is_not_forked(batches: Batches) -> None:
    probe = """
import json, sys, threading
from ansible.module_utils import starts_a_thread
print(json.dumps({"alive": starts_a_thread.thread.is_alive()}))
sys.exit(0)
"""
    starts = "import threading\nthread = threading.Thread(target=threading.Event().wait, daemon=True)\nthread.start()\n"
    batches.launch(*(probe_job(f"j1.{number}", "2.22", probe=probe, extra=starts) for number in range(2)))
    for number in range(2):
        assert batches.end(f"j1.{number}").result == {"alive": True}


def test_a_killed_server_is_replaced_by_a_python_for_each_job(batches: Batches) -> None:
    code = "import time; time.sleep(600 if arguments['first'] else 0)"
    jobs = [probe_job(f"j1.{number}", "2.22", code=code, first=number == 0) for number in range(3)]
    jobs[1].after = jobs[2].after = []
    batches.launch(*jobs, concurrency="1")
    supervisor = batches.supervisor("j1.0")
    pid = batches.pid("j1.0")
    (server,) = set(children(supervisor)) - {pid}
    os.kill(server, signal.SIGKILL)
    eventually(lambda: not runs(server))
    os.kill(pid, signal.SIGKILL)
    assert batches.end("j1.0").reason == "signal"
    assert [batches.end(f"j1.{number}").state for number in (1, 2)] == ["succeeded", "succeeded"]


# -- servers that do not do what they should


def served_by(text: str, tmp_path: Path) -> ForkClient:
    """A server that runs this program, to which `control` is its socket."""

    def feed(control: int) -> bytes:
        head = f"import os, signal, socket, time; control = socket.socket(fileno={control})\n"
        return python.fed((head + textwrap.dedent(text)).encode("ascii"), b"")

    return ForkClient([sys.executable], {**os.environ, "HOME": str(tmp_path)}, feed, now=0)


def heard(server: ForkClient) -> None:
    readable, dummy, dummy2 = select.select([server.control], [], [], LIMIT)
    assert readable
    assert server.hear() == []


@pytest.mark.parametrize(
    "answer",
    ["0 1\\n\\n", "0 0\\n\\n", "9 {child}\\n\\n", "0 x\\n\\n", "-1 2\\n\\n", "nonsense\\n\\n", "x" * 5000, "0 {ours}"],
    ids=["not our child", "no pid", "not asked for", "no number", "negative", "words", "no end", "half"],
)
def test_an_answer_that_makes_no_sense_is_the_end_of_a_server(
    tmp_path: Path, answer: str, sleeper: subprocess.Popen[bytes]
) -> None:
    answer = answer.format(child=sleeper.pid, ours=sleeper.pid)
    server = served_by(f"control.sendall(b'ready\\n'); control.recv(9); control.sendall(b'{answer}')", tmp_path)
    heard(server)
    assert server.stands and not server.is_asked
    server.ask(1, now=0)
    with pytest.raises(ConnectionResetError):
        while True:
            heard(server)
    server.leave(now=0)
    eventually(lambda: server.is_gone(now=0))


def test_what_says_something_before_it_stands_is_no_server(tmp_path: Path) -> None:
    server = served_by("control.sendall(b'hello\\n'); time.sleep(600)", tmp_path)
    with pytest.raises(ConnectionResetError):
        heard(server)
    server.leave(now=0)
    eventually(lambda: server.is_gone(now=9))


@pytest.mark.parametrize(
    "manner", ["os.kill(os.getpid(), signal.SIGSTOP)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=str
)
def test_a_server_that_does_not_want_to_end_is_ended_and_not_waited_for(tmp_path: Path, manner: str) -> None:
    server = served_by(f"{manner}\ntime.sleep(600)", tmp_path)
    eventually(lambda: Path(f"/proc/{server.pid}/cmdline").read_bytes())
    server.leave(now=0)
    assert not server.is_gone(now=0)
    eventually(lambda: server.is_gone(now=100))
    eventually(lambda: not runs(server.pid))


HANGS = "import time; time.sleep(600)"


def test_a_module_whose_import_hangs_holds_up_nobody(batches: Batches) -> None:
    probe = "from ansible.module_utils import starts_a_thread\n"
    jobs = [probe_job(f"j1.{number}", "2.22", probe=probe, extra=HANGS) for number in range(2)]
    for job in jobs:
        job.timeout, job.kill_after = 0.5, 1
    other = python_job("j1.2", "print('{}')")
    batches.launch(*jobs, other, sources=altered("_supervisor.fork_client", ("_WARM_UP = 6.0", "_WARM_UP = 3.0")))
    assert batches.end("j1.2").state == "succeeded"
    assert [batches.look(job.jid).state for job in jobs] == ["queued", "queued"]
    for job in jobs:
        status = batches.end(job.jid)
        assert (status.state, status.reason) == ("timed_out", "timeout")
    batches.supervisor_ends()
    assert not marked(batches.directory, {"j1.0", "j1.1"})


def test_a_stopped_server_costs_nobody_his_limit(batches: Batches, gates: Gates) -> None:
    sources = altered("_supervisor.fork_client", ("_ANSWER = 5.0", "_ANSWER = 4.0"))
    jobs = [probe_job(f"j1.{number}", "2.22", code="import time; time.sleep(1)") for number in range(2)]
    jobs[1].after = ["j1.2"]
    batches.launch(
        *jobs, gates.job("j1.2"), python_job("j1.3", HANGS, timeout=0.5, after=["j1.2"]), sources=sources, trace=True
    )
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: is_forked(batches, "j1.0"))
    (server,) = set(children(supervisor)) - {batches.pid("j1.0"), batches.pid("j1.2")}
    os.kill(server, signal.SIGSTOP)
    gates.open("j1.2")
    assert batches.end("j1.3").state == "timed_out"
    assert batches.look("j1.1").state == "queued"
    assert batches.end("j1.1").state == "succeeded"  # with a Python of its own
    batches.supervisor_ends()
    eventually(lambda: not runs(server))
    trace = Path(batches.store.trace_path("j1")).read_text("ascii")
    assert f" fork server {server} does not answer: each of its jobs gets a Python of its own\n" in trace


def test_a_step_that_waits_for_a_stopped_server_can_be_cancelled(batches: Batches, gates: Gates) -> None:
    probes = [probe_job(f"j1.{number}", "2.22", code="import time; time.sleep(1)") for number in range(2)]
    probes[0].steps.insert(0, gates.job("j1.9").steps[0])
    probes[0].block = True
    batches.launch(*probes, sources=altered("_supervisor.fork_client", ("_ANSWER = 5.0", "_ANSWER = 600.0")))
    supervisor = batches.supervisor("j1.1")
    eventually(lambda: gates.is_reached("j1.9"))
    (server,) = set(children(supervisor)) - {batches.pid("j1.0"), batches.pid("j1.1")}
    os.kill(server, signal.SIGSTOP)
    gates.open("j1.9")
    assert batches.end("j1.1").state == "succeeded"
    eventually(lambda: set(children(supervisor)) == {server})
    batches.store.request_cancel("j1.0", "kill")
    os.kill(supervisor, signal.SIGUSR1)
    assert batches.end("j1.0").state == "cancelled"
    batches.supervisor_ends()


def test_where_orphans_do_not_become_ours_there_are_no_servers() -> None:
    packed = Packed(pack(Batch("j1", [probe_job(f"j1.{number}", "2.22") for number in range(2)])))
    with selectors.DefaultSelector() as selector:
        servers = ForkServers(packed, "", selector, adopts=False)
        servers.want([("j1.0", 0), ("j1.1", 0)])
        assert servers.ready("j1.0", 0) is None and servers.pids == set()


def test_where_orphans_do_not_become_ours_no_job_is_forked(batches: Batches) -> None:
    jobs = [probe_job(f"j1.{number}", "2.22", code="import time; time.sleep(0.5)") for number in range(3)]
    batches.launch(*jobs, sources=altered("_processes.this_process", ("import ctypes", "raise ImportError")))
    supervisor = batches.supervisor("j1.0")
    eventually(lambda: len(children(supervisor)) == 3)
    for job in jobs:
        assert batches.end(job.jid).state == "succeeded"
