# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""A module that tells all that it can find out about its own process, ends in many ways, or spoils all that it can."""

from __future__ import annotations

import atexit
import concurrent.futures
import ctypes
import fcntl
import gc
import json
import locale
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

from ansible.module_utils import basic
from ansible.module_utils.common.respawn import has_respawned, respawn_module

STATUS = ("Cap", "Cpus_allowed", "CoreDumping", "Gid", "Groups", "Name", "NoNewPrivs", "Seccomp", "Shd", "Threads")
STATUS += ("SigBlk", "SigCgt", "SigIgn", "SigPnd", "Uid", "Umask")
LOOK = "ps -o comm= --ppid $PPID; umask; pwd; grep '^Sig[BIC]' /proc/self/status; readlink /proc/self/fd/* || true"
KEPT = []


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read().splitlines()


def handled(number):
    """:returns: what becomes of a signal, without the name and the address of the function that handles it."""
    handler = signal.getsignal(number)
    return "by a function" if callable(handler) and not isinstance(handler, signal.Handlers) else str(handler)


def prctl(option):
    value = ctypes.c_int(-1)
    ctypes.CDLL(None).prctl(option, ctypes.byref(value))
    return value.value


def about(stream):
    number = stream.fileno()
    flags = [fcntl.fcntl(number, fcntl.F_GETFL), fcntl.fcntl(number, fcntl.F_GETFD)]
    target = os.readlink(f"/proc/self/fd/{number}")
    return [number, flags, target, stream.encoding, stream.errors, stream.line_buffering, stream.write_through]


def facts(module):
    descriptors = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    looked = subprocess.run(LOOK, shell=True, check=True, stdout=subprocess.PIPE, close_fds=False)
    return {
        "arguments": sys.argv,
        "cwd": os.getcwd(),
        "descriptors": sorted(os.readlink(path) for path in descriptors if os.path.lexists(path)),
        "environment": dict(os.environ),
        "executable": [sys.executable, sys.prefix, sys.version],
        "flags": repr(sys.flags),
        "garbage": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
        "globals": sorted(globals()),
        "hooks": [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace()],
        "inherited": looked.stdout.decode().splitlines(),
        "kernel": [read(f"/proc/self/{name}") for name in ("cgroup", "limits", "oom_score_adj", "timerslack_ns")],
        "leads": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()],
        "locale": [locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), sys.getfilesystemencoding()],
        "main": [__name__, __package__, __file__, __spec__.name, vars(sys.modules["__main__"]) is globals()],
        "parent": read(f"/proc/{os.getppid()}/comm"),
        "path": sys.path,
        "respawned": has_respawned(),
        "scheduling": [os.nice(0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
        "signals": [prctl(2), prctl(37), *(f"{int(number)} {handled(number)}" for number in signal.Signals)],
        "status": [line for line in read("/proc/self/status") if line.startswith(STATUS)],
        "streams": [about(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "switches": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.dont_write_bytecode, time.tzname],
        "temporary": [tempfile.gettempdir(), os.path.dirname(module.tmpdir)],
        "threads": [threading.active_count(), threading.current_thread() is threading.main_thread()],
        "warnings": [str(one) for one in warnings.filters],
        "zip": [os.path.exists(globals().get("_modlib_path", "")), globals().get("_module_fqn")],
    }


def leave_open(path):
    """Leave to Python what it does at the end of a process."""
    KEPT.append(open(path, "w", encoding="ascii"))  # noqa: SIM115
    KEPT[0].write("written at the end")
    KEPT.append(tempfile.NamedTemporaryFile())  # noqa: SIM115
    KEPT.append(concurrent.futures.ThreadPoolExecutor())
    KEPT[2].submit(os.getpid).result()
    threading.Thread(target=lambda: [threading.main_thread().join(), print("a thread")]).start()
    atexit.register(print, "at the end")
    print("error output", file=sys.stderr)


def spoil():
    """Leave nothing as it was, and end."""
    os.environ.update(LEAK="leak", LC_ALL="C.UTF-8", PATH="/nowhere")
    os.umask(0o777)
    os.chdir("/")
    os.nice(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    locale.setlocale(locale.LC_ALL, "C")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    gc.disable()
    random.seed(1)
    warnings.simplefilter("error")
    sys.path.insert(0, "/leak")
    sys.argv.append("leak")
    sys.excepthook = print
    sys.setrecursionlimit(2000)
    tempfile.tempdir = "/leak"
    atexit.register(print, "leak")
    os.getcwd = lambda: "leak"
    json.dumps = lambda *args, **kwargs: '{"leak": true}'
    basic.AnsibleModule.exit_json = lambda *args, **kwargs: sys.exit(3)
    os.set_inheritable(os.open("/", os.O_RDONLY), True)
    os.set_blocking(0, False)
    sys.stdout.write('{"spoilt": true}\n')
    sys.exit()


def main():
    module = basic.AnsibleModule(
        argument_spec={
            "left_open": {"type": "path"},
            "password": {"type": "str", "no_log": True},
            "respawn": {"type": "path"},
            "signal": {"type": "int"},
            "spoil": {"type": "bool", "default": False},
            "text": {"type": "str"},
        },
        supports_check_mode=True,
    )
    if module.params["respawn"] and not has_respawned():
        respawn_module(module.params["respawn"])
    if module.params["signal"]:
        os.kill(os.getpid(), module.params["signal"])
    if module.params["left_open"]:
        leave_open(module.params["left_open"])
    found = facts(module)
    if module.params["spoil"]:
        spoil()
    module.exit_json(facts=found, random=random.random(), text=module.params["text"])


if __name__ == "__main__":
    main()
