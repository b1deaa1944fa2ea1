"""Crawlers as clients see them. The crawls are done here, in the test, by the worker's own step."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.conftest import ACCOUNT, Server
from glulam.app import App
from glulam.crawl.worker import CrawlWorker
from glulam.settings import Settings

Refused = Callable[..., str]


@pytest.fixture
def step(server: Server, tmp_path: Path) -> Any:
    """Does one crawl; answers whether there was one."""

    settings = Settings(
        home=tmp_path / "home", lake=tmp_path / "lake", database_url=server.database.url, threads=1
    )
    (tmp_path / "lake" / "raw" / "sales" / "year=2024").mkdir(parents=True)
    (tmp_path / "lake" / "raw" / "sales" / "year=2024" / "a.json").write_text('{"id": 1}\n{"id": 2}\n')
    with App(settings) as app:
        yield CrawlWorker(work=app.crawls, name="test").step


def _members(**more: Any) -> dict[str, Any]:
    return {
        "Name": "c", "Role": f"arn:aws:iam::{ACCOUNT}:role/crawl", "DatabaseName": "Sales",
        "Targets": {"S3Targets": [{"Path": "s3://raw/sales/", "Exclusions": ["**.tmp"]}]}, **more,
    }  # fmt: skip


def test_all_members_come_back(glue: Any) -> None:
    glue.create_classifier(JsonClassifier={"Name": "j", "JsonPath": "$[*]"})
    configuration = json.dumps(
        {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
    )
    asked = _members(
        Description="d", Classifiers=["j"], TablePrefix="p_", Schedule="cron(15 12 * * ? *)", Configuration=configuration,
        SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}, CrawlerSecurityConfiguration="s",
        RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
        LineageConfiguration={"CrawlerLineageSettings": "ENABLE"},
        LakeFormationConfiguration={"UseLakeFormationCredentials": True, "AccountId": ACCOUNT},
    )  # fmt: skip
    glue.create_crawler(**asked, Tags={"team": "a"})
    found = glue.get_crawler(Name="c")["Crawler"]
    assert found.pop("Role") == "crawl"  # as Glue shows it
    assert found.pop("Schedule") == {"ScheduleExpression": "cron(15 12 * * ? *)", "State": "SCHEDULED"}
    assert found["State"] == "READY"
    assert found["Version"] == 1
    assert {k: v for k, v in found.items() if k in asked} == {
        k: v for k, v in asked.items() if k not in ("Role", "Schedule")
    }
    glue.update_crawler(Name="c", Description="other")
    after = glue.get_crawler(Name="c")["Crawler"]
    assert (after["Description"], after["TablePrefix"], after["Version"]) == ("other", "p_", 2)
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:{glue.meta.region_name}:{ACCOUNT}:crawler/c")["Tags"] == {
        "team": "a"
    }
    assert glue.list_crawlers(Tags={"team": "a"})["CrawlerNames"] == ["c"]
    assert glue.list_crawlers(Tags={"team": "b"})["CrawlerNames"] == []
    batch = glue.batch_get_crawlers(CrawlerNames=["c", "d"])
    assert [c["Name"] for c in batch["Crawlers"]] == ["c"]
    assert batch["CrawlersNotFound"] == ["d"]
    glue.delete_crawler(Name="c")
    assert glue.get_crawlers()["Crawlers"] == []


def test_pages(glue: Any) -> None:
    for number in range(5):
        glue.create_crawler(**_members(Name=f"c{number}"))
    first = glue.list_crawlers(MaxResults=2)
    assert first["CrawlerNames"] == ["c0", "c1"]
    second = glue.get_crawlers(MaxResults=3)
    assert [c["Name"] for c in second["Crawlers"]] == ["c0", "c1", "c2"]
    rest = glue.list_crawlers(MaxResults=10, NextToken=first["NextToken"])
    assert rest["CrawlerNames"] == ["c2", "c3", "c4"]


def test_start_run_and_history(glue: Any, step: Any, refused: Refused) -> None:
    glue.create_crawler(**_members())
    glue.start_crawler(Name="c")
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "RUNNING"
    refused("CrawlerRunningException", glue.start_crawler, Name="c")
    refused("CrawlerRunningException", glue.update_crawler, Name="c", Description="x")
    refused("CrawlerRunningException", glue.delete_crawler, Name="c")
    assert step()
    found = glue.get_crawler(Name="c")["Crawler"]
    assert (found["State"], found["LastCrawl"]["Status"]) == ("READY", "SUCCEEDED")
    table = glue.get_table(DatabaseName="sales", Name="sales")["Table"]
    assert table["StorageDescriptor"]["Columns"] == [{"Name": "id", "Type": "bigint"}]
    assert table["Parameters"]["UPDATED_BY_CRAWLER"] == "c"
    assert table["CreatedBy"].endswith("assumed-role/crawl/AWS-Crawler")
    (partition,) = glue.get_partitions(DatabaseName="sales", TableName="sales")["Partitions"]
    assert partition["Values"] == ["2024"]
    assert partition["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]
    assert partition["Parameters"]["recordCount"] == "2"
    (crawl,) = glue.list_crawls(CrawlerName="c")["Crawls"]
    assert crawl["State"] == "COMPLETED"
    assert json.loads(json.loads(crawl["Summary"])["TABLE"]) == {
        "ADD": {"Count": 1, "Details": {"names": ["sales"]}}
    }
    (metrics,) = glue.get_crawler_metrics(CrawlerNameList=["c"])["CrawlerMetricsList"]
    assert (metrics["TablesCreated"], metrics["StillEstimating"]) == (1, False)
    assert metrics["MedianRuntimeSeconds"] > 0


def test_history_filters(glue: Any, step: Any, refused: Refused) -> None:
    glue.create_crawler(**_members())
    glue.start_crawler(Name="c")
    step()
    ids = [c["CrawlId"] for c in glue.list_crawls(CrawlerName="c")["Crawls"]]

    def found(name: str, operator: str, value: str) -> list[str]:
        filters = [{"FieldName": name, "FilterOperator": operator, "FieldValue": value}]
        return [c["CrawlId"] for c in glue.list_crawls(CrawlerName="c", Filters=filters)["Crawls"]]

    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert found("STATE", "EQ", "COMPLETED") == ids
    assert found("STATE", "NE", "COMPLETED") == []
    assert found("CRAWL_ID", "EQ", ids[0]) == ids
    assert found("START_TIME", "LT", later) == ids
    assert found("END_TIME", "GT", later) == []
    refused("InvalidInputException", found, name="STATE", operator="GT", value="FAILED")
    refused("InvalidInputException", found, name="START_TIME", operator="GT", value="yesterday")


def test_stop(glue: Any, step: Any, refused: Refused) -> None:
    glue.create_crawler(**_members())
    refused("CrawlerNotRunningException", glue.stop_crawler, Name="c")
    glue.start_crawler(Name="c")
    glue.stop_crawler(Name="c")
    assert not step()
    assert glue.get_crawler(Name="c")["Crawler"]["LastCrawl"]["Status"] == "CANCELLED"
    assert [c["State"] for c in glue.list_crawls(CrawlerName="c")["Crawls"]] == ["STOPPED"]


def test_what_goes_wrong_is_in_last_crawl(glue: Any, step: Any) -> None:
    glue.create_crawler(**_members(Targets={"S3Targets": [{"Path": "s3://raw/nothing/"}]}))
    glue.start_crawler(Name="c")
    assert step()
    last = glue.get_crawler(Name="c")["Crawler"]["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert "s3://raw/nothing/" in last["ErrorMessage"]


def test_schedules(glue: Any, refused: Refused) -> None:
    glue.create_crawler(**_members())
    refused("NoScheduleException", glue.start_crawler_schedule, CrawlerName="c")
    refused("SchedulerNotRunningException", glue.stop_crawler_schedule, CrawlerName="c")
    refused("InvalidInputException", glue.update_crawler_schedule, CrawlerName="c", Schedule="every day")
    glue.update_crawler_schedule(CrawlerName="c", Schedule="cron(0 6 ? * MON-FRI *)")
    refused("SchedulerRunningException", glue.start_crawler_schedule, CrawlerName="c")
    glue.stop_crawler_schedule(CrawlerName="c")
    assert glue.get_crawler(Name="c")["Crawler"]["Schedule"]["State"] == "NOT_SCHEDULED"
    glue.start_crawler_schedule(CrawlerName="c")
    assert glue.get_crawler(Name="c")["Crawler"]["Schedule"]["State"] == "SCHEDULED"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Targets": {}}, "InvalidInputException"),
        ({"Targets": {"S3Targets": [{"Path": "https://x/"}]}}, "InvalidInputException"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "Exclusions": ["[a"]}]}}, "InvalidInputException"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "SampleSize": 0}]}}, "InvalidInputException"),
        ({"Targets": {"DynamoDBTargets": [{"Path": "t"}]}}, "OperationNotSupportedException"),
        ({"Role": ""}, "InvalidInputException"),
        ({"DatabaseName": ""}, "InvalidInputException"),
        ({"Schedule": "cron(* * * * * *)"}, "InvalidInputException"),
        ({"Configuration": "{"}, "InvalidInputException"),
        ({"Configuration": '{"Version": 1.0, "Grouping": {"TableGroupingPolicy": "x"}}'}, "InvalidInputException"),
        ({"Classifiers": ["not there"]}, "EntityNotFoundException"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
          "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE"}}, "InvalidInputException"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVENT_MODE"}}, "InvalidInputException"),
    ],
)  # fmt: skip
def test_refused(glue: Any, given: dict[str, Any], code: str, refused: Refused) -> None:
    refused(code, glue.create_crawler, **{**_members(), **given})
    assert glue.list_crawlers()["CrawlerNames"] == []


def test_twice_and_not_there(glue: Any, refused: Refused) -> None:
    glue.create_crawler(**_members())
    refused("AlreadyExistsException", glue.create_crawler, **_members())
    for call in (glue.get_crawler, glue.start_crawler, glue.stop_crawler, glue.delete_crawler):
        refused("EntityNotFoundException", call, Name="d")
    refused("EntityNotFoundException", glue.list_crawls, CrawlerName="d")
