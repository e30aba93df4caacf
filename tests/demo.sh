#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# Build the collection, install it for an ansible-core of its own and run its playbook "demo", all of it in .cache/demo.
set -eu

cd "$(dirname "$0")/.."
demo=$PWD/.cache/demo
bin=$demo/venv/bin

# Nothing of the user's: no configuration, no directory in the home, no other collections.
unset ANSIBLE_INVENTORY
export ANSIBLE_CONFIG="$demo/ansible.cfg" ANSIBLE_HOME="$demo/home" ANSIBLE_COLLECTIONS_PATH="$demo/collections"
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false

mkdir -p "$demo"
: > "$ANSIBLE_CONFIG"

# The marker is written last: an interrupted set-up is made again.
core=ansible-core==2.21.5
if [ "$(cat "$demo/core" 2>/dev/null)" != "$core" ]; then
    "$(tests/find_python.sh)" -m venv --clear "$demo/venv"
    "$bin/python" -m pip install --quiet --disable-pip-version-check "$core"
    echo "$core" > "$demo/core"
fi

rm -rf "$demo/build" "$demo/collections"
"$bin/ansible-galaxy" collection build --output-path "$demo/build" > /dev/null
"$bin/ansible-galaxy" collection install --offline --collections-path "$demo/collections" "$demo"/build/*.tar.gz > /dev/null

# From here the checkout is not seen: what runs is what was installed.
cd "$demo"
exec "$bin/ansible-playbook" background.jobs.demo
