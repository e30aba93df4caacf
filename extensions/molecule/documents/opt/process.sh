#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
# Counts the files of each kind.
find /usr -type f | sed -n 's/.*\.\([a-z]*\)$/\1/p' | sort | uniq -c | sort -n -r | head -n 3
