"""Secrets at rest: encrypted and signed with a key that is not in the database.

    <home>/secret.key     made at first use, 0600; or GLULAM_SECRET_KEY
    one key a line, base64 of 32 bytes; the first encrypts and signs, all of them decrypt and verify

A database dump alone gives no secret away, and a ciphertext moved to another row does not open there: the caller binds it
to its place with `context`. Who loses the key file loses what it encrypted; nothing here can help.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from glulam.model.errors import EncryptionFailed, InvalidConfig
from glulam.settings import Settings

KEY_FILE = "secret.key"
_KEY_BYTES = 32
_FORMAT = b"\x01"
_NAME_BYTES = 4
_NONCE_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class _Key:
    """One master key and what is derived from it."""

    name: bytes
    """Says which key encrypted: the head of a hash, of no help to find the key."""
    cipher: AESGCM = field(repr=False)
    signing: bytes = field(repr=False)

    @classmethod
    def derive(cls, master: bytes) -> _Key:
        return cls(
            name=hashlib.sha256(b"glulam key name" + master).digest()[:_NAME_BYTES],
            cipher=AESGCM(hmac.digest(master, b"glulam encryption", "sha256")),
            signing=hmac.digest(master, b"glulam signing", "sha256"),
        )


class SecretBox:
    """Encrypts (AES-256-GCM) and signs (HMAC-SHA-256). Safe to share between threads."""

    def __init__(self, masters: list[bytes]) -> None:
        """`masters`: keys of 32 bytes, the current one first. Use `SecretBox.open`."""
        self._keys = [_Key.derive(master) for master in masters]

    @classmethod
    def open(cls, settings: Settings) -> SecretBox:
        """The installation's box; makes the key file when there is neither it nor the variable.

        Raises InvalidConfig: a key that is none, or a key file that others may read."""
        if settings.secret_key:
            return cls(_parse(settings.secret_key, "GLULAM_SECRET_KEY"))
        path = settings.home.absolute() / KEY_FILE
        if not path.exists():
            _create(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise InvalidConfig(f"{path}: mode {mode:04o} lets others read it; expected 0600 (chmod 600)")
        return cls(_parse(path.read_text(), str(path)))

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """`context` says where the value belongs (`access_key/AKIA...`); decrypt needs the same."""
        key = self._keys[0]
        head = _FORMAT + key.name + secrets.token_bytes(_NONCE_BYTES)
        return head + key.cipher.encrypt(head[-_NONCE_BYTES:], plain, head + context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Raises EncryptionFailed: changed, from another place, or encrypted with a key that we do not have."""
        end = len(_FORMAT) + _NAME_BYTES + _NONCE_BYTES
        head, name = sealed[:end], sealed[len(_FORMAT) : len(_FORMAT) + _NAME_BYTES]
        if len(head) < end or not head.startswith(_FORMAT):
            raise EncryptionFailed(f"{context}: what is stored is not a value that Glulam encrypted")
        for key in self._keys:
            if key.name == name:
                try:
                    return key.cipher.decrypt(head[-_NONCE_BYTES:], sealed[end:], head + context.encode())
                except InvalidTag as error:
                    raise EncryptionFailed(
                        f"{context}: the encrypted value was changed, or belongs to something else"
                    ) from error
        raise EncryptionFailed(
            f"{context}: encrypted with key {name.hex()}, which is not among the {len(self._keys)} in use; add it to "
            f"{KEY_FILE} or GLULAM_SECRET_KEY, after the current one"
        )

    def sign(self, message: bytes, purpose: str) -> bytes:
        """32 bytes that only this installation can make; a tag for one purpose is none for another."""
        return _tag(self._keys[0], message, purpose)

    def verify(self, message: bytes, tag: bytes, purpose: str) -> bool:
        """Whether `sign` made the tag, with any of the keys. Takes the same time whatever differs."""
        found = False
        for key in self._keys:
            found |= hmac.compare_digest(_tag(key, message, purpose), tag)
        return found


def new_key() -> str:
    """A fresh key in the form of the key file."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _tag(key: _Key, message: bytes, purpose: str) -> bytes:
    named = purpose.encode()
    return hmac.digest(key.signing, len(named).to_bytes(4, "big") + named + message, "sha256")


def _create(path: Path) -> None:
    """Written whole under another name, then linked: who comes second finds a complete file, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # somebody else was faster; theirs is the key
    finally:
        draft.unlink()


def _parse(text: str, where: str) -> list[bytes]:
    found = []
    for number, word in enumerate(text.replace(",", " ").split(), 1):
        try:
            key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != _KEY_BYTES:
            raise InvalidConfig(
                f"{where}: key {number} is not base64 of 32 bytes (`openssl rand -base64 32`)"
            )
        found.append(key)
    if not found:
        raise InvalidConfig(f"{where}: no key; expected base64 of 32 bytes (`openssl rand -base64 32`)")
    return found
