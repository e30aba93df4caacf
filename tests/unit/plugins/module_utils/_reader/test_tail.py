# Copyright (c) 2026, The background.jobs contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from ansible_collections.background.jobs.plugins.module_utils._reader.tail import Tails, read_output
from ansible_collections.background.jobs.plugins.module_utils._store.directory import prepare_directory
from ansible_collections.background.jobs.plugins.module_utils._store.store import Store

JID = "j1.0"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(prepare_directory(str(tmp_path / "async")))


def log(store: Store, data: bytes) -> None:
    Path(f"{store.directory}/{JID}.log").write_bytes(data)


def told(store: Store, offset: int = 0, to_the_end: bool = False, limit: int = 1000) -> tuple[bytes, int, int] | None:
    output = read_output(store, JID, offset, to_the_end, limit)
    return None if output is None else (base64.b64decode(output.text), output.next, output.left_out)


@pytest.mark.parametrize(
    ("data", "offset", "to_the_end", "expected"),
    [
        (b"", 0, True, None),
        (b"one\n", 0, False, (b"one\n", 4, 0)),
        (b"one\ntw", 0, False, (b"one\n", 4, 0)),
        (b"one\ntw", 4, False, None),
        (b"one\ntw", 4, True, (b"tw", 6, 0)),
        (b"one\ntwo\n", 4, False, (b"two\n", 8, 0)),
        (b"10%\r20%\r3", 0, False, (b"10%\r20%\r", 8, 0)),
        (b"one\r", 0, False, None),  # "\\n" may come
        (b"one\n", 4, True, None),
        (b"one\n", 99, True, None),
    ],
)
def test_whole_lines_are_told_and_the_rest_at_the_end(
    store: Store, data: bytes, offset: int, to_the_end: bool, expected: tuple[bytes, int, int] | None
) -> None:
    log(store, data)
    assert told(store, offset, to_the_end) == expected


def test_of_too_much_the_newest_lines_are_told_and_the_rest_is_counted(store: Store) -> None:
    data = b"".join(b"line %03d\n" % number for number in range(100))
    log(store, data)
    text, end, left_out = told(store, offset=18, limit=95) or (b"", 0, 0)
    assert text == data[-90:] and end == 900 and left_out == 900 - 18 - 90


def test_a_line_without_end_is_told_in_pieces_of_whole_characters(store: Store) -> None:
    data = "ä".encode() * 600
    log(store, data)
    text, end, left_out = told(store, limit=101) or (b"", 0, 0)
    assert left_out + len(text) == end
    text.decode("utf-8", "strict") if left_out % 2 == 0 else text[1:].decode("utf-8", "strict")


def test_nothing_is_lost_or_told_twice_however_it_is_cut(store: Store) -> None:
    data = "".join(f"{number} äöü€\n" for number in range(200)).encode()
    seen, offset = b"", 0
    for size in [*range(0, len(data), 7), len(data)]:
        log(store, data[:size])
        new = told(store, offset)
        if new is not None:
            assert new[2] == 0
            seen, offset = seen + new[0], new[1]
    assert seen == data and offset == len(data)


def test_a_link_or_a_fifo_is_not_read(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"secret\n")
    os.symlink(tmp_path / "other", f"{store.directory}/{JID}.log")
    assert told(store) is None
    os.unlink(f"{store.directory}/{JID}.log")
    os.mkfifo(f"{store.directory}/{JID}.log")
    assert told(store) is None


def test_news_is_another_whole_line(store: Store) -> None:
    log(store, b"one\n")
    tails = Tails([(store, JID), (store, "j1.1")], {JID: 4})
    assert not tails.has_news()
    log(store, b"one\ntw")
    assert not tails.has_news()
    log(store, b"one\ntwo\n")
    assert tails.has_news()
    assert {jid: output.next for jid, output in tails.read(()).items()} == {JID: 8}


def test_what_ends_without_a_newline_is_told_at_the_end(store: Store) -> None:
    log(store, b"end")
    tails = Tails([(store, JID)], {})
    assert not tails.has_news() and tails.read(()) == {}
    assert tails.read({JID})[JID].next == 3
