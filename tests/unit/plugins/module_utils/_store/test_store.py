# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import fcntl
import grp
import itertools
import json
import os
import pwd
import re
import resource
import stat
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._store import directory
from ansible_collections.background.jobs.plugins.module_utils._store.directory import (
    CorruptStatus,
    StoreError,
    _is_open,
    check_jid,
    expand,
    prepare_directory,
    user_name,
)
from ansible_collections.background.jobs.plugins.module_utils._store.status_file import TOGETHER
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

NOBODY = 12345
"""A user id that has no name here."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def umask() -> t.Iterator[t.Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# -- the directory


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_name_that_the_locale_does_not_know_is_one_all_the_same(tmp_path: Path, locale: str) -> None:
    """As where Python 3.6 runs in the locale C; a newer one does so only if it is told to."""
    source = (
        f"import os; from {directory.__name__} import native, prepare_directory, StoreError\n"
        "print(os.fsencode(native('\\xe4\\udc80')), native('a'))\n"
        f"try: prepare_directory({str(tmp_path)!r} + '/\\xe4'); print()\n"
        "except StoreError as exc: print(ascii(str(exc)))\n"
    )
    environment = {"LC_ALL": locale, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-X", "utf8=0", "-c", source]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    name, refused = done.stdout.decode("ascii").splitlines()
    assert name == r"b'\xc3\xa4\x80' a"
    assert ("set LC_ALL in the 'environment'" in refused) is (locale == "C")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids=oct)
def test_prepare_makes_a_private_directory(tmp_path: Path, umask: t.Callable[[int], int], mask: int) -> None:
    umask(mask)
    path = prepare_directory(str(tmp_path / "deep" / "async"))
    assert path == str(tmp_path / "deep" / "async")
    assert mode(path) == 0o700


def test_a_user_without_a_home_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def getpwuid(uid: int) -> t.NoReturn:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", getpwuid)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"^\d+ has no home for the async directory ~/\.ansible_async; set the shell"):
        prepare_directory("~/.ansible_async")
    assert os.listdir(tmp_path) == []


def test_prepare_takes_a_directory_that_is_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert prepare_directory(str(tmp_path)) == str(tmp_path)
    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("permissions", [0o777, 0o1777, 0o702], ids=oct)
def test_a_directory_others_can_write_is_refused_sticky_or_not(tmp_path: Path, permissions: int) -> None:
    store = Store(str(tmp_path))
    store.write("j1", {})
    tmp_path.chmod(permissions)
    message = "can be written by other users; set the shell option 'async_dir'"
    with pytest.raises(StoreError, match=message):
        prepare_directory(str(tmp_path))
    for use in (store.jids, lambda: store.read("j1"), lambda: store.open_lock("j1")):
        with pytest.raises(StoreError, match=message):
            use()
    assert (store.read_log("j1", 0, 9), store.lock_holder("j1"), store.is_locked("j1")) == ((0, b""), None, False)


@as_root
def test_a_group_with_others_in_it_may_not_write_and_one_without_may(tmp_path: Path) -> None:
    """Builtin async makes its directory by the umask, which is 002 where each user has a group of his own."""
    tmp_path.chmod(0o770)
    assert prepare_directory(str(tmp_path)) == str(tmp_path)
    os.chown(tmp_path, -1, NOBODY)
    with pytest.raises(StoreError, match="can be written by other users"):
        prepare_directory(str(tmp_path))


@pytest.mark.parametrize(
    ("group", "members", "gid", "is_open"),
    [
        ("app", [], 500, False),
        ("app", ["app"], 500, False),
        ("app", ["eve"], 500, True),
        ("users", [], 500, True),
        ("root", [], 0, False),
        ("wheel", ["eve"], 0, True),
    ],
)
def test_whose_group_a_group_is(
    monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], gid: int, is_open: bool
) -> None:
    entry = grp.struct_group((group, "x", gid, members))
    monkeypatch.setattr(grp, "getgrgid", lambda number: {gid: entry}[number])
    monkeypatch.setattr(directory, "user_name", lambda uid: "app")
    info = os.stat_result((0o40775, 1, 1, 2, 1000, gid, 0, 0, 0, 0))
    assert _is_open(info) is is_open


@as_root
def test_nothing_is_made_where_another_user_could_replace_it(tmp_path: Path) -> None:
    """A directory of root's in the home of another user would be in the way of that user's own jobs."""
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(StoreError, match=f"could be replaced by another user, since {tmp_path} belongs to {NOBODY}"):
        prepare_directory(str(tmp_path / "deep" / "async"))
    assert list(tmp_path.iterdir()) == []


@as_root
@pytest.mark.parametrize(
    ("owner", "permissions", "why"),
    [(0, 0o777, "can be written by other users"), (NOBODY, 0o755, f"belongs to {NOBODY}"), (0, 0o1777, None)],
)
def test_a_directory_that_another_user_could_replace_is_refused(
    tmp_path: Path, owner: int, permissions: int, why: str | None
) -> None:
    path = tmp_path / "above" / "deep" / "async"
    path.mkdir(parents=True)
    os.chown(tmp_path / "above", owner, owner)
    (tmp_path / "above").chmod(permissions)
    if why is None:
        assert prepare_directory(str(path)) == str(path)
        return
    for use in (prepare_directory, lambda path: Store(path).jids()):
        with pytest.raises(StoreError, match=f"could be replaced by another user, since {tmp_path}/above {why}"):
            use(str(path))


def test_what_builtin_async_has_put_behind_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    store = Store(str(tmp_path / "link"))
    store.write("1.2", {"a": 1})
    assert (store.jids(), store.read("1.2")) == (["1.2"], {"a": 1})
    (tmp_path / "real").chmod(0o777)
    with pytest.raises(StoreError, match="link can be written by other users"):
        Store(store.directory).jids()


def test_links_above_a_directory_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "x").mkdir(parents=True)
    (tmp_path / "open").mkdir()
    (tmp_path / "relative").symlink_to("real/../real/x")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "outside").symlink_to("open/x")
    (tmp_path / "open" / "x").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("relative", "absolute"):
        assert prepare_directory(str(tmp_path / name / "async")) == str(tmp_path / name / "async")
    with pytest.raises(StoreError, match="cannot make"):
        prepare_directory(str(tmp_path / "round" / "async"))
    with pytest.raises(StoreError, match=f"since {tmp_path}/open can be written by other users"):
        prepare_directory(str(tmp_path / "outside" / "async"))


def test_prepare_refuses_a_link_to_a_directory(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="link is a symbolic link"):
        prepare_directory(str(link))


@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_prepare_refuses_what_is_no_directory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "async"
    path.touch() if kind == "file" else path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=re.escape(f"cannot make the async directory {path}: File exists")):
        prepare_directory(str(path))


@as_root
def test_prepare_refuses_a_directory_of_somebody_else(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(StoreError, match=f"belongs to {NOBODY}, not to root"):
        prepare_directory(str(tmp_path))


def test_prepare_says_why_a_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot make .*/file/async: Not a directory; .*ansible_async_dir"):
        prepare_directory(str(tmp_path / "file" / "async"))


@pytest.mark.parametrize("written", ["~/.jobs", "$HOME/.jobs", "${HOME}/x/../.jobs"])
def test_home_and_variables_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand(written) == str(tmp_path / ".jobs")
    assert prepare_directory(written) == str(tmp_path / ".jobs")
    assert (tmp_path / ".jobs").is_dir()


def test_a_relative_directory_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert expand("jobs") == str(tmp_path / "jobs")


# -- names


@pytest.mark.parametrize("jid", ["j123456.0", "123.456", "j1", "j" + "1" * 39 + ".10000", "2988a0586c194d99"])
def test_a_job_id_is_a_plain_name(jid: str) -> None:
    assert check_jid(jid) == jid


@pytest.mark.parametrize(
    "jid",
    [
        "",
        ".",
        "..",
        "../etc",
        "a/b",
        "/etc/passwd",
        ".hidden",
        "-rf",
        "a b",
        "a\n",
        "a\0",
        "ä",
        "x.log",
        "x.tmp",
        "a" * 300,
        "passwd",
        "2988a0586c194d9",
        "2988a0586c194d99.0",
        "2988A0586C194D99",
        "j1.0.log",
        "j" + "1" * 99,
    ],
    ids=repr,
)
def test_what_could_be_a_path_or_a_file_of_ours_is_no_job_id(store: Store, jid: str) -> None:
    for use in (check_jid, store.path, store.lock_path, store.read, store.remove, store.remove_files):
        with pytest.raises(StoreError, match="is not a job id"):
            use(jid)  # type: ignore[operator]


def test_a_user_without_a_name_is_called_by_number() -> None:
    assert user_name(NOBODY) == "12345"
    assert user_name(0) == "root"


# -- writing


@pytest.mark.parametrize(
    "mask",
    [
        0o000,
        0o022,
        0o077,
        pytest.param(0o777),
    ],
    ids=oct,
)
def test_a_status_file_is_private_whatever_the_umask(store: Store, umask: t.Callable[[int], int], mask: int) -> None:
    umask(mask)
    store.write("j1", {})
    assert mode(store.path("j1")) == 0o600


def test_what_is_written_is_read_again(store: Store) -> None:
    document = {"text": "ä\n\ud800\0", "list": [1, None, True], "map": {"": 1.5}}
    store.write("j1", {"old": True})
    store.write("j1", document)
    assert store.read("j1") == document
    assert os.listdir(store.directory) == ["j1"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(store: Store) -> None:
    store.write("j1", {"old": True})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as caught:
            store.write("j1", {"new": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert store.read("j1") == {"old": True}
    assert os.listdir(store.directory) == ["j1"]


def test_a_write_never_goes_through_a_link_in_its_way(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched", encoding="ascii")
    os.symlink(target, store.path("j1"))
    store.write("j1", {"new": True})
    assert target.read_text(encoding="ascii") == "untouched"
    assert store.read("j1") == {"new": True}


def test_no_reader_ever_sees_half_a_file(store: Store) -> None:
    """Another process rewrites a large file again and again while this one reads it."""
    store.write("j1", {"number": 0, "filler": "x" * 300_000})
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from ansible_collections.background.jobs.plugins.module_utils._store.store import Store\n"
            "store = Store(sys.argv[1])\n"
            "for number in range(1, 41):\n"
            "    store.write('j1', {'number': number, 'filler': 'x' * 300_000})\n",
            store.directory,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    seen = set()
    while writer.poll() is None:
        seen.add(store.read("j1")["number"])
    assert writer.returncode == 0
    assert store.read("j1")["number"] == 40
    assert len(seen) > 1


# -- reading


def test_many_files_wait_for_the_disk_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(TOGETHER, timeout=60)
    monkeypatch.setattr(os, "fsync", lambda handle: together.wait())
    documents = {f"j1.{number}": {"number": number} for number in range(3 * TOGETHER)}
    assert store.write_all(documents) == {}
    assert {jid: store.read(jid) for jid in documents} == documents


def test_what_cannot_be_written_does_not_keep_others_from_it(store: Store) -> None:
    documents: dict[str, dict[str, t.Any]] = {f"j1.{number}": {"number": number} for number in range(5)}
    os.mkdir(store.path("j1.1"))
    os.mkdir(store.path("j1.4"))
    failed = store.write_all(documents)
    assert {jid: error.errno for jid, error in failed.items()} == {"j1.1": errno.EISDIR, "j1.4": errno.EISDIR}
    assert [store.read(jid) for jid in ("j1.0", "j1.2", "j1.3")] == [{"number": number} for number in (0, 2, 3)]
    assert sorted(os.listdir(store.directory)) == list(documents)


def test_what_no_write_should_end_with_is_not_kept_back(store: Store) -> None:
    documents: dict[str, dict[str, t.Any]] = {f"j1.{number}": {"number": number} for number in range(5)}
    documents["j1.2"]["number"] = object()
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.write_all(documents)
    assert sorted(os.listdir(store.directory)) == ["j1.0", "j1.1", "j1.3", "j1.4"]


@pytest.mark.parametrize("possible", [0, 2])
def test_files_are_written_where_threads_cannot_be_had(
    store: Store, monkeypatch: pytest.MonkeyPatch, possible: int
) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_or_fail(thread: threading.Thread) -> None:
        if len(started) == possible:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    documents = {f"j1.{number}": {"number": number} for number in range(5)}
    assert store.write_all(documents) == {}
    assert sorted(os.listdir(store.directory)) == list(documents)
    assert len(started) == possible
    assert not any(thread.is_alive() for thread in started)


def test_a_missing_file_is_told_from_a_broken_one(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("j1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is not JSON \(0 bytes\)"),
        (b'{"started": tr', r"is not JSON \(14 bytes\)"),
        (b'{"a": 1} {"b": 2}', "is not JSON"),
        (b"\0" * 512, r"is not JSON \(512 bytes\)"),
        (b"[1]", "holds no JSON object"),
        (b"null", "holds no JSON object"),
        pytest.param(
            b'{"a":' * 100_000,
            "is not JSON",
            id="too-deep",
        ),
    ],
)
def test_a_file_that_is_no_object_is_corrupt(store: Store, content: bytes, message: str) -> None:
    Path(store.path("j1")).write_bytes(content)
    with pytest.raises(CorruptStatus, match=message):
        store.read("j1")


def test_bytes_that_are_no_utf8_do_not_break_a_file(store: Store) -> None:
    Path(store.path("j1")).write_bytes(b'{"a": "\xff"}')
    assert store.read("j1") == {"a": "\udcff"}


def test_a_link_is_not_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"a": 1}', encoding="ascii")
    os.symlink(tmp_path / "secret", store.path("j1"))
    with pytest.raises(StoreError, match="j1 is a symbolic link"):
        store.read("j1")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkfifo, id="fifo"),
        pytest.param(
            os.mkdir,
            id="directory",
        ),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(store: Store, make: t.Callable[[str], None]) -> None:
    make(store.path("j1"))
    with pytest.raises(StoreError, match="j1 is not a regular file"):
        store.read("j1")


@as_root
def test_a_file_of_somebody_else_is_refused(store: Store) -> None:
    store.write("j1", {})
    os.chown(store.path("j1"), NOBODY, NOBODY)
    with pytest.raises(StoreError, match=rf"belongs to {NOBODY}, not to root; ask as the user .* \(become_user\)"):
        store.read("j1")


# -- removing


def test_remove_tells_whether_there_was_something(store: Store) -> None:
    store.write("j1", {})
    assert store.remove("j1") is True
    assert store.remove("j1") is False


def test_remove_takes_a_link_and_leaves_its_target(store: Store, tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    os.symlink(tmp_path / "target", store.path("j1"))
    assert store.remove("j1") is True
    assert (tmp_path / "target").exists()


def test_files_that_a_job_brought_are_private_and_go_as_a_whole(store: Store, umask: t.Callable[[int], int]) -> None:
    umask(0)
    directory = store.make_files("j1", {"script.sh": b"\0\xff", "../escape": b"x"})
    found = {path.name: (path.read_bytes(), mode(path)) for path in Path(directory).iterdir()}
    assert found == {"script.sh": (b"\0\xff", 0o700), "escape": (b"x", 0o700)}
    assert mode(directory) == 0o700
    store.remove_files("j1")
    assert os.listdir(store.directory) == []
    store.remove_files("j1")


# -- the lock


@pytest.fixture
def holder(store: Store) -> t.Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock of a batch through a descriptor it inherited."""
    lock = store.make_lock("j1")
    process = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    os.close(lock)
    yield process
    process.kill()
    process.wait()


def test_a_lock_lives_as_long_as_its_process(store: Store, holder: subprocess.Popen[bytes]) -> None:
    assert store.is_locked("j1") is True
    holder.kill()
    holder.wait()
    assert store.is_locked("j1") is False
    assert os.path.exists(store.lock_path("j1"))


def test_asking_for_a_lock_does_not_take_it(store: Store) -> None:
    os.close(store.make_lock("j1"))
    assert [store.is_locked("j1") for dummy in range(2)] == [False, False]


def test_readers_do_not_take_each_other_for_a_supervisor(store: Store) -> None:
    """Some processes look at the lock of a supervisor that has gone, as fast as they can."""
    os.close(store.make_lock("j1"))
    source = (
        "import sys\n"
        "from ansible_collections.background.jobs.plugins.module_utils._store.store import Store\n"
        "store = Store(sys.argv[1])\n"
        "print(sum(store.is_locked('j1') for dummy in range(5000)))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", source, store.directory]
    readers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for dummy in range(3)]
    assert [reader.communicate()[0] for reader in readers] == [b"0\n"] * 3


def test_a_launch_waits_for_readers_of_its_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def look_before(handle: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        reader = store.open_lock("j1")
        flock(reader, fcntl.LOCK_SH)
        threading.Timer(0.2, os.close, [reader]).start()
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", look_before)
    lock = store.make_lock("j1")
    try:
        assert store.is_locked("j1") is True
    finally:
        os.close(lock)


def test_a_lock_is_made_once(store: Store) -> None:
    lock = store.make_lock("j1")
    try:
        assert mode(store.lock_path("j1")) == 0o600
        assert not os.get_inheritable(lock)
        with pytest.raises(FileExistsError):
            store.make_lock("j1")
    finally:
        os.close(lock)


def test_a_batch_without_a_lock_file_is_not_locked(store: Store) -> None:
    assert store.is_locked("j1") is False
    store.remove_lock("j1")
    os.close(store.make_lock("j1"))
    store.remove_lock("j1")
    assert os.listdir(store.directory) == []


def test_a_status_file_is_plain_ascii_json(store: Store) -> None:
    store.write("j1", {"name": "ä"})
    assert json.loads(Path(store.path("j1")).read_bytes().decode("ascii")) == {"name": "ä"}


@pytest.mark.parametrize("order", itertools.permutations([None, "j2.0", "j3.0"]), ids=str)
def test_the_last_who_collects_a_shared_job_removes_it(store: Store, order: tuple[str | None, ...]) -> None:
    store.write("j1.0", {"a": "secret"})
    os.close(store.open_log("j1.0"))
    assert store.share("j1.0", "j2.0") is store.share("j1.0", "j3.0") is True
    for sharer in order:
        assert store.read("j1.0") == {"a": "secret"}
        for dummy in range(2):  # a second time takes no other's place
            store.collect("j1.0", sharer)
            assert store.jids() == []
            if sharer == order[-1]:
                break
    assert os.listdir(store.directory) == []


def test_a_job_that_has_gone_is_not_shared(store: Store) -> None:
    assert store.share("j1.0", "j2.0") is False
    assert os.listdir(store.directory) == []
    with pytest.raises(FileNotFoundError):
        store.read("j1.0")


def test_it_is_known_to_which_job_a_launch_is_attached(store: Store) -> None:
    store.write("j1.0", {})
    store.share("j1.0", "j2.7")
    assert (store.attached_to("j2.7"), store.attached_to("j2.70"), store.attached_to("j3.0")) == ("j1.0", None, None)


def test_a_hidden_job_is_found_by_its_id_only(store: Store) -> None:
    store.write("j1.0", {"a": 1})
    for dummy in range(2):  # the second time as if somebody had collected it meanwhile
        store.hide("j1.0")
        assert store.jids() == []
        assert store.read("j1.0") == {"a": 1}


# -- requests to cancel


@pytest.mark.parametrize("modes", [["kill"], ["drain"], ["kill", "drain"], ["drain", "kill", "kill"]], ids=str)
def test_of_two_requests_the_one_that_ends_more_counts(store: Store, modes: list[str]) -> None:
    for mode in modes:
        store.request_cancel("j1.0", mode)
    assert store.take_cancel("j1.0") == ("kill" if "kill" in modes else "drain")
    assert store.take_cancel("j1.0") is None
    assert os.listdir(store.directory) == []


def test_a_request_that_comes_while_another_is_taken_is_not_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink
    moments: list[str] = []

    def unlink_and_be_asked(path: str) -> None:
        moments.append(path)
        if len(moments) == 1:
            store.request_cancel("j1.0", "kill")
        unlink(path)

    monkeypatch.setattr(os, "unlink", unlink_and_be_asked)
    store.request_cancel("j1.0", "drain")
    assert [store.take_cancel("j1.0"), store.take_cancel("j1.0")] == ["drain", "kill"]


@as_root
def test_what_another_user_planted_is_not_acted_on(store: Store) -> None:
    """As it may lie there from before the directory became private."""
    store.write("j1.0", {})
    os.close(store.make_lock("j1"))
    for name, content in ((".j1.0.kill", ""), ("j1.0.log", "theirs"), (".j1.lock", "1 1")):
        Path(store.directory, name).write_text(content, encoding="ascii")
        os.chown(f"{store.directory}/{name}", NOBODY, NOBODY)
    holder = os.open(store.lock_path("j1"), os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        assert (store.take_cancel("j1.0"), store.is_locked("j1"), store.lock_holder("j1")) == (None, False, None)
    finally:
        os.close(holder)
    assert store.read_log("j1.0", 0, 9) == (0, b"")
    with pytest.raises(PermissionError):
        store.open_log("j1.0")


def test_temporary_names_cannot_be_guessed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    rename = os.rename

    def note(source: str, target: str) -> None:
        names.append(os.path.basename(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", note)
    for dummy in range(2):
        store.write("j1.0", {})
    assert names[0] != names[1]
    assert all(re.fullmatch(r"\.j1\.0\.[0-9a-f]{16}\.tmp", name) for name in names)


def test_a_status_file_of_20_gb_is_not_read(store: Store) -> None:
    with open(store.path("j1.0"), "wb") as stream:
        stream.truncate(20 << 30)
    with pytest.raises(CorruptStatus, match="has 21474836480 bytes, more than any result"):
        store.read("j1.0")
