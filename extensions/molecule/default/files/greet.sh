#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
echo "$(basename "$0") got $# words, the last is $2"
exit "${3:-0}"
