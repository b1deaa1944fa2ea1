"""ORC: Arrow reads it stripe by stripe; what is stored otherwise than the table declares is brought to its type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from glulam.crawl.rows.fitting import Misfit, fit
from glulam.crawl.rows.records import told
from glulam.infer.arrow import schema_of
from glulam.infer.types import Field, Struct
from glulam.model.errors import InvalidInput

_BATCH = 65_536


@dataclass(frozen=True)
class OrcRows:
    """A `FileReader`."""

    fields: Struct

    @cached_property
    def schema(self) -> pa.Schema:
        return schema_of(self.fields)

    def batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        with told(path):
            for batch in dataset.dataset(path, format="orc").to_batches(batch_size=_BATCH):
                at = {name.lower(): index for index, name in enumerate(batch.schema.names)}
                at |= {name: index for index, name in enumerate(batch.schema.names)}
                arrays = []
                for f, wanted in zip(self.fields.fields, self.schema, strict=True):
                    index = at.get(f.key, at.get(f.key.lower()))
                    there = index is not None
                    arrays.append(
                        _as(batch.column(index), f, wanted.type, path)
                        if there
                        else pa.nulls(len(batch), wanted.type)
                    )
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _as(array: pa.Array, field: Field, wanted: pa.DataType, path: Path) -> pa.Array:
    if array.type == wanted:
        return array
    if pa.types.is_timestamp(array.type) and pa.types.is_timestamp(wanted):
        return pc.cast(array, wanted, safe=False)  # nanoseconds are no part of a table's timestamps
    if pa.types.is_primitive(array.type) and pa.types.is_primitive(wanted):
        try:
            return pc.cast(array, wanted)
        except pa.ArrowInvalid as error:
            raise InvalidInput(f"{path}, column {field.name}: {error}") from None
    return pa.array([_fitted(value, field, path) for value in array.to_pylist()], wanted)


def _fitted(value: Any, field: Field, path: Path) -> Any:
    try:
        return fit(value, field.type)
    except Misfit as misfit:
        found, kind = misfit.args
        raise InvalidInput(
            f"{path}, column {field.name}: found {str(found)[:80]!r}; expected {kind}"
        ) from None
