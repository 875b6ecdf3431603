"""A server that answers its connections as told, byte for byte, and counts them."""

import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Self

Answer = Callable[[socket.socket], None]

REQUEST_BYTES = 65_536


class ScriptedServer:
    """Listens on a free loopback port; each connection gets the answer. Use as a context manager."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = Event()
        self._thread = Thread(target=self._serve, daemon=True)
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with socket.create_connection(self._listener.getsockname()):
            pass  # wakes accept()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._stopping.is_set():
                    return
                self.connections += 1
                connection.recv(REQUEST_BYTES)
                self._answer(connection)


def answers(status: str, body: bytes, *, length: int | None = None) -> Answer:
    """Answer with *body*; a *length* beyond it cuts the connection in the middle of the body."""

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length or len(body)}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)

    return answer


def hangs_up(connection: socket.socket) -> None:
    """Close without a byte."""
    del connection


def says_nothing(connection: socket.socket) -> None:
    """Keep the line open until the client goes away."""
    connection.settimeout(10)
    connection.recv(1)
