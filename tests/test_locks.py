"""Locks of files; those of the system belong to an open file, so one process is enough to test."""

import errno
import os
import sys

import pytest

from sparsedend.errors import InputError
from sparsedend.locks import locked

fcntl = pytest.importorskip("fcntl")
posix = pytest.mark.skipif(os.name != "posix", reason="links of POSIX")


def test_one_at_a_time(tmp_path):
    path = tmp_path / "a"
    for _ in range(2):
        with locked(path):
            assert not path.exists()
            with pytest.raises(InputError, match=r"'.*a' is being written by another process"):
                locked(path).__enter__()
            with locked(tmp_path / "b"):
                pass
        assert list(tmp_path.iterdir()) == [], "no lock is left behind"


def test_an_error_frees_it(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
        raise ZeroDivisionError
    with locked(tmp_path / "a"):
        pass


def test_a_lock_that_cannot_be_removed_keeps_nobody_out(tmp_path, monkeypatch):
    """On a disk that is gone, the error of the work is the one that is told."""

    def gone(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def work(name):
        with monkeypatch.context() as patch, locked(tmp_path / "a"):
            patch.setattr(os, name, gone)
            raise ZeroDivisionError

    for name in ("unlink", "stat"):
        with pytest.raises(ZeroDivisionError):
            work(name)
        with locked(tmp_path / "a"):
            pass
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_link_and_its_target_are_one(tmp_path):
    (tmp_path / "link").symlink_to("a")
    with locked(tmp_path / "a"), pytest.raises(InputError, match=r"'.*link' is being written"):
        locked(tmp_path / "link").__enter__()


def test_long_names_have_locks_of_their_own(tmp_path):
    with locked(tmp_path / ("a" * 250)):
        with pytest.raises(InputError, match="is being written"):
            locked(tmp_path / ("a" * 250)).__enter__()
        with locked(tmp_path / ("a" * 249 + "b")), locked(tmp_path / ("a" * 240)):
            pass
    with pytest.raises(InputError, match="cannot be looked up"):
        locked(tmp_path / ("a" * 256)).__enter__()


def test_a_lock_that_its_owner_removed_meanwhile_keeps_nobody_out(tmp_path, monkeypatch):
    """Another process ends, and a third one starts, between our opening and our locking."""
    real = fcntl.flock
    third = []

    def late(file, operation):
        if not third:
            (lock,) = tmp_path.iterdir()
            lock.unlink()
            third.append(open(lock, "w"))  # noqa: SIM115  # Held beyond this call.
            real(third[0], fcntl.LOCK_EX)
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(InputError, match="is being written"):
        locked(tmp_path / "a").__enter__()
    third[0].close()
    (lock,) = tmp_path.iterdir()
    with locked(tmp_path / "a"):
        assert [path.name for path in tmp_path.iterdir()] == [lock.name]


def test_a_lock_that_was_removed_is_made_again(tmp_path, monkeypatch):
    real = fcntl.flock
    removed = []

    def late(file, operation):
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path / "a"), pytest.raises(InputError, match="is being written"):
        locked(tmp_path / "a").__enter__()
    assert list(tmp_path.iterdir()) == []


def test_it_removes_no_lock_but_its_own(tmp_path):
    with locked(tmp_path / "a"):
        (lock,) = tmp_path.iterdir()
        lock.unlink()
        lock.write_text("another's")
    assert lock.read_text() == "another's"


@posix
def test_a_lock_that_is_a_link_empties_no_file(tmp_path):
    (tmp_path / "b").write_text("content")
    (tmp_path / ".a.lock").symlink_to("b")
    with locked(tmp_path / "a"):
        pass
    assert (tmp_path / "b").read_text() == "content"


@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EIO"])
def test_a_file_system_without_locks(tmp_path, monkeypatch, name):
    number = getattr(errno, name)

    def unsupported(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    words = rf"'.*a' cannot be locked \({os.strerror(number)}\), so another .* give `no_lock=True`"
    with pytest.raises(InputError, match=words):
        locked(tmp_path / "a").__enter__()
    with locked(tmp_path / "a", lock=False), locked(tmp_path / "a", lock=False):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"the folder '.*b' of 'a' does not exist"):
        locked(tmp_path / "b" / "a").__enter__()


def test_where_nothing_can_be_locked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # As on Windows.
    with locked(tmp_path / "a"):
        assert list(tmp_path.iterdir()) == []
