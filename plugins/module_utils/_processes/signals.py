# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals, to nobody but the process that was meant.

PRIVATE to the collection background.jobs. Do not use this from other collections.
"""

from __future__ import annotations

import contextlib
import os
import signal

from ansible_collections.background.jobs.plugins.module_utils._processes import procfs


def send_signal(process: procfs.Process, number: int) -> None:
    """Send a signal to a process, and to no other that has its number by now."""
    handle = None
    try:
        if hasattr(os, "pidfd_open"):  # Linux 5.3 with Python 3.9
            handle = os.pidfd_open(process.pid)
        if procfs.start_time(process.pid) != process.started:
            return
        if handle is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(handle, number)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        if procfs.start_time(process.pid) == process.started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)
    finally:
        if handle is not None:
            os.close(handle)
