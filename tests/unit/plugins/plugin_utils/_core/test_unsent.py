# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure

from ansible_collections.background.jobs.plugins.plugin_utils._core.unsent import is_unsent, told_by_ssh

BROKEN = AnsibleConnectionFailure("Data could not be sent to remote host 'w'. Make sure it can be reached over SSH.")
BROKEN.__context__ = BrokenPipeError()
FAILED = "Failed to connect to the host via ssh: "
REFUSED = "ssh: connect to host 10.0.0.1 port 22: Connection refused"


@pytest.mark.parametrize(
    "said",
    [
        REFUSED,
        f"{REFUSED}\r",
        "ssh: connect to host ::1 port 22: No route to host",
        "ssh: Could not resolve hostname web9: Name or service not known",
        "All access is logged.\nroot@10.0.0.1: Permission denied (publickey,password).",
        "jane@corp.example@10.0.0.1: Permission denied (gssapi-with-mic,publickey).",
        "No ED25519 host key is known for web1 and you have requested strict checking.\nHost key verification failed.",
        "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out",
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22",
        "kex_exchange_identification: No SSH version\nbanner exchange: Connection to x port 1: invalid format",
        f"{REFUSED}\nConnection closed by UNKNOWN port 65535",
        f"OpenSSH_9.2p1 Debian-2\ndebug1: Reading configuration\n{REFUSED}\ndebug2: fd 3 clearing",
    ],
)
def test_ssh_says_that_it_came_to_no_session(said: str) -> None:
    assert told_by_ssh(FAILED + said)
    assert told_by_ssh(f'Data could not be sent to remote host "w". Make sure it can be reached over ssh: {said}')


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Connection reset by peer",
        "Connection to 10.0.0.1 closed by remote host.",
        "client_loop: send disconnect: Broken pipe",
        "Connection reset by 10.0.0.1 port 22",
        "Shared connection to 10.0.0.1 closed.",
        "mux_client_request_session: read from master failed: Broken pipe",
        "bash: /etc/shadow: Permission denied",
        f"{REFUSED}\nclient_loop: send disconnect: Broken pipe",
        "Timeout, server 10.0.0.1 not responding.",
        "<error censored due to no log>",
    ],
)
def test_where_ssh_may_have_had_a_session_nothing_is_claimed(said: str) -> None:
    assert not told_by_ssh(FAILED + said)


class Connection:
    """A connection of ansible-core's, by this plugin."""

    def __init__(self, transport: str = "ssh", connected: bool = False, **options: t.Any) -> None:
        self.transport = transport
        self.connected = connected
        self.get_options: t.Callable[[], t.Any] = lambda: options


@pytest.mark.parametrize(
    ("connection", "failure", "unsent"),
    [
        (Connection(), AnsibleConnectionFailure(FAILED + REFUSED), True),
        (Connection(), AnsibleConnectionFailure(FAILED + "Connection reset by peer"), False),
        (Connection(), BROKEN, True),
        (Connection(reconnection_retries=1), BROKEN, False),
        (Connection(), AnsibleAuthenticationFailure("Invalid/incorrect password: x"), True),
        (Connection(reconnection_retries=0), AnsibleConnectionFailure(FAILED + REFUSED), True),
        (Connection(reconnection_retries=1), AnsibleConnectionFailure(FAILED + REFUSED), False),
        (Connection(reconnection_retries="1"), AnsibleAuthenticationFailure("Invalid/incorrect password: x"), False),
        (Connection("paramiko"), AnsibleConnectionFailure("[Errno None] Unable to connect"), True),
        (Connection("paramiko_ssh", connected=True), AnsibleConnectionFailure("Failed to open session"), False),
        (Connection("somewhere.else.ssh"), AnsibleConnectionFailure(FAILED + REFUSED), False),
    ],
)
def test_it_is_certain_for_connections_that_are_known_and_try_once(
    connection: Connection, failure: AnsibleConnectionFailure, unsent: bool
) -> None:
    assert is_unsent(connection, failure) is unsent
