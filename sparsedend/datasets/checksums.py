"""Original files, proved to be the published ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import InputError
from ..files import is_file


def checked(content: bytes, md5: str, where: str | Path) -> bytes:
    """Return the content if it has that MD5.

    Raises
    ------
    InputError
        Where its MD5 is another.
    """
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise InputError(f"'{where}' has MD5 {found}, the original {md5}: get it again")
    return content


def read_checked(folder: Path, md5: dict[str, str]) -> dict[str, bytes]:
    """Contents of the files of those names and checksums.

    Raises
    ------
    InputError
        Where one is missing or has another checksum.
    """
    missing = [name for name in md5 if not is_file(folder / name)]
    if missing:
        raise InputError(f"'{folder}' has no {', '.join(missing)}: put the original files there")
    return {
        name: checked((folder / name).read_bytes(), expected, folder / name)
        for name, expected in md5.items()
    }


def sha256(contents: dict[str, bytes]) -> dict[str, str]:
    """SHA-256 of each content."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
