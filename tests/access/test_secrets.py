"""Secrets at rest: nothing readable in what is stored, nothing opens out of place, keys rotate."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glulam.access.secrets import KEY_FILE, SecretBox, new_key
from glulam.model.errors import EncryptionFailed, InvalidConfig
from glulam.settings import Settings

PLAIN = b"correct horse battery staple"


def box(*keys: str) -> SecretBox:
    return SecretBox.open(Settings(secret_key=",".join(keys)))


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: SecretBox.open(settings), range(16)))
    path = tmp_path / "home" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [KEY_FILE]
    sealed = [b.encrypt(PLAIN, "x") for b in boxes]
    assert all(b.decrypt(s, "x") == PLAIN for b in boxes for s in sealed)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    SecretBox.open(Settings(home=tmp_path))
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(InvalidConfig, match=r"mode 0640.*chmod 600"):
        SecretBox.open(Settings(home=tmp_path))


def test_what_is_stored_differs_each_time_and_shows_nothing() -> None:
    opened = box(new_key())
    one, two = opened.encrypt(PLAIN, "x"), opened.encrypt(PLAIN, "x")
    assert one != two
    assert PLAIN not in one
    assert opened.decrypt(one, "x") == opened.decrypt(two, "x") == PLAIN


def test_it_opens_only_unchanged_and_in_its_place() -> None:
    opened = box(new_key())
    sealed = opened.encrypt(PLAIN, "access_key/A")
    with pytest.raises(EncryptionFailed, match="belongs to something else"):
        opened.decrypt(sealed, "access_key/B")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(EncryptionFailed):
            opened.decrypt(changed, "access_key/A")
    for length in range(len(sealed)):
        with pytest.raises(EncryptionFailed):
            opened.decrypt(sealed[:length], "access_key/A")


def test_keys_rotate() -> None:
    old, new = new_key(), new_key()
    sealed, tag = box(old).encrypt(PLAIN, "x"), box(old).sign(b"page 2", "page")
    both = box(new, old)
    assert both.decrypt(sealed, "x") == PLAIN
    assert both.verify(b"page 2", tag, "page")
    assert box(new).decrypt(both.encrypt(PLAIN, "x"), "x") == PLAIN
    with pytest.raises(EncryptionFailed, match="not among the 1 in use"):
        box(new).decrypt(sealed, "x")
    assert not box(new).verify(b"page 2", tag, "page")


def test_a_tag_is_for_its_message_and_purpose() -> None:
    opened = box(new_key())
    tag = opened.sign(b"message", "page")
    assert opened.verify(b"message", tag, "page")
    assert not opened.verify(b"messagf", tag, "page")
    assert not opened.verify(b"message", tag, "session")
    assert not opened.verify(b"gemessage", opened.sign(b"message", "page"), "pa")
    assert not opened.verify(b"message", tag[:-1], "page")


@pytest.mark.parametrize("text", ["short", base64.b64encode(b"x" * 31).decode(), "é" * 44, " , "])
def test_what_is_no_key_is_told_where_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidConfig, match="GLULAM_SECRET_KEY") as refused:
        SecretBox.open(Settings(secret_key=text))
    assert text not in str(refused.value)


def test_settings_do_not_print_the_key() -> None:
    assert "hunter2" not in repr(Settings(secret_key="hunter2"))
