# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""The benchmark's modules are those of a program: they lie beside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
