"""The one kind of error that is the caller's to mend."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line: what is wrong, with the value, where it stands, and what to do
    instead. Parameters that it names stand in backticks, as in Python: give ```resume=True```.
    The command line makes its options of them, prints the line without a traceback and ends with
    exit code 2.
    """


def suggestion(word: str, known: Iterable[str]) -> str:
    """``did you mean '…'? `` with the known word nearest to one that is not; empty if none is."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f"did you mean '{near[0]}'? " if near else ""
