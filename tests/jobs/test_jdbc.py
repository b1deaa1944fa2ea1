"""DynamicFrames from and to PostgreSQL by JDBC, with the driver as a job's --extra-jars.

What they can do is tested in tests/awsglue/test_jdbc.py, and that a missing driver is named in tests/awsglue/test_files.py.
"""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from chaos.pgproxy import Cut, PgProxy
from glulam.jobs.states import RunState
from jdbcdrivers import POSTGRES_JAR

from .conftest import Site

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

given = getResolvedOptions(sys.argv, ["url", "user"])
context = GlueContext(SparkContext.getOrCreate())
reached = {"url": given["url"], "user": given["user"], "password": "x"}
read = context.create_dynamic_frame.from_options
frame = read("postgresql", {**reached, "dbtable": "people", "hashfield": "id", "hashpartitions": "3"})
print(frame.count(), frame.toDF().rdd.getNumPartitions(), sorted(row.name for row in frame.toDF().collect())[:2])
some = read("postgresql", {**reached, "dbtable": "people", "sampleQuery": "SELECT id FROM people WHERE id < 3"})
print(sorted(row.id for row in some.toDF().collect()))
context.write_dynamic_frame.from_options(some, "postgresql", {**reached, "dbtable": "chosen"})
"""


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.skipif(
    POSTGRES_JAR is None, reason="no JDBC driver (libpostgresql-jdbc-java, or GLULAM_TEST_POSTGRES_JAR)"
)
def test_a_job_reads_and_writes_a_database(site: Site) -> None:
    url = str(site.app.settings.database_url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE people AS SELECT n AS id, 'p' || n AS name FROM generate_series(1, 50) n")
    with PgProxy(url, Cut.BEFORE, 10**9) as proxy, site.working():
        found = conninfo_to_dict(proxy.url)
        reached = f"jdbc:postgresql://127.0.0.1:{found['port']}/{found['dbname']}"
        job = site.job(SCRIPT, kind="glueetl", DefaultArguments={
            "--extra-jars": str(POSTGRES_JAR), "--url": reached, "--user": str(found.get("user") or "postgres"),
        })  # fmt: skip
        run = site.ended(site.start(job), 250)
    assert run.state is RunState.SUCCEEDED, (run.error_message, site.log(run.id, None)[-20:])
    assert site.log(run.id) == ["50 3 ['p1', 'p10']", "[1, 2]"]
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT array_agg(id ORDER BY id) FROM chosen").fetchone() == ([1, 2],)
