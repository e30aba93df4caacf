# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The background.jobs contributors
"""A TCP proxy that adds round-trip time and counts bytes, and does nothing else: no limit of the bandwidth, no loss.

Every piece of data is passed on half a round trip after it came, in each direction. The server is connected to one and
a half round trips after the client, which is when a handshake over such a line would have ended there. Ends of
streams are data. Prints the port it listens on, and runs until it is ended. At each SIGUSR1 it prints how many bytes it
has passed on to the server and from it: what TCP carries, without the headers of packets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import Awaitable, Callable

HANDSHAKE = 1.5
"""Round trips until the server has a connection."""

CHUNK = 1 << 18

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Passed:
    """Bytes that were passed on.

    :ivar there: to the server.
    :ivar back: from the server.
    """

    there: int = 0
    back: int = 0

    def add_there(self, number: int) -> None:
        self.there += number

    def add_back(self, number: int) -> None:
        self.back += number


async def delay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, count: Callable[[int], None]
) -> None:
    """Copy a stream, each piece so many seconds late. What is on its way is not limited.

    :arg count: is told how many bytes each piece has.
    """
    loop = asyncio.get_running_loop()
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def receive() -> None:
        data = b"-"
        while data:
            try:
                data = await reader.read(CHUNK)
            except ConnectionError:
                data = b""
            line.put_nowait((loop.time() + seconds, data))

    receiving = asyncio.ensure_future(receive())
    try:
        while True:
            due, data = await line.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                break
            count(len(data))
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()  # the other direction ends with it
    finally:
        receiving.cancel()


def delayed(host: str, port: int, round_trip: float, passed: Passed) -> Handler:
    """What to do with a connection: pass it on to a server.

    :arg round_trip: seconds to add.
    :arg passed: where the bytes of all connections are counted.
    """

    serving = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(HANDSHAKE * round_trip)
        try:
            server_reader, server_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        half = round_trip / 2
        await asyncio.gather(
            delay(reader, server_writer, half, passed.add_there),
            delay(server_reader, writer, half, passed.add_back),
        )
        for end in (writer, server_writer):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Once the client has gone, nothing else refers to a task that still reads from the server.
        task = asyncio.ensure_future(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)
        await task

    return kept


def tell(passed: Passed) -> None:
    print(passed.there, passed.back, flush=True)


async def run(host: str, port: int, round_trip: float) -> None:
    passed = Passed()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell, passed)
    server = await asyncio.start_server(delayed(host, port, round_trip, passed), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Add round-trip time to TCP connections and count their bytes")
    parser.add_argument("host", help="of the server")
    parser.add_argument("port", type=int, help="of the server")
    parser.add_argument("milliseconds", type=float, help="round-trip time to add")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(arguments.host, arguments.port, arguments.milliseconds / 1000))


if __name__ == "__main__":
    main()
