# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The async directory: who may use it, and how a file in it is made and opened.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model.names import is_jid

_DEFAULT_NAME = ".ansible_async"
OPEN = os.O_NOFOLLOW | os.O_CLOEXEC
_ANOTHER = "set the shell option 'async_dir' (variable ansible_async_dir) to a directory of this user's own"
_LINKS = 40
"""Links in a path after which it counts as a circle, as it does for Linux (path_resolution(7))."""


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


def native(text: str) -> str:
    """:returns: a text that the system can be given as a name or a variable.

    Where the locale has no bytes for it, as for Python 3.6 in the locale C, it stands for those that it has in UTF-8.
    """
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return os.fsdecode(text.encode("utf-8", "surrogateescape"))
    return text


def expand(directory: str) -> str:
    """:returns: `directory` as an absolute path: `~` and variables resolved once, here on the target."""
    return os.path.abspath(os.path.expanduser(os.path.expandvars(directory)))


def prepare_directory(directory: str) -> str:
    """Make the async directory, with mode 0700, or check the one that is there.

    :returns: its absolute path.
    :raises StoreError: there is no home for it, it cannot be made or written, is a link, or could be changed or
        replaced by another user.
    """
    path = expand(directory)
    if os.path.expanduser(directory).startswith("~"):
        raise StoreError(f"{user_name(os.geteuid())} has no home for the async directory {directory}; {_ANOTHER}")
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
        info = check_directory(path)
    except OSError as exc:
        raise StoreError(f"cannot make the async directory {path}: {exc.strerror}; {_ANOTHER}") from exc
    except UnicodeEncodeError as exc:
        raise StoreError(
            f"cannot make the async directory {path}: in the locale of this host there are no such characters; set "
            f"LC_ALL in the 'environment' of the task to one that has them, or {_ANOTHER}"
        ) from exc
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


def check_directory(path: str, may_be_link: bool = False) -> os.stat_result:
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


def unguessable() -> str:
    return os.urandom(8).hex()


def create(path: str, access: int, mode: int) -> int:
    """:returns: the file descriptor of a new file with exactly this mode, whatever the umask; it never opens one."""
    handle = os.open(path, access | os.O_CREAT | os.O_EXCL | OPEN, mode)
    os.fchmod(handle, mode)
    return handle


class Directory:
    """An async directory."""

    def __init__(self, directory: str) -> None:
        """:arg directory: absolute path, as `prepare_directory` or `expand` gave it."""
        self.directory = directory
        self._is_checked = False

    def check(self) -> None:
        """Make sure, once, that nobody else can change anything in the directory; nothing in it is looked at before.

        :raises StoreError: somebody can, or could replace the directory. One that is not there, or cannot be reached,
            is left to what comes next.
        """
        if not self._is_checked:
            with contextlib.suppress(OSError):
                # A directory of builtin async may be a link: we make none there, and start nothing.
                check_directory(self.directory, may_be_link=True)
                self._is_checked = True

    def _unlink(self, name: str) -> bool:
        try:
            os.unlink(os.path.join(self.directory, name))
        except FileNotFoundError:
            return False
        return True

    @staticmethod
    def _open(path: str, access: int) -> int:
        """:returns: a file descriptor of a file that is there.

        :raises OSError: it is not there, or cannot be opened, or is another user's, or no regular file.
        """
        handle = os.open(path, access | os.O_NONBLOCK | OPEN)
        info = os.fstat(handle)
        if stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid():
            return handle
        os.close(handle)
        raise PermissionError(errno.EPERM, "it is not a regular file of this user", path)
