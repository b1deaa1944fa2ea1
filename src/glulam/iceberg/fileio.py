"""PyIceberg's file interface over our object store: `s3://bucket/key` on a lake or an S3 server alike.

Writes go through the store, so that a metadata file appears whole and durable or not at all. Reads are ranged: from the
lake's file in place, or through Arrow's S3 client, which takes the same AWS variables as everything else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp
from types import TracebackType

from pyiceberg.io import S3_ENDPOINT, S3_REGION, FileIO, InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO

from glulam.model.errors import ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.objects.endpoint import s3_endpoint


class StoreFileIO(FileIO):
    """Keeps in `written` what it stored, for who has to take it back."""

    def __init__(self, store: ObjectStore, spool: Path) -> None:
        super().__init__()
        self.written: list[S3Uri] = []
        self._store, self._spool = store, spool
        self._reader = PyArrowFileIO(_s3_place())

    def new_input(self, location: str) -> InputFile:
        path = self._store.local_path(S3Uri.parse(location))
        return self._reader.new_input(location if path is None else str(path))

    def new_output(self, location: str) -> OutputFile:
        return _Output(location, self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        self._store.delete(S3Uri.parse(location if isinstance(location, str) else location.location))

    def upload(self, location: str, overwrite: bool) -> _Upload:
        uri = S3Uri.parse(location)

        def store(path: Path) -> None:
            self._store.put(path, uri, overwrite=overwrite)
            self.written.append(uri)

        return _Upload(self._spool, store)

    def size(self, location: str) -> int:
        """Raises ObjectNotFound."""
        return self._store.head(S3Uri.parse(location)).size_bytes


class _Output(OutputFile):
    def __init__(self, location: str, owner: StoreFileIO) -> None:
        super().__init__(location)
        self._owner = owner

    def __len__(self) -> int:
        return self._owner.size(self.location)

    def exists(self) -> bool:
        try:
            return self._owner.size(self.location) >= 0
        except ObjectNotFound:
            return False

    def to_input_file(self) -> InputFile:
        return self._owner.new_input(self.location)

    def create(self, overwrite: bool = False) -> _Upload:
        return self._owner.upload(self.location, overwrite)


class _Upload:
    """A stream into the spool that is stored when it is closed without an error."""

    def __init__(self, spool: Path, store: Callable[[Path], None]) -> None:
        spool.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(dir=spool)
        self._path, self._file, self._store = Path(name), os.fdopen(handle, "wb"), store

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._end(keep=True)

    def __enter__(self) -> _Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(keep=kind is None)

    def _end(self, *, keep: bool) -> None:
        if self._file.closed:
            return
        self._file.close()
        try:
            if keep:
                self._store(self._path)
        finally:
            self._path.unlink(missing_ok=True)


def _s3_place() -> dict[str, str]:
    """Endpoint and region as boto3 finds them in the environment; credentials Arrow finds by itself."""
    endpoint = s3_endpoint(os.environ)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    found = {S3_ENDPOINT: endpoint, S3_REGION: region}
    return {name: value for name, value in found.items() if value}
