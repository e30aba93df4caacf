# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Stands in for the SDK of a cloud: what counts is that its import takes half a second of CPU time."""

from __future__ import annotations

import time
import urllib.request

IMPORT_SECONDS = 0.5

_begin = time.process_time()
while time.process_time() < _begin + IMPORT_SECONDS:
    pass


def get(address: str) -> int:
    """Ask the service; returns the status of its answer."""
    with urllib.request.urlopen(address) as answer:
        return int(answer.status)
