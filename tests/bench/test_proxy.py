# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors

from __future__ import annotations

import asyncio
import time

from proxy import HANDSHAKE, Passed, delayed

ROUND_TRIP = 0.05
# Long after a stream that does not end has been given up.
PATIENCE = 30


async def through_proxy(data: bytes, round_trip: float, passed: Passed) -> tuple[bytes, float]:
    """What a server that sends everything back twice answers, and the seconds from connecting to its last byte."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = await reader.read()
        writer.write(whole)
        writer.write(whole)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = await asyncio.start_server(delayed("127.0.0.1", port(server), round_trip, passed), "127.0.0.1", 0)
    begin = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port(proxy))
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    seconds = time.monotonic() - begin
    writer.close()
    for listening in (proxy, server):
        listening.close()
    return answer, seconds


def port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def test_it_passes_on_everything_in_order_and_the_end_of_a_stream() -> None:
    data = b"".join(b"%d " % number for number in range(200_000))
    passed = Passed()
    answer, dummy = asyncio.run(through_proxy(data, 0, passed))
    assert answer == data * 2
    assert passed == Passed(there=len(data), back=len(data) * 2)


def test_a_handshake_and_an_answer_are_late() -> None:
    answer, seconds = asyncio.run(through_proxy(b"hello", ROUND_TRIP, Passed()))
    assert answer == b"hello" * 2
    # What the client sends first is on its way while the server is connected to.
    assert seconds >= (HANDSHAKE + 0.5) * ROUND_TRIP


def test_a_server_that_does_not_listen_ends_the_connection() -> None:
    async def connect() -> bytes:
        unused = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        number = port(unused)
        unused.close()
        await unused.wait_closed()
        proxy = await asyncio.start_server(delayed("127.0.0.1", number, 0, Passed()), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port(proxy))
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        proxy.close()
        return answer

    assert asyncio.run(connect()) == b""
