"""The line in DynamoDB: every change is one conditional UpdateItem on one item of ``email-rate``.

A lease in the common case is one request. Appending to a busy line (``next_at = next_at + cost``) does not name the
value it read, so processes do not collide as long as rate and quota stay the same; what they need to have seen is in
the condition. A refused condition answers with the item
(``ReturnValuesOnConditionCheckFailure=ALL_OLD``), so the next decision needs no read.

A request whose outcome is unknown may be sent again: it then books a second slot, and the first is lost. A slot lost
is a moment of the line unused; no slot is ever handed out twice.
"""

from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ems.errors import UnavailableError
from ems.settings import USER_AGENT, Settings
from ems.store.rate_item import (
    REVISED,
    SCALARS,
    Booked,
    Booking,
    Item,
    Line,
    Refused,
    number,
    parse_line,
    used_name,
    wire,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEY = {"account": {"S": "ses"}}


def connect(settings: Settings) -> "DynamoDBClient":
    """Build the client for leases: short timeouts, because a late answer is a missed slot anyway."""
    config = Config(
        user_agent=USER_AGENT,
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=16,
        parameter_validation=False,  # a lease is on the path of every mail, and its shape is fixed
    )
    return boto3.Session().client("dynamodb", region_name=settings.aws_region, config=config)


class DynamoRateStore:
    """The line of one account. Safe to share between threads.

    Every method raises :class:`ems.errors.UnavailableError` when DynamoDB cannot be reached or refuses, and its kind
    :class:`ems.store.rate_item.MalformedLineError` when the item is not a line.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> Line | None:
        """Read the line, strongly consistent; None when no process has used it yet."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=KEY, ConsistentRead=True)
        except (BotoCoreError, ClientError) as error:
            raise _unavailable(error) from error
        item = answer.get("Item")
        return parse_line(item) if item else None

    def book(self, booking: Booking) -> Booked | Refused:
        """Move the line if everything that the booking was computed from still holds."""
        update, condition = _update_expression(booking), " AND ".join(_conditions(booking))
        outcome = self._update(
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=_values(booking, f"{update} {condition}"),
        )
        if isinstance(outcome, Refused):
            return outcome
        return Booked(outcome.next_at - booking.cost, outcome)

    def revise(self, line: Line) -> Line | Refused:
        """Store the rate, quota and penalty of *line*, unless they changed since *line* was read."""
        values = {f":{name}": wire(getattr(line, name)) for name in REVISED}
        return self._update(
            UpdateExpression=f"SET revision = :next, {', '.join(f'{name} = :{name}' for name in REVISED)}",
            ConditionExpression="revision = :seen",
            ExpressionAttributeValues=values | {":seen": number(line.revision), ":next": number(line.revision + 1)},
        )

    def claim_refresh(self, *, now: int, every: int) -> Line | None:
        """Claim the reading of the account, at most once in *every* microseconds among all processes.

        Creates the line when there is none. Returns the line as it stands at the claim, or None when another process
        claimed it already.
        """
        fresh = Line()
        kept = [f"{name} = if_not_exists({name}, :{name})" for name in SCALARS if name != "refresh_at"]
        values = {f":{name}": number(getattr(fresh, name)) for name in SCALARS if name != "refresh_at"}
        outcome = self._update(
            UpdateExpression=f"SET refresh_at = :now, {', '.join(kept)}",
            ConditionExpression="attribute_not_exists(refresh_at) OR refresh_at <= :due",
            ExpressionAttributeValues=values | {":now": number(now), ":due": number(now - every)},
        )
        return None if isinstance(outcome, Refused) else outcome

    def _update(self, **request: Any) -> Line | Refused:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=KEY,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            held = cast("Item | None", error.response.get("Item"))
            return Refused(parse_line(held) if held else None)
        except (BotoCoreError, ClientError) as error:
            raise _unavailable(error) from error
        return parse_line(answer["Attributes"])


def _unavailable(error: BotoCoreError | ClientError) -> UnavailableError:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ResourceNotFoundException":
        return UnavailableError("DynamoDB", "the table email-rate is missing; has `ems provision` run?")
    return UnavailableError("DynamoDB", f"the send rate cannot be read or moved: {error}")


def _update_expression(booking: Booking) -> str:
    start = ":now" if booking.idle else "next_at"
    moves = [f"next_at = {start} + :cost", "granted = granted + :recipients"]
    if booking.gap is not None:
        moves.append(f"bulk_at = {start} + :gap")
    update = f"SET {', '.join(moves)} ADD {used_name(booking.second)} :recipients"
    if booking.forgotten:
        update += f" REMOVE {', '.join(used_name(second) for second in booking.forgotten)}"
    return update


def _conditions(booking: Booking) -> list[str]:
    start = ":now" if booking.idle else "next_at"
    conditions = ["revision = :revision"]
    conditions.append("next_at < :now" if booking.idle else "next_at BETWEEN :now AND :latest")
    if booking.granted_at_most is not None:
        conditions.append("granted <= :granted_at_most")
    if booking.gap is not None:
        conditions.append(f"bulk_at <= {start}")
    return conditions


def _values(booking: Booking, expressions: str) -> dict[str, dict[str, str]]:
    """Keep the values that the expressions name: DynamoDB refuses a value that is not used."""
    named = {word.strip(",") for word in expressions.split() if word.startswith(":")}
    known = {
        ":now": booking.now,
        ":latest": booking.latest,
        ":cost": booking.cost,
        ":recipients": booking.recipients,
        ":revision": booking.revision,
        ":granted_at_most": booking.granted_at_most,
        ":gap": booking.gap,
    }
    return {name: number(value) for name, value in known.items() if name in named and value is not None}
