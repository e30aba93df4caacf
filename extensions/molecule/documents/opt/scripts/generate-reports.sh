#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
# Writes which packages take how much room.
set -e
test "$1" = --all
dpkg-query --show --showformat='${Installed-Size} ${Package}\n' | sort -n -r > /srv/report.txt
du -s /usr/share/* | sort -n -r >> /srv/report.txt
echo "$(wc -l < /srv/report.txt) lines"
