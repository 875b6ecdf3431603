"""Transactions that outlast conflicts and lost answers."""

import random
import time
import uuid
from collections.abc import Callable

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from ems.errors import UnavailableError
from ems.store.failures import has_failed_condition, is_conflict, patiently, translated
from ems.store.tables import Tables

ATTEMPTS = 10


def transact(
    tables: Tables,
    doing: str,
    write: Callable[[TransactWrite], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Run a transaction, again on conflicts and on lost answers; False when a condition of it does not hold.

    All attempts carry one ClientRequestToken, so an attempt whose answer was lost is not applied twice (DynamoDB keeps
    the token for ten minutes).

    Raises:
        UnavailableError: DynamoDB cannot be reached; the transaction may or may not have been written.
    """
    token = str(uuid.uuid4())

    def attempt() -> None:
        with (
            translated(doing),
            TransactWrite(connection=tables.connection, client_request_token=token) as transaction,
        ):
            write(transaction)

    for conflicts in range(1, ATTEMPTS + 1):
        try:
            patiently(attempt, sleep=sleep)
        except TransactWriteError as error:
            if is_conflict(error):
                # An event of the same mail was being written: it takes milliseconds.
                sleep(random.uniform(0.002, 0.01) * conflicts)  # noqa: S311 - jitter
            elif has_failed_condition(error):
                return False
            else:
                raise
        else:
            return True
    raise UnavailableError("DynamoDB", "a transaction kept conflicting with others")
