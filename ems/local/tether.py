"""Run a command that dies with its parent: ``python tether.py PARENT_PID COMMAND [ARGUMENT ...]``.

A stand-alone script, because the alternative (``preexec_fn``) is unsafe in a parent that has threads. The death signal
survives ``exec``, so what runs in the end is the command itself, under the same process id. Linux only (``prctl(2)``);
elsewhere the command starts untied and ends when its parent stops it in order.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        if os.getppid() != int(parent):  # it died before the tie was made
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the command is the launcher's own, and no shell is wanted


if __name__ == "__main__":
    main()
