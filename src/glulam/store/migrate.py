"""Brings a database's schema to the one that this code was written for: numbered SQL files, in order, each once.

    migrations/0001_foundation.sql   applied, recorded in schema_migration with its sha256
    migrations/0002_....sql          each in one transaction; others who open the database wait on an advisory lock

A file is frozen once it has been released: a changed one is an error, and so is a database that is ahead of the code.
When there is nothing to do it costs one query.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import psycopg

from glulam.model.errors import DatabaseUnavailable

LOCK = 0x676C756C616D  # "glulam": the advisory lock of all who migrate this database

CREATE = """
CREATE TABLE IF NOT EXISTS schema_migration (
  version    int PRIMARY KEY,
  name       text NOT NULL,
  sha256     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)
"""
APPLIED = "SELECT version, name, sha256 FROM schema_migration ORDER BY version"
RECORD = "INSERT INTO schema_migration (version, name, sha256) VALUES (%s, %s, %s)"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One SQL file."""

    version: int
    name: str
    sql: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql).hexdigest()


def migrate(session: psycopg.Connection, folder: Traversable | None = None) -> int:
    """Apply what is missing; returns how many. Raises DatabaseUnavailable when the histories do not fit."""
    known = load(folder if folder is not None else files("glulam.store") / "migrations")
    try:
        missing = _missing(session, known)
    except psycopg.errors.UndefinedTable:
        missing = known
    applied = 0
    for migration in missing:
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            session.execute(CREATE)
            if migration not in _missing(session, known):
                continue  # somebody else was faster
            _apply(session, migration)
            applied += 1
    return applied


def load(folder: Traversable) -> list[Migration]:
    """The files `NNNN_name.sql`, numbered 1, 2, 3, ... without a gap."""
    found = []
    for file in folder.iterdir():
        number, _, _ = file.name.partition("_")
        if file.name.endswith(".sql") and number.isdigit():
            found.append(Migration(version=int(number), name=file.name, sql=file.read_bytes()))
    found.sort(key=lambda m: m.version)
    numbers = [m.version for m in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise DatabaseUnavailable(f"migrations are numbered {numbers}; expected 1, 2, 3, ... each once")
    return found


def _missing(session: psycopg.Connection, known: list[Migration]) -> list[Migration]:
    applied = session.execute(APPLIED).fetchall()
    by_version = {m.version: m for m in known}
    for version, name, sha256 in applied:
        ours = by_version.get(version)
        if ours is None:
            raise DatabaseUnavailable(
                f"the database has migration {version} ({name}), this Glulam knows {len(known)}: it was used by a "
                "newer Glulam; update this one"
            )
        if ours.sha256 != sha256:
            raise DatabaseUnavailable(
                f"migration {ours.name} was applied with sha256 {sha256[:12]}..., the file has {ours.sha256[:12]}...: "
                "an applied migration must not change; restore the file, or add a new one"
            )
    done = {row[0] for row in applied}
    return [m for m in known if m.version not in done]


def _apply(session: psycopg.Connection, migration: Migration) -> None:
    try:
        session.execute(migration.sql)
    except psycopg.ProgrammingError as error:
        raise DatabaseUnavailable(f"migration {migration.name} failed: {str(error).strip()}") from error
    session.execute(RECORD, (migration.version, migration.name, migration.sha256))
