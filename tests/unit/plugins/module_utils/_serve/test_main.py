# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.batch import Batch, pack
from ansible_collections.background.jobs.plugins.module_utils._serve import main
from ansible_collections.background.jobs.tests.unit.helpers import Batches, Gates, python_job, serve


def refused(answer: wire.Answer) -> str:
    assert isinstance(answer, wire.Refusal)
    return answer.message


def test_a_version_that_is_not_known_is_answered_with_a_sentence(capfdbinary: t.Any) -> None:
    head, behind = wire.encode_request(wire.List("/nowhere"))
    main.main(head.replace(b'"version":1', b'"version":2'), behind)
    (line,) = filter(None, capfdbinary.readouterr().out.decode().splitlines())
    answer = wire.decode_answer(line[len(wire.MARK) :])[0]
    assert refused(answer) == "the request makes no sense: it is in version 2 of what we speak, and this is 1"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (wire.Launch("/proc/self/nowhere"), "cannot make the async directory /proc/self/nowhere"),
        (wire.Ask(["../x"], "status", wire.Question("/nowhere")), "'../x' is not a job id"),
        (wire.Cancel("/nowhere", None, "kill"), "no jobs were named"),
        (wire.Cancel("/nowhere", ["a/b"], "kill"), "'a/b' is not a job id"),
        (wire.List("/etc/passwd"), "the async directory /etc/passwd is not a directory"),
        (wire.Prune("/etc/passwd", 0), "the async directory /etc/passwd is not a directory"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_what_cannot_be_done_is_refused_with_its_cause(request_: wire.Request, why: str) -> None:
    assert refused(main.serve(request_)[0]).startswith(why)


def test_what_is_not_there_has_no_jobs_to_remove() -> None:
    assert main.serve(wire.Prune("/nowhere", 0))[0] == wire.Pruned([], [], [], None)


def test_jobs_go_their_way_from_one_request_to_the_next(batches: Batches, gates: Gates) -> None:
    """Each is served by a Python of its own, that has been sent nothing but what it needs."""
    directory = batches.directory
    jobs = [python_job("j1.0", 'print(\'{"rc": 0, "_ansible_new_secrets": ["swordfish"]}\')'), gates.job("j1.1")]
    batches._jids += ["j1.0", "j1.1"]
    question = wire.Question(directory, patience=600, known={"j1.0": "queued", "j1.1": "queued"}, last=False)
    started = serve(wire.Launch(directory, question, pack(Batch("j1", jobs))))
    assert isinstance(started, wire.Started) and started.statuses is not None
    assert [json.loads(told)["jid"] for told in started.records] == ["j1.0", "j1.1"]
    assert (started.async_dir, started.statuses.final, len(started.statuses.jobs)) == (directory, False, 2)
    batches.end("j1.0")
    listed = serve(wire.List(directory, names=["j1.0"]))
    assert isinstance(listed, wire.Listed)
    assert [(job["ansible_job_id"], job["state"]) for job in listed.jobs] == [("j1.0", "succeeded")]
    cancelled = serve(wire.Cancel(directory, ["j1.1"], "kill"))
    assert isinstance(cancelled, wire.Statuses) and json.loads(cancelled.jobs[0]["status"])["state"] == "cancelled"
    told = serve(wire.Ask(["j1.0", "j1.1"], "status", wire.Question(directory)))
    assert isinstance(told, wire.Statuses) and told.final
    assert json.loads(told.jobs[0]["result"])["rc"] == 0
    pruned = serve(wire.Prune(directory, 0, names=["j1.0"]))
    assert isinstance(pruned, wire.Pruned) and [job["name"] for job in pruned.jobs] == ["j1.0"]
    erased = serve(wire.Ask(["j1.1"], "cleanup", wire.Question(directory)))
    assert isinstance(erased, wire.Statuses) and erased.jobs[0]["survivors"] == []
    batches.supervisor_ends()
    assert os.listdir(directory) == []


def test_secrets_of_a_result_are_beside_the_answer(batches: Batches) -> None:
    result = '{"rc": 0, "_ansible_new_secrets": ["swordfish"]}'
    batches.launch(python_job("j1.0", f"print({result!r})"))
    batches.end("j1.0")
    answer, secrets = main.serve(wire.Ask(["j1.0"], "status", wire.Question(batches.directory)))
    assert list(secrets) == ["swordfish"]
    assert isinstance(answer, wire.Statuses) and "swordfish" not in str(answer)
