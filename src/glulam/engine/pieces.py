"""What a scan keeps between its pass over the raw files and the staging: Arrow tables, in memory while they fit,
else as Arrow files in the spool folder. JSON is parsed once, however large the batch is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc

from glulam.infer.types import Struct
from glulam.model.errors import StorageFailed


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one chunk: parsed by `schema`, or raw rows for the strict parser when `schema` is None."""

    number: int
    schema: Struct | None
    table: pa.Table | None
    path: Path | None

    def load(self) -> pa.Table:
        if self.table is not None:
            return self.table
        with pa.memory_map(str(self.path)) as source:
            return ipc.open_file(source).read_all()


class Pieces:
    """Thread-safe store of pieces. `close` deletes what was spooled."""

    def __init__(self, spool: Path, budget_bytes: int) -> None:
        self._spool, self._budget = spool, budget_bytes
        self._pieces: list[Piece] = []
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, number: int, schema: Struct | None, table: pa.Table) -> None:
        if not table.num_rows:
            return
        with self._lock:
            fits = self._bytes + table.nbytes <= self._budget
            self._bytes += table.nbytes if fits else 0
            name = self._spool / f"piece-{id(self):x}-{len(self._pieces)}.arrow"
            self._pieces.append(Piece(number, schema, table if fits else None, None if fits else name))
        if not fits:
            try:
                options = ipc.IpcWriteOptions(compression="lz4")
                with ipc.new_file(str(name), table.schema, options=options) as sink:
                    sink.write_table(table)
            except OSError as error:
                raise StorageFailed(f"cannot spill to {name}: {error}") from error

    def schemas(self) -> list[Struct]:
        """The distinct schemas of the parsed pieces."""
        return list(dict.fromkeys(p.schema for p in self._pieces if p.schema is not None))

    def __iter__(self) -> Iterator[Piece]:
        """In the order of the input."""
        return iter(sorted(self._pieces, key=lambda p: p.number))

    def close(self) -> None:
        for piece in self._pieces:
            if piece.path is not None:
                piece.path.unlink(missing_ok=True)
        self._pieces = []
