"""Ids of the mails of a batch: they tell the batch and the place in its request, whoever wrote the row."""

INDEX_DIGITS = 6
"""Digits of a recipient's place in its batch: a request holds fewer than a million."""


def recipient_id(batch_id: str, index: int) -> str:
    """Name the mail to the recipient at *index* of a bulk request."""
    return f"{batch_id}-{index:0{INDEX_DIGITS}d}"


def split_recipient_id(email_id: str) -> tuple[str, int] | None:
    """Return (batch id, index) of a bulk recipient's mail; None for any other id."""
    batch_id, dash, index = email_id.rpartition("-")
    if not dash or len(index) != INDEX_DIGITS or not index.isdecimal():
        return None
    return batch_id, int(index)


def batch_of(email_id: str, recorded: str | None) -> str | None:
    """Return the batch of a mail: as its row says or, where only an event wrote the row, as its id does.

    None is a single mail.
    """
    parts = split_recipient_id(email_id)
    return recorded or (parts[0] if parts else None)
