# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._supervisor import attempt, texts
from ansible_collections.background.jobs.plugins.module_utils._supervisor import boot as _boot


@pytest.fixture
def handle(tmp_path: Path) -> t.Iterator[int]:
    handle = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    yield handle
    os.close(handle)


def kept(handle: int) -> bytes:
    return os.pread(handle, 10_000_000, 0)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"abc", b"def"], b"abcdef"),
        ([b"abcdefghij"], b"abcdefghij"),
        ([b"abcdefghij", b"k", b"l"], b"abcdefghij\nSAID"),
        ([b"abcdefghi", b"jklm", b"n"], b"abcdefghij\nSAID"),
        ([b"x" * 99], b"x" * 10 + b"\nSAID"),
    ],
    ids=["below", "full", "between two", "inside of one", "at once"],
)
def test_a_log_ends_at_its_limit(handle: int, pieces: list[bytes], expected: bytes) -> None:
    log = _boot._Log(handle, 10)
    for piece in pieces:
        log.add(piece)
    assert kept(handle) == expected.replace(b"SAID", b"[no more of this is kept: the limit is 10 bytes]\n")


def test_a_log_that_cannot_be_written_hurts_nobody() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    _boot._Log(writing, 10).add(b"x")
    _boot._Log(reading, 10).add(b"x")
    os.close(reading)


def copied(handle: int, data: bytes, blocking: bool = True) -> tuple[_boot._Copied, int]:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.set_blocking(reading, blocking)
    raw = _boot._Copied(reading, "rb")
    raw.log = _boot._Log(handle, 1 << 20)
    return raw, writing


def through_a_buffer(stream: t.Any) -> None:
    buffered = io.BufferedReader(stream)
    buffered.read1(4)
    buffered.detach()


READS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "read": lambda stream: stream.read(4),
    "readinto": lambda stream: stream.readinto(bytearray(4)),
    "readline": lambda stream: stream.readline(),
    "buffered": through_a_buffer,
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_what_is_read_is_in_the_log_at_that_moment(handle: int, read: t.Callable[[t.Any], t.Any]) -> None:
    raw, writing = copied(handle, b"abc\n")
    read(raw)
    assert kept(handle) == b"abc\n"
    os.close(writing)
    read(raw)
    assert kept(handle) == b"abc\n"


@pytest.mark.parametrize("read", [lambda raw: raw.read(), lambda raw: raw.readall(), lambda raw: raw.read(None)])
def test_reading_all_is_what_it_was(handle: int, read: t.Callable[[t.Any], t.Any]) -> None:
    raw, writing = copied(handle, b"x" * 50_000)
    os.close(writing)
    assert read(raw) == b"x" * 50_000
    assert read(raw) == b""
    assert kept(handle) == b"x" * 50_000


def test_reading_all_of_what_does_not_block_is_what_it_was(handle: int) -> None:
    raw, writing = copied(handle, b"abc", blocking=False)
    assert raw.readall() == b"abc"
    assert raw.readall() is None
    assert raw.read(5) is None
    os.close(writing)
    assert raw.readall() == b""
    assert kept(handle) == b"abc"


def boot(program: str, handle: int | None, keep: t.Sequence[int] = ()) -> subprocess.CompletedProcess[bytes]:
    """Run a program as a job's process does."""
    settings = attempt._RUN.format(title="a job", log=handle, limit=1000, keep=list(keep), environment={})
    text = texts.boot() + settings
    source = f"exec({text!r}, {{'program': {program.encode()!r}}})"
    handles = [*keep, *(() if handle is None else (handle,))]
    return subprocess.run([sys.executable, "-c", source], pass_fds=handles, capture_output=True, check=False)


SPEAK = "import subprocess; print(subprocess.check_output(['echo', 'hello']))"


def test_a_program_runs_as_the_main_one(handle: int) -> None:
    done = boot("print(__name__); import sys; sys.exit(3)", handle)
    assert (done.stdout, done.stderr, done.returncode) == (b"__main__\n", b"", 3)
    assert kept(handle) == b""


def test_the_output_of_commands_is_copied(handle: int) -> None:
    assert boot(SPEAK, handle).stdout == b"b'hello\\n'\n"
    assert kept(handle) == b"hello\n"


def test_without_a_log_nothing_is_replaced() -> None:
    done = boot("import subprocess; print(subprocess.Popen.__module__)", None)
    assert done.stdout == b"subprocess\n"


def test_popen_is_still_a_class_that_can_be_derived_from(handle: int) -> None:
    source = """
import subprocess
class Mine(subprocess.Popen):
    pass
with Mine(["echo", "hello"], stdout=subprocess.PIPE) as process:
    print(isinstance(process, subprocess.Popen), process.stdout.read(), process.wait(), process.args)
print(subprocess.getoutput("echo again"))
"""
    assert boot(source, handle).stdout == b"True b'hello\\n' 0 ['echo', 'hello']\nagain\n"
    assert kept(handle) == b"hello\nagain\n"


@pytest.mark.parametrize(
    ("umask", "more", "left"),
    [(None, "", False), (0, "", False), (63, "", True), (None, "; os.nice(0)", True)],
    ids=["no umask", "none of it", "a umask", "more than that"],
)
def test_what_run_command_does_first_in_a_process_is_left_out_where_it_is_nothing(
    handle: int, umask: int | None, more: str, left: bool
) -> None:
    source = f"""
import os, subprocess
begin = subprocess.Popen.__bases__[0].__init__
def seen(self, *args, **kwargs):
    print(kwargs["preexec_fn"] is not None)
    begin(self, *args, **kwargs)
subprocess.Popen.__bases__[0].__init__ = seen
def run_command(umask):
    def preexec():
        if umask:
            os.umask(umask){more}
    subprocess.Popen("umask > /dev/stderr", shell=True, preexec_fn=preexec).wait()
run_command({umask})
"""
    before = os.umask(0o22)
    done = boot(source, handle)
    os.umask(before)
    assert (done.stdout.decode(), done.stderr) == (f"{left}\n", b"0077\n" if umask else b"0022\n")


def test_what_is_kept_open_reaches_no_other_process(handle: int) -> None:
    reading, writing = os.pipe()
    source = "import os, subprocess; print(sorted(os.listdir('/proc/self/fd')), flush=True)"
    source += "; subprocess.call(['ls', '/proc/self/fd'], close_fds=False)"
    first, *rest = boot(source, handle, keep=[writing]).stdout.decode().splitlines()
    assert str(writing) in first and str(handle) in first
    assert not {str(writing), str(handle)} & set(rest)
    for one in (reading, writing):
        os.close(one)


def test_term_unwinds() -> None:
    source = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(600)
finally:
    print("off")
"""
    done = boot(source, None)
    assert (done.stdout, done.returncode) == (b"off\n", 128 + signal.SIGTERM)
