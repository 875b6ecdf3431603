"""Serves ministack; run by the Python of its own environment (``python ems/local/emulator.py PORT``).

ministack's own command uses hypercorn, whose HTTP parser in pure Python takes two fifths of the emulator's time. The
Date header is left to ministack: uvicorn's can be a second old, and EMS measures its clock by it.
"""

import gc
import sys

import uvicorn

KEEP_ALIVE_SECONDS = 75
"""As in ministack's own command."""


def main() -> None:
    """Serve on loopback until SIGTERM."""
    # Its tables are millions of small objects that stay. Whenever there are a quarter more of them the collector would
    # walk over all, and every caller wait for a tenth of a second: AWS knows no such pause.
    gc.set_threshold(2_000, 10, 100_000)
    uvicorn.run(
        "ministack.app:app",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        date_header=False,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
