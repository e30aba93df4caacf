# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller asks of a host, and what the host answers: the types that both sides have, and how they travel.

PRIVATE to the collection background.jobs. Do not use this from other collections.

A request is a JSON object, `{"version": 1, "kind": "ask", "request": {...}}`, with the packed batch of a launch as
bytes behind it. An answer is one line of ASCII text: `MARK`, and a JSON object of the same form with `answer` and
perhaps `secrets` in it. What a job returned may be anything, also what ansible-core refuses to decode, so in an answer
each job's status is a text, and each of its results a text of its own: the controller decodes them one by one, and one
that cannot be costs no other.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.background.jobs.plugins.module_utils._model import fields as _fields

VERSION = 1
"""Of both. Whoever is asked in another one says so."""
MARK = "background.jobs answers "
"""What the line with the answer begins with; see `_serve.loader`."""


class WireError(Exception):
    """What came is no request, or no answer; the message is a clause."""


# Requests


@dataclasses.dataclass
class Question:
    """What is asked of jobs, beside which ones.

    `async_dir` is where to look for jobs that `results_files` has no path for. `selection` stands in place of jids: all
    jobs there of a `group`, and of these `names`. `patience`, `report` and `known` are those of `wait_for_jobs`.
    `last`: nobody asks again after `patience`, so tell the results of the jobs that are finished by then, even where
    others are not. `offsets`: tell what the jobs have printed, on from these bytes; `None`: tell nothing of it.
    `sharers`: as which of those who wait for a job this one asks, by jid: see `_store.shared`. `launch`: the name of a
    batch of which a launch may be under way; if it has not begun, it never will: see `_launcher.once`.
    """

    async_dir: str = "~/.ansible_async"
    results_files: dict[str, str] = dataclasses.field(default_factory=dict)
    patience: float = 0
    report: float = 0
    known: dict[str, str] = dataclasses.field(default_factory=dict)
    last: bool = True
    selection: dict[str, t.Any] | None = None
    sharers: dict[str, str] = dataclasses.field(default_factory=dict)
    launch: str | None = None
    offsets: dict[str, int] | None = None


@dataclasses.dataclass
class Launch:
    """Start the jobs of `batch`, which `_model.batch.pack` has made, and ask `question` of them, if there is one.

    `if_running` is what the batch says of running jobs, one of `_model.batch.IF_RUNNING`: what looks for them is sent
    only where it is needed. Answered by `Started`.
    """

    async_dir: str
    question: Question | None = None
    batch: bytes = dataclasses.field(default=b"", repr=False)
    if_running: str = "start"


@dataclasses.dataclass
class Ask:
    """Tell how jobs stand, or with the `mode` `cleanup` remove their files. `dry`: change nothing.

    Answered by `Statuses`.
    """

    jids: list[str]
    mode: str
    question: Question
    dry: bool = False


@dataclasses.dataclass
class Cancel:
    """End the `jobs` with these ids, or without ids those of `group` and `names`, `None` being any, and all only if
    they are to be `everything`.

    `mode` is that of `_cleanup.cancel.cancel_jobs`, and `dry`: change nothing. Answered by `Statuses`.
    """

    async_dir: str
    jobs: list[str] | None
    mode: str
    group: str | None = None
    names: list[str] | None = None
    everything: bool = False
    results_files: dict[str, str] = dataclasses.field(default_factory=dict)
    dry: bool = False


@dataclasses.dataclass
class List:
    """Tell which jobs there are, of `group`, `names` and `states`; `None` is any. Answered by `Listed`."""

    async_dir: str
    group: str | None = None
    names: list[str] | None = None
    states: list[str] | None = None


@dataclasses.dataclass
class Prune:
    """Remove the files of jobs that have ended `older_than` seconds ago. Answered by `Pruned`."""

    async_dir: str
    older_than: float
    group: str | None = None
    names: list[str] | None = None
    states: list[str] | None = None
    dry: bool = False


Request: t.TypeAlias = "Launch | Ask | Cancel | List | Prune"
_REQUESTS: dict[str, t.Any] = {"launch": Launch, "ask": Ask, "cancel": Cancel, "list": List, "prune": Prune}


def kind_of(request: Request) -> str:
    """:returns: what a request is called."""
    return next(kind for kind, its in _REQUESTS.items() if isinstance(request, its))


def encode_request(request: Request) -> tuple[bytes, bytes]:
    """:returns: a request on its way, and what travels behind it."""
    fields = dataclasses.asdict(request)
    batch = fields.pop("batch", b"")
    return _json({"version": VERSION, "kind": kind_of(request), "request": fields}), batch


def decode_request(head: bytes, behind: bytes) -> Request:
    """:returns: the request that `encode_request` has put on its way.

    :raises WireError: it is none.
    """
    kind, fields, dummy = _opened(head.decode("ascii", "replace"), "request")
    its = _REQUESTS.get(kind)
    if its is None:
        raise WireError(f"it asks for {kind!r}, which this version does not know")
    request: Request = _made(its, fields)
    if isinstance(request, Launch):
        request.batch = behind
    if isinstance(request, (Launch, Ask)) and isinstance(fields.get("question"), dict):
        request.question = _made(Question, fields["question"])
    return request


# Answers


@dataclasses.dataclass
class Statuses:
    """How jobs stand: `jobs`, each as `_reader.answer.tell_status` tells it, `user` has answered.

    `final` is whether nothing more will come. `output` is what they have printed, where that was asked for: the
    fields of `_model.told.Output` by jid.
    """

    jobs: list[dict[str, t.Any]]
    user: str
    final: bool = True
    output: dict[str, dict[str, t.Any]] | None = None


@dataclasses.dataclass
class Started:
    """The `records` of the jobs that were started, each as JSON, in the order of the batch, and `async_dir`, the
    absolute path of their directory. `statuses` is the answer to what was asked along.
    """

    records: list[str]
    async_dir: str
    statuses: Statuses | None = None


@dataclasses.dataclass
class Listed:
    """What there is in an async directory: the fields of `_model.told.Info` of `jobs`, for `user`.

    `elsewhere` is how many others are there that only another host can tell of.
    """

    jobs: list[dict[str, t.Any]]
    elsewhere: int
    user: str
    async_dir: str


@dataclasses.dataclass
class Pruned:
    """What was removed: `jobs`, and `files`, the paths of what belonged to no job.

    `kept` are jobs that were asked for and still have to stay; `message` of each says why. Both are the fields of
    `_model.told.Info`. `error` is why the work could not be finished.
    """

    jobs: list[dict[str, t.Any]]
    kept: list[dict[str, t.Any]]
    files: list[str]
    error: str | None


@dataclasses.dataclass
class Refusal:
    """Nothing was done; `message` says why."""

    message: str


Answer: t.TypeAlias = "Statuses | Started | Listed | Pruned | Refusal"
_ANSWERS: dict[str, t.Any] = {
    "statuses": Statuses,
    "started": Started,
    "listed": Listed,
    "pruned": Pruned,
    "refusal": Refusal,
}


def encode_answer(answer: Answer, secrets: t.Sequence[str] = ()) -> bytes:
    """:returns: an answer as one line, without its mark.

    :arg secrets: what ansible-core 2.22 has to mask from now on.
    """
    kind = next(kind for kind, its in _ANSWERS.items() if isinstance(answer, its))
    document: dict[str, t.Any] = {"version": VERSION, "kind": kind, "answer": _fields_of(answer)}
    if isinstance(answer, Started) and answer.statuses is not None:
        document["answer"]["statuses"] = _fields_of(answer.statuses)
    if secrets:
        document["secrets"] = list(secrets)
    return _json(document)


def decode_answer(text: str) -> tuple[Answer, list[str]]:
    """:returns: the answer that `encode_answer` has put on its way, with nothing in it looked at but the types of its
    fields, and secrets.

    :raises WireError: it is none.
    """
    kind, fields, document = _opened(text, "answer")
    its = _ANSWERS.get(kind)
    if its is None:
        raise WireError(f"its kind is {kind!r:.60}")
    answer: Answer = _made(its, _known(its, fields))
    if isinstance(answer, Started) and isinstance(fields.get("statuses"), dict):
        answer.statuses = _made(Statuses, _known(Statuses, fields["statuses"]))
    secrets: t.Any = document.get("secrets")
    is_list = isinstance(secrets, list) and all(isinstance(secret, str) for secret in secrets)
    return answer, secrets if is_list else []


def _opened(text: str, what: str) -> tuple[str, dict[str, t.Any], dict[str, t.Any]]:
    """:returns: the kind of a message, what it says, and all of it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise WireError(f"it is no JSON: {exc}") from None
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise WireError(f"it has no version: {text[:60]!r}")
    if document["version"] != VERSION:
        raise WireError(f"it is in version {document['version']} of what we speak, and this is {VERSION}")
    if not isinstance(document.get("kind"), str) or not isinstance(document.get(what), dict):
        raise WireError(f"it has no kind, or no {what}")
    return document["kind"], document[what], document


def _made(kind: t.Any, fields: dict[str, t.Any]) -> t.Any:
    """:raises WireError: the fields are not those of this kind."""
    known = {field.name: field for field in dataclasses.fields(kind)}
    clause = _fields.wrong(kind, fields)
    unknown = [name for name in fields if name not in known]
    absent = [
        name
        for name, field in known.items()
        if name not in fields and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if unknown:
        clause = f"it has {unknown[0]!r:.60}, which this version does not know"
    elif absent:
        clause = f"it has no {absent[0]}"
    if clause is not None:
        raise WireError(clause)
    return kind(**fields)


def _known(kind: t.Any, fields: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """:returns: those of the fields that this kind has: nobody asks for the others."""
    return {field.name: fields[field.name] for field in dataclasses.fields(kind) if field.name in fields}


def _fields_of(value: t.Any) -> dict[str, t.Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _json(document: t.Mapping[str, t.Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode("ascii")
