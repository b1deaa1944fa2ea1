"""Writes events down: those of objects, each version of an object once, and those that clients send.

A notice that is late, repeated, or told by several sources at once is known by what was seen of its object (`object_seen`):
its etag, and S3's sequencer where both have one. Left to others: what an event starts (`router.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg

from glulam.ledger.outbox import Event, announce_all, event_id
from glulam.model.place import Place
from glulam.objects.notices import SOURCE, Change, Notice

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SEQUENCER = 64
"""S3's have different lengths; they compare when the shorter one is padded with zeros."""

SEE = """
INSERT INTO object_seen AS s (bucket, key, etag, sequencer, gone)
SELECT %(bucket)s, %(key)s, %(etag)s, %(sequencer)s, %(gone)s
WHERE NOT %(known)s OR EXISTS (SELECT FROM object_seen WHERE bucket = %(bucket)s AND key = %(key)s)
ON CONFLICT (bucket, key) DO UPDATE
  SET etag = CASE WHEN excluded.gone THEN s.etag ELSE excluded.etag END, gone = excluded.gone, seen_at = now(),
      sequencer = CASE WHEN excluded.sequencer = '' THEN s.sequencer ELSE excluded.sequencer END
  WHERE (CASE WHEN excluded.gone THEN NOT s.gone ELSE s.gone OR s.etag <> excluded.etag END)
    AND (excluded.sequencer = '' OR s.sequencer = '' OR excluded.sequencer > s.sequencer)
RETURNING true
"""
_AGE = """
DELETE FROM object_seen WHERE (bucket, key) IN (
  SELECT s.bucket, s.key FROM object_seen s
  WHERE s.seen_at < now() - interval '30 days'
    AND (s.gone OR NOT EXISTS (SELECT FROM object_watch w WHERE w.bucket = s.bucket AND starts_with(s.key, w.prefix)))
  LIMIT %s)
"""


def objects(conn: psycopg.Connection, notices: Sequence[Notice], *, looked: bool = False) -> int:
    """Tell of those that are news; how many. `looked`: somebody went and looked; then what is not there is news only when it
    was there before."""
    order = sorted(
        range(len(notices)), key=lambda at: notices[at].uri
    )  # of rows to lock: two who tell never wait in a circle
    new = dict(zip(order, see(conn, [notices[at] for at in order], looked=looked), strict=True))
    news = [notice for at, notice in enumerate(notices) if new[at]]
    announce_all(conn, [
        Event(detail_type=n.change, detail=n.detail(), source=SOURCE, resources=[f"arn:aws:s3:::{n.uri.bucket}"]) for n in news
    ])  # fmt: skip
    return len(news)


def see(conn: psycopg.Connection, notices: Sequence[Notice], *, looked: bool = False) -> list[bool]:
    """Remember what is so now; for each whether it is news. In order: of two notices of one object the later one stays."""
    found: list[bool] = []
    if notices:
        with conn.cursor() as cursor:
            cursor.executemany(SEE, [_seen(notice, looked) for notice in notices], returning=True)
            more: bool | None = True
            while more:
                found.append(cursor.fetchone() is not None)
                more = cursor.nextset()
    return found


def _seen(notice: Notice, looked: bool) -> dict[str, Any]:
    sequencer = notice.sequencer.ljust(_SEQUENCER, "0") if notice.sequencer else ""
    return {
        "bucket": notice.uri.bucket, "key": notice.uri.key, "etag": notice.etag or f"?{sequencer}", "sequencer": sequencer,
        "gone": notice.change is Change.DELETED, "known": looked and notice.change is Change.DELETED,
    }  # fmt: skip


def is_storable(detail: Mapping[str, Any]) -> bool:
    """Whether the database can hold it: no U+0000 and no half of a character in its texts, no integer beyond 64 bits."""
    try:
        return _NUL.search(orjson.dumps(detail)) is None
    except TypeError:
        return False


def custom(
    conn: psycopg.Connection, place: Place, *, source: str, detail_type: str, detail: Mapping[str, Any],
    resources: Sequence[str], at: datetime | None,
) -> str:  # fmt: skip
    """A client's event; its id."""
    (number,) = announce_all(conn, [
        Event(detail_type=detail_type, detail=detail, source=source, account_id=place.account_id, region=place.region,
              resources=resources, at=at)
    ])  # fmt: skip
    assert number is not None  # it has no dedupe_key
    return event_id(number)


def forget_old(conn: psycopg.Connection, limit: int) -> int:
    """Objects that are gone, or that no rule asks for, after 30 days. How many."""
    return conn.execute(_AGE, (limit,)).rowcount
