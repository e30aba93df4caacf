# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files under the async directory: status files and the lock that proves a supervisor lives.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import grp
import json
import os
import pwd
import shutil
import stat
import threading
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.record import is_jid

_DEFAULT_NAME = ".ansible_async"
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC
_HOLDER = 128
"""Bytes of a lock file: the pid of who holds it and its start."""
TOGETHER = 16
"""Status files that `Store.write_all` writes at the same time."""
_ANOTHER = "set the shell option 'async_dir' (variable ansible_async_dir) to a directory of this user's own"
_LINKS = 40
"""Links in a path after which it counts as a circle, as it does for Linux (path_resolution(7))."""
REQUESTS = ("kill", "drain")
"""What can be asked of a supervisor about one of its jobs, the one that ends more first."""
SHARED = ".shared"
"""End of the name of the file that becomes the status file of a collected job for which others wait."""
SHARER = ".sharer"
"""End of the names of empty files: each says that a launch still waits for a job that several wait for."""
_LARGEST = 2 << 30
"""Bytes of a status file; of what a module prints less than that is kept, even if each character is escaped."""
_RESERVE = 16384
"""Bytes; a record without a result takes less than a thousand."""


class StoreError(Exception):
    """Something about the async directory or a file in it; the message is a sentence for the user."""


class OthersStatus(StoreError):
    """A status file, or its directory, that belongs to another user, or that this one may not read."""


class CorruptStatus(StoreError):
    """A status file that is there but is not a complete JSON object."""


def user_name(uid: int) -> str:
    """:returns: the login name of `uid`, or its number where the system has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def check_jid(jid: str) -> str:
    """:returns: `jid` as it came.

    :raises StoreError: it could not be the name of a status file (a path, a hidden file, nothing at all).
    """
    if not is_jid(jid):
        raise StoreError(f"{jid!r} is not a job id, which looks like j123.4")
    return jid


def expand(directory: str) -> str:
    """:returns: `directory` as an absolute path: `~` and variables resolved once, here on the target."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(directory)))


def prepare(directory: str) -> str:
    """Make the async directory, with mode 0700, or check the one that is there.

    :returns: its absolute path.
    :raises StoreError: it cannot be made or written, is a link, or could be changed or replaced by another user.
    """
    path = expand(directory)
    try:
        if not os.path.isdir(path):
            _check_above(path, os.path.join(_there(path), os.curdir))  # before anything is made
            before = os.umask(0o022)
            os.umask(before | 0o022)  # for those above it, which others must not be able to write either
            try:
                os.makedirs(path, mode=0o700, exist_ok=True)
            finally:
                os.umask(before)
            os.chmod(path, 0o700)  # whatever the umask
        info = check(path)
    except OSError as exc:
        raise StoreError(f"cannot make the async directory {path}: {exc.strerror}; {_ANOTHER}") from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(f"the async directory {path} is not writable for {user_name(os.geteuid())}; {_ANOTHER}")
    if info.st_mode & 0o077 and os.path.basename(path) == _DEFAULT_NAME:
        os.chmod(path, 0o700)  # builtin async makes it readable for all; by its name it holds nothing but jobs
    return path


def _there(path: str) -> str:
    """:returns: the directory above `path`, an absolute path, that there is."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def check(path: str, may_be_link: bool = False) -> os.stat_result:
    """Make sure that nobody but this user, and root, can change anything in the async directory, or replace it.

    :arg path: absolute.
    :arg may_be_link: whether it may be a link to the directory, as long as nobody else can replace that.
    :returns: what stat(2) says of it.
    :raises StoreError: it is a link, is no directory, or another user could.
    :raises OSError: there is none, or it cannot be looked at.
    """
    info = os.stat(path) if may_be_link else os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        raise StoreError(f"the async directory {path} is a symbolic link; {_ANOTHER}")
    if not stat.S_ISDIR(info.st_mode):
        raise StoreError(f"the async directory {path} is not a directory; {_ANOTHER}")
    if info.st_uid != os.geteuid():
        raise OthersStatus(
            f"the async directory {path} belongs to {user_name(info.st_uid)}, not to {user_name(os.geteuid())}: "
            f"work as the user that it belongs to (become_user), or {_ANOTHER}"
        )
    if _is_open(info):
        raise StoreError(
            f"the async directory {path} can be written by other users; {_ANOTHER}, or take that right away"
        )
    _check_above(path, os.path.join(path, os.curdir))
    return info


def _check_above(path: str, way: str) -> None:
    """Make sure that no other user can replace a directory by which `way` leads to the async directory `path`.

    :raises StoreError: one could.
    :raises OSError: one of them cannot be looked at.
    """
    for above, its in _above(way):
        if its.st_uid not in (0, os.geteuid()):
            why = f"belongs to {user_name(its.st_uid)}"
        elif stat.S_ISDIR(its.st_mode) and _is_open(its) and not its.st_mode & stat.S_ISVTX:
            why = "can be written by other users"
        else:
            continue
        raise StoreError(
            f"the async directory {path} could be replaced by another user, since {above} {why}; {_ANOTHER}"
        )


def _is_open(info: os.stat_result) -> bool:
    """:returns: whether others than its owner, and root, can write to a directory.

    A group does not count that has nobody else in it: root's, or the one that is named like this user. With such groups
    goes the umask 002, by which builtin async makes its directory.
    """
    if info.st_mode & stat.S_IWOTH:
        return True
    if not info.st_mode & stat.S_IWGRP:
        return False
    try:
        group, user = grp.getgrgid(info.st_gid), user_name(os.geteuid())
    except KeyError:
        return info.st_gid != 0
    return not set(group.gr_mem) <= {user, "root"} or (info.st_gid != 0 and group.gr_name != user)


def _above(path: str) -> t.Iterator[tuple[str, os.stat_result]]:
    """:returns: all directories, and links to such, by which a path is reached, without what it leads to itself.

    :raises OSError: one of them cannot be looked at, or leads round in a circle.
    """
    left = path.split(os.sep)[:0:-1]
    here, links = os.sep, 0
    while left:
        yield here, os.lstat(here)
        name = left.pop()
        if name in ("", os.curdir):
            continue
        here = os.path.dirname(here) if name == os.pardir else os.path.join(here, name)
        if left and os.path.islink(here):
            yield here, os.lstat(here)
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(here)
            left += target.split(os.sep)[::-1]
            here = os.sep if os.path.isabs(target) else os.path.dirname(here)


def _unguessable() -> str:
    return os.urandom(8).hex()


def _create(path: str, access: int, mode: int) -> int:
    """:returns: the file descriptor of a new file with exactly this mode, whatever the umask; it never opens one."""
    handle = os.open(path, access | os.O_CREAT | os.O_EXCL | _OPEN, mode)
    os.fchmod(handle, mode)
    return handle


class Store:
    """The files of jobs in one async directory."""

    def __init__(self, directory: str) -> None:
        """:arg directory: absolute path, as `prepare` or `expand` gave it."""
        self.directory = directory
        self._is_checked = False

    def path(self, jid: str) -> str:
        """:returns: the absolute path of the status file of `jid`."""
        return os.path.join(self.directory, check_jid(jid))

    def lock_path(self, batch: str) -> str:
        """:returns: the path of the lock file of `batch`."""
        return os.path.join(self.directory, f".{check_jid(batch)}.lock")

    def check(self) -> None:
        """Make sure, once, that nobody else can change anything in the directory; nothing in it is looked at before.

        :raises StoreError: somebody can, or could replace the directory. One that is not there, or cannot be reached,
            is left to what comes next.
        """
        if not self._is_checked:
            with contextlib.suppress(OSError):
                check(self.directory, may_be_link=True)  # of builtin async: we make none, and start nothing there
                self._is_checked = True

    def write(self, jid: str, document: t.Mapping[str, t.Any], durable: bool = True) -> None:
        """Replace a status file as a whole: own temporary name, write, fsync, and rename only when all that worked.

        :arg durable: whether it must outlast a crash of the host (fsync); what only says how far a job has come, which
            such a crash ends, need not.
        :raises OSError: nothing was replaced, and nothing of the attempt is left.
        """
        path = self.path(jid)
        temporary = os.path.join(self.directory, f".{jid}.{_unguessable()}.tmp")
        try:
            data = json.dumps(document).encode("ascii")
        except RecursionError as exc:
            raise OSError(errno.EOVERFLOW, "it is nested too deeply") from exc
        handle = _create(temporary, os.O_WRONLY, 0o600)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def write_all(self, documents: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, OSError]:
        """`write` status files, several at a time: what waits for the disk (fsync) is then on its way together.

        :arg documents: by jid.
        :returns: what went wrong, by jid; nothing of these was replaced.
        :raises Exception: what no `write` should end with, such as a lack of memory.
        """
        waiting = collections.deque(documents)
        failed: dict[str, OSError] = {}
        strange: list[Exception] = []

        def work() -> None:
            with contextlib.suppress(IndexError):
                while True:
                    jid = waiting.popleft()
                    try:
                        self.write(jid, documents[jid])
                    except OSError as exc:
                        failed[jid] = exc
                    except Exception as exc:
                        strange.append(exc)

        helpers: list[threading.Thread] = []
        with contextlib.suppress(RuntimeError):  # this user may have no more threads
            while len(helpers) < min(len(documents), TOGETHER) - 1:
                helper = threading.Thread(target=work)
                helper.start()
                helpers.append(helper)
        work()
        for helper in helpers:
            helper.join()
        if strange:
            raise strange[0]
        return failed

    def read(self, jid: str) -> dict[str, t.Any]:
        """:returns: the content of a status file, also of one that was collected and is `share`d.

        :raises FileNotFoundError: there is none.
        :raises CorruptStatus: it is not a complete JSON object; since it is only replaced as a whole, that is final.
        :raises StoreError: it is a link, not a file, or another user's, or the directory is not safe.
        """
        self.check()
        try:
            return self._read(self.path(jid))
        except FileNotFoundError:
            if self._is_collected(jid):
                return self._read(self._shared_path(jid))
            raise

    @staticmethod
    def _read(path: str) -> dict[str, t.Any]:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _OPEN)
        except FileNotFoundError:
            raise
        except PermissionError as exc:
            raise OthersStatus(
                f"the status file {path} cannot be opened by {user_name(os.geteuid())}: {exc.strerror}; ask as the "
                "user that started the job (become_user)"
            ) from exc
        except OSError as exc:
            what = "is a symbolic link" if exc.errno == errno.ELOOP else f"cannot be opened: {exc.strerror}"
            raise StoreError(f"the status file {path} {what}") from exc
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                raise StoreError(f"the status file {path} is not a regular file")
            if info.st_uid != os.geteuid():
                raise OthersStatus(
                    f"the status file {path} belongs to {user_name(info.st_uid)}, not to {user_name(os.geteuid())}; "
                    "ask as the user that started the job (become_user)"
                )
            if info.st_size > _LARGEST:
                raise CorruptStatus(f"the status file {path} has {info.st_size} bytes, more than any result")
            with os.fdopen(handle, "rb", closefd=False) as stream:
                data = stream.read(_LARGEST)
        finally:
            os.close(handle)
        try:
            document = json.loads(data.decode("utf-8", "surrogateescape"))
        except (ValueError, RecursionError) as exc:
            raise CorruptStatus(f"the status file {path} is not JSON ({len(data)} bytes)") from exc
        if not isinstance(document, dict):
            raise CorruptStatus(f"the status file {path} holds no JSON object")
        return t.cast(t.Dict[str, t.Any], document)

    def share(self, jid: str, sharer: str) -> bool:
        """Note that one more launch waits for `jid`: whoever collects it then renames its status file to an empty one
        that is made here, in place of removing it, so that the others find it, too. The last of them removes it.

        :arg sharer: the jid that the job would have in that launch, by which it `collect`s it.
        :returns: whether the job is still there.
        :raises OSError: it could not be noted.
        """
        flag = self._shared_path(jid)
        made = [self._sharer_path(jid, sharer)]
        if not os.path.lexists(flag):
            made += [self._sharer_path(jid, jid), flag]  # the launch that has started it waits for it as well
        for path in made:
            with contextlib.suppress(FileExistsError):
                os.close(_create(path, os.O_WRONLY, 0o600))
        if os.path.lexists(self.path(jid)) or self._is_collected(jid):
            return True
        for path in made:
            self._unlink(os.path.basename(path))
        return False

    def attached_to(self, sharer: str) -> str | None:
        """:returns: the job that a launch waits for in place of `sharer`, which it did not start."""
        ending = f".{check_jid(sharer)}{SHARER}"
        for name in os.listdir(self.directory):
            if name.startswith(".") and name.endswith(ending) and is_jid(name[1 : -len(ending)]):
                return name[1 : -len(ending)]
        return None

    def refresh(self, jid: str, sharer: str) -> None:
        """Note that `sharer` still waits for `jid`, if it is shared."""
        with contextlib.suppress(OSError):
            os.utime(self._sharer_path(jid, sharer), follow_symlinks=False)

    def leave(self, jid: str, sharer: str) -> None:
        """Note that `sharer` does not wait for `jid` after all."""
        self._unlink(os.path.basename(self._sharer_path(jid, sharer)))

    def collect(self, jid: str, sharer: str | None = None) -> None:
        """Remove the files of a job that is finished; one that others wait for is only hidden from all but these.

        :arg sharer: who collects it: see `share`; `None` is whoever started it, or has found it.
        """
        if os.path.lexists(self._shared_path(jid)):
            self.leave(jid, sharer or jid)
            beginning = f".{jid}."
            if any(name.startswith(beginning) and name.endswith(SHARER) for name in os.listdir(self.directory)):
                self.hide(jid)
                return
            self._unlink(os.path.basename(self._shared_path(jid)))
        self.remove(jid)

    def hide(self, jid: str) -> None:
        """Take `jid`, if it is there, out of what is found in the directory; a wait for its id still finds it.

        :raises OSError: it could not be renamed.
        """
        with contextlib.suppress(FileNotFoundError):  # collected, in this moment
            os.rename(self.path(jid), self._shared_path(jid))

    def _is_collected(self, jid: str) -> bool:
        try:
            return os.lstat(self._shared_path(jid)).st_size > 0
        except FileNotFoundError:
            return False

    def _shared_path(self, jid: str) -> str:
        return os.path.join(self.directory, f".{check_jid(jid)}{SHARED}")

    def _sharer_path(self, jid: str, sharer: str) -> str:
        return os.path.join(self.directory, f".{check_jid(jid)}.{check_jid(sharer)}{SHARER}")

    def jids(self) -> list[str]:
        """:returns: the names in the directory that could be those of status files, ours or builtin async's.

        :raises StoreError: the directory is not safe.
        """
        self.check()
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if is_jid(name))

    def remove(self, jid: str) -> bool:
        """Remove the status file of `jid` and its log; a link is removed, never what it points to.

        :returns: whether there was a status file.
        """
        self.remove_log(jid)
        self.take_cancel(jid)
        return self._unlink(jid)

    def remove_attempts(self, jid: str) -> None:
        """Remove what a supervisor that was killed while it wrote has left of its attempt."""
        for name in os.listdir(self.directory):
            if name.startswith(f".{check_jid(jid)}.") and name.endswith(".tmp"):
                self._unlink(name)

    def open_log(self, jid: str) -> int:
        """:returns: a file descriptor that appends to the log of `jid`, which is made if there is none yet."""
        path = self._log_path(jid)
        try:
            return _create(path, os.O_RDWR | os.O_APPEND, 0o600)
        except FileExistsError:  # an earlier attempt's
            return self._open(path, os.O_RDWR | os.O_APPEND)

    def log_size(self, jid: str) -> int:
        """:returns: the bytes in the log of `jid`, 0 if there is none."""
        try:
            return os.lstat(self._log_path(jid)).st_size
        except OSError:
            return 0

    def read_log(self, jid: str, offset: int, limit: int) -> tuple[int, bytes]:
        """:returns: the size of the log of `jid`, and `limit` bytes at most behind `offset`, the last."""
        try:
            self.check()
            handle = self._open(self._log_path(jid), os.O_RDONLY)
        except (OSError, StoreError):
            return offset, b""
        try:
            size = os.fstat(handle).st_size
            start = max(offset, size - limit)
            return max(offset, size), os.pread(handle, max(0, size - start), start)
        finally:
            os.close(handle)

    def remove_log(self, jid: str) -> None:
        """Remove the log of `jid`, if there is one."""
        self._unlink(os.path.basename(self._log_path(jid)))

    def _log_path(self, jid: str) -> str:
        return os.path.join(self.directory, f"{check_jid(jid)}.log")

    def request_cancel(self, jid: str, mode: str) -> None:
        """Leave a request for the supervisor of `jid` to cancel it; it is told by a signal that there is one.

        :arg mode: one of `REQUESTS`.
        :raises OSError: it could not be made.
        """
        with contextlib.suppress(FileExistsError):
            os.close(_create(self._request_path(jid, mode), os.O_WRONLY, 0o600))

    def take_cancel(self, jid: str) -> str | None:
        """:returns: the mode of the request to cancel `jid`, which is removed; `None` if there is none.

        Of two requests it is the one that ends more. One that comes meanwhile is a file of its own, and stays.
        """
        taken = [mode for mode in REQUESTS if self._take(self._request_path(jid, mode))]
        return taken[0] if taken else None

    @staticmethod
    def _take(path: str) -> bool:
        """:returns: whether there was a file of this user, which is removed."""
        try:
            if os.lstat(path).st_uid != os.geteuid():
                return False
            os.unlink(path)
        except OSError:
            return False
        return True

    def _request_path(self, jid: str, mode: str) -> str:
        """:returns: the path of an empty file, whose being there is the request."""
        return os.path.join(self.directory, f".{check_jid(jid)}.{mode}")

    def make_reserve(self, batch: str) -> None:
        """Keep some room on the disk, so that what has become of a job can be said even when the disk is full.

        :raises OSError: there is none.
        """
        handle = _create(self._reserve_path(batch), os.O_WRONLY, 0o600)
        try:
            os.write(handle, b"\0" * _RESERVE)
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove_reserve(self, batch: str) -> bool:
        """:returns: whether there was a reserve, which is gone now."""
        return self._unlink(os.path.basename(self._reserve_path(batch)))

    def _reserve_path(self, batch: str) -> str:
        return os.path.join(self.directory, f".{check_jid(batch)}.reserve")

    def _unlink(self, name: str) -> bool:
        try:
            os.unlink(os.path.join(self.directory, name))
        except FileNotFoundError:
            return False
        return True

    def make_files(self, jid: str, files: t.Mapping[str, bytes]) -> str:
        """Put files a job brought along into a directory of its own, mode 0700 like the files in it.

        :returns: the path of the directory.
        :raises OSError: they could not be written.
        """
        directory = self._files_path(jid)
        os.mkdir(directory)
        os.chmod(directory, 0o700)
        for name, data in files.items():
            path = os.path.join(directory, os.path.basename(name))
            handle = _create(path, os.O_WRONLY, 0o700)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
        return directory

    def remove_files(self, jid: str) -> None:
        """Remove what `make_files` made, if anything."""
        shutil.rmtree(self._files_path(jid), ignore_errors=True)

    def _files_path(self, jid: str) -> str:
        return os.path.join(self.directory, f".{check_jid(jid)}.d")

    def make_lock(self, batch: str) -> int:
        """Create the lock file of a batch and take the lock.

        :returns: a file descriptor; the lock lives as long as any process has it open, however that process ends.
        """
        handle = _create(self.lock_path(batch), os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not os.fstat(handle).st_nlink:
                raise OSError(errno.ENOENT, "the lock file was removed while the batch was being started")
            os.pwrite(handle, b" " * _HOLDER, 0)  # the room, while there is some
        except BaseException:
            os.close(handle)
            self._unlink(os.path.basename(self.lock_path(batch)))
            raise
        return handle

    def trace_path(self, batch: str) -> str:
        """:returns: the path of the trace of `batch`; see `_supervisor.trace`."""
        return os.path.join(self.directory, f".{check_jid(batch)}.trace")

    def make_trace(self, batch: str) -> int:
        """:returns: a file descriptor of the new trace of `batch`.

        :raises OSError: it cannot be made, or is there already.
        """
        return _create(self.trace_path(batch), os.O_WRONLY | os.O_APPEND, 0o600)

    def remove_trace(self, batch: str) -> None:
        """Remove the trace of `batch`, if there is one, once no job of it is left."""
        path = self.trace_path(batch)
        if os.path.lexists(path) and not any(name.startswith(f"{batch}.") for name in os.listdir(self.directory)):
            self._unlink(os.path.basename(path))

    @staticmethod
    def name_holder(lock: int, pid: int, started: str | None) -> None:
        """Note in the lock file `lock` who holds it: a supervisor, by its pid and its start."""
        os.pwrite(lock, f"{pid} {started or ''}".ljust(_HOLDER).encode("ascii", "replace"), 0)

    def lock_holder(self, batch: str) -> tuple[int, str] | None:
        """:returns: pid and start of the supervisor that has the lock of `batch`, `None` where nobody is named."""
        try:
            handle = self.open_lock(batch)
        except (OSError, StoreError):
            return None
        try:
            pid, dummy, started = os.pread(handle, _HOLDER, 0).decode("ascii", "replace").strip().partition(" ")
        finally:
            os.close(handle)
        return (int(pid), started) if pid.isdigit() and started else None

    def open_lock(self, batch: str) -> int:
        """:returns: a file descriptor of the lock file of `batch`, to ask for the lock, or to share it.

        :raises OSError: there is none, or it cannot be opened, or is not this user's.
        :raises StoreError: the directory is not safe.
        """
        self.check()
        return self._open(self.lock_path(batch), os.O_RDONLY)

    @staticmethod
    def _open(path: str, access: int) -> int:
        """:returns: a file descriptor of a file that is there.

        :raises OSError: it is not there, or cannot be opened, or is another user's, or no regular file.
        """
        handle = os.open(path, access | os.O_NONBLOCK | _OPEN)
        info = os.fstat(handle)
        if stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid():
            return handle
        os.close(handle)
        raise PermissionError(errno.EPERM, "it is not a regular file of this user", path)

    def remove_lock(self, batch: str) -> None:
        """Remove the lock file of a batch and its reserve, if they are still there."""
        self.remove_reserve(batch)
        self._unlink(os.path.basename(self.lock_path(batch)))

    def is_locked(self, batch: str) -> bool:
        """:returns: whether a supervisor holds the lock of `batch`, that is, whether it lives.

        The lock is asked for as one that others may share: so several readers at once do not take each other for the
        supervisor, which has it for itself alone.
        """
        try:
            handle = self.open_lock(batch)
        except (OSError, StoreError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        else:
            return False
        finally:
            os.close(handle)
