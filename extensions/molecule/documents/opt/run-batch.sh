#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
# One of three long jobs: a backup, a cache warm, a report build.
case $1 in
  backup) tar -czf /srv/backup.tar.gz -C /usr/share perl5 postgresql ;;
  cache-warm) for name in file1 file2 file4; do curl -fsS -o /dev/null "http://web/$name.tar.gz" || exit; done ;;
  report) find /usr -type f -printf '%s %p\n' | sort -n -r | head -n 100 > /srv/report.txt ;;
esac
