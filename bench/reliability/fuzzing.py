"""One fuzzer in a process of its own: ``python -m bench.reliability.fuzzing PARSER [OPTIONS]``.

The options are libFuzzer's.
"""

from __future__ import annotations

import sys

#: Modules whose branches lead it: ours, and what reads a grid's and an array's text.
LEADING = ["sparsedend", "tomllib", "numpy.lib"]


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=LEADING):
        from sparsedend import InputError, datasets

        from .parsers import PARSERS

    def offline(name: str) -> None:
        raise InputError(f"'{name}' is not downloaded here")

    datasets.fetch = offline
    parse = PARSERS[sys.argv[1]].parse

    def once(content: bytes) -> None:
        try:
            parse(content)
        except InputError as error:
            if "\n" in str(error):
                raise

    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
