"""``python -m ems.local.simulator``: serve SES and SNS on loopback."""

import argparse
import gc
import logging
import time
from dataclasses import fields

from ems.local.simulator.app import create_app
from ems.local.simulator.options import Options
from ems.local.simulator.rate import DailyQuota, Quotas, SendRate
from ems.local.simulator.server import serve
from ems.local.simulator.simulator import Simulator

HELP = {
    "port": "the port on 127.0.0.1",
    "rate": "MaxSendRate, recipients a second",
    "daily_quota": "Max24HourSend, recipients; -1 is unlimited",
    "open_rate": "share of the delivered HTML mails that are opened, 0 to 1",
    "click_rate": "share of the opened mails with a link in which it is clicked, 0 to 1",
    "event_seconds": "how long after acceptance the last of a mail's events comes, about",
    "seed": "makes opens and clicks repeatable",
    "kept_bodies": "how many of the newest mails keep their contents",
}


def main() -> None:
    """Parse the command line and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ems.local.simulator", description=__doc__)
    for field in fields(Options):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            help=f"{HELP[field.name]} (default: %(default)s)",
        )
    options = Options(**vars(parser.parse_args()))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    quotas = Quotas(SendRate(rate=options.rate, now=time.monotonic()), DailyQuota(limit=options.daily_quota))
    # Its mails stay. Whenever there are a quarter more of them the garbage collector would walk over all, and every
    # call wait for a tenth of a second; SES knows no such pause.
    gc.set_threshold(2_000, 10, 100_000)
    serve(create_app(Simulator(options, quotas=quotas)), port=options.port)


if __name__ == "__main__":
    main()
