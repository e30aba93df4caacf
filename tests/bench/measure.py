# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""One measurement: a method does the work of a point, from nothing, on hosts that do nothing else."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from api import service
from points import Point

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "hosts"))
import hosts  # noqa: E402

WORK = hosts.CACHE / "bench"
# Where Ansible finds the copy of the collection that is measured.
TREE = WORK / "tree"
PLAYS = HERE / "plays"
SUITE = "bookworm"
NAME = "background-jobs-bench"
FIRST_PORT = 22301

# A run that takes longer than this hangs.
LIMIT_SECONDS = 3600
IDLE_SECONDS = 60
BUSY_SAMPLE_SECONDS = 0.3
SETTLE_SECONDS = 3
WAITING_SECONDS = 15
PR_SET_CHILD_SUBREAPER = 36
# ansible-core's default, but without -C: compression hides how much is sent.
UNCOMPRESSED = "-o ControlMaster=auto -o ControlPersist=60s"

SSH_PROGRAMS = {"ANSIBLE_SSH_EXECUTABLE": "ssh", "ANSIBLE_SCP_EXECUTABLE": "scp", "ANSIBLE_SFTP_EXECUTABLE": "sftp"}
COUNTER = """\
#!/bin/sh
echo {program} >> "{file}"
exec {real} "$@"
"""

Figures = dict[str, float]
"""What was measured, each by its name."""


class MeasureError(Exception):
    """A method did not do the work, or left something behind; the message says which and where to look."""


@dataclass(frozen=True)
class Process:
    """A process on a host; its program's name, memory in bytes, CPU time in seconds."""

    pid: int
    parent: int
    name: str
    pss: int
    cpu: float


class Lab:
    """The hosts, and everything that the methods need to reach them; a context manager that removes the hosts.

    :arg mitogen: the virtual environment with Mitogen.
    """

    def __init__(self, mitogen: Path) -> None:
        WORK.mkdir(parents=True, exist_ok=True)
        # Held until this process ends.
        self.lock = (WORK / "lock").open("w", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MeasureError(f"Another benchmark is running here: it holds {self.lock.name}.") from None
        hosts.need_engine()
        hosts.need_images()
        hosts.need_ssh_access()
        self.mitogen = mitogen
        self.ports: list[int] = []
        self.cpu_files: dict[int, Path | None] = {}
        # Short, as a socket's path must be.
        self.control = Path(tempfile.mkdtemp(prefix="bj-bench-"))
        for name in ("home", "logs", "count"):
            (WORK / name).mkdir(parents=True, exist_ok=True)
        (WORK / "ansible.cfg").write_text("[defaults]\n", encoding="ascii")

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *dummy: object) -> None:
        self.disconnect()
        shutil.rmtree(self.control)
        remove_hosts(range(1, len(self.ports) + 1))

    # Hosts

    def need_hosts(self, number: int) -> None:
        """Have at least so many containers."""
        missing = range(len(self.ports) + 1, number + 1)
        self.ports += [FIRST_PORT + host - 1 for host in missing]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self.new_host, missing))

    def new_host(self, host: int) -> None:
        """A container with this number, in place of one that is there."""
        remove_hosts([host])
        hosts.start_host(host_name(host), SUITE, FIRST_PORT + host - 1)
        wait_for_sshd(FIRST_PORT + host - 1)
        self.cpu_files[host] = cpu_file(host_name(host))

    def disconnect(self) -> None:
        """End the connections that ssh keeps open, so that the next run has to make its own."""
        for path in self.control.iterdir():
            hosts.succeeds("ssh", "-o", f"ControlPath={path}", "-O", "exit", "host")

    def need_idle(self, point: Point) -> None:
        """Wait until nothing but sshd runs on the hosts of a point."""
        if point.local:
            return
        deadline = time.monotonic() + IDLE_SECONDS
        for host in range(1, point.hosts + 1):
            command = ("docker", "top", host_name(host), "-eo", "pid,comm")
            while len(listed := hosts.run(*command).splitlines()) > 2:
                if time.monotonic() > deadline:
                    raise MeasureError(f"{host_name(host)} is not idle:\n" + "\n".join(listed))
                time.sleep(0.1)

    def hosts_cpu(self, point: Point) -> float | None:
        """CPU seconds that the point's hosts have used since they were started; None: unknown here."""
        if point.local:
            return None
        files = [self.cpu_files[host] for host in range(1, point.hosts + 1)]
        return sum(cpu_seconds(file.read_text(encoding="ascii")) for file in files if file) if all(files) else None

    # What the methods get

    def proxies(self, point: Point, stack: ExitStack) -> list[Proxy]:
        """A proxy before each of the point's hosts, if it has any."""
        self.need_hosts(point.hosts)
        if point.rtt is None:
            return []
        return [stack.enter_context(proxy(port, point.rtt)) for port in self.ports[: point.hosts]]

    def inventory(self, point: Point, ports: Sequence[int], address: str = "") -> Path:
        """:arg address: of the service whose API is called."""
        common: dict[str, object] = {"durations": point.durations, "slots": point.slots, "address": address}
        if point.local:
            common.update({"ansible_connection": "local", "ansible_python_interpreter": sys.executable})
            names = [f"local-{number}" for number in range(1, point.hosts + 1)]
            each = {
                name: {
                    "ansible_async_dir": str(WORK / "local" / name / "async"),
                    "ansible_remote_tmp": str(WORK / "local" / name / "tmp"),
                }
                for name in names
            }
        else:
            common.update(
                {
                    "ansible_host": "127.0.0.1",
                    "ansible_user": "root",
                    "ansible_ssh_common_args": f"-F {hosts.SSH / 'config'}",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "mitogen_ssh_compression": not point.counts_calls,
                }
            )
            each = {host_name(number): {"ansible_port": str(port)} for number, port in enumerate(ports, 1)}
        path = WORK / "inventory.json"
        path.write_text(json.dumps({"all": {"vars": common, "hosts": each}}), encoding="utf-8")
        return path

    def environment(self, point: Point, method: str) -> dict[str, str]:
        """Nothing of the user's, and the same for all methods, but for Mitogen's strategy."""
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(WORK / "home"),
            "ANSIBLE_HOME": str(WORK / "home"),
            "ANSIBLE_CONFIG": str(WORK / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.control),
            "ANSIBLE_FORKS": str(point.forks),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_NOCOLOR": "True",
        }
        if point.pipelining:
            environment["ANSIBLE_PIPELINING"] = "True"
        if point.counts_calls:
            environment["ANSIBLE_SSH_ARGS"] = UNCOMPRESSED
        if method == "mitogen":
            (plugins,) = self.mitogen.glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy")
            environment.update({"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)})
        return environment

    def command(self, method: str, play: str, inventory: Path) -> list[str]:
        directory = self.mitogen / "bin" if method == "mitogen" else Path(sys.executable).parent
        return [str(directory / "ansible-playbook"), "--inventory", str(inventory), f"{play}.yml"]


def host_name(host: int) -> str:
    return f"{NAME}-{host}"


def remove_hosts(numbers: Sequence[int]) -> None:
    hosts.remove([name for name in map(host_name, numbers) if hosts.succeeds("docker", "inspect", name)])


def wait_for_sshd(port: int) -> None:
    deadline = time.monotonic() + IDLE_SECONDS
    while True:
        try:
            banner_seconds(port)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def banner_seconds(port: int) -> float:
    """How long it takes from connecting to sshd's first words: two round trips, and what sshd needs."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=IDLE_SECONDS) as connection:
        if not connection.recv(64):
            raise ConnectionError(f"port {port} says nothing")
        return time.monotonic() - begin


def cpu_file(container: str) -> Path | None:
    """Where the kernel counts the CPU time of all processes of a container; None where it cannot be seen from here."""
    pid = hosts.run("docker", "inspect", "--format", "{{.State.Pid}}", container).strip()
    path = Path(f"/proc/{pid}/cgroup")
    files = cpu_files(path.read_text(encoding="utf-8")) if path.exists() else []
    return next((file for file in files if file.exists()), None)


def cpu_files(membership: str) -> list[Path]:
    """Where that could be, from the content of /proc/<pid>/cgroup: lines of number, controllers and path."""
    files = []
    for line in membership.splitlines():
        dummy, controllers, path = line.split(":", 2)
        if not controllers:
            files.append(Path(f"/sys/fs/cgroup{path}/cpu.stat"))
        elif "cpuacct" in controllers.split(","):
            files.append(Path(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage"))
    return files


def cpu_seconds(text: str) -> float:
    """Understand cpu.stat of cgroups version 2 (microseconds) or cpuacct.usage of version 1 (nanoseconds)."""
    found = re.search(r"^usage_usec (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) / 1e6 if found else int(text) / 1e9


@dataclass(frozen=True)
class Proxy:
    """:ivar port: to use instead of the host's."""

    port: int
    process: subprocess.Popen[str]

    def passed(self) -> tuple[int, int]:
        """Bytes that it has passed on to the host and from it."""
        assert self.process.stdout
        self.process.send_signal(signal.SIGUSR1)
        there, back = self.process.stdout.readline().split()
        return int(there), int(back)


@contextmanager
def proxy(port: int, milliseconds: float) -> Iterator[Proxy]:
    """Add round-trip time to a port, and count the bytes."""
    command = [sys.executable, str(HERE / "proxy.py"), "127.0.0.1", str(port), str(milliseconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Proxy(int(process.stdout.readline()), process)
    finally:
        process.terminate()
        process.communicate()


# Measuring


def measure(lab: Lab, point: Point, method: str, repetition: int) -> Figures:
    """Let a method do the work of a point once.

    :raises MeasureError: it did not do it.
    """
    with ExitStack() as stack:
        proxies = [] if point.local else lab.proxies(point, stack)
        ports = [proxy.port for proxy in proxies] or lab.ports[: point.hosts]
        log = WORK / "logs" / f"{point.name}-{method}-{repetition}.log"
        lab.need_idle(point)
        busy = busy_share()
        if point.table == "held":
            figures = hold(lab, point, method, log)
        else:
            before = lab.hosts_cpu(point)
            figures = ideal(point, ports) if method == "ideal" else play(lab, point, method, ports, log)
            # What the method has left running on the hosts, and the ends of its connections, are part of its price.
            lab.disconnect()
            lab.need_idle(point)
            after = lab.hosts_cpu(point)
            if before is not None and after is not None:
                figures["hosts_cpu"] = after - before
        if proxies:
            there, back = zip(*(proxy.passed() for proxy in proxies))
            direct, delayed = (min(banner_seconds(port) for dummy in range(5)) for port in (lab.ports[0], ports[0]))
            figures.update({"sent": sum(there), "received": sum(back), "rtt_ms": (delayed - direct) / 2 * 1000})
        lab.disconnect()
        shutil.rmtree(WORK / "local", ignore_errors=True)
    return {**figures, "busy_before": busy}


def busy_share() -> float:
    """The part of the machine, 0 to 1, that is in use now, when the benchmark does nothing."""
    idle, total = cpu_ticks()
    time.sleep(BUSY_SAMPLE_SECONDS)
    later_idle, later_total = cpu_ticks()
    return 1 - (later_idle - idle) / max(later_total - total, 1)


def cpu_ticks() -> tuple[int, int]:
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def play_name(point: Point, method: str) -> str:
    """The play with which a method does the work of a point."""
    if method == "empty":
        return "empty"
    if point.table == "api":
        return f"api_{method}"
    if method == "task":
        return "task"
    which = "run" if method == "run" else "builtin"
    if point.table in ("held", "delay"):
        return f"{'hold' if point.table == 'held' else 'delay'}_{which}"
    return "batches" if point.table == "slots" and which == "builtin" else which


def play(lab: Lab, point: Point, method: str, ports: Sequence[int], log: Path) -> Figures:
    """Run a play to its end: wall-clock and CPU time of ansible-playbook and its children, and what else it tells."""
    environment = lab.environment(point, method)
    calls = WORK / "count" / "calls"
    if point.counts_calls:
        environment.update(counting(calls))
    with ExitStack() as stack:
        address = stack.enter_context(service(max(point.durations))) if point.table == "api" else ""
        if point.local:
            stack.enter_context(adopting())
        command = lab.command(method, play_name(point, method), lab.inventory(point, ports, address))
        figures = to_the_end(command, environment, log)
        if point.local:
            figures["detached_cpu"] = cpu_of_adopted()
    if point.counts_calls:
        called = calls.read_text(encoding="ascii").split()
        figures.update({program: called.count(program) for program in sorted(set(called))})
    if point.table == "delay":
        figures["delay"] = told_delay(log.read_text(encoding="utf-8"))
    return figures


@contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of what children leave running, instead of process 1."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def cpu_of_adopted() -> float:
    """Wait for the processes that were left running here; returns their CPU seconds.

    To be called when there is no other child: it would be waited for as well.
    """
    seconds = 0.0
    while True:
        try:
            dummy, dummy2, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return seconds
        seconds += usage.ru_utime + usage.ru_stime


def told_delay(text: str) -> float:
    found = re.search(r"result after (-?[\d.]+) s", text)
    if not found:
        raise MeasureError("the play does not tell how long the result took")
    return float(found.group(1))


def counting(calls: Path) -> dict[str, str]:
    """Programs in place of ssh and its kin, which note each call in a file; as environment for Ansible."""
    calls.write_text("", encoding="ascii")
    environment = {}
    for variable, program in SSH_PROGRAMS.items():
        wrapper = calls.with_name(program)
        real = shutil.which(program)
        wrapper.write_text(COUNTER.format(program=program, file=calls, real=real), encoding="utf-8")
        wrapper.chmod(0o755)
        environment[variable] = str(wrapper)
    return environment


def start(command: Sequence[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=PLAYS,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def to_the_end(command: Sequence[str], environment: dict[str, str], log: Path) -> Figures:
    """Run a command.

    :raises MeasureError: it failed.
    """
    begin = time.monotonic()
    process = start(command, environment, log)
    guard = threading.Timer(LIMIT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    try:
        dummy, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - begin
    finally:
        guard.cancel()
        end(process)
    if process.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise MeasureError(f"{tail}\n{' '.join(command)} failed with {process.returncode}; see {log}")
    return {"wall": wall, "controller_cpu": usage.ru_utime + usage.ru_stime}


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, and its group, if it has not ended."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ideal(point: Point, ports: Sequence[int]) -> Figures:
    """What is possible without Ansible: one ssh per host, and a shell that starts the jobs."""
    remote = f"xargs -n 1 -P {point.slots or point.jobs} sleep"
    options = ("-F", str(hosts.SSH / "config"), "-o", "ControlPath=none", "-l", "root")
    work = "\n".join(f"{seconds:g}" for seconds in point.durations)
    begin = time.monotonic()
    running = [
        subprocess.Popen(["ssh", *options, "-p", str(port), "127.0.0.1", remote], stdin=subprocess.PIPE, text=True)
        for port in ports
    ]
    with ThreadPoolExecutor(len(running)) as pool:
        list(pool.map(lambda process: process.communicate(work), running))
    wall = time.monotonic() - begin
    if any(process.returncode for process in running):
        raise MeasureError(f"ssh failed with {[process.returncode for process in running]}")
    return {"wall": wall}


def hold(lab: Lab, point: Point, method: str, log: Path) -> Figures:
    """Look at a host on which all jobs of a point run, while nobody asks for them."""
    command = lab.command(method, play_name(point, method), lab.inventory(point, lab.ports[:1]))
    process = start(command, lab.environment(point, method), log)
    try:
        deadline = time.monotonic() + LIMIT_SECONDS
        while running(look(1)) < point.jobs:
            if process.poll() is not None or time.monotonic() > deadline:
                raise MeasureError(f"{method} does not run {point.jobs} jobs; see {log}")
            time.sleep(1)
        time.sleep(SETTLE_SECONDS)
        begin, before = time.monotonic(), look(1)
        time.sleep(WAITING_SECONDS)
        seconds, after = time.monotonic() - begin, look(1)
    finally:
        end(process)
    lab.new_host(1)  # the jobs are detached
    figures = {**held(before, after, seconds, point.jobs), "waiting_seconds": seconds}
    if method == "run":
        figures["supervisor_cpu_percent"] = supervisor_cpu(before, after) / seconds * 100
    return figures


def look(host: int) -> list[Process]:
    """The processes on a host, but for sshd's."""
    probe = (HERE / "probe.py").read_text(encoding="utf-8")
    command = ["docker", "exec", "--interactive", host_name(host), "python3", "-"]
    told = subprocess.run(command, input=probe, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Process(**process) for process in json.loads(told)]


def running(processes: Sequence[Process]) -> int:
    return sum(process.name == "sleep" for process in processes)


def held(before: Sequence[Process], after: Sequence[Process], seconds: float, jobs: int) -> Figures:
    """Memory per job, and CPU while waiting, from two looks at a host."""
    pythons = [process for process in before if process.name.startswith("python")]
    return {
        "processes": len(before) / jobs,
        "pss_per_job": sum(process.pss for process in before) / jobs,
        "python_pss_per_job": sum(process.pss for process in pythons) / jobs,
        "waiting_cpu_percent": sum(cpu_between(before, after).values()) / seconds * 100,
    }


def supervisor_cpu(before: Sequence[Process], after: Sequence[Process]) -> float:
    """CPU seconds of the supervisor between two looks: it is the parent of all jobs."""
    children = {process.pid: sum(child.parent == process.pid for child in before) for process in before}
    return cpu_between(before, after)[max(children, key=lambda pid: children[pid])]


def cpu_between(before: Sequence[Process], after: Sequence[Process]) -> dict[int, float]:
    used = {process.pid: process.cpu for process in before}
    return {process.pid: process.cpu - used.get(process.pid, 0) for process in after}
