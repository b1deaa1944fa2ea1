"""What a crawler remembers of the files it has seen, so that files that did not change are not opened again.

For each folder a digest of its listing and, compressed, each file's etag and look; looks are kept once. An unchanged lake is
seen by its digests alone. What findings depend on beside the files (classifiers, settings) is the memory's basis: under
another basis it is as if nothing was remembered.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from psycopg.types.json import Jsonb

from glulam.catalog.scope import Scope
from glulam.crawl.variants import Look
from glulam.ledger.arrays import texts

FIND = "SELECT id, basis, left_as FROM crawl_memory WHERE account_id = %s AND region = %s AND crawler = %s"
DIGESTS = "SELECT target, path, digest FROM crawl_memory_folder WHERE memory_id = %s"
FILES = "SELECT target, path, files FROM crawl_memory_folder WHERE memory_id = %s"
LOOKS = "SELECT id, document FROM crawl_memory_look WHERE memory_id = %s"
OPEN = """
INSERT INTO crawl_memory (account_id, region, crawler, basis, left_as) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (account_id, region, crawler) DO UPDATE SET basis = excluded.basis, left_as = excluded.left_as RETURNING id
"""
FORGET_FOLDERS = "DELETE FROM crawl_memory_folder WHERE memory_id = %s"
FORGET_LOOKS = "DELETE FROM crawl_memory_look WHERE memory_id = %s"
DROP = """
DELETE FROM crawl_memory_folder f USING unnest(%s::text[], %s::text[]) g (t, p)
WHERE f.memory_id = %s AND f.target = g.t AND f.path = g.p
"""
PUT = """
INSERT INTO crawl_memory_folder (memory_id, target, path, digest, files)
SELECT %s, t, p, d, f FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bytea[]) g (t, p, d, f)
ON CONFLICT (memory_id, target, path) DO UPDATE SET digest = excluded.digest, files = excluded.files
"""
PUT_LOOKS = """
INSERT INTO crawl_memory_look (memory_id, id, document)
SELECT %s, i, d FROM unnest(%s::bytea[], %s::json[]) g (i, d) ON CONFLICT DO NOTHING
"""
FORGET = "DELETE FROM crawl_memory WHERE account_id = %s AND region = %s AND crawler = %s"
_ROWS = 2000

Place = tuple[str, str]
"""Include path, and the folder behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMemory:
    """A file as it was when it was looked into."""

    etag: str
    size_bytes: int
    records: int
    look: Look | None
    """None: it could not be classified."""
    reason: str = ""
    """Then why."""


@dataclass(kw_only=True)
class Memory:
    """What the crawls before left. `folders` is empty until `load_files`."""

    id: int | None = None
    definition: str = ""
    """Hash of all settings of the crawler."""
    tables: Sequence[Sequence[int]] = ()
    """Id and version of each table, as the last crawl left it."""
    digests: dict[Place, bytes] = field(default_factory=dict)
    folders: dict[Place, dict[str, FileMemory]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewMemory:
    """What a crawl leaves."""

    basis: bytes
    definition: str
    previous: Memory
    changed: Mapping[Place, tuple[bytes, Mapping[str, FileMemory]]]
    """Folders that are not as they were: digest and files."""
    gone: Sequence[Place]


def load(conn: psycopg.Connection, scope: Scope, crawler: str, basis: bytes) -> Memory:
    """The digests; an empty memory when there is none for that basis."""
    row = conn.execute(FIND, (scope.catalog_id, scope.region, crawler)).fetchone()
    if row is None or bytes(row[1]) != basis:
        return Memory()
    digests = {(t, p): bytes(d) for t, p, d in conn.execute(DIGESTS, (row[0],), binary=True)}
    return Memory(id=row[0], definition=row[2]["definition"], tables=row[2]["tables"], digests=digests)


def load_files(conn: psycopg.Connection, memory: Memory) -> None:
    """Fill in `folders`."""
    if memory.id is None or memory.folders:
        return
    looks = {bytes(i): Look.from_json(d) for i, d in conn.execute(LOOKS, (memory.id,))}
    for target, path, packed in conn.execute(FILES, (memory.id,), binary=True):
        memory.folders[target, path] = _unpack(bytes(packed), looks)


def save(
    conn: psycopg.Connection, scope: Scope, crawler: str, new: NewMemory, tables: Sequence[Sequence[int]]
) -> None:
    """In the transaction that applies the crawl's plan. `tables`: id and version of each, as it is then."""
    left_as = Jsonb({"definition": new.definition, "tables": [list(t) for t in tables]})
    row = conn.execute(OPEN, (scope.catalog_id, scope.region, crawler, new.basis, left_as)).fetchone()
    assert row is not None
    memory = row[0]
    if new.previous.id is None:  # there was none, or one of another basis
        conn.execute(FORGET_FOLDERS, (memory,))
        conn.execute(FORGET_LOOKS, (memory,))
    if new.gone:
        conn.execute(DROP, (texts(t for t, _ in new.gone), texts(p for _, p in new.gone), memory))
    looks: dict[int, tuple[bytes, Look]] = {}
    rows = [(place, digest, _pack(files, looks)) for place, (digest, files) in new.changed.items()]
    for part in _parts(sorted(looks.values(), key=lambda pair: pair[0])):
        ids, documents = [i for i, _ in part], [orjson.dumps(look.to_json()).decode() for _, look in part]
        conn.execute(PUT_LOOKS, (memory, ids, documents))
    for some in _parts(rows):
        conn.execute(PUT, (memory, texts(p[0] for p, _, _ in some), texts(p[1] for p, _, _ in some),
                           [d for _, d, _ in some], [f for _, _, f in some]))  # fmt: skip


def forget(conn: psycopg.Connection, scope: Scope, crawler: str) -> None:
    conn.execute(FORGET, (scope.catalog_id, scope.region, crawler))


def _pack(files: Mapping[str, FileMemory], looks: dict[int, tuple[bytes, Look]]) -> bytes:
    ids: dict[bytes, int] = {}
    rows = []
    for name, file in files.items():
        number = -1
        if file.look is not None:
            known = looks.get(id(file.look))
            if known is None:
                known = looks[id(file.look)] = (file.look.id(), file.look)
            number = ids.setdefault(known[0], len(ids))
        rows.append([name, file.etag, file.size_bytes, file.records, number, file.reason])
    return zlib.compress(orjson.dumps([[i.hex() for i in ids], rows]), 1)


def _unpack(packed: bytes, looks: Mapping[bytes, Look]) -> dict[str, FileMemory]:
    ids, rows = orjson.loads(zlib.decompress(packed))
    known = [looks[bytes.fromhex(i)] for i in ids]
    return {
        name: FileMemory(
            etag=etag, size_bytes=size, records=records, look=known[at] if at >= 0 else None, reason=reason
        )
        for name, etag, size, records, at, reason in rows
    }


def _parts(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[at : at + _ROWS] for at in range(0, len(rows), _ROWS))
