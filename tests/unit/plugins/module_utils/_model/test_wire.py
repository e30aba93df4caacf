# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.background.jobs.plugins.module_utils._model import wire
from ansible_collections.background.jobs.plugins.module_utils._model.wire import (
    Ask,
    Cancel,
    Launch,
    Listed,
    Pruned,
    Question,
    Refusal,
    Started,
    Statuses,
    WireError,
)

QUESTION = Question("/a", {"j1.0": "/a/j1.0"}, 5, 1.5, {"j1.0": "running"}, False, {"group": "g"}, {}, "j1", {"j1": 0})
REQUESTS: list[wire.Request] = [
    Launch("/a", None, b"\0\n\xff"),
    Launch("/\u00e4", QUESTION, b""),
    Ask(["j1.0"], "status", QUESTION, True),
    Cancel("/a", None, "kill", "g", ["a", "b"]),
    Cancel("/a", ["j1.0"], "drain", results_files={"j1.0": "/b/j1.0"}, dry=True),
    wire.List("/a", "g", ["n"], ["lost"]),
    wire.Prune("/a", 1.5, dry=True),
]
ANSWERS: list[wire.Answer] = [
    Statuses([{"jid": "j1.0"}], "root", False, {"j1.0": {"text": ""}}),
    Started(["{}"], "/a"),
    Started([], "/a", Statuses([], "root")),
    Listed([{}], 1, "root", "/a"),
    Pruned([], [{}], ["/a/b"], None),
    Refusal("no room \u20ac \udcff\n"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=wire.kind_of)
def test_a_request_arrives_as_it_was(request_: wire.Request) -> None:
    head, behind = wire.encode_request(request_)
    assert head.isascii() and b"\n" not in head
    assert wire.decode_request(head, behind) == request_


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_an_answer_arrives_as_it_was(answer: wire.Answer) -> None:
    for secrets in ([], ["swordfish"]):
        line = wire.encode_answer(answer, secrets)
        assert line.isascii() and b"\n" not in line
        assert wire.decode_answer(line.decode()) == (answer, secrets)


def message(**changes: t.Any) -> bytes:
    return json.dumps({"version": 1, "kind": "list", "request": {"async_dir": "/a"}, **changes}).encode()


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"{", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[]", "it has no version"),
        (message(version="1"), "it has no version"),
        (message(version=2), "it is in version 2 of what we speak, and this is 1"),
        (message(kind="adjust"), "it asks for 'adjust', which this version does not know"),
        (message(kind=[]), "it has no kind, or no request"),
        (message(request=5), "it has no kind, or no request"),
        (message(request={}), "it has no async_dir"),
        (message(request={"async_dir": 5}), "async_dir is 5, not a text"),
        (message(request={"async_dir": "/a", "colour": 1}), "it has 'colour', which this version does not know"),
        (message(kind="launch", request={"async_dir": "/a", "batch": "x"}), "batch is 'x'"),
        (message(kind="launch", request={"async_dir": "/a", "question": {"patience": "x"}}), "patience is 'x'"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "",
)
def test_what_is_no_request_is_refused(head: bytes, why: str) -> None:
    with pytest.raises(WireError) as caught:
        wire.decode_request(head, b"")
    assert why in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(ANSWERS), st.data())
def test_an_answer_with_anything_in_it_is_one_or_refused(answer: wire.Answer, data: st.DataObject) -> None:
    document = json.loads(wire.encode_answer(answer))
    place = data.draw(st.sampled_from([document, document["answer"]]))
    place[data.draw(st.sampled_from(sorted(place)) | st.text())] = data.draw(VALUES)
    try:
        wire.decode_answer(json.dumps(document))
    except WireError as exc:
        assert str(exc)
