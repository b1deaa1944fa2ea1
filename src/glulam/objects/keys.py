"""Where the object of a key lies below its bucket's folder: a written rule, reversible (docs/s3-keys.md).

A key is cut at its slashes. Each piece is a name on disk as it is; a piece that no folder could hold is *marked*:

    piece                                      name on disk
    orders.json                                orders.json
    (empty: `a//b`, a slash at the end)        _~_
    .   ..                                     _~._   _~.._
    _~x      (looks like one of ours)          _~_~~x_       in marked names `~` is `~~` and U+0000 is `~0`
    x.tmp~   (looks like a temporary file)     _~x.tmp~~_
    longer than 255 bytes                      _~<252 bytes>+/_~<the rest>_
    the object `a` where `a/` is a folder      _~a@          its *place beside*

The last one is the only place that depends on what else is there: an object lies at its plain place, or beside when a
folder has that name. Names start with an underscore so that Spark and Hive, which skip such files, do not take the
marker object `a/` for data.

Left to others: looking (lake.py, buckets/tree.py), which keys a door lets in.
"""

from __future__ import annotations

from collections.abc import Sequence

from glulam.model.errors import InvalidInput
from glulam.objects.versions import MARK, TEMPORARY

WHOLE, PART, BESIDE = "_", "+", "@"
"""Last character of a marked name: all (or the rest) of a piece; more follows in this folder; a place beside."""
NAME_BYTES = 255
_BODY_BYTES = NAME_BYTES - len(MARK) - 1
_SURELY_SHORT = NAME_BYTES // 4


def plain_place(key: str) -> tuple[str, ...]:
    """Names on disk of the folders and the file. Raises InvalidInput for a key that is no key."""
    require_key(key)
    return folder_place(key)


def folder_place(key: str) -> tuple[str, ...]:
    """The same for a folder: the key without the slash at its end."""
    pieces = key.split("/")
    if all(map(is_plain, pieces)):
        return tuple(pieces)
    return tuple(name for piece in pieces for name in names_of(piece))


def place_beside(key: str) -> tuple[str, ...]:
    """Where the object lies when a folder has its plain place."""
    folder, slash, piece = key.rpartition("/")
    return (*(folder_place(folder) if slash else ()), *_marked(piece, BESIDE))


def names_of(piece: str) -> tuple[str, ...]:
    """The names of one piece of a key: one, or several when it is too long for one."""
    return (piece,) if is_plain(piece) else _marked(piece, WHOLE)


def names_beside(piece: str) -> tuple[str, ...]:
    return _marked(piece, BESIDE)


def piece_of(names: Sequence[str]) -> tuple[str, bool] | None:
    """The piece that these names are, and whether they are a place beside. None: no key has such names."""
    last = names[-1]
    if len(names) == 1 and is_plain(last):
        return last, False
    if not all(name.startswith(MARK) and len(name) > len(MARK) for name in names):
        return None
    body = "".join(name[len(MARK) : -1] for name in names)
    piece = _unescaped(body)
    beside = last.endswith(BESIDE)
    if _marked(piece, BESIDE if beside else WHOLE) != tuple(names) or (not beside and is_plain(piece)):
        return None
    return piece, beside


def key_of(names: Sequence[str]) -> str | None:
    """The key that lies at these folders and file below its bucket. None: no key is written like that."""
    pieces: list[str] = []
    held: list[str] = []
    for name in names:
        held.append(name)
        if is_part(name):
            continue
        found = piece_of(held)
        if found is None:
            return None
        pieces.append(found[0])
        held.clear()
    return None if held else "/".join(pieces)


def is_part(name: str) -> bool:
    """Whether this folder holds the rest of a long piece."""
    return name.startswith(MARK) and name.endswith(PART) and len(name) > len(MARK)


def require_key(key: str) -> None:
    if not key:
        raise InvalidInput("an object's key has at least one character; found none")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"key {key!r}: expected text that UTF-8 can hold ({error.reason})") from error


def is_plain(piece: str) -> bool:
    """Whether a piece of a key is its own name on disk."""
    return not (
        piece in ("", ".", "..")
        or piece.startswith(MARK)
        or piece.endswith(TEMPORARY)
        or "\0" in piece
        or (len(piece) > _SURELY_SHORT and len(piece.encode(errors="surrogatepass")) > NAME_BYTES)
    )


def _marked(piece: str, end: str) -> tuple[str, ...]:
    chunks = _chunks(piece.replace("~", "~~").replace("\0", "~0"))
    return (*(f"{MARK}{chunk}{PART}" for chunk in chunks[:-1]), f"{MARK}{chunks[-1]}{end}")


def _chunks(body: str) -> list[str]:
    """Cut into as few pieces as hold `_BODY_BYTES` bytes each, never inside of a character."""
    found, rest = [], body.encode(errors="surrogatepass")
    while len(rest) > _BODY_BYTES:
        cut = _BODY_BYTES
        while rest[cut] & 0xC0 == 0x80:
            cut -= 1
        found.append(rest[:cut].decode(errors="surrogatepass"))
        rest = rest[cut:]
    return [*found, rest.decode(errors="surrogatepass")]


def _unescaped(body: str) -> str:
    return "~".join(part.replace("~0", "\0") for part in body.split("~~"))
