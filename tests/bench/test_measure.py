# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from api import service
from measure import (
    MeasureError,
    Process,
    cpu_files,
    cpu_seconds,
    held,
    proxy,
    supervisor_cpu,
    to_the_end,
    told_delay,
)
from probe import processes


def test_the_cgroup_of_a_container_is_found_in_both_versions() -> None:
    first = "5:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n"
    assert cpu_files(first) == [Path("/sys/fs/cgroup/cpuacct/docker/1f/cpuacct.usage")]
    second = "0::/system.slice/docker-1f.scope\n"
    assert cpu_files(second) == [Path("/sys/fs/cgroup/system.slice/docker-1f.scope/cpu.stat")]


def test_cpu_time_is_understood_in_both_versions() -> None:
    assert cpu_seconds("2500000000\n") == 2.5
    assert cpu_seconds("usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n") == 2.5


def test_a_play_tells_how_late_its_result_was() -> None:
    assert told_delay('    "msg": "result after 0.125 s"\n') == 0.125
    with pytest.raises(MeasureError, match="does not tell"):
        told_delay("nothing")


def test_a_process_is_known_by_its_program_whatever_it_calls_itself() -> None:
    title = "import ctypes; ctypes.CDLL(None).prctl(15, b'job of a batch'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", title], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii") == "job of a batch\n"
        (found,) = (one for one in processes() if one["pid"] == process.pid)
        assert str(found["name"]).startswith("python")
        process.communicate(b"\n")


def test_memory_and_cpu_are_those_of_all_processes_on_the_host() -> None:
    before = [
        Process(10, 1, "python3", 8_000_000, 1.0),
        Process(11, 10, "python3", 3_000_000, 0.2),
        Process(12, 10, "python3", 3_000_000, 0.2),
        Process(21, 11, "sleep", 500_000, 0.0),
        Process(22, 12, "sleep", 500_000, 0.0),
    ]
    after = [Process(10, 1, "python3", 8_000_000, 1.03), Process(11, 10, "python3", 3_000_000, 0.21), *before[2:]]
    figures = held(before, after, 10, 2)
    assert figures["processes"] == 2.5
    assert figures["pss_per_job"] == 7_500_000
    assert figures["python_pss_per_job"] == 7_000_000
    assert figures["waiting_cpu_percent"] == pytest.approx(0.4)
    assert supervisor_cpu(before, after) == pytest.approx(0.03)


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert to_the_end(["sh", "-c", "exit 0"], {}, log)["wall"] > 0
    with pytest.raises(MeasureError, match=r"(?s)out of order.*failed with 3"):
        to_the_end(["sh", "-c", "echo out of order; exit 3"], {}, log)


# Leaves a process running that uses a fifth of a second of CPU time, and ends before it.
LEAVES = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    time.sleep(0.2)
    while time.process_time() < 0.2:
        pass
"""
# In a process of its own: every child of it is waited for.
ADOPTS = f"""
import subprocess, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from measure import adopting, cpu_of_adopted
with adopting():
    subprocess.run([sys.executable, "-c", {LEAVES!r}], check=True)
    print(cpu_of_adopted())
print(cpu_of_adopted())
"""


def test_what_a_local_play_leaves_running_is_waited_for_and_counted() -> None:
    told = subprocess.run([sys.executable, "-c", ADOPTS], stdout=subprocess.PIPE, text=True, check=True).stdout
    detached, nothing = map(float, told.split())
    assert 0.15 < detached < 5
    assert nothing == 0


def test_a_proxy_tells_what_it_has_passed_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, proxy(server.getsockname()[1], 0) as line:
        assert line.passed() == (0, 0)
        with socket.create_connection(("127.0.0.1", line.port)) as client, server.accept()[0] as accepted:
            client.sendall(b"hello")
            assert accepted.recv(5, socket.MSG_WAITALL) == b"hello"
            accepted.sendall(b"good evening")
            assert client.recv(12, socket.MSG_WAITALL) == b"good evening"
            assert line.passed() == (5, 12)


def test_the_service_answers_many_at_a_time() -> None:
    seconds, calls = 0.5, 20

    def status(address: str) -> int:
        with urllib.request.urlopen(address) as answer:
            return int(answer.status)

    with service(seconds) as address, ThreadPoolExecutor(calls) as pool:
        begin = time.monotonic()
        assert list(pool.map(status, [address] * calls)) == [200] * calls
        assert seconds <= time.monotonic() - begin < calls * seconds
