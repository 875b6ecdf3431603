"""A clock that moves when it is told to."""


class Clock:
    """Call it for epoch seconds; ``sleep`` and ``advance`` move it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    sleep = advance
