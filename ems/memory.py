"""Keeps Python's garbage collector from stopping a process in the middle of its work."""

import gc


def settle() -> None:
    """Take everything that lives now out of the collector's sight; call it when a process is ready to work.

    A full collection walks over all objects while every thread waits. botocore's descriptions of AWS's services are
    hundreds of thousands of them: on two busy cores a sender stood still for 200 to 300 ms, missed its slots, and let
    the calls that it had under way meet at SES. What start-up made lives as long as the process, so nothing is lost by
    not looking at it again (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.collect()
    gc.freeze()
