#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# A Python in surroundings that are not the usual ones. It notes each start as a job or as a fork server.
here=${0%/*}
[ "$1" = -c ] && echo $$ >> "$here/started"
python=$here/venv/bin/python # one that lacks what Debian's own Python has
[ -x "$python" ] || python=/usr/bin/python3
umask 027
cd /var/tmp/forked/shared || exit
ulimit -n 700
ulimit -c 0
trap '' USR2
export TMPDIR=/var/tmp/forked/temporary
exec nice -n 1 "$python" "$@"
