"""How the catalog holds an Iceberg table: Glue's convention, so that every Iceberg client finds what it looks for.

The table's row points at its metadata file; to change the table is to write another metadata file and to swap the
pointer, by compare-and-swap on the table's version. Partition keys are ordinary columns. Who writes metadata files is
the room `iceberg`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from glulam.catalog.descriptor import ICEBERG, Column, TableDescriptor
from glulam.model.uri import S3Uri

METADATA_LOCATION, PREVIOUS_METADATA_LOCATION = "metadata_location", "previous_metadata_location"
FIELD_ID, FIELD_OPTIONAL, FIELD_CURRENT = (
    "iceberg.field.id",
    "iceberg.field.optional",
    "iceberg.field.current",
)


@dataclass(frozen=True, kw_only=True)
class MetadataSwap:
    """The table's next metadata file, written and not yet pointed at."""

    location: str
    previous: str | None
    columns: tuple[Column, ...]
    """As the new metadata has them."""
    written: tuple[S3Uri, ...]
    """What was written for it, and can go when it is never pointed at."""

    def applied(self, descriptor: TableDescriptor) -> TableDescriptor:
        """The table's description with the pointer swapped."""
        pointers = {METADATA_LOCATION: self.location}
        if self.previous is not None:
            pointers[PREVIOUS_METADATA_LOCATION] = self.previous
        parameters = {**descriptor.parameters, **pointers}
        return replace(descriptor, format=ICEBERG, columns=self.columns, parameters=parameters)


def is_iceberg(descriptor: TableDescriptor) -> bool:
    return descriptor.format == ICEBERG


def metadata_location(descriptor: TableDescriptor) -> str | None:
    """Where the current metadata file is; None: this is no Iceberg table."""
    return descriptor.parameters.get(METADATA_LOCATION) if is_iceberg(descriptor) else None


def current_columns(descriptor: TableDescriptor) -> tuple[Column, ...]:
    """Without those that only older snapshots have: they stay listed, as in Glue."""
    return tuple(c for c in descriptor.columns if c.parameters.get(FIELD_CURRENT) != "false")
