"""An exception in a line that may be kept and shown: what, where, and no address."""

import traceback
from pathlib import Path

from ems.masking import masked

MESSAGE_SHOWN = 200
"""Characters of an exception's message that are kept."""

_PACKAGE = Path(__file__).parents[1]


def described(error: BaseException) -> str:
    """Return type and message of *error*, and the place in EMS's code that it came through last."""
    message = masked(str(error))[:MESSAGE_SHOWN]
    own = [
        f"{path.relative_to(_PACKAGE.parent)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(_PACKAGE)
    ]
    return f"{type(error).__name__}: {message}" + (f" ({own[-1]})" if own else "")
