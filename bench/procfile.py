"""The commands of the Procfile, for the processes that a benchmark starts by itself."""

from pathlib import Path

PROCFILE = Path(__file__).parents[1] / "Procfile"


def command_of(name: str) -> str:
    """Return the command of line *name*, in place of its shell so that a signal reaches it."""
    lines = (line.partition(": ") for line in PROCFILE.read_text().splitlines())
    return "exec " + next(command for one, _, command in lines if one == name)
