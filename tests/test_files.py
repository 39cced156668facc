import os
import signal
import stat

import pytest

from sparsedend.errors import InputError
from sparsedend.files import atomic_write


def test_the_new_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        temporary.write_bytes(b"half" * (1 // 0))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_waits_until_the_file_is_whole(tmp_path):
    path = tmp_path / "a"

    def interrupted_write():
        with atomic_write(path) as temporary:
            signal.raise_signal(signal.SIGINT)
            temporary.write_text("new")

    with pytest.raises(KeyboardInterrupt):
        interrupted_write()
    assert path.read_text() == "new"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_the_usual_ones(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_refuses_what_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="does not exist"), atomic_write(tmp_path / "b" / "a"):
        pass
    with pytest.raises(InputError, match="is a folder"), atomic_write(tmp_path):
        pass
