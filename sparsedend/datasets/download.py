"""Data sets from where their authors published them."""

from __future__ import annotations

import sys
from pathlib import Path

from .. import files
from ..errors import InputError
from . import cache, store
from .catalogue import entry
from .originals import convert

#: Seconds without an answer after which a server counts as gone.
TIMEOUT = 30


def fetch(name: str, *, progress: bool | None = None) -> Path:
    """Download a data set's original files and convert them.

    Files that are already there with the right checksum are not downloaded again.

    Parameters
    ----------
    name : str
    progress : bool, optional
        Whether to show a progress bar; by default where standard error is a terminal.

    Returns
    -------
    Path
        The HDF5 file in the cache.

    Raises
    ------
    InputError
        Where the name is unknown, a download fails or is not the original, or the cache cannot be
        written.
    """
    import pooch
    import requests

    known = entry(name)
    if known.address is None:
        raise InputError(
            f"'{name}' cannot be downloaded: put its original files under a folder '{name}' and "
            "set SPARSEDEND_ORIGINALS to its parent"
        )
    folder = cache.folder() / "originals" / name
    show = sys.stderr.isatty() if progress is None else progress
    downloader = pooch.HTTPDownloader(progressbar=show, timeout=TIMEOUT)
    pooch.get_logger().setLevel("ERROR")
    for file, md5 in known.md5.items():
        address = known.address + file
        try:
            # pooch downloads to a temporary file and moves it when its checksum is right.
            pooch.retrieve(address, f"md5:{md5}", fname=file, path=folder, downloader=downloader)
        except ValueError as error:
            raise InputError(
                f"{address} is not the original file, its checksum differs: {_advice(name)}"
            ) from error
        except requests.RequestException as error:
            reason = str(error) if isinstance(error, requests.HTTPError) else type(error).__name__
            raise InputError(
                f"{address} cannot be downloaded ({reason}): {_advice(name)}"
            ) from error
        except OSError as error:
            raise InputError(
                f"the cache '{folder}' cannot be written ({files.reason(error)}): "
                "set SPARSEDEND_DATA to a folder that can"
            ) from error
    store.write(convert(name, folder), cache.stored(name))
    return cache.stored(name)


def _advice(name: str) -> str:
    return (
        "try again, or put the original files under a folder "
        f"'{name}' and set SPARSEDEND_ORIGINALS to its parent"
    )
