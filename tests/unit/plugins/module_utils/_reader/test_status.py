# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model.record import KEY, Record, encode_record
from ansible_collections.background.jobs.plugins.module_utils._model.states import STATES
from ansible_collections.background.jobs.plugins.module_utils._processes import builtin, procfs
from ansible_collections.background.jobs.plugins.module_utils._reader import status as _status
from ansible_collections.background.jobs.plugins.module_utils._reader.status import is_nowhere, locate, read_status
from ansible_collections.background.jobs.plugins.module_utils._store.directory import StoreError, user_name
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store
from ansible_collections.background.jobs.tests.unit.helpers import Unprivileged, record


def here(state: str = "running", **fields: t.Any) -> Record:
    """A record of a job that was started on this host, since it was last booted."""
    return record(**{"state": state, "node": os.uname().nodename, "boot_id": procfs.boot_id(), **fields})


@pytest.fixture
def lock(store: Store) -> t.Iterator[int]:
    handle = store.make_lock("j1")
    yield handle
    os.close(handle)


BUILTIN: dict[str, tuple[dict[str, t.Any], str, str | None, str | None]] = {
    "running, 2.18": ({"started": 1, "finished": 0, "ansible_job_id": "1.2"}, "running", None, None),
    "running, 2.19": ({"started": True, "finished": False, "ansible_job_id": "1.2"}, "running", None, None),
    "done": ({"rc": 0, "changed": True, "stdout": "x"}, "succeeded", None, None),
    "done, and says so": ({"started": 1, "finished": 1, "ansible_job_id": "1.2", "rc": 0}, "succeeded", None, None),
    "done, with a key 'started'": ({"started": "12:00", "finished": True}, "succeeded", None, None),
    "done, started by the module": ({"started": True, "changed": False, "stderr": ""}, "succeeded", None, None),
    "done, not finished, says the module": ({"started": True, "finished": False}, "succeeded", None, None),
    "done, with another job's id": (
        {"started": True, "finished": False, "ansible_job_id": "1.3"},
        "succeeded",
        None,
        None,
    ),
    "failed, started by the module": ({"started": True, "failed": True, "msg": "no"}, "failed", "module", "no"),
    "failed": ({"failed": True, "msg": "no"}, "failed", "module", "no"),
    "failed, 2.18": (
        {"failed": 1, "cmd": "x", "msg": "[Errno 2]", "ansible_job_id": "1.2"},
        "failed",
        "module",
        "[Errno 2]",
    ),
    "failed by its exit code": ({"rc": 3}, "failed", "module", "exit code 3"),
    "failed without a word": ({"failed": True}, "failed", "module", "the module reported a failure"),
    "failed with nothing": ({"failed": True, "rc": None}, "failed", "module", "the module reported a failure"),
    "failed with success": ({"failed": True, "rc": 0}, "failed", "module", "the module reported a failure"),
    "over its limit": (
        {"failed": True, "msg": "Timeout exceeded", "child_pid": 7},
        "timed_out",
        "timeout",
        "ran into the limit of its async: keyword",
    ),
    "over its limit, 2.18": (
        {"failed": 1, "started": 1, "finished": 1, "msg": "Timeout exceeded", "child_pid": 7},
        "timed_out",
        "timeout",
        "ran into the limit of its async: keyword",
    ),
    "a module that says so": ({"failed": True, "msg": "Timeout exceeded"}, "failed", "module", "Timeout exceeded"),
}


@pytest.mark.parametrize(("document", "state", "reason", "message"), BUILTIN.values(), ids=BUILTIN.keys())
def test_a_job_of_builtin_async_is_understood(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    document: dict[str, t.Any],
    state: str,
    reason: str | None,
    message: str | None,
) -> None:
    monkeypatch.setattr(builtin.Wrappers, "has", lambda wrappers, jid: True)
    store.write("1.2", document)
    status = read_status(store, "1.2")
    assert (status.state, status.reason, status.message) == (state, reason, message)
    assert status.record is None
    assert status.result == document
    assert status.results_file == f"{store.directory}/1.2"
    assert status.finished is (state != "running")
    assert status.ours_to_remove


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("queued", "running")])
def test_a_finished_job_is_what_its_file_says_whoever_lives(store: Store, state: str) -> None:
    done = record(state=state, reason="because", message="of that", node="elsewhere", boot_id="long ago")
    store.write("j1.0", encode_record(done, {"rc": 0}))
    status = read_status(store, "j1.0")
    assert (status.state, status.reason, status.message, status.result) == (state, "because", "of that", {"rc": 0})
    assert status.record == done
    assert status.finished and status.ours_to_remove


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_locked_batch_is_at_work(store: Store, lock: int, state: str) -> None:
    store.write("j1.0", encode_record(here(state)))
    assert read_status(store, "j1.0").state == state


def test_a_supervisor_that_lives_counts_where_locks_do_not_work(store: Store) -> None:
    store.write(
        "j1.0", encode_record(here(supervisor_pid=os.getpid(), supervisor_start=procfs.start_time(os.getpid())))
    )
    assert read_status(store, "j1.0").state == "running"
    store.write("j1.0", encode_record(here(supervisor_pid=os.getpid(), supervisor_start="1")))
    assert read_status(store, "j1.0").state == "lost"


@pytest.mark.parametrize(
    ("state", "while_it_was"), [("running", "while the job was running"), ("queued", "while the job was still queued")]
)
def test_a_job_without_its_supervisor_is_lost(store: Store, state: str, while_it_was: str) -> None:
    store.write("j1.0", encode_record(here(state, supervisor_pid=4242)))
    status = read_status(store, "j1.0")
    assert (status.state, status.reason) == ("lost", "supervisor_gone")
    assert status.message is not None and f"(pid 4242) has gone {while_it_was}" in status.message
    assert status.finished and status.ours_to_remove


def test_a_restart_of_the_host_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    start = procfs.start_time(os.getpid())
    store.write("j1.0", encode_record(here(supervisor_pid=os.getpid(), supervisor_start=start)))
    monkeypatch.setattr(_status, "boot_id", lambda: "another boot")
    status = read_status(store, "j1.0")
    assert (status.state, status.reason) == ("lost", "reboot")
    assert status.message == "the host was restarted while the job was running; it left no result"


def test_a_job_of_another_host_in_a_shared_directory_is_that_hosts(store: Store) -> None:
    store.write("j1.0", encode_record(here(node="web9", boot_id="its own")))
    status = read_status(store, "j1.0")
    assert (status.state, status.reason) == ("not_found", "other_host")
    assert status.message is not None and status.message.startswith("the job was started on host web9, this is ")
    assert not status.ours_to_remove


def test_an_end_between_two_looks_is_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor writes the result and goes after its file was read and before its lock is looked at."""
    store.write("j1.0", encode_record(here()))

    def end(batch: str) -> bool:
        store.write("j1.0", encode_record(here("succeeded"), {"rc": 0}))
        return False

    monkeypatch.setattr(store, "is_locked", end)
    status = read_status(store, "j1.0")
    assert (status.state, status.result) == ("succeeded", {"rc": 0})


def test_a_missing_file_is_explained(store: Store) -> None:
    status = read_status(store, "j1.0")
    assert (status.state, status.reason) == ("not_found", None)
    assert status.message is not None
    where = f"on host {os.uname().nodename} for user {user_name(os.geteuid())} in {store.directory}"
    assert f"there is no job j1.0 {where}" in status.message


@pytest.mark.parametrize(
    ("content", "message", "removable"),
    [
        (b"", "is not JSON (0 bytes); it was damaged, or the disk was full", True),
        (b'{"started": 1, "fin', "is not JSON (19 bytes); it was damaged", True),
        (b"[]", "holds no JSON object", True),
        (json.dumps({KEY: "mine"}).encode(), "is not a record", False),
        pytest.param(b'{"a":' * 100_000, "is not JSON", True, id="too deep"),
        pytest.param(
            json.dumps({KEY: {"format": 1, "jid": "j1.0", "name": "n", "batch": "../x"}}).encode(),
            "",
            False,
            id="a path as its batch",
        ),
        pytest.param(
            json.dumps({KEY: {"format": 1, "jid": "j1.0", "name": "n", "batch": 5}}).encode(),
            "",
            False,
            id="a number as its batch",
        ),
        pytest.param(
            json.dumps({KEY: {"format": 1, "jid": "j1.0", "name": "n", "batch": "j1", "shadowed": 5}}).encode(),
            "",
            False,
            id="a number as its shadowed",
        ),
        pytest.param(
            json.dumps({KEY: {"format": 1, "jid": "j1.0", "name": "n", "batch": "j1", "state": "?"}}).encode(),
            "",
            False,
            id="a state there is none of",
        ),
    ],
)
def test_whatever_is_wrong_with_a_file_is_a_state_of_its_job(
    store: Store, content: bytes, message: str, removable: bool
) -> None:
    Path(store.path("j1.0")).write_bytes(content)
    status = read_status(store, "j1.0")
    assert (status.state, status.reason) == ("lost", "status_unreadable")
    assert status.message is not None and message in status.message
    assert status.ours_to_remove is removable


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: os.symlink("/etc/passwd", path), id="link"),
        pytest.param(os.mkfifo, id="fifo"),
        pytest.param(os.mkdir, id="directory"),
    ],
)
def test_what_is_no_file_is_unreadable_and_not_ours_to_remove(store: Store, make: t.Callable[[str], t.Any]) -> None:
    make(store.path("j1.0"))
    status = read_status(store, "j1.0")
    assert (status.state, status.reason, status.ours_to_remove) == ("lost", "status_unreadable", False)


def test_a_job_of_a_newer_release_is_not_called_lost(store: Store) -> None:
    store.write("j1.0", {"started": True, "finished": False, KEY: {"format": 2, "state": "paused"}})
    status = read_status(store, "j1.0")
    assert (status.state, status.reason, status.ours_to_remove) == ("not_found", "newer_release", False)
    assert status.message is not None and "a newer release of background.jobs has started the job" in status.message
    assert not is_nowhere(status)


def test_what_only_another_user_may_read_is_not_found_rather_than_lost(unprivileged: Unprivileged) -> None:
    """The directory is root's, below one that only root can look into, or one that all can; then it is his own."""
    hidden, open_to_all = unprivileged.directory / "hidden", unprivileged.directory / "open"
    found = {}
    for above, mode in ((hidden, 0o700), (open_to_all, 0o755)):
        store = Store(str(above / "async"))
        above.mkdir()
        (above / "async").mkdir(mode=0o700)
        store.write("j1.0", encode_record(here("succeeded"), {"rc": 0}))
        above.chmod(mode)
        status = unprivileged.do(lambda store=store: read_status(store, "j1.0"))  # type: ignore[misc]
        found[above.name] = (status.state, status.reason, status.ours_to_remove)
        assert "become_user" in str(status.message)
    theirs = unprivileged.directory / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)
    status = read_status(Store(str(theirs)), "j1.0")
    found["root asks"] = (status.state, status.reason, status.ours_to_remove)
    assert set(found.values()) == {("not_found", "other_user", False)}, found


@pytest.mark.parametrize("jid", ["../j1", "", ".j1.lock"])
def test_what_is_no_job_id_is_said_to_be_none(store: Store, jid: str) -> None:
    status = read_status(store, jid)
    assert (status.state, status.reason, status.ours_to_remove) == ("not_found", "not_a_jid", False)


def test_the_file_that_a_launch_reported_outranks_the_directory(tmp_path: Path) -> None:
    store, jid = locate("j1.0", "/srv/jobs/j1.0", str(tmp_path))
    assert (store.directory, jid) == ("/srv/jobs", "j1.0")
    store, jid = locate("j1.0", None, str(tmp_path))
    assert (store.directory, jid) == (str(tmp_path), "j1.0")


def test_the_beginning_of_an_id_is_enough(tmp_path: Path) -> None:
    for jid in ("j28105123.0", "j28105123.1"):
        (tmp_path / jid).touch()
    assert locate("j28105.1", None, str(tmp_path))[1] == "j28105123.1"
    with pytest.raises(StoreError, match=r"j28105 could be j28105.0, j28105.1; give more of it"):
        locate("j28105", None, str(tmp_path))


@pytest.mark.parametrize(
    ("jid", "results_file", "message"),
    [
        ("j1.0", "/srv/jobs/j2.0", "is not the absolute path of the status file of job j1.0"),
        ("j1.0", "jobs/j1.0", "is not the absolute path"),
        ("../x", "/srv/../x", "is not a job id"),
    ],
)
def test_a_file_that_cannot_be_the_jobs_is_refused(jid: str, results_file: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        locate(jid, results_file, "/root/.ansible_async")
