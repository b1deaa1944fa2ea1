"""The ARNs that requests touch."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from glulam.access.resources import MEMBERS, SUBJECTS, _bare, _subject, resources_of

MODEL = botocore.session.get_session().get_service_model("glue")
PREFIX = "arn:aws:glue:us-east-1:123456789012:"

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("GetDatabase", {"Name": "Sales"}, ["database/sales", "catalog"]),
    ("CreateDatabase", {"DatabaseInput": {"Name": "sales"}}, ["database/sales", "catalog"]),
    ("GetDatabases", {}, ["catalog"]),
    ("GetTable", {"DatabaseName": "Sales", "Name": "Orders"}, ["database/sales", "table/sales/orders", "catalog"]),
    ("CreateTable", {"DatabaseName": "s", "TableInput": {"Name": "o"}}, ["database/s", "table/s/o", "catalog"]),
    ("UpdateTable", {"TableInput": {"Name": "new"}, "Name": "old", "DatabaseName": "s"},
     ["table/s/new", "table/s/old", "database/s", "catalog"]),
    ("GetTables", {"DatabaseName": "s"}, ["database/s", "catalog"]),
    ("BatchDeleteTable", {"DatabaseName": "s", "TablesToDelete": ["a", "b"]},
     ["database/s", "table/s/a", "table/s/b", "catalog"]),
    ("SearchTables", {"SearchText": "x"}, ["catalog"]),
    ("BatchCreatePartition", {"DatabaseName": "s", "TableName": "o", "PartitionInputList": [{"Values": ["1"]}]},
     ["database/s", "table/s/o", "catalog"]),
    ("DeleteDatabase", {"Name": "s"}, ["table/s/*", "userDefinedFunction/s/*", "database/s", "catalog"]),
    ("CreateUserDefinedFunction", {"DatabaseName": "s", "FunctionInput": {"FunctionName": "F"}},
     ["database/s", "userDefinedFunction/s/f", "catalog"]),
    ("GetConnection", {"Name": "Pg"}, ["connection/Pg", "catalog"]),
    ("BatchDeleteConnection", {"ConnectionNameList": ["a", "b"]}, ["connection/a", "connection/b", "catalog"]),
    ("GetCrawler", {"Name": "C"}, ["crawler/C"]),
    ("UpdateCrawlerSchedule", {"CrawlerName": "c", "Schedule": "x"}, ["crawler/c"]),
    ("CreateCrawler", {"Name": "c", "DatabaseName": "d"}, ["crawler/c", "database/d", "catalog"]),
    ("StartJobRun", {"JobName": "J"}, ["job/J"]),
    ("CreateJob", {"Name": "J", "Command": {"Name": "glueetl"}}, ["job/J"]),
    ("BatchGetJobs", {"JobNames": ["a", "b"]}, ["job/a", "job/b"]),
    ("StartJobUpgradeAnalysis", {"jobName": "J"}, ["job/J"]),
    ("BatchGetWorkflows", {"Names": ["w"]}, ["workflow/w"]),
    ("PutWorkflowRunProperties", {"Name": "w", "RunId": "r"}, ["workflow/w"]),
    ("CreateTrigger", {"Name": "t", "WorkflowName": "w", "Actions": [{"JobName": "j"}]}, ["trigger/t", "workflow/w"]),
    ("CreateSchema", {"SchemaName": "s", "RegistryId": {"RegistryName": "R"}}, ["schema/R/s", "registry/R"]),
    ("GetSchema", {"SchemaId": {"SchemaName": "s"}}, ["schema/default-registry/s"]),
    ("GetSchema", {"SchemaId": {"SchemaArn": PREFIX + "schema/R/s"}}, ["schema/R/s"]),
    ("DeleteRegistry", {"RegistryId": {"RegistryName": "R"}}, ["schema/R/*", "registry/R"]),
    ("TagResource", {"ResourceArn": PREFIX + "job/j", "TagsToAdd": {"a": "b"}}, ["job/j"]),
    ("GetStatement", {"SessionId": "S", "Id": 3}, ["session/S"]),
    ("StopSession", {"Id": "S"}, ["session/S"]),
    ("GetMLTransform", {"TransformId": "tfm-1"}, ["mlTransform/tfm-1"]),
    ("BatchGetTableOptimizer", {"Entries": [{"databaseName": "d", "tableName": "t", "type": "compaction"}]},
     ["database/d", "table/d/t", "catalog"]),
    ("CreateDataQualityRuleset", {"Name": "r", "TargetTable": {"DatabaseName": "d", "TableName": "t"}},
     ["dataQualityRuleset/r", "database/d", "table/d/t", "catalog"]),
    ("StartDataQualityRulesetEvaluationRun",
     {"RulesetNames": ["r"], "DataSource": {"GlueTable": {"DatabaseName": "d", "TableName": "t"}}},
     ["dataQualityRuleset/r", "database/d", "table/d/t", "catalog"]),
    ("PutResourcePolicy", {"PolicyInJson": "{}"}, ["catalog"]),
    ("ListJobs", {}, ["*"]),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "asked", "expected"), CASES)
def test_what_a_request_touches(operation: str, asked: dict[str, Any], expected: list[str]) -> None:
    assert operation in MODEL.operation_names
    found = resources_of(operation, asked, account_id="123456789012", region="us-east-1")
    assert sorted(r.arn for r in found) == sorted(PREFIX + name for name in expected)
    assert all(r.below is (r.arn.endswith("/*")) for r in found)


def test_a_star_in_a_name_does_not_mean_all_below() -> None:
    (table, *_) = (r for r in resources_of("GetTable", {"DatabaseName": "d", "Name": "*"}, account_id="1", region="r")
                   if ":table/" in r.arn)  # fmt: skip
    assert not table.below


def test_every_rule_speaks_of_something_in_the_model() -> None:
    inputs = [MODEL.operation_model(n).input_shape for n in MODEL.operation_names]
    members = {m[0].upper() + m[1:] for shape in inputs if shape for m in shape.members}
    unknown = {path.partition(".")[0] for path in MEMBERS} - members
    assert unknown <= {"RegistryName"} - members
    subjects = {s for n in MODEL.operation_names for s in (_subject(n), _bare(n))}
    assert SUBJECTS.keys() - subjects == set()


def test_every_operation_that_names_a_table_touches_its_database_and_catalog() -> None:
    for name in MODEL.operation_names:
        shape = MODEL.operation_model(name).input_shape
        if shape and {"DatabaseName", "TableName"} <= shape.members.keys():
            asked = {"DatabaseName": "d", "TableName": "t"}
            found = {r.arn for r in resources_of(name, asked, account_id="123456789012", region="us-east-1")}
            assert {PREFIX + "catalog", PREFIX + "database/d", PREFIX + "table/d/t"} <= found, name
