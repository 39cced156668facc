"""The one kind of error that is the caller's to mend."""

import difflib
import re
from collections.abc import Iterable

#: Characters that begin another line, or move the cursor of a terminal.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Characters of a message: what a file says at length is cut in its middle.
LONGEST = 2000


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line, whatever names are in it: what is wrong, with the value, where it
    stands, and what to do instead. Parameters that it names stand in backticks, as in Python: give
    ```resume=True```. The command line makes its options of them, prints the line without a
    traceback and ends with exit code 2.
    """

    def __init__(self, message: object) -> None:
        text = str(message)
        half = LONGEST // 2
        super().__init__(
            one_line(text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}")
        )


def one_line(text: str) -> str:
    """The text with every character shown that begins a line or moves the cursor of a terminal."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean '…'? `` with the known word nearest to one that is not; empty if none is."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"did you mean '{near[0]}'? " if near else ""
