"""What a batch does to the catalog: pure planning, then one compare-and-swap inside the commit's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import psycopg

from glulam.catalog.databases import ensure_database
from glulam.catalog.descriptor import Column, TableDescriptor, to_document
from glulam.catalog.iceberg import MetadataSwap, is_iceberg
from glulam.catalog.partitions import PartitionDelta, add_to_partitions
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table, create_table, find_table, get_table, update_table
from glulam.engine.base import Staged
from glulam.engine.staging import DEAD_LETTERS
from glulam.infer.arrow import from_arrow
from glulam.infer.codec import from_plain, to_plain
from glulam.infer.resolve import widens
from glulam.infer.types import Field, Struct
from glulam.ingest.config import Pipeline
from glulam.ingest.manifest import Entry
from glulam.ledger import outputs
from glulam.ledger.outputs import OutputFile
from glulam.model.errors import AlreadyExists, InvalidConfig, SchemaMoved

OF_PIPELINE = "glulam.pipeline"
"""The parameter of a table that says which pipeline writes it."""
_RAW_SCHEMA = "glulam.raw_schema"


def raw_schema(table: Table | None) -> Struct | None:
    """The schema of the raw records, as the last batch left it; None for a table that no batch has written."""
    text = table.descriptor.parameters.get(_RAW_SCHEMA) if table is not None else None
    if text is None:
        return None
    found = from_plain(json.loads(text))
    assert isinstance(found, Struct)
    return found


def descriptor(
    pipeline: Pipeline, old: TableDescriptor | None, raw: Struct, staged: Staged
) -> TableDescriptor:
    """The table after this batch. Raises InvalidConfig when the pipeline now makes a column of another type."""
    _check_kind(pipeline, old)
    columns = list(old.columns) if old is not None else []
    at = {c.name: i for i, c in enumerate(columns)}
    partition_keys = _partition_keys(staged)
    made = list(staged.columns)
    if pipeline.iceberg:  # partition keys are columns like others; its metadata says which they are
        made += [(k.name, k.data_type) for k in partition_keys]
        partition_keys = []
    for name, kind in made:
        index = at.get(name)
        if index is None:
            columns.append(Column(name=name, type=str(kind)))
            continue
        have = columns[index]
        if have.type != str(kind):
            if not widens(_struct(name, have), Struct((Field(name, kind),))):
                raise InvalidConfig(
                    f"column {name!r} of {pipeline.table.database}.{pipeline.table.name} is {have.type} and the "
                    f"pipeline now makes it {kind}; give the new one another name, or cast it to {have.type}"
                )
            columns[index] = replace(have, type=str(kind))
    keys = tuple(partition_keys)
    if old is not None:
        have_keys, found = (", ".join(k.name for k in ks) or "nothing" for ks in (old.partition_keys, keys))
        if have_keys != found:
            raise InvalidConfig(f"the table is partitioned by {have_keys}; the pipeline now says {found}")
        keys = old.partition_keys
    parameters = dict(old.parameters) if old is not None else {}
    parameters[OF_PIPELINE] = pipeline.pipeline
    parameters[_RAW_SCHEMA] = json.dumps(to_plain(raw), ensure_ascii=False, separators=(",", ":"))
    return TableDescriptor(columns=tuple(columns), partition_keys=keys, location=str(pipeline.zones.curated),
                           format=pipeline.curated.format, parameters=parameters)  # fmt: skip


def _check_kind(pipeline: Pipeline, old: TableDescriptor | None) -> None:
    if old is not None and is_iceberg(old) != pipeline.iceberg:
        have = "an Iceberg table" if not pipeline.iceberg else "plain Parquet"
        raise InvalidConfig(
            f"table {pipeline.table.database}.{pipeline.table.name} is {have} and the pipeline says curated.format: "
            f"{pipeline.curated.format}; a table cannot change its kind: give the new one another name and zone"
        )


def _struct(name: str, column: Column) -> Struct:
    return Struct((Field(name, column.data_type),))


def _partition_keys(staged: Staged) -> list[Column]:
    return [
        Column(name=n, type=str(kind) if str(kind) != "void" else "string")
        for n, kind in staged.partition_keys
    ]


def dead_letter_descriptor(pipeline: Pipeline) -> TableDescriptor:
    columns = tuple(Column(name=f.name, type=str(from_arrow(f.type))) for f in DEAD_LETTERS)
    return TableDescriptor(columns=columns, location=str(pipeline.zones.dead_letters),
                           parameters={"classification": "parquet", OF_PIPELINE: pipeline.pipeline})  # fmt: skip


def dead_letter_name(pipeline: Pipeline) -> str:
    return f"{pipeline.table.name}_dead_letters"


def save(conn: psycopg.Connection, scope: Scope, pipeline: Pipeline, planned: Table | None,
         wanted: TableDescriptor, cause: Mapping[str, Any]) -> Table:  # fmt: skip
    """Create or change the table as planned on `planned`. Raises SchemaMoved when it is no longer that one."""
    database, name = pipeline.table.database, pipeline.table.name
    ensure_database(conn, database, scope=scope)
    now = find_table(conn, database, name, scope=scope, for_update=True)
    if (now.version if now else None) != (planned.version if planned else None) or (
        now is not None and planned is not None and now.id != planned.id
    ):
        raise SchemaMoved(f"table {database}.{name} changed while the batch was staged")
    if now is None:
        try:
            return create_table(conn, database, name, to_document(wanted), cause, scope=scope)
        except AlreadyExists:  # by another worker's first batch, since we looked
            raise SchemaMoved(f"table {database}.{name} was made while the batch was staged") from None
    if now.descriptor == wanted:
        return now
    changed = to_document(wanted, base=now.document)
    return update_table(conn, now, changed, expected_version=now.version, cause=cause)


def swap_metadata(
    conn: psycopg.Connection, planned: Table, swap: MetadataSwap, cause: Mapping[str, Any]
) -> None:
    """Point an Iceberg table at its next metadata. Raises SchemaMoved when it is no longer as planned on."""
    now = find_table(conn, planned.database, planned.name, scope=planned.scope, for_update=True)
    if now is None or (now.id, now.version) != (planned.id, planned.version):
        raise SchemaMoved(f"table {planned.database}.{planned.name} changed")
    changed = to_document(swap.applied(now.descriptor), base=now.document)
    update_table(conn, now, changed, expected_version=now.version, cause=cause)


def dead_letter_table(conn: psycopg.Connection, scope: Scope, pipeline: Pipeline, batch_id: str) -> Table:
    """Made when it is not there."""
    database, name = pipeline.table.database, dead_letter_name(pipeline)
    ensure_database(conn, database, scope=scope)
    found = find_table(conn, database, name, scope=scope)
    if found is not None:
        return found
    try:
        wanted = to_document(dead_letter_descriptor(pipeline))
        return create_table(conn, database, name, wanted, {"batch": batch_id}, scope=scope)
    except AlreadyExists:  # two first batches at once; its descriptor is always the same
        return get_table(conn, database, name, scope=scope)


def record_outputs(conn: psycopg.Connection, table: Table, entries: tuple[Entry, ...], batch_id: str) -> None:
    """Enter a batch's files of a table, and their partitions."""
    outputs.add(conn, batch_id, table.id, [
        OutputFile(uri=e.final, values=e.values, record_count=e.records, size_bytes=e.size_bytes, checksum=e.checksum)
        for e in entries
    ])  # fmt: skip
    if table.descriptor.partition_keys:
        add_to_partitions(conn, table.id, partition_deltas(entries, sign=1))


def partition_deltas(entries: tuple[Entry, ...], sign: int) -> list[PartitionDelta]:
    """The entries' counts by partition; with sign -1 to take them away again."""
    totals: dict[tuple[str, ...], list[int]] = {}
    places: dict[tuple[str, ...], str] = {}
    for e in entries:
        total = totals.setdefault(e.values, [0, 0, 0])
        for i, n in enumerate((e.records, e.size_bytes, 1)):
            total[i] += sign * n
        places[e.values] = str(e.final).rpartition("/")[0]
    return [
        PartitionDelta(values=v, location=places[v], record_count=t[0], size_bytes=t[1], file_count=t[2])
        for v, t in sorted(totals.items())
    ]
