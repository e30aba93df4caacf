#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# Start Keystone, with nothing in it but its administrator, and say to clients where it is.
set -eu

if pgrep --full keystone-wsgi-public > /dev/null; then
    exit
fi
mkdir -p /etc/keystone /etc/openstack /var/lib/keystone
cat > /etc/keystone/keystone.conf <<'END'
[database]
connection = sqlite:////var/lib/keystone/keystone.db
END
cat > /etc/openstack/clouds.yaml <<'END'
clouds:
  openstack:
    auth:
      auth_url: http://127.0.0.1:5000/v3
      username: admin
      password: secret
      project_name: admin
      user_domain_id: default
      project_domain_id: default
    identity_api_version: 3
    region_name: here
END
{
    keystone-manage db_sync
    keystone-manage fernet_setup --keystone-user root --keystone-group root
    keystone-manage credential_setup --keystone-user root --keystone-group root
    keystone-manage bootstrap --bootstrap-password secret --bootstrap-region-id here \
        --bootstrap-public-url http://127.0.0.1:5000/v3
} > /var/log/keystone.log 2>&1
# With it a reader does not keep a writer out.
python3 -c 'import sqlite3; sqlite3.connect("/var/lib/keystone/keystone.db").execute("pragma journal_mode = wal")'
setsid keystone-wsgi-public --port 5000 >> /var/log/keystone.log 2>&1 < /dev/null &
until curl --silent --output /dev/null http://127.0.0.1:5000/v3; do
    kill -0 $!
    sleep 0.2
done
