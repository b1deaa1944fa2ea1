"""References in texts: what is filled in, what stays, what is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.project.nodes import Place, Problems
from glulam.project.texts import digest_of, escaped, filled, is_digest_of, names_a_secret, reveal, secrets_in

HERE = Place(file="x", line=1)


def test_what_is_filled_and_what_is_sent() -> None:
    problems = Problems()
    text = filled(
        "${var.a}/${env.B}/${secret:C}/$${secret:D}/$$/$", HERE, {"a": "1"}, {"B": "${secret:E}"}, problems
    )
    problems.refuse()
    assert text == "1/$${secret:E}/${secret:C}/$${secret:D}/$$/$"
    assert secrets_in(text) == ["C"]
    assert reveal(text, {"C": "${secret:F}"}.__getitem__) == "1/${secret:E}/${secret:F}/${secret:D}/$$/$"


@given(st.text(st.sampled_from("${}ab:secrt.v"), max_size=12) | st.text())
def test_what_was_escaped_is_sent_as_it_was(text: str) -> None:
    assert secrets_in(escaped(text)) == []
    assert reveal(escaped(text), lambda name: "wrong") == text


def test_digests() -> None:
    digest = digest_of("hunter2")
    assert digest != digest_of("hunter2")
    assert "hunter2" not in digest
    assert is_digest_of(digest, "hunter2")
    assert not is_digest_of(digest, "hunter3")


@pytest.mark.parametrize(
    "name", ["PASSWORD", "KAFKA_CLIENT_KEY_PASSWORD", "--api-key", "clientSecret", "auth_token"]
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)
    assert not names_a_secret("SECRET_ID")
    assert not names_a_secret("USERNAME")
