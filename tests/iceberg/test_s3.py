"""The same on an S3 endpoint over HTTP, read back by PyIceberg with its own S3 client."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
from pyiceberg.table import StaticTable

from glulam.app import App
from glulam.cli.letters import live_tables
from glulam.ingest import compact
from glulam.ingest.config import parse
from glulam.ingest.lister import list_raw
from glulam.model.clock import new_batch_id, utc_now
from glulam.settings import Settings
from icebergreader import POINTER, data_files, rows_of
from s3server import s3_client

PIPELINE = """
pipeline: p
zones: {{raw: s3://{0}/raw, processed: s3://{0}/done, curated: s3://{0}/lake/events, dead_letters: s3://{0}/dead}}
table: {{database: ml, name: events}}
curated: {{format: iceberg}}
transform: {{select: ["*"], partition_by: [mode]}}
"""


def test_pipeline_sql_and_compaction(s3_env: str, s3_bucket: str, tmp_path: Path, database_url: str) -> None:
    client, pipeline = s3_client(s3_env), parse(PIPELINE.format(s3_bucket), "pipeline.yaml")
    with App(Settings(home=tmp_path, database_url=database_url, objects="s3", threads=2)) as app:
        processor = app.processor(pipeline)
        for n in range(3):
            body = "".join(json.dumps({"id": n * 10 + i, "mode": "x", f"c{n}": i}) + "\n" for i in range(4))
            client.put_object(
                Bucket=s3_bucket, Key=f"raw/historical/{n}.json", Body=f"{body}nothing\n".encode()
            )
            list_raw(app.database, app.store, pipeline, processor.pipeline_id, utc_now)
            report = processor.run()
            assert (report.written, report.rejected, report.failures) == (4, 1, [])
        assert compact.request(processor.work, processor.pipeline_id, new_batch_id) == 1
        assert processor.run().failures == []
        live = live_tables(app)
        query = "SELECT count(*), sum(id), sum(c2) FROM ml.events WHERE mode = 'x'"
        with live.session(live.named_in(query)) as (session, _):
            assert session.spark(query, 0).rows == ((12, 138, 6),)
    with psycopg.connect(database_url) as conn:
        row = conn.execute(POINTER, ("events",)).fetchone()
    assert row is not None
    table = StaticTable.from_metadata(str(row[0]), {"s3.endpoint": s3_env, "s3.region": "eu-central-1"})
    assert sorted(r["id"] for r in rows_of(table, "id")) == [n * 10 + i for n in range(3) for i in range(4)]
    assert len(data_files(table)) == 1
    staged = client.list_objects_v2(Bucket=s3_bucket, Prefix="_staging/")
    assert staged["KeyCount"] == 0
