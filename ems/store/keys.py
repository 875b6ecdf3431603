"""What can be a key."""

MAX_ID = 200
"""No id that EMS makes comes near; DynamoDB refuses keys from 2,048 bytes on."""


def is_id(text: str) -> bool:
    """Tell whether anything can have *text*, which somebody typed, as its id; asking DynamoDB would be an error."""
    return 0 < len(text) <= MAX_ID
