#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
# Installs the next version, which does not pass its test.
echo 2 > /srv/version
grep -q '^1$' /srv/version && exit 0
echo 'version 2 does not answer' >&2
exit 4
