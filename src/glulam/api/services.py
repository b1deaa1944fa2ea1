"""All that Glulam answers of each AWS service: the one list of api classes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from glulam.access.bucket_policies import BucketPolicies
from glulam.access.policy_store import Policies
from glulam.access.secrets import SecretBox
from glulam.api.blueprints import Blueprints, ReadObject, require_blueprint
from glulam.api.bucket_policies import SETTING, PoliciesOfBuckets
from glulam.api.bucket_settings import BucketSettings
from glulam.api.buckets import Buckets
from glulam.api.catalogs import Catalogs
from glulam.api.classifiers import Classifiers
from glulam.api.connections import Connections
from glulam.api.copies import Copies
from glulam.api.crawl_history import CrawlHistory
from glulam.api.crawlers import Crawlers, require_crawler
from glulam.api.databases import Databases
from glulam.api.event_rule_tags import EventRuleTags
from glulam.api.event_rules import EventRules
from glulam.api.functions import Functions
from glulam.api.job_logs import JobLogs
from glulam.api.job_runs import JobRuns
from glulam.api.jobs import Jobs, require_job
from glulam.api.object_lists import ObjectLists
from glulam.api.objects import Objects
from glulam.api.paging import Paging
from glulam.api.partition_indexes import PartitionIndexes
from glulam.api.partitions import Partitions
from glulam.api.policies import ResourcePolicies
from glulam.api.schema_versions import SchemaVersions
from glulam.api.schemas import Schemas, require_registry, require_schema
from glulam.api.search import TableSearch
from glulam.api.security import Security
from glulam.api.security_tokens import SecurityTokens
from glulam.api.sessions import Sessions
from glulam.api.sight import Sight
from glulam.api.statistics import Statistics
from glulam.api.system_logs import SystemLogs
from glulam.api.tables import Tables
from glulam.api.tagging import CATALOG_KINDS, Tagging
from glulam.api.triggers import Triggers, require_trigger
from glulam.api.uploads import MultipartUploads
from glulam.api.workflows import Workflows, require_workflow
from glulam.buckets.store import BucketStore
from glulam.catalog.connection_tester import ConnectionTester
from glulam.catalog.connections import Box
from glulam.jobs.system_logs import LogLinks
from glulam.orchestrate.firing import Firing
from glulam.store.database import Database

GLUE: tuple[type, ...] = (
    Blueprints, Catalogs, Classifiers, Connections, CrawlHistory, Crawlers, Databases, Functions, JobRuns, Jobs,
    PartitionIndexes, Partitions, ResourcePolicies, SchemaVersions, Schemas, Security, Sessions, Statistics, SystemLogs,
    TableSearch, Tables, Tagging, Triggers, Workflows,
)  # fmt: skip
LOGS: tuple[type, ...] = (JobLogs,)
EVENTS: tuple[type, ...] = (EventRules, EventRuleTags)
_OF_THE_STORE = (BucketSettings, Buckets, Copies, MultipartUploads, ObjectLists, Objects)
S3: tuple[type, ...] = (*_OF_THE_STORE, PoliciesOfBuckets)
STS: tuple[type, ...] = (SecurityTokens,)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the api classes are made of."""

    database: Database
    paging: Paging
    box: Box
    policies: Policies
    tester: ConnectionTester
    firing: Firing
    read: ReadObject
    links: LogLinks
    session_token: Callable[[str], str]
    keep_versions: int = 0
    log_days: int = 30


def glue(parts: Parts) -> list[object]:
    """The objects whose methods are Glue's operations."""
    database, paging, sight = parts.database, parts.paging, Sight(policies=parts.policies)
    return [
        Blueprints(database=database, paging=paging, sight=sight, read=parts.read),
        Catalogs(database=database, paging=paging),
        Classifiers(database=database, paging=paging),
        Connections(database=database, paging=paging, sight=sight, box=parts.box, tester=parts.tester),
        CrawlHistory(database=database, paging=paging),
        Crawlers(database=database, paging=paging, sight=sight),
        Databases(database=database, paging=paging, sight=sight),
        Functions(database=database, paging=paging, sight=sight),
        JobRuns(database=database, paging=paging),
        Jobs(database=database, paging=paging, sight=sight),
        PartitionIndexes(database=database),
        Partitions(database=database, paging=paging),
        ResourcePolicies(database=database, policies=parts.policies),
        SchemaVersions(database=database, paging=paging, sight=sight),
        Schemas(database=database, paging=paging, sight=sight),
        Security(database=database, paging=paging),
        Sessions(database=database, paging=paging, token=parts.session_token),
        Statistics(database=database),
        SystemLogs(database=database, links=parts.links),
        TableSearch(database=database, paging=paging, sight=sight),
        Tables(database=database, paging=paging, sight=sight, keep_versions=parts.keep_versions),
        Tagging(database=database, kinds={
            **CATALOG_KINDS, "blueprint": require_blueprint, "crawler": require_crawler, "job": require_job,
            "registry": require_registry, "schema": require_schema, "trigger": require_trigger,
            "workflow": require_workflow,
        }),
        Triggers(database=database, paging=paging, sight=sight, firing=parts.firing),
        Workflows(database=database, paging=paging, sight=sight, firing=parts.firing),
    ]  # fmt: skip


def logs(parts: Parts) -> list[object]:
    """The objects whose methods are operations of CloudWatch Logs."""
    return [JobLogs(database=parts.database, paging=parts.paging, retention_days=parts.log_days)]


def events(parts: Parts) -> list[object]:
    """The objects whose methods are operations of EventBridge."""
    return [EventRules(database=parts.database, paging=parts.paging), EventRuleTags(database=parts.database)]


def bucket_policies(store: BucketStore) -> BucketPolicies:
    """As the gate asks for them."""
    return BucketPolicies(lambda: store.buckets.with_setting(SETTING), monotonic=time.monotonic)


def s3(store: BucketStore, policies: BucketPolicies) -> list[object]:
    """The objects whose methods are S3's operations."""
    return [*(kind(store=store) for kind in _OF_THE_STORE), PoliciesOfBuckets(store=store, policies=policies)]


def sts(database: Database, box: SecretBox, clock: Callable[[], datetime]) -> list[object]:
    """The objects whose methods are STS's operations."""
    return [SecurityTokens(database=database, box=box, clock=clock)]
