"""A pipeline with files, and short names for what every ledger test does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from glulam.ledger import Claim, ClaimPolicy, FileCounts, Registration, claim, commit
from glulam.ledger.files import ensure_pipeline, list_files, register
from glulam.model.clock import new_batch_id
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.store.database import Database

WHEN = datetime(2024, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
POLICY = ClaimPolicy(backoff_s=0.0)


def stat(key: str, etag: str = "e1", size: int = 10) -> ObjectStat:
    return ObjectStat(uri=S3Uri("raw", key), etag=etag, size_bytes=size, last_modified=WHEN)


@dataclass
class Ledger:
    """One pipeline's ledger: every call is a transaction of its own, as in the program."""

    database: Database
    pipeline: int

    def run(self, work: Callable[[psycopg.Connection], Any]) -> Any:
        with self.database.transaction() as conn:
            return work(conn)

    def register(self, *stats: ObjectStat) -> Registration:
        found: Registration = self.run(lambda c: register(c, self.pipeline, stats))
        return found

    def claim(self, **policy: Any) -> Claim | None:
        wanted = replace(POLICY, **policy)
        found: Claim | None = self.run(
            lambda c: claim(c, self.pipeline, worker="test", new_id=new_batch_id, policy=wanted)
        )
        return found

    def claimed(self, **policy: Any) -> Claim:
        found = self.claim(**policy)
        assert found is not None
        return found

    def commit(
        self, taken: Claim, manifest: dict[str, Any] | None = None, superseded: Iterable[int] = ()
    ) -> None:
        gone = list(superseded)
        counts = [self.counts(f.id) for f in taken.files if f.id not in gone]
        self.run(lambda c: commit(c, taken, manifest or {"n": 1}, counts, gone))

    def counts(self, file_id: int, rejected: int = 1) -> FileCounts:
        return FileCounts(
            file_id=file_id,
            read=10,
            written=10 - rejected,
            rejected=rejected,
            rescued=2,
            archive_key=f"done/{file_id}",
        )

    def statuses(self) -> dict[str, str]:
        """key@etag -> status."""
        return {
            f"{f.uri.key}@{f.etag}": str(f.status) for f in self.run(lambda c: list_files(c, limit=10_000))
        }

    def expire(self, batch_id: str) -> None:
        """As if the lease had run out."""
        self.run(
            lambda c: c.execute(
                "UPDATE batch SET lease_until = now() - interval '1s' WHERE id = %s", (batch_id,)
            )
        )

    def column(self, batch_id: str, name: str) -> Any:
        query = psycopg.sql.SQL("SELECT {} FROM batch WHERE id = %s").format(psycopg.sql.Identifier(name))
        return self.run(lambda c: c.execute(query, (batch_id,)).fetchone())[0]


@pytest.fixture
def ledger(database: Database) -> Ledger:
    with database.connection() as conn:
        return Ledger(database, ensure_pipeline(conn, "events"))
