"""A small lake with the tables that a careful person would write down for it, and why where Glue's crawler would not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One table."""

    columns: str
    """`id bigint, name string`, in order."""
    classification: str = "json"
    keys: str = ""
    """Partition keys, in the same form."""
    partitions: tuple[str, ...] = ()
    """Values with / between."""
    location: str | None = None
    """Behind the bucket; None: not looked at."""
    drift: tuple[str, ...] = ()
    """Partitions that are flagged."""


@dataclass(frozen=True, kw_only=True)
class Lake:
    """A case. Files by key; tables by name."""

    name: str
    files: Mapping[str, bytes]
    tables: Mapping[str, Expected]
    odd: tuple[str, ...] = ()
    """Keys below the target (or their beginnings) that are reported and in no table."""
    path: str = ""
    """Of the target, behind the bucket."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Members of the crawler."""
    exclusions: tuple[str, ...] = ()
    unreadable: str = ""
    """What a query of its table is answered with, where that is an error."""
    unlike_glue: str = ""
    """What Glue does otherwise, and why this is better."""


def ndjson(*rows: Mapping[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def csv(text: str) -> bytes:
    return "".join(line.strip() + "\n" for line in text.strip().splitlines()).encode()


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def orc_file(**columns: Any) -> bytes:
    out = io.BytesIO()
    orc.write_table(pa.table(columns), out)
    return out.getvalue()


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def bz(data: bytes) -> bytes:
    return bz2.compress(data)
