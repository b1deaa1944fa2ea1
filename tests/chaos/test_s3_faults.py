"""The whole pipeline on S3 while the object store answers 500, 503, half a body, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from crash.invariants import check
from crash.processes import Drivers
from crash.project import Project, Version
from faultproxy import Fault, FaultProxy, Rule
from s3server import s3_endpoint, s3_env

__all__ = ["s3_endpoint", "s3_env"]
pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"
BUCKETS = ("raw", "processed", "curated", "dead")
FEW = {
    "500 and 503": (
        Rule(fault=Fault.ERROR_500, times=1),
        Rule(fault=Fault.SLOW_DOWN_503, method="PUT", times=1),
    ),
    "short bodies": (Rule(fault=Fault.SHORT_BODY, method="GET", path="/raw/.*json", times=2),),
    "done, answer lost": (Rule(fault=Fault.DROP_AFTER, method="PUT|DELETE|POST", times=4),),
}
MORE = {
    "500": (Rule(fault=Fault.ERROR_500, times=3),),
    "503 on writing": (Rule(fault=Fault.SLOW_DOWN_503, method="PUT|POST", times=3),),
    "cut before": (Rule(fault=Fault.DROP_BEFORE, method="PUT|GET", times=2),),
    "silence": (Rule(fault=Fault.HANG, method="PUT", times=1), Rule(fault=Fault.HANG, path="/raw/", times=1)),
}
LASTING = {
    "archiving": (Rule(fault=Fault.ERROR_500, method="PUT", path="/processed/"), "COMMITTED"),
    "publishing": (Rule(fault=Fault.ERROR_500, method="PUT", path="/curated/events"), "COMMITTED"),
    "staging": (Rule(fault=Fault.SLOW_DOWN_503, method="PUT", path="/curated/_staging"), "READY"),
}


class S3Project(Project):
    """Raw files go to the endpoint; `mirror` brings everything back to where the oracle looks."""

    client: Any

    def _put(self, version: Version, in_place: bool) -> Version:
        self.client.put_object(Bucket="raw", Key=f"in/{version.key}", Body=version.data)
        self.versions.setdefault(version.key, []).append(version)
        return version

    def mirror(self) -> S3Project:
        for bucket in BUCKETS:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for found in page.get("Contents", []):
                    path = self.lake / bucket / found["Key"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self.client.download_file(bucket, found["Key"], str(path))
        return self


@pytest.fixture
def proxy(s3_env: str) -> Iterator[FaultProxy]:
    with FaultProxy(s3_env) as found:
        yield found


@pytest.fixture
def project(
    s3_env: str, proxy: FaultProxy, database_url: str, drivers: Drivers, tmp_path: Path
) -> Iterator[S3Project]:
    client = boto3.client("s3", endpoint_url=s3_env, region_name="us-east-1")
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket)
    env = {"GLULAM_OBJECTS": "s3", "AWS_ENDPOINT_URL": proxy.url}
    made = S3Project(root=tmp_path / "project", database_url=database_url, drivers=drivers, batch={"max_files": 3},
                     env=env)  # fmt: skip
    made.client = client
    yield made
    print(made.log())
    for bucket in BUCKETS:
        boto3.resource("s3", endpoint_url=s3_env, region_name="us-east-1").Bucket(
            bucket
        ).objects.all().delete()
        client.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("rules", [pytest.param(r, id=n) for n, r in (FEW | (MORE if SWEEP else {})).items()])
def test_passing_faults(project: S3Project, proxy: FaultProxy, rules: tuple[Rule, ...]) -> None:
    project.write_many(3)
    proxy.add(*rules)
    project.run("list", "run")
    assert proxy.hits, "the fault did not strike"
    proxy.clear()
    project.recover()
    check(project.mirror())


@pytest.mark.parametrize("what", LASTING if SWEEP else ["publishing"])
def test_a_lasting_fault(project: S3Project, proxy: FaultProxy, what: str) -> None:
    """The batch waits in the state that it has reached, and goes on when the store answers again."""
    rule, state = LASTING[what]
    project.write_many(3)
    project.configure(batch={"max_files": 3, "lease_s": 60, "backoff_s": 60, "max_attempts": 3})
    proxy.add(rule)
    [_, said] = project.run("list", "due")
    assert said["outcomes"] == [state]
    proxy.clear()
    project.recover()
    check(project.mirror())


def test_killed_on_s3(project: S3Project) -> None:
    """Local moves are renames; here they are copies and conditional deletes."""
    project.write_many(3)
    for point in (
        ("archive.during_copy", "publish.during", "archive.after_copy:2") if SWEEP else ("publish.during",)
    ):
        project.crash(point, "list", "run")
        project.expire()
    project.recover()
    check(project.mirror())
