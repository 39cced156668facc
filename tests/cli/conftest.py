import signal

import pytest

from sparsedend.cli.main import STOPS


@pytest.fixture(autouse=True)
def handlers():
    """What this process does when asked to end is pytest's, also after a command has run in it."""
    before = {number: signal.getsignal(number) for number in STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
