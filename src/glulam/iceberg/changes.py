"""A batch as an Iceberg snapshot: metadata written beside the current one, and not yet pointed at.

PyIceberg builds it; its catalog seam ends here in a value. Whether the pointer moves is the batch's commit to say
(`ingest/iceberg.py`). Files carry no field ids: they are staged before the table's next schema is known, so columns are
matched by the table's name mapping.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, MetastoreCatalog
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationException
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.serializers import ToOutputFile
from pyiceberg.table import CommitTableResponse, Table, TableProperties, Transaction
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata
from pyiceberg.transforms import IdentityTransform

from glulam.iceberg.fileio import StoreFileIO
from glulam.ingest.iceberg import Change
from glulam.model.errors import AccountsUnbalanced, AlreadyExists, ConcurrentModification, InvalidConfig
from glulam.model.failpoints import failpoint

BATCH_ID = "glulam.batch-id"
"""In the summary of each snapshot that a batch made."""

_NEWEST_FORMAT = 2
_PROPERTIES = {TableProperties.MANIFEST_MERGE_ENABLED: "true"}


class Staging(NoopCatalog):
    """A catalog whose commit writes the metadata file and keeps its place, and moves no pointer."""

    def __init__(self) -> None:
        super().__init__("glulam")
        self.staged: tuple[str, TableMetadata] | None = None

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        failpoint("iceberg.after_manifests")
        for requirement in requirements:
            requirement.validate(table.metadata)
        base = table.metadata_location or None
        metadata = update_table_metadata(table.metadata, updates, metadata_location=base)
        version = MetastoreCatalog._parse_metadata_version(base) + 1 if base else 0
        provider = load_location_provider(metadata.location, metadata.properties)
        location = provider.new_table_metadata_file_location(version)
        ToOutputFile.table_metadata(metadata, table.io.new_output(location))
        self.staged = (location, metadata)
        return CommitTableResponse.model_validate({"metadata": metadata, "metadata-location": location})

    @staticmethod
    def _delete_old_metadata(io: object, base: object, metadata: object) -> None:
        """Not before the pointer has moved."""


def stage(
    io: StoreFileIO, base: tuple[str, TableMetadata] | None, change: Change
) -> tuple[str, TableMetadata]:
    """Write the metadata that has the change; returns its place and content. Errors as `IcebergTables.propose`."""
    schema = pa.unify_schemas(_schemas(io, change), promote_options="permissive")
    location, metadata = base or ("", _new(schema, change))
    _check(metadata, change)
    catalog = Staging()
    table = Table((change.database, change.name), metadata, location, io, catalog)
    with table.transaction() as transaction:
        _follow(transaction, schema, change)
        _add(transaction, io, change)
    assert catalog.staged is not None
    summary = catalog.staged[1].current_snapshot()
    added = (
        summary.summary.additional_properties.get("added-records") if summary and summary.summary else None
    )
    if added != str(change.records):
        raise AccountsUnbalanced(
            f"batch {change.batch_id}: {change.records} rows, {added} in its Iceberg snapshot"
        )
    return catalog.staged


def _schemas(io: StoreFileIO, change: Change) -> Iterable[pa.Schema]:
    for uri in change.added:
        with io.new_input(str(uri)).open() as file:
            yield pq.read_schema(file)


def _new(schema: pa.Schema, change: Change) -> TableMetadata:
    fresh = _fresh(schema, change)
    fields = [
        PartitionField(source_id=fresh.find_field(name).field_id, field_id=PARTITION_FIELD_ID_START + number,
                       transform=IdentityTransform(), name=name)
        for number, name in enumerate(change.partition_keys or ())
    ]  # fmt: skip
    return new_table_metadata(
        fresh, PartitionSpec(*fields), UNSORTED_SORT_ORDER, str(change.location).rstrip("/"), _PROPERTIES
    )


def _fresh(schema: pa.Schema, change: Change) -> Schema:
    try:
        return assign_fresh_schema_ids(Catalog._convert_schema_if_needed(schema))
    except (TypeError, ValueError) as error:
        raise _no_type(change, error) from error


def _check(metadata: TableMetadata, change: Change) -> None:
    """That the table is one the batch can go to."""
    if any(
        s.summary and s.summary.additional_properties.get(BATCH_ID) == change.batch_id
        for s in metadata.snapshots
    ):
        raise AlreadyExists(
            f"batch {change.batch_id} is in the history of {change.database}.{change.name} and not committed in the "
            "ledger: the ledger was set back, the table was not; nothing was added"
        )
    if metadata.format_version > _NEWEST_FORMAT:
        raise InvalidConfig(
            f"Iceberg table {change.database}.{change.name} is of format version {metadata.format_version}; expected "
            f"{_NEWEST_FORMAT} at most, which is what can be written here"
        )
    if change.partition_keys is None:
        return
    schema, wanted = metadata.schema(), list(change.partition_keys)
    found = [
        (schema.find_column_name(f.source_id) or "?", isinstance(f.transform, IdentityTransform))
        for f in metadata.spec().fields
    ]
    if found != [(name, True) for name in wanted]:
        have = ", ".join(str(f) for f in metadata.spec().fields) or "nothing"
        raise InvalidConfig(
            f"Iceberg table {change.database}.{change.name} is partitioned by {have}; "
            f"the pipeline now says {', '.join(wanted) or 'nothing'}"
        )


def _follow(transaction: Transaction, schema: pa.Schema, change: Change) -> None:
    """Add the columns that the files have and the table has not, and name them in the mapping.

    A name that the table had once is refused: files without field ids would show their values under the new column."""
    metadata = transaction.table_metadata
    once = {name for s in metadata.schemas for name in s.column_names} - set(metadata.schema().column_names)
    if taken := sorted(once.intersection(_fresh(schema, change).column_names)):
        raise InvalidConfig(
            f"column {taken[0]!r} of Iceberg table {change.database}.{change.name} was renamed or dropped by another "
            "writer; give the pipeline's column another name in transform.select"
        )
    try:
        with transaction.update_schema() as update:
            update.union_by_name(schema)
    except (TypeError, ValueError, ValidationException) as error:
        raise _no_type(change, error) from error
    mapping = transaction.table_metadata.name_mapping()
    if mapping is None:
        mapping = transaction.table_metadata.schema().name_mapping
        transaction.set_properties({TableProperties.DEFAULT_NAME_MAPPING: mapping.model_dump_json()})


def _no_type(change: Change, error: Exception) -> InvalidConfig:
    return InvalidConfig(
        f"Iceberg table {change.database}.{change.name} cannot take the batch's columns: {error}"
    )


def _add(transaction: Transaction, io: StoreFileIO, change: Change) -> None:
    metadata = transaction.table_metadata
    try:
        added = [parquet_file_to_data_file(io, metadata, str(uri)) for uri in change.added]
    except ValueError as error:
        raise _no_type(change, error) from error
    update = transaction.update_snapshot(snapshot_properties={BATCH_ID: change.batch_id})
    with update.overwrite() if change.replaced else update.merge_append() as snapshot:
        for file in added:
            snapshot.append_data_file(file)
        for file in _replaced(transaction, io, change):
            snapshot.delete_data_file(file)


def _replaced(transaction: Transaction, io: StoreFileIO, change: Change) -> list[DataFile]:
    """The old files, unless somebody has removed one since, or deleted rows of it: its rows must not come back."""
    if not change.replaced:
        return []
    wanted = {str(uri) for uri in change.replaced}
    table = Table((change.database, change.name), transaction.table_metadata, "", io, Staging())
    found = [t for t in table.scan().plan_files() if t.file.file_path in wanted]
    if len(found) < len(wanted) or any(t.delete_files for t in found):
        raise ConcurrentModification(
            f"batch {change.batch_id} replaces {len(wanted)} files of {change.database}.{change.name}; "
            f"{sum(not t.delete_files for t in found)} of them are as they were: somebody else changed the table"
        )
    return [t.file for t in found]
