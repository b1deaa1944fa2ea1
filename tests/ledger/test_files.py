"""Registering, listing, retrying, skipping."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.ledger import FailOutcome, Registration, fail, files
from glulam.ledger.arrays import integers, microseconds, texts
from glulam.ledger.files import (
    count_by_status,
    ensure_pipeline,
    get_by_id,
    get_by_key,
    list_files,
    register,
    retry,
    skip,
    versions,
)
from glulam.model.clock import new_batch_id
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.model.states import FileStatus
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.settings import Settings
from glulam.store.database import Database

from .conftest import POLICY, WHEN, Ledger, stat


def test_a_file_is_registered_once(ledger: Ledger) -> None:
    assert ledger.register(stat("a"), stat("b")) == Registration(new=2, superseded=0)
    assert ledger.register(stat("a"), stat("b"), stat("c")) == Registration(new=1, superseded=0)
    found = ledger.run(lambda c: get_by_key(c, "events", "a"))
    assert (str(found.uri), found.etag, found.size_bytes, found.last_modified) == (
        "s3://raw/a",
        "e1",
        10,
        WHEN,
    )
    assert (found.status, found.records_read, found.retry_count) == (FileStatus.PENDING, 0, 0)


def test_pipelines_have_ledgers_of_their_own(ledger: Ledger) -> None:
    other = ledger.run(lambda c: ensure_pipeline(c, "other"))
    assert other == ledger.run(lambda c: ensure_pipeline(c, "other")) != ledger.pipeline
    ledger.register(stat("a"))
    assert ledger.run(lambda c: register(c, other, [stat("a")])).new == 1
    assert ledger.run(lambda c: count_by_status(c, "other")) == {FileStatus.PENDING: 1}
    assert ledger.run(lambda c: count_by_status(c)) == {FileStatus.PENDING: 2}


def test_new_content_supersedes_what_nobody_has_read(ledger: Ledger) -> None:
    ledger.register(stat("a", "e1"))
    assert ledger.register(stat("a", "e2")) == Registration(new=1, superseded=1)
    assert ledger.statuses() == {"a@e1": "SUPERSEDED", "a@e2": "PENDING"}
    assert [f.etag for f in ledger.claimed().files] == ["e2"]
    assert ledger.register(stat("a", "e3")) == Registration(new=1, superseded=0), "e2 is being read"
    assert [v.etag for v in ledger.run(lambda c: versions(c, "events", "a"))] == ["e1", "e2", "e3"]


def test_content_that_comes_back_before_it_was_read_is_read(ledger: Ledger) -> None:
    ledger.register(stat("a", "e1"))
    ledger.register(stat("a", "e2"))
    assert ledger.register(stat("a", "e1")) == Registration(new=1, superseded=1)
    assert ledger.statuses() == {"a@e1": "PENDING", "a@e2": "SUPERSEDED"}
    assert [f.etag for f in ledger.claimed().files] == ["e1"]


def test_of_two_versions_in_one_listing_the_later_counts(ledger: Ledger) -> None:
    old = replace(stat("a", "old"), last_modified=WHEN - timedelta(hours=1))
    assert ledger.register(stat("a", "new"), old).new == 1
    assert ledger.statuses() == {"a@new": "PENDING"}


def test_at_most_a_thousand_in_one_call(ledger: Ledger) -> None:
    assert ledger.register(*(stat(f"{n:04d}") for n in range(1000))).new == 1000
    assert ledger.register(*(stat(f"{n:04d}", "e2") for n in range(1000))) == Registration(
        new=1000, superseded=1000
    )
    with pytest.raises(InvalidInput, match="1001"):
        ledger.register(*(stat(f"{n:04d}") for n in range(1001)))


def test_listers_at_once_add_each_file_once(ledger: Ledger) -> None:
    stats = [stat(f"{n:03d}") for n in range(300)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda n: ledger.register(*stats[n:], *stats[:n]), (0, 50, 100, 150))
        assert sum(f.new for f in found) == 300
    assert ledger.run(count_by_status) == {FileStatus.PENDING: 300}


def test_odd_names_arrive_as_they_are(ledger: Ledger) -> None:
    keys = [
        'q"uote',
        "back\\slash",
        "{brace},comma",
        "NULL",
        "ünï/日本",
        "line\nfeed",
        " space ",
        "%s",
        "'; DROP",
    ]
    ledger.register(*(stat(key) for key in keys))
    assert {f.uri.key for f in ledger.claimed().files} == set(keys)


@given(
    names=st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    times=st.lists(st.datetimes(timezones=st.just(WHEN.tzinfo))),
)
def test_arrays_are_what_postgres_reads(database_server_session, names, times) -> None:  # type: ignore[no-untyped-def]
    numbers = list(range(-3, len(names)))
    row = database_server_session.execute(
        "SELECT %s::text[], %s::bigint[], ARRAY(SELECT timestamptz 'epoch' + x / 1000000 * interval '1 second' "
        "+ x %% 1000000 * interval '1 microsecond' FROM unnest(%s::bigint[]) WITH ORDINALITY AS t (x, n) ORDER BY n)",
        (texts(names), integers(numbers), microseconds(times)),
    ).fetchone()
    assert row == (names, numbers, times)


@pytest.fixture(scope="module")
def database_server_session(database_server):  # type: ignore[no-untyped-def]
    url = database_server.url("postgres")
    with Database.open(Settings(database_url=url)) as database, database.connection() as conn:
        yield conn


def test_list_filters_and_pages(ledger: Ledger) -> None:
    ledger.register(*(stat(f"2024/week{n:02d}/x_%") for n in range(10)))
    ledger.run(lambda c: skip(c, "events", "2024/week03/x_%"))

    def keys(**wanted: object) -> list[str]:
        return [f.uri.key[9:11] for f in ledger.run(lambda c: list_files(c, **wanted))]

    assert keys(status=FileStatus.SKIPPED) == ["03"]
    assert keys(key_contains="week07", pipeline="events") == ["07"]
    assert keys(key_contains="_%", limit=3) == ["00", "01", "02"], "not a pattern"
    assert keys(pipeline="nobody") == []
    first = ledger.run(lambda c: list_files(c, limit=4))
    assert keys(limit=4, after_id=first[-1].id) == ["04", "05", "06", "07"]


def test_a_skipped_file_is_left_out_until_it_is_retried(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    assert ledger.run(lambda c: skip(c, "events", "a")).status is FileStatus.SKIPPED
    assert [f.uri.key for f in ledger.claimed().files] == ["b"]
    assert ledger.claim() is None
    assert ledger.run(lambda c: retry(c, "events", "s3://raw/a")).status is FileStatus.PENDING
    assert [f.uri.key for f in ledger.claimed().files] == ["a"]


def test_skipped_and_retried_before_anybody_came_it_is_claimed_once(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    ledger.run(lambda c: skip(c, "events", "a"))
    ledger.run(lambda c: retry(c, "events", "a"))  # it stands in the queue twice now
    assert [f.uri.key for f in ledger.claimed().files] == ["a", "b"]
    assert ledger.claim() is None


def test_a_wrong_state_is_named_with_the_allowed_ones(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    with pytest.raises(
        InvalidInput, match="is PENDING and cannot be retried; expected one of QUARANTINED, SKIPPED"
    ):
        ledger.run(lambda c: retry(c, "events", "a"))
    ledger.claimed()
    with pytest.raises(
        InvalidInput, match="is PROCESSING and cannot be skipped; expected one of PENDING, FAILED"
    ):
        ledger.run(lambda c: skip(c, "events", "a"))
    for key, call in (("nope", skip), ("nope", retry)):
        with pytest.raises(EntityNotFound, match="'events' has no file 'nope'"):
            ledger.run(lambda c, call=call, key=key: call(c, "events", key))
    with pytest.raises(EntityNotFound, match="999"):
        ledger.run(lambda c: get_by_id(c, 999))


def test_retry_of_a_failed_file_makes_its_batch_due_now(ledger: Ledger) -> None:
    ledger.register(stat("a"))
    taken = ledger.claimed()
    slow = replace(POLICY, backoff_s=100.0)
    outcome = ledger.run(
        lambda c: fail(c, taken, error="disk full", transient=True, policy=slow, new_id=new_batch_id)
    )
    assert outcome is FailOutcome.RETRY
    assert ledger.claim() is None
    found = ledger.run(lambda c: retry(c, "events", "a"))
    assert (found.status, found.error_message, found.retry_count) == (FileStatus.FAILED, "disk full", 1)
    assert ledger.claimed().batch_id == taken.batch_id


def test_the_view_that_users_know(ledger: Ledger) -> None:
    ledger.register(stat("a"), stat("b"))
    taken = ledger.claimed(max_files=1)
    ledger.commit(taken)
    rows = ledger.run(
        lambda c: c.execute(
            "SELECT s3_key, processing_status, glue_job_run_id, records_read, records_written, records_rejected, "
            "records_rescued, bytes, retry_count, processed_at IS NOT NULL FROM file_processing_status ORDER BY 1"
        ).fetchall()
    )
    assert rows == [
        ("a", "SUCCEEDED", taken.batch_id, 10, 9, 1, 2, 10, 0, True),
        ("b", "PENDING", None, 0, 0, 0, 0, 10, 0, False),
    ]


def test_a_stale_listing_does_not_push_the_newer_version_out(database: Database) -> None:
    """Two listers: one saw v1, the file is overwritten, the other enters v2, then the first enters v1."""
    uri = S3Uri("raw", "a.json")
    old = ObjectStat(uri=uri, etag="v1", size_bytes=1, last_modified=datetime(2024, 1, 1, tzinfo=UTC))
    new = ObjectStat(uri=uri, etag="v2", size_bytes=2, last_modified=datetime(2024, 1, 2, tzinfo=UTC))
    with database.transaction() as conn:
        pipeline = files.ensure_pipeline(conn, "p")
        assert files.register(conn, pipeline, [new]).new == 1
    with database.transaction() as conn:
        stale = files.register(conn, pipeline, [old])
        assert (stale.new, stale.superseded, stale.doubtful) == (0, 0, {uri})
        assert files.get_by_key(conn, "p", "a.json").etag == "v2"
    with (
        database.transaction() as conn
    ):  # the store says that v1 is what it holds: somebody put the old file back
        assert files.register(conn, pipeline, [old], current=True) == files.Registration(new=1, superseded=1)
