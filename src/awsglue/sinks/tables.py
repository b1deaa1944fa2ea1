"""What a sink writes into the catalog: the table, its columns, its new partitions."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

from awsglue import gluetypes as gt
from awsglue.listing import files, partitions
from awsglue.physical import to_hive
from awsglue.sources.tables import Table
from awsglue.workspace import Workspace
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")
_HIVE = "org.apache.hadoop.hive."
_STORAGE = {
    "parquet": ("ql.io.parquet.MapredParquetInputFormat", "ql.io.parquet.MapredParquetOutputFormat",
                "ql.io.parquet.serde.ParquetHiveSerDe"),
    "orc": ("ql.io.orc.OrcInputFormat", "ql.io.orc.OrcOutputFormat", "ql.io.orc.OrcSerde"),
    "avro": ("ql.io.avro.AvroContainerInputFormat", "ql.io.avro.AvroContainerOutputFormat", "serde2.avro.AvroSerDe"),
}  # fmt: skip
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", f"{_HIVE}ql.io.HiveIgnoreKeyTextOutputFormat")
_TEXT_SERDES = {"json": "org.openx.data.jsonserde.JsonSerDe", "csv": f"{_HIVE}serde2.OpenCSVSerde"}
_BATCH = 100
LOG, UPDATE = "LOG", "UPDATE_IN_DATABASE"


def storage(
    form: str, location: str, columns: list[dict[str, str]], options: dict[str, Any]
) -> dict[str, Any]:
    form = "parquet" if form == "glueparquet" else form
    serde: dict[str, Any] = {}
    if form in _STORAGE:
        reads, writes, library = (_HIVE + name for name in _STORAGE[form])
    elif form in _TEXT_SERDES:
        (reads, writes), library = _TEXT, _TEXT_SERDES[form]
        serde = {"Parameters": {"separatorChar": options.get("separator", ",")}} if form == "csv" else {}
    else:
        raise InvalidInput(
            f"a catalog table of format {form!r} cannot be made; use one of json, csv, parquet, orc, avro"
        )
    return {"Columns": columns, "Location": location, "InputFormat": reads, "OutputFormat": writes,
            "SerdeInfo": {"SerializationLibrary": library, **serde}}  # fmt: skip


def update(
    work: Workspace, *, database: str, name: str, path: str, form: str, options: dict[str, Any],
    schema: gt.StructType, keys: list[str], behavior: str,
) -> None:  # fmt: skip
    """After the files are written: make the table, or bring its columns up to date; add the partitions that are new."""
    if behavior not in (LOG, UPDATE):
        raise InvalidInput(f"updateBehavior {behavior!r}: expected {LOG} or {UPDATE}")
    columns = [
        {"Name": f.name.lower(), "Type": to_hive(f.dataType)} for f in schema.fields if f.name not in keys
    ]
    key_columns = [{"Name": k.lower(), "Type": to_hive(schema.getField(k))} for k in keys]
    descriptor = storage(form, path, columns, options)
    table = _table(work, database, name)
    if table is None:
        parameters = {"classification": "parquet" if form == "glueparquet" else form}
        if form == "csv" and str(options.get("writeHeader", True)).lower() == "true":
            parameters["skip.header.line.count"] = "1"
        made = {"Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": parameters, "PartitionKeys": key_columns,
                "StorageDescriptor": descriptor}  # fmt: skip
        work.glue.create_table(DatabaseName=database, TableInput=made)
    elif behavior == UPDATE:
        _widen(work, database, table, columns)
    else:
        log.info("updateBehavior is LOG: the columns of %s.%s stay as they are", database, name)
    if keys:
        add_partitions(work, database, name, path, keys, descriptor)


def _table(work: Workspace, database: str, name: str) -> Table | None:
    try:
        return Table(work.table(database, name))
    except work.glue.exceptions.EntityNotFoundException:
        work.glue.get_database(
            Name=database
        )  # a missing database is the script's mistake, said by the catalog
        return None


def _widen(work: Workspace, database: str, table: Table, columns: list[dict[str, str]]) -> None:
    """New columns are added and types replaced; a column that this run did not write stays."""
    given: dict[str, Any] = table.given
    now: list[dict[str, str]] = list(table.storage.get("Columns") or ())
    written = {c["Name"]: c for c in columns}
    names = {c["Name"] for c in now}
    merged = [{**c, **written.get(c["Name"], {})} for c in now] + [
        c for c in columns if c["Name"] not in names
    ]
    if merged == now:
        return
    names_kept = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters")
    kept: dict[str, Any] = {name: given[name] for name in names_kept if name in given}
    work.glue.update_table(
        DatabaseName=database, TableInput={**kept, "StorageDescriptor": {**table.storage, "Columns": merged}}
    )


def add_partitions(
    work: Workspace, database: str, name: str, path: str, keys: list[str], descriptor: dict[str, Any]
) -> None:
    """Partitions of the `key=value` folders below the path that the catalog does not have."""
    places = partitions(files(work.settings, [path]), path, keys)
    pages = work.glue.get_paginator("get_partitions").paginate(
        DatabaseName=database, TableName=name, ExcludeColumnSchema=True
    )
    known = {tuple(p["Values"]) for page in pages for p in page["Partitions"]}
    new = iter([
        {"Values": list(values), "StorageDescriptor": {**descriptor, "Location": place}}
        for values, place in sorted(places.items()) if values not in known
    ])  # fmt: skip
    while batch := list(islice(new, _BATCH)):
        answer = work.glue.batch_create_partition(
            DatabaseName=database, TableName=name, PartitionInputList=batch
        )
        for error in answer.get("Errors", ()):
            if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                raise InvalidInput(
                    f"partition {error['PartitionValues']} of {database}.{name}: {error['ErrorDetail']}"
                )
