"""One line, whatever is in it."""

import pytest

from sparsedend.errors import LONGEST, InputError, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("Größe × 3 …", "Größe × 3 …"),
    ],
)
def test_no_character_begins_a_line_or_moves_a_cursor(text, shown):
    assert one_line(text) == shown
    assert str(InputError(text)) == shown


def test_what_a_file_says_at_length_is_cut_in_its_middle():
    """What is wrong stands first, and what to do last."""
    text = f"'a' is {'x' * 10**6}: use another copy"
    shown = str(InputError(text))
    assert shown.startswith("'a' is xxx")
    assert shown.endswith("xxx: use another copy")
    assert len(shown) == LONGEST + len(" … ")
    assert str(InputError("x" * LONGEST)) == "x" * LONGEST
