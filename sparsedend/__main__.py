"""``python -m sparsedend`` is the command `sparsedend`."""

from .cli.main import main

main()
