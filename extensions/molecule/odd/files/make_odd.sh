#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

# Users who see no more than a chroot without /proc: in the one are all programs of the host, in the other busybox
# alone, without its xargs, and the host's Python. And users with odd shells and homes.
set -e
[ ! -d /srv/busybox ] || exit 0
chroots=/srv/chrooted' '/srv/busybox
for root in $chroots; do
    mkdir -p $root/dev $root/proc $root/tmp $root/run $root/root $root/usr/bin $root/usr/lib $root/bin $root/etc
    chmod 1777 $root/tmp
    mknod -m 666 $root/dev/null c 1 3
    mknod -m 666 $root/dev/urandom c 1 9
done

cp -a /bin/. /srv/chrooted/bin
cp -a /lib /lib64 /usr /etc /srv/chrooted

cd /srv/busybox
cp -a /etc/passwd /etc/group /etc/nsswitch.conf etc
cp /bin/busybox bin
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s /bin/busybox "bin/$applet"
done
rm bin/xargs
cp -a /usr/bin/python3* usr/bin
cp -a /usr/lib/python3* usr/lib
{
    ldd /usr/bin/python3
    find /usr/lib/python3*/lib-dynload -name '*.so' -exec ldd {} +
} | grep -o '/[^ :]*[.]so[^ :]*' | sort -u | while read -r library; do
    mkdir -p ".${library%/*}"
    cp -L "$library" ".$library"
done

for user in chrooted busybox; do
    useradd --non-unique --uid 0 --gid 0 --home-dir /root --shell /bin/sh "$user"
    printf 'Match User %s\n  ChrootDirectory /srv/%s\n' "$user" "$user" >> /etc/ssh/sshd_config
done
for mask in open:000 closed:077; do
    user=${mask%:*}
    printf '#!/bin/sh\numask %s\nexec /bin/sh "$@"\n' "${mask#*:}" > "/bin/$user"
    chmod 755 "/bin/$user"
    useradd --create-home --shell "/bin/$user" "$user"
done
useradd --home-dir /nonexistent --shell /bin/sh homeless
kill -HUP 1
