#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# Print a Python 3.12 or newer. Each candidate is run: pyenv's shims exist for versions that are not switched on.
for python in python3.14 python3.13 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
echo "No Python 3.12 or newer: install one, or put it on PATH." >&2
exit 1
