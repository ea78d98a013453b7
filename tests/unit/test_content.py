"""What of a file's bytes may be shown, and what of a daemon's words."""

from __future__ import annotations

import pytest

from lbctl.model.content import Content, masked_alike, plain, scrubbed

WISH = Content(
    b"listen a\n  token s3cret-new\n  auth admin:pass-word x\n",
    b"listen a\n  token ***\n  auth admin:*** x\n",
)


@pytest.mark.parametrize(
    ("live", "shown"),
    [
        (b"token s3cret-new\n", b"token ***\n"),
        (b"  token old one\r\nother\r\n", b"  token ***\r\nother\r\n"),
        (b"\ttoken 'old'  ", b"\ttoken ***"),
        (b"auth admin:old x\n", b"auth admin:*** x\n"),
        (b"elsewhere s3cret-new y\n", b"elsewhere *** y\n"),
        (b"tokens are fine\nauth root:x x\n", b"tokens are fine\nauth root:x x\n"),
    ],
)
def test_what_the_desired_side_hides_is_hidden_in_live_too(live: bytes, shown: bytes) -> None:
    assert masked_alike(live, WISH) == shown


def test_without_a_secret_everything_is_shown() -> None:
    assert masked_alike(b"token x\n", plain(b"token y\n")) == b"token x\n"
    assert masked_alike(b"token x\n", None) == b"token x\n"


def test_a_line_that_is_nothing_but_a_secret_hides_no_other() -> None:
    assert masked_alike(b"one\ntwo\n", Content(b"secret\n", b"***\n")) == b"one\ntwo\n"


def test_daemons_quote_what_they_reject() -> None:
    assert scrubbed("unknown keyword 's3cret-new'", [WISH]) == "unknown keyword '***'"
    assert scrubbed("admin:pass-word and pass-word", [WISH]) == "*** and ***"
    assert scrubbed("listen a: fine", [WISH]) == "listen a: fine"
    quoted = Content(
        b'script "killall -0 haproxy"\nauth_pass abcd\n', b'script "killall -0 haproxy"\nauth_pass ***\n'
    )
    assert scrubbed("killall haproxy abcd", [quoted]) == "killall haproxy ***"


def test_no_digest_without_a_key_is_of_a_secret() -> None:
    other = Content(b"something else", WISH.shown)
    assert WISH.digest("") == other.digest("")
    assert WISH.digest("00") != other.digest("00") != other.digest("01")
    assert "s3cret" not in repr(WISH)
