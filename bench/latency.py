"""A broker that is further away: a relay that holds every answer of SQS back for a round trip, and counts the calls.

It runs in a process of its own, so that it takes nothing from whoever is measured but a share of the machine.
"""

import asyncio
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self, cast

TARGET = b"AmazonSQS."
"""Before the name of the operation, in the header ``X-Amz-Target`` of each request."""


class FarBroker:
    """The broker at *port* of this machine, *milliseconds* away; between enter and exit ``url`` is where it answers."""

    def __init__(self, *, port: int, milliseconds: float) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, far_end = spawn.Pipe()
        self._process = spawn.Process(target=_relay, args=(far_end, port, milliseconds / 1000), daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._process.start()
        self.url = f"http://127.0.0.1:{self._pipe.recv()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def calls(self) -> Counter[str]:
        """Count the calls since the start, by operation."""
        self._pipe.send(None)
        return Counter(self._pipe.recv())


def _relay(pipe: Connection, port: int, seconds: float) -> None:
    asyncio.run(_serve(pipe, port, seconds))


async def _serve(pipe: Connection, port: int, seconds: float) -> None:
    calls: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(port, seconds, calls), "127.0.0.1", 0, backlog=512)

    def tell() -> None:
        pipe.recv()
        pipe.send(dict(calls))

    loop.add_reader(pipe.fileno(), tell)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Near(asyncio.Protocol):
    """The client's end of one connection."""

    def __init__(self, port: int, seconds: float, calls: Counter[str]) -> None:
        self._port = port
        self._seconds = seconds
        self._calls = calls
        self._early: list[bytes] = []
        self._client: asyncio.Transport | None = None
        self._broker: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = cast("asyncio.Transport", transport)
        self._opening = asyncio.ensure_future(self._open(self._client))

    async def _open(self, client: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            broker, _ = await loop.create_connection(lambda: _Far(client, self._seconds), "127.0.0.1", self._port)
        except OSError:
            client.abort()
            return
        self._broker = broker
        for data in self._early:
            broker.write(data)

    def data_received(self, data: bytes) -> None:
        _, target, operation = data.partition(TARGET)
        if target:
            self._calls[operation.partition(b"\r")[0].decode()] += 1
        if self._broker is None:
            self._early.append(data)
        else:
            self._broker.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._broker is not None:
            self._broker.close()


class _Far(asyncio.Protocol):
    """The broker's end of one connection."""

    def __init__(self, client: asyncio.Transport, seconds: float) -> None:
        self._client = client
        self._seconds = seconds
        self._held: deque[Callable[[], None]] = deque()

    def data_received(self, data: bytes) -> None:
        self._later(lambda: self._client.write(data))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._later(self._client.close)

    def _later(self, act: Callable[[], None]) -> None:
        # In a queue of its own, since timers of the same moment may fire in any order.
        self._held.append(act)
        asyncio.get_running_loop().call_later(self._seconds, self._act)

    def _act(self) -> None:
        self._held.popleft()()
