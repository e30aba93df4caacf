#!/usr/bin/env python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Adds up one of a hundred batches of the numbers in /srv/numbers and leaves the sum in /srv/processed."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--batch", type=int, required=True)
batch = parser.parse_args().batch
with open("/srv/numbers", encoding="ascii") as numbers:
    total = sum(map(int, islice(numbers, (batch - 1) * 1000, batch * 1000)))
Path("/srv/processed", str(batch)).write_text(f"{total}\n", encoding="ascii")
print(total)
