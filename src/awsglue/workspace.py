"""What sources and sinks work with: the Spark session, the settings, the catalog's client, the run's bookmark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from awsglue.bookmarks import JobBookmark
from awsglue.session import reach
from glulam.model.errors import InvalidInput
from glulam.settings import Settings

try:
    from py4j.protocol import Py4JError

    SPARK_ERRORS: tuple[type[Exception], ...] = (PySparkException, Py4JError)
    """What Spark raises; the second only where its driver is a JVM beside us."""
except ImportError:  # a client of Spark Connect alone
    SPARK_ERRORS = (PySparkException,)


@dataclass(kw_only=True)
class Workspace:
    session: SparkSession
    settings: Settings
    bookmark: JobBookmark | None = None
    """Set by Job.init()."""

    @cached_property
    def glue(self) -> Any:
        """The catalog, by boto3: AWS_ENDPOINT_URL_GLUE or AWS_ENDPOINT_URL says where."""
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or self.settings.region
        return boto3.client("glue", region_name=region)

    def table(self, database: str, name: str, catalog_id: str | None = None) -> dict[str, Any]:
        """The catalog's table, as Glue describes it."""
        found: dict[str, Any] = self.glue.get_table(DatabaseName=database, Name=name, **catalog(catalog_id))[
            "Table"
        ]
        return found

    def reach(self, *paths: str) -> None:
        for path in paths:
            reach(self.session, self.settings, path)


def catalog(catalog_id: str | None) -> dict[str, str]:
    return {"CatalogId": catalog_id} if catalog_id else {}


def flag(options: dict[str, Any], name: str, default: bool = False) -> bool:
    """An option that is true, "true", "True", 1. Raises InvalidInput for anything that is neither yes nor no."""
    value = options.get(name, default)
    text = str(value).lower()
    if text not in ("true", "false", "1", "0", "none", ""):
        raise InvalidInput(f"option {name}: {value!r}; expected true or false")
    return text in ("true", "1")
