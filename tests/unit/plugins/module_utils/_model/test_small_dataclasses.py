# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import importlib
import typing as t

import pytest

from ansible_collections.background.jobs.plugins.module_utils._model import small_dataclasses as small
from ansible_collections.background.jobs.plugins.plugin_utils._core import program, sources

PARTS = sorted(set(program.parts(root for roots in program._ROOTS.values() for root in (*roots, program._RUNNING))))


def pairs(part: str) -> dict[str, tuple[t.Any, t.Any]]:
    """The dataclasses of a part, as Python makes them of its source, and as the program makes them of what is sent."""
    name = f"{sources.PACKAGE}.{part}"
    sent: dict[str, t.Any] = {"__name__": name}
    exec(compile(sources.sent(sources.source(part)), part, "exec", dont_inherit=True), sent)
    ours = {one: kind for one, kind in sent.items() if isinstance(kind, type) and kind.__module__ == name}
    module = importlib.import_module(name)
    theirs = {one: getattr(module, one) for one in ours}
    return {one: (kind, ours[one]) for one, kind in theirs.items() if dataclasses.is_dataclass(kind)}


PAIRS = {f"{part}.{name}": pair for part in PARTS for name, pair in pairs(part).items()}


def values(kind: t.Any) -> dict[str, t.Any]:
    """One for each field that needs one."""
    return {
        field.name: [field.name]
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }


def test_they_are_found() -> None:
    assert {"_model.record.Record", "_model.wire.Question", "_processes.procfs.Process"} <= {*PAIRS}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_sent_has_the_same_fields(name: str) -> None:
    theirs, ours = PAIRS[name]
    absent = {dataclasses.MISSING: "none", small.MISSING: "none"}
    known = [
        [
            (one.name, one.type, *(absent.get(each, each) for each in (one.default, one.default_factory)), one.compare)
            for one in fields
        ]
        for fields in (dataclasses.fields(theirs), small.fields(ours))
    ]
    assert known[0] == known[1]


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_sent_makes_the_same_objects(name: str) -> None:
    theirs, ours = PAIRS[name]
    given = values(theirs)
    one, same = theirs(**given), ours(**given)
    assert dataclasses.asdict(one) == small.asdict(same)
    assert vars(theirs(*given.values())) == vars(one) and vars(ours(*given.values())) == vars(same)
    last = dataclasses.fields(theirs)[-1].name
    assert dataclasses.asdict(dataclasses.replace(one, **{last: 7})) == small.asdict(small.replace(same, **{last: 7}))
    for made in (theirs, ours):
        assert made(**given) == made(**given) and made(**given) != given
        assert (made(**{**given, last: 7}) == made(**given)) is not dataclasses.fields(theirs)[-1].compare
        with pytest.raises(TypeError, match="unknown_to_all"):
            made(**given, unknown_to_all=1)
        for field in given:
            with pytest.raises(TypeError, match=field):
                made(**{key: value for key, value in given.items() if key != field})


def test_each_object_has_defaults_of_its_own() -> None:
    ours = PAIRS["_model.record.Record"][1]
    assert ours("j1.0", "a", "j1").earlier is not ours("j1.0", "a", "j1").earlier


def test_what_is_frozen_is_known_by_what_it_is_compared_by() -> None:
    pair = PAIRS["_processes.procfs.Process"]
    given = dict.fromkeys(values(pair[0]), 1)
    for made in pair:
        assert len({made(**given, image="a"), made(**given, image="b")}) == 1
        assert len({made(**given), made(**{**given, "pid": 2})}) == 2
    record = PAIRS["_model.record.Record"][1]
    with pytest.raises(TypeError, match="unhashable"):
        hash(record("j1.0", "a", "j1"))


def test_what_is_nested_is_taken_apart() -> None:
    for dummy, made in (PAIRS["_model.wire.Statuses"], PAIRS["_model.told.Output"]):
        assert small.fields(made)
    status, output = PAIRS["_model.told.Status"][1], PAIRS["_model.told.Output"][1]
    one = status("j1.0", "/a", "queued", record=output("x", 1), result={"a": [output("y", 2)]})
    told = small.asdict(one)
    assert told["record"] == {"text": "x", "next": 1, "left_out": 0}
    assert told["result"] == {"a": [{"text": "y", "next": 2, "left_out": 0}]}
