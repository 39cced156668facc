import errno
import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest

from sparsedend import files
from sparsedend.errors import InputError
from sparsedend.files import atomic_write, check_free, make_folder, remove_leftovers
from tests.conftest import child

fcntl = pytest.importorskip("fcntl")
posix = pytest.mark.skipif(os.name != "posix", reason="links and permissions of POSIX")


def write(path, text="new"):
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def refused(path, message):
    with pytest.raises(InputError, match=message) as told:
        write(path)
    assert "\n" not in str(told.value)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def old(tmp_path):
    """A file that is there already, alone in its folder."""
    path = tmp_path / "a"
    path.write_text("old")
    return path


@pytest.fixture
def fails(monkeypatch):
    """Let a function of os fail with an error number."""

    def set_up(name, number, when=lambda *arguments: True):
        real = getattr(os, name)

        def failing(*arguments, **options):
            if when(*arguments):
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, failing)

    return set_up


def is_folder(descriptor, *_):
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_the_new_file_replaces_the_old_one(old):
    with atomic_write(old) as temporary:
        assert temporary.parent == old.parent
        temporary.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert list(old.parent.iterdir()) == [old]


def test_an_error_leaves_the_old_file(old):
    with pytest.raises(ZeroDivisionError), atomic_write(old) as temporary:
        temporary.write_bytes(b"half" * (1 // 0))
    assert old.read_text() == "old"
    assert list(old.parent.iterdir()) == [old]


def test_file_and_folder_are_flushed_before_and_after_the_file_gets_its_name(old, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace

    def fsync(descriptor):
        found = os.fstat(descriptor)
        size = "" if stat.S_ISDIR(found.st_mode) else found.st_size
        done.append(("fsync", found.st_ino, size))
        sync(descriptor)

    def rename(*arguments):
        done.append(("rename",))
        replace(*arguments)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    write(old, "twelve bytes")
    assert done == [
        ("fsync", old.stat().st_ino, 12),
        ("rename",),
        ("fsync", old.parent.stat().st_ino, ""),
    ]


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_failing_flush_or_rename_leaves_the_old_file(old, fails, name):
    fails(name, errno.EIO)
    refused(old, r"'.*a' cannot be written \(Input/output error\): free space or choose")
    assert old.read_text() == "old"
    assert list(old.parent.iterdir()) == [old]


def test_a_folder_that_cannot_be_flushed(old, fails):
    fails("fsync", errno.EINVAL, is_folder)
    write(old)
    assert old.read_text() == "new"


def test_a_folder_whose_flush_fails_is_told(old, fails):
    fails("fsync", errno.EIO, is_folder)
    refused(old, "cannot be written")
    assert list(old.parent.iterdir()) == [old]


def test_a_disk_that_is_gone_is_told_as_such(old, fails):
    """Also where what was begun cannot be removed any more."""
    fails("fsync", errno.EIO)
    fails("unlink", errno.EROFS)
    refused(old, r"'.*a' cannot be written \(Input/output error\): free space or choose")
    assert old.read_text() == "old"


def test_leftovers_that_cannot_be_removed_are_in_nobodys_way(old, monkeypatch):
    (left := old.with_name(".a.01234567.tmp")).write_text("left")

    def failing(number):
        def fail(*_, **__):
            raise OSError(number, os.strerror(number))

        return fail

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", failing(errno.EIO))
        remove_leftovers(old)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", failing(errno.EACCES))
        remove_leftovers(old)
        patch.setattr(Path, "iterdir", failing(errno.ESTALE))
        with pytest.raises(
            InputError, match=r"the folder '.*' cannot be written .*handle.*: choose"
        ):
            remove_leftovers(old)
    assert left.exists()
    remove_leftovers(old)
    assert not left.exists()


def test_a_folder_that_may_be_written_and_not_read(old, fails):
    fails("open", errno.EACCES, lambda path, *_: Path(path) == old.parent)
    write(old)
    assert old.read_text() == "new"


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


def test_a_thread_of_its_own_can_write(tmp_path):
    thread = threading.Thread(target=write, args=(tmp_path / "a",))
    thread.start()
    thread.join()
    assert (tmp_path / "a").read_text() == "new"


@posix
def test_a_new_file_has_the_usual_permissions(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            # It is the whole process's: to set it would change what other threads make.
            patch.setattr(os, "umask", None)
            write(tmp_path / "a")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a") == 0o640


@posix
@pytest.mark.parametrize("permissions", [0o600, 0o444, 0o664])
def test_an_old_file_keeps_its_permissions(old, permissions):
    old.chmod(permissions)
    with atomic_write(old) as temporary:
        assert mode(temporary) == 0o600, "nobody else reads it meanwhile"
        temporary.write_text("new")
    assert (old.read_text(), mode(old)) == ("new", permissions)


@posix
def test_a_link_stays_and_its_target_is_written(tmp_path, monkeypatch):
    for name in ("links", "targets"):
        (tmp_path / name).mkdir()
    target, link = tmp_path / "targets" / "b", tmp_path / "links" / "a"
    link.symlink_to(Path("..") / "targets" / "b")
    monkeypatch.chdir(tmp_path)
    for text in ("first", "second"):  # At first it leads to nothing yet.
        with atomic_write(Path("links") / "a") as temporary:
            assert temporary.resolve().parent == target.parent
            temporary.write_text(text)
        assert target.read_text() == text
    assert link.is_symlink()
    assert [path.name for path in target.parent.iterdir()] == ["b"]
    assert [path.name for path in link.parent.iterdir()] == ["a"]


@posix
def test_links_that_lead_to_no_file(tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    refused(tmp_path / "circle", "'.*circle' cannot be looked up .*symbolic links")
    (tmp_path / "folder").symlink_to(tmp_path)
    refused(tmp_path / "folder", "is a folder")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none" / "a")
    refused(tmp_path / "nowhere", "the folder '.*none' of 'nowhere' does not exist")


@posix
def test_pipes_and_sockets_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", r"pipe' is a device or pipe: give the name of a file")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)  # The path of a socket is short.
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        refused(tmp_path / "socket", "is a device or pipe")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "socket"]


@posix
def test_devices_are_never_replaced():
    refused("/dev/null", r"'/dev/null' is a device or pipe: give the name of a file")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", ["a", "a" * 250, "b.h5"])
def test_what_killed_writes_left_behind_is_removed(tmp_path, name):
    """And nothing that is another file's, or a user's own."""
    others = [f".{name[:100]}.0123456.tmp", f".{name[:100]}x.01234567.tmp", ".c.h5.01234567.tmp"]
    others.append(f".{name[:100]}.01234567.tmp.mine")
    for other in others:
        (tmp_path / other).touch()
    writer = f"""
        import os, signal
        from sparsedend.files import atomic_write
        with atomic_write({str(tmp_path / name)!r}) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    for _ in range(2):
        with pytest.raises(AssertionError):
            child(writer)
    assert len(list(tmp_path.iterdir())) == len(others) + 2
    write(tmp_path / name)
    remove_leftovers(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, name])


@pytest.mark.parametrize("name", ["a" * 250, "a" * 255, "ü" * 125, "𝄞" * 63, "a"])
def test_long_names(tmp_path, name):
    for text in ("first", "second"):
        write(tmp_path / name, text)
        assert (tmp_path / name).read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a" * 256, "ü" * 128, "none/" + "a" * 300, "a\0b"])
def test_impossible_names(tmp_path, name):
    refused(tmp_path / name, "cannot be looked up .*: give another path|does not exist")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written(tmp_path, fails):
    refused(tmp_path / "b" / "a", "the folder '.*b' of 'a' does not exist: make it")
    refused(tmp_path, "is a folder")
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "a", "the folder '.*file' of 'a' does not exist")
    fails("open", errno.EROFS)
    refused(tmp_path / "a", r"the folder '.*' cannot be written \(Read-only file system\)")


def test_what_is_free_to_be_written(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    two.write_text("old")
    check_free(one, overwrite=False)
    check_free(one, two, overwrite=True)
    with pytest.raises(InputError, match=r"two' exists: give `overwrite=True` or another `output`"):
        check_free(one, two, overwrite=False)
    with pytest.raises(InputError, match=r"two' exists: choose$"):
        check_free(two, overwrite=False, advice="choose")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is a folder: give the name of a file"):
            check_free(tmp_path, overwrite=overwrite)


def test_write_replaces_a_file_as_a_whole(tmp_path):
    (path := tmp_path / "a").write_bytes(b"old and long")
    files.write(path, b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a", b"new")]


def test_make_folder(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b", "")
        assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be made \(embedded null byte\): give another"):
        make_folder(tmp_path / "a\0b", "give another")
    with pytest.raises(InputError, match=r"file' cannot be made \(File exists\): give another"):
        make_folder(tmp_path / "file", "give another")


def test_what_is_there(tmp_path):
    (tmp_path / "file").touch()
    assert files.exists(tmp_path)
    assert not files.is_file(tmp_path)
    assert files.is_file(tmp_path / "file")
    for name in ("none", "file/none"):
        assert not files.exists(tmp_path / name)
        assert not files.is_file(tmp_path / name)


def test_what_is_no_file_is_called_by_its_name(tmp_path):
    (tmp_path / "file").touch()
    files.check_file(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "none": "there is no pie '.*none': check the path",
        ".": "is a folder, no pie: give an ordinary file",
        "pipe": "pipe' is a device, pipe or socket, no pie",
    }.items():
        with pytest.raises(InputError, match=message):
            files.check_file(tmp_path / name, "pie")
