"""A single file and what a careful person would say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glulam.crawl.classify import LocalFile
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.model.uri import S3Uri


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    content: bytes
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name to type, in order."""
    classification: str = ""
    """Empty: no table can be made of it."""
    records: int = 0
    compression: str = "none"
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Those that must be there; others may."""
    says: tuple[str, ...] = ()
    """Pieces of text that evidence or reason must hold."""
    certain: bool = True


def local_file(path: Path) -> LocalFile:
    return LocalFile(uri=S3Uri("raw", path.name), etag="e1", size_bytes=path.stat().st_size, path=path)


def types(found: FileFinding | Unclassified) -> dict[str, str]:
    assert isinstance(found, FileFinding), found
    return {c.name: str(c.type) for c in found.columns}


def check(case: Case, found: FileFinding | Unclassified) -> None:
    if not case.classification:
        assert isinstance(found, Unclassified), found
        told = found.reason
    else:
        assert isinstance(found, FileFinding), found
        told = " | ".join(found.evidence)
        assert (found.classification, types(found)) == (case.classification, dict(case.columns))
        assert list(types(found)) == list(case.columns)
        assert (found.records, found.compression) == (case.records, case.compression)
        assert {k: found.parameters.get(k) for k in case.parameters} == dict(case.parameters)
        assert (found.certainty == 1.0) == case.certain, found.certainty
    for piece in case.says:
        assert piece in told, told
