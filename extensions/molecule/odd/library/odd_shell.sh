#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# A module that is not written in Python. It tells where it lies. WANT_JSON
echo "{\"msg\": \"${0%/*}\"}"
