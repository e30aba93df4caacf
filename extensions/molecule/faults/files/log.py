# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""A syslog daemon: writes what comes to /dev/log into /var/log/faults.log, until it is ended."""

from __future__ import annotations

import os
import signal
import socket

PATH = "/dev/log"

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # of the terminal that the connection may have, which ends at once
if os.path.lexists(PATH):
    os.unlink(PATH)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, open("/var/log/faults.log", "ab", 0) as log:
    listener.bind(PATH)
    os.chmod(PATH, 0o666)
    if os.fork():
        os._exit(0)
    os.setsid()
    with open("/var/tmp/faults/log.pid", "w", encoding="ascii") as pid:
        pid.write(str(os.getpid()))
    null = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(null, handle)
    while True:
        log.write(listener.recv(1 << 16) + b"\n")
