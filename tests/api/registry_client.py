"""Calls the registry's operations by their wire names, and checks that answers have the shape of Glue's model."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.session import get_session
from botocore.validate import ParamValidator

from glulam.api.paging import Paging
from glulam.api.schema_versions import SchemaVersions
from glulam.api.schemas import Schemas
from glulam.model.caller import Caller
from glulam.store.database import Database

ARN = "arn:aws:glue:us-east-1:123456789012:"


def caller(region: str = "us-east-1", account_id: str = "123456789012") -> Caller:
    return Caller(account_id=account_id, region=region, arn="arn:x", role="admin", request_id="r")


MODEL = get_session().get_service_model("glue")


def without_none(value: Any) -> Any:
    """As the serializer does: members that are None are left out."""
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return [without_none(one) for one in value] if isinstance(value, list) else value


def fits(value: dict[str, Any], operation: str, side: str) -> None:
    """Whether a value has the members and types of the operation's shape in Glue's model."""
    shape = getattr(MODEL.operation_model(operation), side)
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    assert set(value) <= set(shape.members), operation


@dataclass
class Glue:
    """Operations by their wire names: `glue("CreateSchema", SchemaName=...)`."""

    database: Database
    who: Caller

    def __call__(self, operation: str, **asked: Any) -> dict[str, Any]:
        paging = Paging(sign=lambda content: hmac.digest(b"secret", content, hashlib.sha256))
        fits(asked, operation, "input_shape")
        name = xform_name(operation)
        for cls in (Schemas, SchemaVersions):
            served = cls(database=self.database, paging=paging)
            if hasattr(served, name):
                answer: dict[str, Any] = getattr(served, name)(self.who, asked)
                shown: dict[str, Any] = without_none(answer)
                fits(shown, operation, "output_shape")
                return shown
        raise AssertionError(f"no such operation: {operation}")


def avro(*fields: str, required: tuple[str, ...] = ()) -> str:
    made = [{"name": f, "type": "string", **({} if f in required else {"default": ""})} for f in fields]
    return json.dumps({"type": "record", "name": "R", "fields": made})


def schema(name: str = "s", registry: str = "r") -> dict[str, str]:
    return {"SchemaName": name, "RegistryName": registry}


def create(
    glue: Glue, definition: str = avro("a"), compatibility: str = "BACKWARD", **more: Any
) -> dict[str, Any]:
    return glue(
        "CreateSchema", RegistryId={"RegistryName": "r"}, SchemaName="s", DataFormat=more.pop("DataFormat", "AVRO"),
        Compatibility=compatibility, SchemaDefinition=definition, **more,
    )  # fmt: skip


def add(glue: Glue, definition: str) -> tuple[int, str]:
    answer = glue("RegisterSchemaVersion", SchemaId=schema(), SchemaDefinition=definition)
    return answer["VersionNumber"], answer["Status"]
