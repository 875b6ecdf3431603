"""``python -m ems.cli``."""

from ems.cli import main

main(prog_name="ems")
