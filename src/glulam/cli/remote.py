"""A server as a project sees it: things by section and name, and the project's own files.

Things of AWS services go through boto3 (`glue_things.py`), those of alerts over the server's own door (`alert_things.py`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from glulam.access import keys
from glulam.cli.alert_things import AlertThings
from glulam.cli.glue_things import NOT_THERE, GlueThings, told
from glulam.cli.working import serving
from glulam.model.addresses import is_loopback
from glulam.model.errors import ConcurrentModification, ServerRefused
from glulam.model.uri import S3Uri
from glulam.project.kinds import KINDS, MODELLED, AlertKind, ModelKind, ResourceId
from glulam.project.plan import Seen
from glulam.settings import Settings

_SERVICES = tuple(dict.fromkeys(kind.service for kind in MODELLED.values()))


@contextmanager
def remote(settings: Settings, endpoint: str | None) -> Iterator[Remote]:
    """The server at the endpoint. Without one this process answers for the project's own database and lake, beside
    whatever else serves them."""
    endpoint = endpoint or settings.endpoint
    if endpoint:
        yield Remote.at(endpoint, settings, own=False)
    else:
        with serving(settings) as url:
            yield Remote.at(url, settings, own=True)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """One server."""

    glue: GlueThings
    alerts: AlertThings
    s3: Any

    @classmethod
    def at(cls, endpoint: str, settings: Settings, *, own: bool) -> Remote:
        """Keys are boto3's; on this machine, where there are none, the development key. `own`: always that one."""
        session: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or settings.region)
        if own or (session.get_credentials() is None and is_loopback(urlsplit(endpoint).hostname or "")):
            key = keys.development_key(settings.account_id)
            session = boto3.Session(
                aws_access_key_id=key.id, aws_secret_access_key=key.secret,
                region_name=settings.region if own else session.region_name,
            )  # fmt: skip
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}
        )
        with told(endpoint):
            account = session.client("sts", endpoint_url=endpoint, config=config).get_caller_identity()[
                "Account"
            ]
        local = {"endpoint_url": endpoint} if settings.objects == "local" else {}
        objects: Any = session if local else boto3.Session(region_name=session.region_name)
        clients = {name: session.client(name, endpoint_url=endpoint, config=config) for name in _SERVICES}
        return cls(
            glue=GlueThings(clients=clients, account_id=account, region=session.region_name),
            alerts=AlertThings.at(endpoint, session.get_credentials(), session.region_name),
            s3=objects.client("s3", config=config, **local),
        )

    def see(self, id: ResourceId) -> Seen:
        """The thing as it is."""
        return (self.alerts if isinstance(KINDS[id.section], AlertKind) else self.glue).see(id)

    def all(self, kind: ModelKind | AlertKind, database: str | None = None) -> Iterator[ResourceId]:
        """The names of all things of a kind; of tables, in one database."""
        if isinstance(kind, AlertKind):
            return self.alerts.all(kind)
        return self.glue.all(kind, database)

    def read(self, uri: S3Uri) -> tuple[bytes, str] | None:
        """An object with its ETag; None: it is not there."""
        with told(str(uri)):
            try:
                found = self.s3.get_object(Bucket=uri.bucket, Key=uri.key)
                return found["Body"].read(), found["ETag"]
            except ClientError as error:
                if error.response["Error"]["Code"] in NOT_THERE:
                    return None
                raise

    def put(self, uri: S3Uri, content: bytes) -> None:
        self._put(uri, content, {})

    def replace(self, uri: S3Uri, content: bytes, tag: str | None) -> str:
        """Write it if it is still the one with that ETag (None: not there). The new ETag.

        Raises ConcurrentModification."""
        try:
            return self._put(uri, content, {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag})
        except ServerRefused as error:
            if error.answered in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                raise ConcurrentModification(
                    f"{uri}: somebody else applies this project, or has; plan again"
                ) from error
            raise

    def _put(self, uri: S3Uri, content: bytes, condition: Mapping[str, str]) -> str:
        with told(str(uri)):
            try:
                self.s3.head_bucket(Bucket=uri.bucket)
            except ClientError as error:
                if error.response["Error"]["Code"] not in NOT_THERE:
                    raise
                self.s3.create_bucket(Bucket=uri.bucket)
            return str(self.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, **condition)["ETag"])
