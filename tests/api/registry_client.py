"""The registry's operations by their wire names, over HTTP; answers are held to Glue's model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput, LimitExceeded, ValidationFailed
from glulam.store.database import Database

ERRORS = {
    error.code: error
    for error in (AlreadyExists, EntityNotFound, InvalidInput, LimitExceeded, ValidationFailed)
}


@dataclass
class Glue:
    """`glue("CreateSchema", SchemaName=...)`; what is refused is raised as the error that the server raised."""

    client: Any
    database: Database
    region: str

    def __call__(self, operation: str, **asked: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self.client, xform_name(operation))(**asked)
        except ClientError as error:
            raise ERRORS[error.response["Error"]["Code"]](error.response["Error"]["Message"]) from error
        answer.pop("ResponseMetadata")
        report = ParamValidator().validate(
            answer, self.client.meta.service_model.operation_model(operation).output_shape
        )
        assert not report.has_errors(), report.generate_report()
        return answer

    def arn(self, path: str) -> str:
        return f"arn:aws:glue:{self.region}:123456789012:{path}"


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
