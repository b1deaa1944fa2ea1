"""Which runs of a place have log lines, as CloudWatch shows them: a stream for each."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from glulam.jobs.logs import Stream
from glulam.model.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStream:
    """One stream of one run."""

    run_id: str
    created_ms: int
    first_ms: int
    last_ms: int
    place: int = 0
    """Within a list."""


MOST = 10_000
FIND = """
SELECT r.id, extract(epoch FROM r.created_at) * 1000, extract(epoch FROM l.first_at) * 1000,
       extract(epoch FROM l.last_at) * 1000
FROM job_run r
CROSS JOIN LATERAL (SELECT min(first_at) AS first_at, max(last_at) AS last_at FROM job_log
                    WHERE run_id = r.id AND stream = %(stream)s) l
WHERE r.account_id = %(account_id)s AND r.region = %(region)s AND starts_with(r.id, %(prefix)s)
  AND (coalesce(r.spec->'Command'->>'Name', 'glueetl') <> 'pythonshell') = %(spark)s AND l.first_at IS NOT NULL
ORDER BY r.seq DESC LIMIT %(limit)s
"""


def find(
    conn: psycopg.Connection, place: Place, *, spark: bool, stream: Stream, prefix: str = ""
) -> list[LogStream]:
    """The newest streams, at most MOST of them. spark: of all kinds but Python shell; else of that one only."""
    given = {"account_id": place.account_id, "region": place.region, "spark": spark, "stream": stream,
             "prefix": prefix, "limit": MOST}  # fmt: skip
    rows = conn.execute(FIND, given).fetchall()
    return [LogStream(run_id=r[0], created_ms=int(r[1]), first_ms=int(r[2]), last_ms=int(r[3])) for r in rows]
