# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fork server: a Python that has loaded one module with all its imports, and forks for each job that runs it.

PRIVATE to the collection background.jobs. Do not use this from other collections.

It is not imported by anything. The supervisor sends its text, behind that of `_supervisor.boot` and with a call of
`serve_forks` after it, to a fresh Python, where `program` stands for an AnsiballZ without arguments. That runs by its
own code up to the moment when it would run the module (`runpy.run_module`, in every ansible-core from 2.18 to 2.22);
there the server stops and waits. Each job is a fork that goes on from there with arguments of its own.
"""

from __future__ import annotations

import ast
import atexit
import collections.abc
import functools
import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import sys
import threading
import typing as t

_FDS = 8
"""File descriptors that a request may bring."""


class _Server:
    """Takes requests from the supervisor through `control` and answers each with the pids of new jobs."""

    def __init__(self, control: socket.socket, log: t.Any, show: t.Callable[[str], None]) -> None:
        self.is_job = False
        self._show = show
        self._control = control
        self._log = log
        self._run_module = runpy.run_module
        runpy.run_module = self._arrived

    def _arrived(
        self, mod_name: str, init_globals: t.Any = None, run_name: t.Any = None, alter_sys: bool = False
    ) -> t.Any:
        runpy.run_module = self._run_module
        _load(mod_name)
        _warm_up()
        if len(os.listdir("/proc/self/task")) > 1:
            raise SystemExit(1)  # a thread that an import has started would be missing in each job, and its locks held
        self._keep(os.path.dirname((init_globals or {}).get("_modlib_path", "")))
        gc.collect()
        _give_back()
        gc.freeze()
        gc.enable()
        self._control.sendall(b"ready\n")
        control = self._serve()
        self.is_job = True
        self._become_job(control)
        return self._run_module(mod_name, init_globals, run_name, alter_sys)

    def _serve(self) -> int:
        """Fork for each file descriptor that a request brings: the end of a socket that a job is told through.

        :returns: in a new job, that file descriptor; in the server never.
        """
        while True:
            message, handles = _receive(self._control)
            if not message:  # the batch is done, or its supervisor has gone
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it would end halfway what removes our files now
                raise SystemExit(0)
            told, tell = os.pipe()
            # It ends at once, so that the jobs become children of the supervisor, which is a subreaper.
            middle = _fork_or_none()
            if middle == 0:
                for number, handle in enumerate(handles):
                    job = _fork_or_none()
                    if job is None:
                        os._exit(1)  # there are fewer jobs then
                    if job == 0:
                        os.setsid()
                        os.write(tell, b"%d %d\n" % (number, os.getpid()))
                        for other in (tell, told, *handles):
                            if other != handle:
                                os.close(other)
                        self._control.close()
                        return handle
                os._exit(0)
            os.close(tell)
            if middle is not None:
                os.waitpid(middle, 0)
            with os.fdopen(told, "rb") as pipe:
                pids = pipe.read()
            for handle in handles:
                os.close(handle)
            self._control.sendall(pids + b"\n")

    def _become_job(self, control: int) -> None:
        with socket.socket(fileno=control) as stream:
            message, handles = _receive(stream)
        if not message:
            os._exit(0)  # we are not needed
        said = json.loads(message)
        self._show(said["title"])
        stdout, stderr, program, *others = handles
        with os.fdopen(program, "rb") as pipe:
            job = json.loads(pipe.read())
        null = os.open(os.devnull, os.O_RDWR)  # flags and offset of the server's are those of all its jobs
        os.dup2(null, 0)
        os.close(null)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.close(stdout)
        os.close(stderr)
        for handle in others:
            os.set_inheritable(handle, False)
        if said["log"]:
            self._log.handle, self._log.limit = others[0], said["limit"]
        os.environ.update(job["environment"])
        basic = sys.modules["ansible.module_utils.basic"]
        basic._ANSIBLE_ARGS = job["arguments"].encode("utf-8")  # type: ignore[attr-defined]
        if job["secrets"]:  # ansible-core 2.22
            masker = importlib.import_module("ansible.module_utils.secrets")._secret_masker
            for secret in job["secrets"]:
                masker.register_secret_text(secret)

    def _keep(self, directory: str) -> None:
        """Let a job's wrapper not remove the directory with the module's zip, which belongs to the server."""
        remove = shutil.rmtree

        @functools.wraps(remove)
        def rmtree(path: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
            return None if self.is_job and path == directory else remove(path, *args, **kwargs)

        shutil.rmtree = rmtree  # type: ignore[assignment]


def _fork_or_none() -> int | None:
    """:returns: what `os.fork` does; `None` if this user may have no more processes."""
    try:
        return os.fork()
    except OSError:
        return None


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """:returns: a message, empty at the end, and the file descriptors that came with it.

    Python 3.9 has `socket.recv_fds` for it.
    """
    message, ancillary, dummy, dummy2 = control.recvmsg(4096, socket.CMSG_SPACE(_FDS * 4))
    handles: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            handles += [int.from_bytes(data[start : start + 4], sys.byteorder) for start in range(0, len(data), 4)]
    return message, handles


def _load(name: str) -> None:
    """Do once what each job would do: find and compile the module, and import what it imports at its top."""
    try:
        details = runpy._get_module_details(name)  # type: ignore[attr-defined]
        find = runpy._get_module_details  # type: ignore[attr-defined]
        source = details[1].loader.get_source(details[1].name)
    except Exception:  # each job will say what is wrong with it
        return
    runpy._get_module_details = lambda mod_name, *rest: (  # type: ignore[attr-defined]
        details if mod_name == name else find(mod_name, *rest)
    )
    for wanted in _imports(ast.parse(source).body, details[1].parent or ""):
        try:
            importlib.import_module(wanted)
        except BaseException:  # the module knows what to do without it, or each job will say so
            continue
    _load_profile()


def _warm_up() -> None:
    """Let abstract classes remember which of the usual types are theirs: each job would find it out, and keep it in
    memory of its own.
    """
    usual: tuple[t.Any, ...] = ("", b"", 0, 0.0, True, None, (), [], {}, set())
    for name in collections.abc.__all__:
        for value in usual:
            isinstance(value, getattr(collections.abc, name))


def _give_back() -> None:
    """Give the memory that loading has freed back to the system: each job that took of it would copy whole pages."""
    try:
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)  # glibc
    except (ImportError, OSError, AttributeError):
        return


def _load_profile() -> None:
    """Import how arguments and results are encoded, as each `AnsibleModule` does itself since ansible-core 2.19."""
    try:
        profile = importlib.import_module("ansible.module_utils.basic")._ANSIBLE_PROFILE
        json_ = importlib.import_module("ansible.module_utils.common.json")
        json_.get_module_decoder(profile, json_.Direction.CONTROLLER_TO_MODULE)
        json_.get_module_encoder(profile, json_.Direction.MODULE_TO_CONTROLLER)
    except Exception:  # there is none, or each job will say so
        return


def _imports(body: t.Iterable[ast.AST], package: str) -> t.Iterator[str]:
    """:returns: the names that may be imported when a module with this top level is loaded."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = node.module or ""
            if node.level:
                parents = package.split(".")
                parent = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [parent])])
            if parent != "__future__":
                yield parent
                yield from (f"{parent}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Try):
            yield from _imports(node.body, package)


def serve_forks(program: bytes, control: int, log: t.Any, show: t.Callable[[str], None]) -> None:
    """Run the program up to its module, and fork for each request.

    :arg control: file descriptor of a stream socket to the supervisor.
    :arg log: a `_supervisor.boot._Log` without a file, with which `copy_output` was called.
    :arg show: `_processes.title.show`.
    """

    def end(number: int, frame: t.Any) -> None:
        if not server.is_job:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would end halfway what removes our files now
        raise SystemExit(128 + number)

    os.set_inheritable(control, False)
    gc.disable()  # what is loaded now stays
    server = _Server(socket.socket(fileno=control), log, show)
    signal.signal(signal.SIGTERM, end)
    code: t.Any = None
    interrupted = False
    try:
        exec(compile(program, "<background.jobs payload>", "exec", dont_inherit=True), sys.modules["__main__"].__dict__)
    except SystemExit as exc:
        if not server.is_job:
            raise
        code = exc.code
    except BaseException as exc:
        if not server.is_job:
            raise
        sys.excepthook(*sys.exc_info())
        code, interrupted = 1, isinstance(exc, KeyboardInterrupt)
    if server.is_job:
        _leave(code, interrupted)


def _leave(code: t.Any, interrupted: bool) -> t.NoReturn:
    """End as Python does, but without taking everything apart: that would copy all that is shared with the server."""
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()  # what the module has left open is closed, and so written, or removed
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120  # as Python does
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit((code or 0) & 0xFF)
