# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import signal
import subprocess

from ansible_collections.background.jobs.plugins.module_utils._processes import (
    procfs,
    signals,
)


def test_a_signal_goes_to_the_process_that_was_meant(sleeper: subprocess.Popen[bytes]) -> None:
    process = procfs.table()[sleeper.pid]
    signals.send_signal(dataclasses.replace(process, started="1"), signal.SIGKILL)
    assert sleeper.poll() is None
    signals.send_signal(process, signal.SIGKILL)
    assert sleeper.wait() == -signal.SIGKILL
    signals.send_signal(process, signal.SIGKILL)  # it has gone: nothing happens
