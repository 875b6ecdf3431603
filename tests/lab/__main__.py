"""``python -m lab``: run the scenarios, print the table, write JSON; exits 1 on any break."""

import argparse
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from lab.books import Result
from lab.catalog import scenarios
from lab.stand import Stand
from lab.trial import Trial

COLUMNS = ("accepted", "sent", "duplicates", "lost", "in doubt", "recovered in s", "ended in s")


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws where each fault strikes (default: %(default)s)")
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORDS", help="scenarios whose names hold WORDS")
    parser.add_argument("--list", action="store_true", help="name the scenarios and run none")
    parser.add_argument("--json", type=Path, default=Path(".var/faults.json"), help="(default: %(default)s)")
    arguments = parser.parse_args()
    chosen = [scenario for scenario in scenarios() if any(words in scenario.name for words in arguments.only)]
    if not chosen:
        parser.error(f"no scenario is called {' or '.join(arguments.only)}; --list names them")
    if arguments.list:
        print("\n".join(scenario.name for scenario in chosen))
        return
    signal.signal(signal.SIGTERM, _leave)
    results = []
    with tempfile.TemporaryDirectory(prefix="ems-lab-") as directory, Stand(Path(directory)) as stand:
        for scenario in chosen:
            results.append(Trial(stand, scenario, seed=arguments.seed).run())
            _tell(results[-1])
        twice = stand.ses.report()["duplicates"] - sum(result.chosen for result in results)
    _write(arguments.json, results, seed=arguments.seed, duplicates=twice)
    Console(width=130).print(_table(results, seed=arguments.seed))
    broken = [result.scenario for result in results if result.breaks]
    print(f"{len(results)} scenarios, {len(broken)} broken; in SES's log are {twice} duplicates that nobody chose")
    sys.exit(1 if broken or twice else 0)


def _tell(result: Result) -> None:
    """Show that it goes on; the table comes at the end."""
    print(f"{'BROKEN' if result.breaks else 'holds':<7}{result.scenario}", flush=True)
    for broken in result.breaks:
        print(f"       {broken}", flush=True)


def _table(results: list[Result], *, seed: int) -> Table:
    table = Table(title=f"make faults --seed {seed}")
    table.add_column("scenario")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for one in results:
        figures = (
            one.accepted,
            one.sent,
            one.duplicates,
            one.lost,
            one.in_doubt,
            one.recovered_seconds,
            one.ended_seconds,
        )
        verdict = "[red]BROKEN[/red]" if one.breaks else "holds"
        table.add_row(one.scenario, *("" if figure is None else f"{figure:,}" for figure in figures), verdict)
    return table


def _write(path: Path, results: list[Result], *, seed: int, duplicates: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"seed": seed, "duplicates_in_all": duplicates, "scenarios": [asdict(result) for result in results]}
    path.write_text(json.dumps(told, indent=1) + "\n")


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Let SIGTERM unwind the stack, so that everything that was started is stopped."""
    sys.exit(130)


if __name__ == "__main__":
    main()
