# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that cannot be reached when jobs are to be started, with a real ssh."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import typing as t
from pathlib import Path

import pytest

Results = t.Dict[str, t.Dict[str, t.Any]]

SSH = """\
#!/bin/sh
for word; do case $word in -O) exit 0;; esac; done
echo x >> {trips}
{do}
"""
"""An ssh that counts its trips; the end of a connection is none."""
LATE = "cat > /dev/null; echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255"
DENIED = "echo 'You are being watched.' >&2; echo 'root@127.0.0.1: Permission denied (publickey).' >&2; exit 255"

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh")


@pytest.fixture(scope="module")
def results(play: t.Callable[..., Results], tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Results]:
    """All in one play. With each result comes the number of `trips` that ssh was started for."""
    directory = tmp_path_factory.mktemp("ssh")
    with contextlib.ExitStack() as stack:
        taken, silent = (stack.enter_context(socket.socket()) for dummy in range(2))
        for each in (taken, silent):
            each.bind(("127.0.0.1", 0))
        silent.listen()
        hosts: dict[str, dict[str, t.Any]] = {
            "refused": {"ansible_port": taken.getsockname()[1]},
            "unknown": {"ansible_host": "host.invalid"},
            "silent": {"ansible_port": silent.getsockname()[1], "ansible_timeout": 1},
            "denied": {"do": DENIED},
            "late": {"do": LATE},
        }
        tasks = {}
        for name, host in hosts.items():
            ssh = directory / name
            ssh.write_text(SSH.format(trips=f"{ssh}.trips", do=host.pop("do", 'exec ssh "$@"')), encoding="ascii")
            ssh.chmod(0o700)
            for entry in ("launch",) if name == "late" else ("launch", "run"):
                tasks[f"{name} {entry}"] = {
                    f"background.jobs.{entry}": {"jobs": [{"name": "a", "ansible.builtin.command": "true"}]},
                    "ignore_unreachable": True,
                    "vars": {
                        "ansible_connection": "ssh",
                        "ansible_host": "127.0.0.1",
                        "ansible_user": "root",
                        "ansible_ssh_executable": str(ssh),
                        "ansible_ssh_args": "-F none",
                        **host,
                    },
                }
        found = play(tasks)
        for name in hosts:
            found[name] = {"trips": len(Path(f"{directory / name}.trips").read_text(encoding="ascii").splitlines())}
        yield found


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("refused", "Connection refused"),
        ("unknown", "ssh: Could not resolve hostname host.invalid: "),
        ("silent", "Connection timed out during banner exchange"),
        ("denied", r"Permission denied \(publickey\)."),
    ],
)
@pytest.mark.parametrize("entry", ["launch", "run"])
def test_where_nothing_was_sent_that_is_said_at_once(results: Results, host: str, cause: str, entry: str) -> None:
    result = results[f"{host} {entry}"]
    assert result["unreachable"] is True
    assert "nothing was started on localhost: " in result["msg"]
    # ansible-core does not wait for the words of an ssh that ends while it is given something.
    assert re.search(f"{cause}|could not be sent to remote host", result["msg"])
    assert "results" not in result
    assert results[host]["trips"] == 2  # one for each of the tasks


def test_where_it_was_sent_the_host_is_asked_and_nothing_is_claimed(results: Results) -> None:
    result = results["late launch"]
    assert result["unreachable"] is True
    assert "it may have started jobs" in result["msg"]
    assert [each["job"]["name"] for each in result["results"]] == ["a"]
    assert results["late"]["trips"] > 2
