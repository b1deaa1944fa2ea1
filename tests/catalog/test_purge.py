"""What deletion hides, purge takes away, a little at a time; what is there stays."""

from __future__ import annotations

import time

import psycopg
import pytest

from glulam.catalog.databases import create_database, delete_database, get_database
from glulam.catalog.functions import create_function
from glulam.catalog.partitions import PartitionInput, create_partitions
from glulam.catalog.purge import MOST_TABLES, purge
from glulam.catalog.scope import LOCAL
from glulam.catalog.tables import create_table, delete_table, get_table, update_table
from glulam.store.database import Database

FILL = """
WITH t AS (
  INSERT INTO catalog_table (database_id, name, document)
  SELECT %s, 't' || n, '{}' FROM generate_series(1, %s) n RETURNING id
)
INSERT INTO catalog_table_version (table_id, version, document, cause)
SELECT id, v, '{}', '{}' FROM t, generate_series(0, 2) v
"""
COUNT = """
SELECT (SELECT count(*) FROM catalog_database), (SELECT count(*) FROM catalog_table),
       (SELECT count(*) FROM catalog_table_version), (SELECT count(*) FROM catalog_resource)
"""


def counts(conn: psycopg.Connection) -> tuple[int, ...]:
    return conn.execute(COUNT).fetchone() or ()


@pytest.fixture
def filled(database: Database) -> Database:
    with database.transaction() as conn:
        for name in ("gone", "kept"):
            create_database(conn, name, {})
            create_function(conn, LOCAL, name, "f", {})
            conn.execute(FILL, (get_database(conn, name).id, 7))
    return database


def test_a_deleted_database_goes_bit_by_bit(filled: Database) -> None:
    with filled.transaction() as conn:
        delete_database(conn, "gone")
    steps = []
    while True:
        with filled.transaction() as conn:
            removed = purge(conn, 5)
        if not removed:
            break
        steps.append(removed)
    assert max(steps) <= 5
    assert sum(steps) == 7 * 3 + 7 + 1
    with filled.connection() as conn:
        assert counts(conn) == (1, 7, 21, 1)
        assert get_table(conn, "kept", "t1").name == "t1"


def test_a_deleted_table_goes_and_its_namesake_stays(filled: Database) -> None:
    with filled.transaction() as conn:
        delete_table(conn, get_table(conn, "kept", "t1"))
        new = create_table(conn, "kept", "t1", {"Owner": "me"}, {})
        update_table(conn, new, {"Owner": "you"}, expected_version=0, cause={})
    with filled.transaction() as conn:
        while purge(conn, 100):
            pass
        assert counts(conn) == (2, 14, 13 * 3 + 2, 2)
        assert get_table(conn, "kept", "t1").document == {"Owner": "you"}


def test_partitions_go_before_their_table_and_the_ledger_stays(database: Database) -> None:
    with database.transaction() as conn:
        create_database(conn, "db", {})
        table = create_table(conn, "db", "t", {"PartitionKeys": [{"Name": "k", "Type": "string"}]}, {})
        made = [PartitionInput(values=(str(n),)) for n in range(25)]
        assert create_partitions(conn, table.id, 1, made) == []
        conn.execute("INSERT INTO pipeline (name) VALUES ('p')")
        conn.execute(
            """INSERT INTO batch (id, pipeline_id, kind, state, file_ids)
               SELECT 'b', id, 'INGEST', 'RUNNING', '{}' FROM pipeline"""
        )
        conn.execute(
            """INSERT INTO output_file (batch_id, table_id, uri, "values", record_count, size_bytes, checksum)
               VALUES ('b', %s, 's3://b/k', '{}', 1, 1, 'x')""",
            (table.id,),
        )
        delete_table(conn, table)
    steps = []
    with database.transaction() as conn:
        while removed := purge(conn, 10):
            steps.append(removed)
        assert max(steps) <= 10
        assert sum(steps) == 1 + 25
        assert counts(conn) == (1, 1, 0, 0), "the row stays for a new table that takes the file over"
        assert conn.execute("SELECT count(*) FROM catalog_partition").fetchone() == (0,)
        assert purge(conn, 10) == 0
        conn.execute("UPDATE output_file SET retired_by = 'b'")
        assert purge(conn, 10) == 1
        assert counts(conn) == (1, 0, 0, 0)
        assert conn.execute("SELECT table_id FROM output_file").fetchone() == (table.id,)


def test_rows_that_stay_do_not_keep_others_from_going(database: Database) -> None:
    with database.transaction() as conn:
        create_database(conn, "db", {})
        conn.execute(FILL, (get_database(conn, "db").id, MOST_TABLES + 5))
        conn.execute("INSERT INTO pipeline (name) VALUES ('p')")
        conn.execute(
            """INSERT INTO batch (id, pipeline_id, kind, state, file_ids)
               SELECT 'b', id, 'INGEST', 'RUNNING', '{}' FROM pipeline"""
        )
        conn.execute(
            """INSERT INTO output_file (batch_id, table_id, uri, "values", record_count, size_bytes, checksum)
               SELECT 'b', id, 's3://b/' || id, '{}', 1, 1, 'x' FROM catalog_table WHERE name <> 't7'"""
        )
        delete_database(conn, "db")
        while purge(conn, 1000):
            pass
        assert counts(conn) == (1, MOST_TABLES + 4, 0, 0)


def test_nothing_deleted_is_nothing_to_do(filled: Database) -> None:
    with filled.transaction() as conn:
        before = counts(conn)
        assert purge(conn, 100) == 0
        assert counts(conn) == before


def test_deleting_a_big_database_answers_at_once(database: Database) -> None:
    with database.transaction() as conn:
        create_database(conn, "big", {})
        conn.execute(
            """INSERT INTO catalog_table (database_id, name, document)
               SELECT %s, 't' || n, '{}' FROM generate_series(1, 100000) n""",
            (get_database(conn, "big").id,),
        )
    began = time.perf_counter()
    with database.transaction() as conn:
        delete_database(conn, "big")
    assert time.perf_counter() - began < 0.5
    began = time.perf_counter()
    with database.transaction() as conn:
        assert purge(conn, 1000) == MOST_TABLES
    assert time.perf_counter() - began < 2
