# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping an action from doing its work while a job is built out of it.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It may do what the actions of ansible-core that support `async` do on their way: ask for the package or service
manager, have a temporary directory, send files into it and set their permissions, look whether a path exists. All else
that would reach the target is refused before it happens, whichever object asks for it: the connection itself is shut,
and opened for as long as a method runs that may use it. What an action does on the controller cannot be seen from here.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import posixpath
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader, connection_loader

_OF_CONNECTION = {
    "exec_command": "runs a command on the host",
    "put_file": "sends a file to the host",
    "fetch_file": "fetches a file from the host",
    "reset": "resets the connection",
}
_ASKING = ("_make_tmp_path", "_remote_file_exists", "_execute_remote_stat", "_remote_expand_user")
"""Methods of an action that change nothing on the target but for a new temporary directory."""
_IN_TMP = {
    "_transfer_file": "remote_path",
    "_transfer_data": "remote_path",
    "_fixup_perms2": "remote_paths",
    "_remote_chmod": "paths",
    "_remote_chown": "paths",
    "_remote_chgrp": "paths",
    "_remote_set_user_facl": "paths",
    "_remove_tmp_path": "tmp_path",
}
"""Methods of an action that may change what is in its temporary directory, and their arguments that say what."""
_SETUP = ("setup", "ansible.builtin.setup", "ansible.legacy.setup")
_MANAGERS = {"ansible_pkg_mgr", "ansible_service_mgr", "pkg_mgr", "service_mgr"}


class Guard:
    """Stands between an action and its target while `watch` lasts."""

    refusal: AnsibleActionFail | None = None
    """The first thing that was refused; an action may go on as if it had only failed."""

    def __init__(self, connection: t.Any, install: t.Callable[[ActionBase], None]) -> None:
        """:arg install: called with each action that is loaded meanwhile, the first and those that it loads itself."""
        self._connection = connection
        self._install = install
        self._open = 0
        self._directories: set[str] = set()
        self._add_directory(connection._shell.tmpdir)

    @contextlib.contextmanager
    def watch(self) -> t.Iterator[None]:
        """Shut the connection, let no other be made, and watch over the actions that are loaded."""
        with contextlib.ExitStack() as stack:
            for name, deed in _OF_CONNECTION.items():
                if hasattr(self._connection, name):
                    stack.enter_context(_replaced(self._connection, name, functools.partial(self._shut, deed)))
            connect = functools.partial(self._shut, "makes a connection of its own")
            stack.enter_context(_replaced(connection_loader, "get_with_context", connect))
            stack.enter_context(_replaced(action_loader, "get_with_context", self._loading))
            stack.enter_context(self._own_directory())
            yield

    @contextlib.contextmanager
    def _own_directory(self) -> t.Iterator[None]:
        """See to it that what is called the temporary directory in the end, and will be removed, is one."""
        shell = self._connection._shell
        before = shell.tmpdir
        try:
            yield
        finally:
            if shell.tmpdir is not None and not self._is_own(shell.tmpdir):
                shell.tmpdir = before

    @contextlib.contextmanager
    def opened(self) -> t.Iterator[None]:
        """Let through what reaches the target."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    @property
    def is_open(self) -> bool:
        """Whether all goes through."""
        return self._open > 0

    def check_module(self, name: str | None, arguments: t.Mapping[str, t.Any] | None) -> None:
        """:raises AnsibleActionFail: an action must not run this module by itself."""
        wanted = (arguments or {}).get("filter")
        facts = {wanted} if isinstance(wanted, str) else set(wanted or ())
        if name not in _SETUP or not facts or facts - _MANAGERS or "fact_path" in (arguments or {}):
            self._check(f"runs the module {name}" if name else "runs its module")

    def _check(self, deed: str) -> None:
        if self._open:
            return
        refusal = AnsibleActionFail(
            f"its action {deed} while the job is built, which is refused, since no job is started yet; use it as a "
            "task of its own"
        )
        self.refusal = self.refusal or refusal
        raise refusal

    def _shut(self, deed: str, through: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any) -> t.Any:
        self._check(deed)
        return through(*args, **kwargs)

    def _loading(self, through: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any) -> t.Any:
        found = through(*args, **kwargs)
        if isinstance(found.object, ActionBase):
            self._cover(found.object)
            self._install(found.object)
        return found

    def _cover(self, action: t.Any) -> None:
        """Let the methods of `action` pass that it may use."""
        command = functools.partial(self._shut, _OF_CONNECTION["exec_command"], action._low_level_execute_command)
        action._low_level_execute_command = command
        for name in _ASKING:
            setattr(action, name, functools.partial(self._pass, getattr(action, name), None))
        for name, what in _IN_TMP.items():
            setattr(action, name, functools.partial(self._pass, getattr(action, name), what))

    def _pass(self, through: t.Callable[..., t.Any], what: str | None, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if what is not None and not self._open:
            given = inspect.signature(through).bind(*args, **kwargs).arguments[what]
            self._check_paths(given if given or what != "tmp_path" else self._connection._shell.tmpdir)
        with self.opened():
            result = through(*args, **kwargs)
        if what is None and through.__name__ == "_make_tmp_path":
            self._add_directory(result)
        return result

    def _add_directory(self, path: str | None) -> None:
        if path is not None:
            self._directories.add(posixpath.normpath(path))

    def _check_paths(self, given: t.Any) -> None:
        for path in [given] if isinstance(given, str) else given or ():
            if not self._is_own(path):
                self._check(f"changes {path} on the host, outside of its temporary directory,")

    def _is_own(self, path: str) -> bool:
        clean = posixpath.normpath(path)
        return any(clean == directory or clean.startswith(f"{directory}/") for directory in self._directories)


@contextlib.contextmanager
def _replaced(owner: t.Any, name: str, stand_in: t.Callable[..., t.Any]) -> t.Iterator[None]:
    """Let `stand_in`, given the method as its first argument, take the place of a method of one object."""
    kept = vars(owner).get(name)
    setattr(owner, name, functools.partial(stand_in, getattr(owner, name)))
    try:
        yield
    finally:
        if kept is None:
            delattr(owner, name)
        else:
            setattr(owner, name, kept)
