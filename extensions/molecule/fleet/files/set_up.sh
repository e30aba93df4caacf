#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# Give a host the software that the reference documents name. An argument says whether it is to be the balancer.
set -eu

serve() {
    if service "$1" status > /dev/null; then
        service "$1" reload > /dev/null
    else
        service "$1" start > /dev/null
    fi
}

# myapp, in four versions, and a package archive that holds nothing else.
mkdir -p /releases /opt/app /opt/build /var/log/fleet
mkdir -p -m 0700 ~/.ssh
cd /releases
for version in 1.0 2.0 3.0 4.0; do
    root=$(mktemp -d)
    mkdir -p "$root/DEBIAN" "$root/opt/myapp"
    echo "$version" > "$root/opt/myapp/version"
    cat > "$root/DEBIAN/control" <<END
Package: myapp
Version: $version
Architecture: all
Maintainer: Somebody <somebody@example.com>
Description: An application
END
    # The time tells which hosts were updated together.
    cat > "$root/DEBIAN/postinst" <<END
#!/bin/sh
[ "\$1" != configure ] || date '+%s.%N' > /var/log/fleet/myapp-$version
END
    chmod 0755 "$root" "$root/DEBIAN/postinst"
    dpkg-deb --build --root-owner-group "$root" /releases > /dev/null
    rm -r "$root"
    echo "version $version" > "app-v$version.txt"
done
dpkg-scanpackages --multiversion . > Packages 2> /dev/null
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/releases ./' > /etc/apt/sources.list.d/releases.list
apt-get update --quiet=2

# What builds a project, what keeps a processor busy, and a batch that never ends.
mkdir -p /opt/source /opt/batches
cat > /opt/source/main.c <<'END'
#include <stdio.h>

int main(void)
{
    puts(PROJECT);
    return 0;
}
END
cat > /opt/source/Makefile <<'END'
/opt/build/%: main.c
	$(CC) -O2 -Wall -DPROJECT='"$*"' -o $@ $<
END
cat > /opt/build.sh <<'END'
#!/bin/sh
# build.sh --project NAME
exec make -C /opt/source "/opt/build/$2"
END
cat > /opt/process_data.py <<'END'
#!/usr/bin/python3
# process_data.py --batch NUMBER
import hashlib, pathlib, sys

number = sys.argv[2]
digest = hashlib.pbkdf2_hmac("sha256", number.encode(), b"salt", 100000)
pathlib.Path("/opt/batches", number).write_text(digest.hex())
END
cat > /opt/intensive_process.sh <<'END'
#!/bin/sh
# intensive_process.sh NAME [HOST]: note when it begins and ends, which is not before HOST is through.
begin=$(date '+%s.%N')
head -c 30000000 /dev/zero | sha256sum > /dev/null
[ -z "$2" ] || curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors "http://$2:8080/through"
echo "$begin $(date '+%s.%N')" >> "/var/log/fleet/$1"
END
cat > /opt/run-batch.sh <<'END'
#!/bin/sh
exec nice sha256sum /dev/zero
END
chmod 0755 /opt/*.sh /opt/process_data.py

if [ "$1" = balancer ]; then
    # It balances the application servers, and pushes its data to the backup servers.
    mkdir -p /data
    cp -r /usr/share/perl5 /data/
    [ -e ~/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
    printf 'Host fleet-*\n    StrictHostKeyChecking accept-new\n    LogLevel ERROR\n' > ~/.ssh/config
    cat > /etc/haproxy/haproxy.cfg <<'END'
global
    stats socket /run/haproxy.sock mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend www
    bind 127.0.0.1:80
    default_backend app
backend app
    balance roundrobin
    server fleet-app1 fleet-app1:8080 check
    server fleet-app2 fleet-app2:8080 check
END
    for name in remove:maint add:ready; do
        cat > "/usr/local/bin/lb-${name%:*}" <<END
#!/usr/bin/python3
import socket, sys

with socket.socket(socket.AF_UNIX) as admin:
    admin.connect("/run/haproxy.sock")
    admin.sendall(f"set server app/{sys.argv[1]} state ${name#*:}\n".encode())
    sys.exit(admin.recv(1000).decode().strip() or None)
END
        chmod 0755 "/usr/local/bin/lb-${name%:*}"
    done
    serve haproxy
    cat ~/.ssh/id_ed25519.pub
else
    cat > /etc/nginx/sites-enabled/default <<'END'
server {
    listen 8080;
    root /opt/app;
    index app.txt;
    location = /health {
        return 200 ok;
    }
}
END
    # Beside the key of the tests it lets the balancer's in. The first setting of a kind counts.
    echo 'AuthorizedKeysFile /etc/ssh/authorized_keys .ssh/authorized_keys' > /etc/ssh/sshd_config.d/fleet.conf
    kill -HUP 1
    cp /releases/app-v1.0.txt /opt/app/app.txt
    serve nginx
fi
