"""GetSystemLogsForJobRun: the whole log of a run behind a link, for whoever has the link, for an hour."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from glulam.jobs import logs
from glulam.jobs.logs import Stream
from glulam.jobs.system_logs import LogLinks, document
from glulam.model.errors import AccessDenied

from ..test_server import up
from .conftest import Site
from .test_up import ended, job

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def test_a_link_is_good_for_its_run_and_for_an_hour() -> None:
    now = [NOW]
    links = LogLinks(endpoint="http://x", sign=lambda m: b"key" + m, clock=lambda: now[0])
    url = links.url("jr_1")
    assert url.startswith("http://x/_glulam/system-logs/jr_1?until=")
    until, signature = (part.partition("=")[2] for part in url.partition("?")[2].split("&"))
    links.prove("jr_1", until, signature)
    for run, moment, sign in (("jr_2", until, signature), ("jr_1", str(int(until) + 1), signature), ("jr_1", "x", ""),
                              ("jr_1", until, "é")):  # fmt: skip
        with pytest.raises(AccessDenied):
            links.prove(run, moment, sign)
    now[0] += timedelta(hours=1, seconds=1)
    with pytest.raises(AccessDenied):
        links.prove("jr_1", until, signature)


def test_lines_of_spark_have_level_and_logger(site: Site) -> None:
    said = [
        "plain", "24/01/01 00:00:00 WARN TaskSetManager: Lost task 0.0", "java.lang.IllegalStateException: no",
        "\tat org.apache.spark.Foo.bar(Foo.scala:1)", "glulam: the run failed",
    ]  # fmt: skip
    with site.app.database.transaction() as conn:
        logs.add(conn, "jr_1", Stream.ERROR, [(1000 + n, text) for n, text in enumerate(said)])
        logs.add(conn, "jr_1", Stream.OUTPUT, [(2000, "24/01/01 00:00:00 WARN Mine: a script's own")])
        found = [json.loads(line) for line in document(conn, "jr_1")]
    assert [(f["message"], f.get("level"), f.get("logger")) for f in found] == [
        ("plain", None, None), ("Lost task 0.0", "WARN", "TaskSetManager"), (said[2], "WARN", "TaskSetManager"),
        (said[3], "WARN", "TaskSetManager"), (said[4], None, None), ("24/01/01 00:00:00 WARN Mine: a script's own", None, None),
    ]  # fmt: skip
    assert (found[0]["time"], found[-1]["stream"]) == ("1970-01-01T00:00:01.000+00:00", "output")


def test_the_operation_through_a_server() -> None:
    with up() as server:
        glue = server.client()
        name = job(server, glue, "j", "import sys\nprint('out')\nprint('err', file=sys.stderr)")
        run_id = glue.start_job_run(JobName=name)["JobRunId"]
        ended(glue, name, run_id)
        url = glue.get_system_logs_for_job_run(JobName=name, RunId=run_id)["SystemLogsUrl"]
        with urlopen(url) as answer:
            found = [json.loads(line) for line in answer]
        assert {(line["stream"], line["message"]) for line in found} >= {("output", "out"), ("error", "err")}
        with pytest.raises(HTTPError, match="403"):
            urlopen(url[:-1] + ("0" if url[-1] != "0" else "1"))
        with pytest.raises(ClientError, match="EntityNotFound"):
            glue.get_system_logs_for_job_run(JobName=name, RunId="jr_none")
        with pytest.raises(ClientError, match="EntityNotFound"):
            glue.get_system_logs_for_session(Id="none")
