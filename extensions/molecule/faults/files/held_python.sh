#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# A Python that does not serve a request before it may: in the case "sending" while that is still on its way, in the case
# "sent" when it has arrived. Other Pythons, such as those of jobs, are started without -I.
[ "$1" = -I ] || exec python3 "$@"
if [ "$CASE" = sent ]; then
  cat > /var/tmp/faults/sent
  exec < /var/tmp/faults/sent
fi
CASE=$CASE-held sh -c 'until [ -e /var/tmp/faults/connect ]; do sleep 0.1; done'
python3 "$@"
touch "/var/tmp/faults/$CASE.done"
