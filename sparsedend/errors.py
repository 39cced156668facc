"""The one kind of error that is the caller's to mend."""


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line: what is wrong, with the value, where it stands, and what to do
    instead. The command line prints it without a traceback and ends with exit code 2.
    """
