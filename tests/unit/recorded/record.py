# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""Record what a release puts on a host and on the wire, for `tests/unit/faults/test_releases.py`.

`PYTHONPATH=.cache/tree python3 tests/unit/recorded/record.py 1.0.0` writes the file of that name here. A release that
is published is never recorded again; one that is not yet may be, as long as nobody has it. In the file are:

- `program`: the program with all of its parts, as it travels, without a request behind it; base64.
- `batch`: the batch of a launch, as it travels; base64. Its jobs are shell scripts; the first waits for a file `$GATE`.
- `requests`: a request of each kind, as it travels. The async directory is `@DIRECTORY@`.
- `answers`: what the program has answered to these, one after the other, as the line behind its mark.
- `statuses`: a status file of each state that one can have, as the supervisor has written it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ansible_collections.background.jobs.plugins.module_utils._model import batch, wire
from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources

DIRECTORY = "@DIRECTORY@"
JIDS = [f"j12345.{number}" for number in range(6)]
SCRIPTS = {
    "succeeded": 'while ! [ -e "$GATE" ]; do sleep 0.05; done; echo \'{"changed": true, "rc": 0, "started": "yes"}\'',
    "failed": 'echo \'{"rc": 3, "stderr": "no", "msg": "non-zero return code"}\'',
    "timed_out": "sleep 600",
    "cancelled": "sleep 600",
    "skipped": "echo '{}'",
    "queued": "echo '{}'",
}


def jobs() -> list[batch.Job]:
    """A job for each state. That which stays queued waits for the first one."""
    made = []
    for jid, (name, script) in zip(JIDS, SCRIPTS.items()):
        step = batch.Step("shell", script.encode("ascii"), ["/bin/sh"], style=batch.FILE, arguments=b"{}")
        job = batch.Job(jid, name, [step], kill_after=1, conditions={"changed_when": ["rc == 0"]})
        job.timeout = 1 if name == "timed_out" else 3600
        job.after = {"skipped": [JIDS[1]], "queued": [JIDS[0]]}.get(name, [])
        made.append(job)
    return made


def requests() -> dict[str, wire.Request]:
    question = wire.Question(DIRECTORY, patience=0)
    return {
        "launch": wire.Launch(DIRECTORY),
        "ask": wire.Ask(JIDS, "status", question),
        "cancel": wire.Cancel(DIRECTORY, [JIDS[3]], "kill"),
        "list": wire.List(DIRECTORY, group="nightly"),
        "prune": wire.Prune(DIRECTORY, 0),
    }


def ask(sent: bytes, request: str, behind: bytes, directory: str) -> str:
    """:returns: the answer of a program to a request, behind its mark."""
    head = request.replace(DIRECTORY, directory).encode("ascii")
    data = sent + b"".join(b"%d\n%s" % (len(each), each) for each in (head, behind))
    command = [sys.executable, *program.OPTIONS, program.LINE]
    environment = {**os.environ, "GATE": f"{directory}.gate"}
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True, env=environment)
    lines = [line for line in done.stdout.decode("ascii").splitlines() if line.startswith(wire.MARK)]
    return lines[-1][len(wire.MARK) :]


def states(directory: str) -> dict[str, str]:
    """:returns: the state of each job, as its status file has it."""
    return {jid: json.loads(Path(directory, jid).read_text("ascii"))["background_jobs"]["state"] for jid in JIDS}


def until(directory: str, *there: str) -> None:
    """Wait until these states are there, and those that a job must pass on its way are over."""
    while not set(there) <= set(states(directory).values()):
        time.sleep(0.05)


def anywhere(text: str, directory: str) -> str:
    """:returns: what a host has told, without its name."""
    for quote in ('"', '\\"'):
        text = text.replace(f"{quote}{os.uname().nodename}{quote}", f"{quote}web1{quote}")
    return text.replace(directory, DIRECTORY)


def main(release: str) -> None:
    roots = [root for each in program._ROOTS.values() for root in each]
    sent = program._pack(program.parts([*roots, program._RUNNING]), sources.source)
    packed = batch.pack(batch.Batch(JIDS[0].partition(".")[0], jobs(), group="nightly"))
    asked = {kind: wire.encode_request(request)[0].decode("ascii") for kind, request in requests().items()}
    answers: dict[str, str] = {}
    statuses: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        directory = f"{temporary}/async"
        answers["launch"] = ask(sent, asked["launch"], packed, directory)
        until(directory, "running", "failed", "timed_out", "skipped", "queued")
        answers["cancel"] = ask(sent, asked["cancel"], b"", directory)
        until(directory, "cancelled")
        for jid, state in states(directory).items():
            statuses[state] = Path(directory, jid).read_text("ascii")
        answers["ask"] = ask(sent, asked["ask"], b"", directory)
        answers["list"] = ask(sent, asked["list"], b"", directory)
        Path(f"{directory}.gate").touch()
        while {"queued", "running"} & set(states(directory).values()):
            time.sleep(0.05)
        statuses["succeeded"] = Path(directory, JIDS[0]).read_text("ascii")
        answers["prune"] = ask(sent, asked["prune"], b"", directory)
    recorded = {
        "program": base64.b64encode(sent).decode("ascii"),
        "batch": base64.b64encode(packed).decode("ascii"),
        "requests": asked,
        "answers": {kind: anywhere(text, directory) for kind, text in answers.items()},
        "statuses": {state: anywhere(text, directory) for state, text in statuses.items()},
    }
    text = json.dumps(recorded, indent=2)
    Path(__file__).with_name(f"{release}.json").write_text(f"{text}\n", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
