import pytest

from sparsedend import InputError
from sparsedend.datasets.checksums import checked, read_checked, sha256

#: Of b"abc" (RFC 1321, appendix A.5; FIPS 180-2, appendix B.1).
MD5 = "900150983cd24fb0d6963f7d28e17f72"
SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("at", [0, 15, 31])
def test_every_digit_counts(at):
    assert checked(b"abc", MD5, "a") == b"abc"
    other = MD5[:at] + ("0" if MD5[at] != "0" else "1") + MD5[at + 1 :]
    with pytest.raises(InputError, match=f"'a' has MD5 {MD5}, the original {other}: get it again"):
        checked(b"abc", other, "a")


def test_files_of_a_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_checked(tmp_path, {"a": MD5}) == {"a": b"abc"}
    with pytest.raises(InputError, match=r"has no b, c: put the original files there"):
        read_checked(tmp_path, {"a": MD5, "b": MD5, "c": MD5})


def test_digests_are_kept_by_name():
    assert sha256({"a": b"abc"}) == {"a": SHA256}
