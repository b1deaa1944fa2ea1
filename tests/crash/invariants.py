"""The oracle: what must be true of a project at its end, and what at any moment.

It reads Parquet with plain pyarrow, Iceberg tables with plain PyIceberg and the ledger with plain SQL, and compares all
of it with what the test itself wrote. It asks no function of the product. The promises are those of docs/protocol.md.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from crash.project import Project, Version
from icebergreader import batches_of, data_files, open_table, rows_of

NAME = re.compile(r"f\d+\.v\d+\.[gmb]\d+")
Place = tuple[str, str]
"""(source path, source etag): a file version as the product names it."""
BATCHES = "SELECT id, kind, state, records_read, records_written, records_rejected FROM batch"
FILES = """
SELECT id, 's3://' || bucket || '/' || key, etag, status, records_read, records_written, records_rejected, archive_key
FROM file_version ORDER BY id
"""
OUTPUTS = """
SELECT o.uri, o."values", o.record_count, o.size_bytes, o.checksum, o.batch_id, b.state, t.name
FROM output_file o JOIN batch b ON b.id = o.batch_id JOIN catalog_table t ON t.id = o.table_id
WHERE o.retired_by IS NULL
"""
RETIRED = """
SELECT o.uri FROM output_file o JOIN batch b ON b.id = o.retired_by WHERE b.state = 'COMMITTED'
"""
PARTITIONS = """
SELECT p."values", p.location, p.record_count, p.size_bytes, p.file_count
FROM catalog_partition p JOIN catalog_table t ON t.id = p.table_id WHERE t.name = 'events'
"""


@dataclass(kw_only=True)
class Found:
    """What lies in the two output zones."""

    curated: list[dict[str, Any]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, tuple[Path, int]] = field(default_factory=dict)
    """By URI: path and rows."""


def read_zones(project: Project) -> Found:
    """Every row of every file, whole and with checksums verified; a file that is no Parquet is an error."""
    found = Found()
    zones = [("curated", found.curated), ("dead_letters", found.letters)]
    if project.iceberg:
        _read_iceberg(project, found)
        zones = zones[1:]
    for zone, rows in zones:
        for path in sorted(p for p in project.zone(zone).rglob("*") if p.is_file()):
            assert path.suffix == ".parquet", f"{path}: a file that readers must not see"
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                columns = [c for c in _WANTED[zone] if c in file.schema_arrow.names]
                table = file.read(columns)
            rows += [{**row, "_file": path.name} for row in table.to_pylist()]
            found.files[f"s3://{path.relative_to(project.lake)}"] = (path, table.num_rows)
    return found


def _read_iceberg(project: Project, found: Found) -> None:
    """What the table's current snapshot shows."""
    table = open_table(project.database_url, project.lake)
    found.curated += rows_of(table, *_WANTED["curated"])
    for uri, rows in data_files(table).items():
        path = project.lake / uri.removeprefix("s3://")
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            assert file.metadata.num_rows == rows, f"{uri}: its manifest says {rows} rows"
            file.read()
        found.files[uri] = (path, rows)


_WANTED = {
    "curated": ("id", "_source_path", "_source_etag", "_record_no", "_batch_id"),
    "dead_letters": ("raw_text", "source_path", "source_etag", "record_no", "batch_id"),
}


def check_visible(project: Project) -> None:
    """At any moment, also right after a crash: nothing visible that is not committed, and nothing twice."""
    found = read_zones(project)
    known = {row[0]: row for row in project.query(OUTPUTS)}
    going = {
        row[0] for row in project.query(RETIRED)
    }  # replaced by a compaction that has not deleted them yet
    for uri, (path, rows) in found.files.items():
        if uri in going:
            continue
        assert uri in known, f"COMMIT-BEFORE-VISIBLE: {uri} is visible and no committed batch has it"
        _, _, records, size, checksum, batch, state, _ = known[uri]
        assert state in ("COMMITTED", "DONE"), (
            f"COMMIT-BEFORE-VISIBLE: {uri} is of batch {batch}, which is {state}"
        )
        assert (rows, path.stat().st_size, _sha(path)) == (records, size, checksum), (
            f"{uri} is not as committed"
        )
    if project.iceberg:
        _whole_batches(project, found)
    if not going or project.iceberg:
        twice = [name for name, n in Counter(row["id"] for row in found.curated).items() if n > 1]
        assert not twice, f"CONSERVE: visible twice: {twice[:5]}"


def _whole_batches(project: Project, found: Found) -> None:
    """A reader of an Iceberg table sees a batch from its commit on, and all of it."""
    seen = Counter(row["_batch_id"] for row in found.curated)
    for batch, kind, state, _, wrote, _ in project.query(BATCHES):
        want = wrote if state in ("COMMITTED", "DONE") and kind != "COMPACT" else 0
        assert seen[batch] == want, f"batch {batch} ({state}) has {want} rows, {seen[batch]} are visible"


def _iceberg_history(project: Project, found: Found) -> None:
    """One snapshot a batch; and of the files below data/, each is of some snapshot's."""
    table = open_table(project.database_url, project.lake)
    batches = batches_of(table)
    assert len(batches) == len(set(batches)), f"SINGLE-COMMIT: a batch in two snapshots: {batches}"
    done = {b[0] for b in project.query(BATCHES) if b[2] == "DONE" and (b[4] or b[1] == "COMPACT")}
    assert set(batches) == done, f"snapshots {set(batches) ^ done}"
    named = {uri for (uri,) in project.query("SELECT uri FROM output_file")}
    there = {f"s3://{p.relative_to(project.lake)}" for p in project.zone("curated").rglob("*.parquet")}
    assert there <= named, f"left over below data/: {sorted(there - named)[:5]}"


def check(project: Project) -> None:
    """At the end, when every batch is settled."""
    found = read_zones(project)
    if project.iceberg:
        _iceberg_history(project, found)
    places = _places(project, found)
    _conserve(project, found, places)
    _account(project, found)
    _sources(project, places)
    _catalog(project, found)
    _batches(project, found)
    staged = [str(p) for p in project.lake.glob("*/_staging/**/*") if p.is_file()]
    assert not staged, f"left in staging: {staged[:5]}"
    aside = [str(p) for p in project.lake.rglob("*.tmp~*") if p.is_file() and p.name != ".locks.tmp~"]
    assert not aside, f"left over by a move: {aside[:5]}"


def _places(project: Project, found: Found) -> dict[Place, Version]:
    """Which of our versions each of the product's is: by the names in its rows."""
    versions = {f"f{_number(v.key)}.v{v.number}": v for vs in project.versions.values() for v in vs}
    places: dict[Place, Version] = {}
    for place, name in _names(found):
        version = versions[name.rpartition(".")[0]]
        assert places.setdefault(place, version) == version, (
            f"{name} says it came from {place}, as another version's"
        )
        assert place[0].endswith(f"/raw/in/{version.key}"), f"{name} says it came from {place[0]}"
    twice = [v for v, n in Counter((v.key, v.number) for v in places.values()).items() if n > 1]
    assert not twice, f"one version under two etags: {twice}"
    return places


def _names(found: Found) -> list[tuple[Place, str]]:
    names = [((row["_source_path"], row["_source_etag"]), row["id"]) for row in found.curated]
    for row in found.letters:
        match = NAME.search(row["raw_text"])
        assert match, f"a dead letter that nobody wrote: {row}"
        names.append(((row["source_path"], row["source_etag"]), match.group()))
    return names


def _number(key: str) -> str:
    return key.rpartition("/f")[2].removesuffix(".json")


def _conserve(project: Project, found: Found, places: dict[Place, Version]) -> None:
    """Each record of each version that succeeded is in one of the two zones, once; of no other version any."""
    good, bad = Counter(row["id"] for row in found.curated), Counter()
    settled = _settled(project)
    replayed = set()
    for row in found.letters:
        name = NAME.search(row["raw_text"])
        assert name
        if (row["source_path"], row["source_etag"], row["record_no"]) in settled:
            replayed.add(name.group())
        else:
            bad[name.group()] += 1
    want_good = {name for v in places.values() for name in v.good} | replayed
    want_bad = {name for v in places.values() for name in v.bad} - replayed
    for what, have, want in (("curated", good, want_good), ("dead letters", bad, want_bad)):
        assert sorted(have) == sorted(want), (
            f"CONSERVE: {what}: lost {sorted(want - set(have))[:5]}, not expected {sorted(set(have) - want)[:5]}"
        )
        twice = [name for name, n in have.items() if n > 1]
        assert not twice, f"CONSERVE: {what} twice: {twice[:5]}"
    there = {(v.key, v.number) for v in places.values()}
    for versions in project.versions.values():
        last = versions[-1]
        if not last.poison:
            assert (last.key, last.number) in there, f"CONSERVE: nothing of {last.key} version {last.number}"


def _settled(project: Project) -> set[tuple[str, str, int]]:
    rows = project.query(
        "SELECT 's3://' || f.bucket || '/' || f.key, f.etag, s.record_no"
        " FROM dead_letter_settlement s JOIN file_version f ON f.id = s.file_id"
    )
    return {(row[0], row[1], row[2]) for row in rows}


def _account(project: Project, found: Found) -> None:
    """read = written + rejected = the rows that are there, for each version in the ledger."""
    written = Counter((row["_source_path"], row["_source_etag"]) for row in found.curated)
    letters = Counter((row["source_path"], row["source_etag"]) for row in found.letters)
    settled = Counter(place[:2] for place in _settled(project))
    for _, path, etag, status, read, wrote, rejected, _ in project.query(FILES):
        rows = (written[path, etag], letters[path, etag] - settled[path, etag])
        if status == "SUCCEEDED":
            assert (wrote, rejected) == rows, (
                f"ACCOUNT: {path} {etag}: ledger {(wrote, rejected)}, rows {rows}"
            )
            assert read == wrote + rejected, (
                f"ACCOUNT: {path}: read {read}, written {wrote}, rejected {rejected}"
            )
        else:
            assert rows == (0, 0), f"ACCOUNT: {path} {etag} is {status} and has rows {rows}"
            assert status in ("QUARANTINED", "SUPERSEDED", "SKIPPED"), f"PROGRESS: {path} {etag} is {status}"


def _sources(project: Project, places: dict[Place, Version]) -> None:
    """NO-SOURCE-LOSS: what was read lies where the ledger says; what is not ingested still lies in raw."""
    for _, path, etag, status, _, _, _, archive_key in project.query(FILES):
        version = places.get((path, etag))
        if status == "SUCCEEDED" and version is not None:
            versions = project.versions[version.key]
            place = (
                project.lake / "processed" / archive_key if archive_key else project.zone("raw") / version.key
            )
            if archive_key or version == versions[-1]:
                assert place.is_file(), f"NO-SOURCE-LOSS: {path} version {version.number} is not at {place}"
                assert place.read_bytes() == version.data, (
                    f"NO-SOURCE-LOSS: {place} is not version {version.number}"
                )
    archived = {_sha(p) for p in project.zone("processed").rglob("*") if p.is_file()}
    for key, versions in project.versions.items():
        raw, last = project.zone("raw") / key, versions[-1]
        in_raw = raw.is_file() and raw.read_bytes() == last.data
        digest = f"sha256:{hashlib.sha256(last.data).hexdigest()}"
        assert in_raw or digest in archived, f"NO-SOURCE-LOSS: the last content of {key} is gone"
        if last.poison:
            assert in_raw, f"{key} could not be read and was moved"
            status = project.query("SELECT status FROM file_version WHERE key = %s", f"in/{key}")
            assert status == [("QUARANTINED",)], f"{key} cannot be read and is {status}"


def _catalog(project: Project, found: Found) -> None:
    """The output files and partitions that the catalog knows are those on disk, to the byte."""
    known = {row[0]: row for row in project.query(OUTPUTS)}
    assert set(known) == set(found.files), f"catalog and disk differ: {set(known) ^ set(found.files)}"
    totals: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for uri, (path, rows) in found.files.items():
        _, values, records, size, checksum, _, _, table = known[uri]
        assert (rows, path.stat().st_size, _sha(path)) == (records, size, checksum), (
            f"{uri} is not as the catalog says"
        )
        if table == "events":
            folders = [p for p in path.relative_to(project.zone("curated")).parts[:-1] if "=" in p]
            if project.iceberg and not folders:  # a compaction's: its rows say which partition
                folders = _partition_of(path)
            assert tuple(values) == tuple(unquote(f.partition("=")[2]) for f in folders), f"{uri}: {values}"
            for i, n in enumerate((rows, size, 1)):
                totals[tuple(values)][i] += n
    partitions = {tuple(row[0]): list(row[2:]) for row in project.query(PARTITIONS) if row[4]}
    if project.iceberg:
        assert not partitions, "Glue lists no partitions of an Iceberg table"
        return
    assert partitions == dict(totals), f"partitions: catalog {partitions}, disk {dict(totals)}"


def _partition_of(path: Path) -> list[str]:
    rows = pq.ParquetFile(path).read(["month", "ml_mode"]).to_pylist()
    (found,) = {(row["month"], row["ml_mode"]) for row in rows}
    return ["=" + ("__HIVE_DEFAULT_PARTITION__" if v is None else str(v)) for v in found]


def _batches(project: Project, found: Found) -> None:
    """All settled; the totals of each are the rows that name it; one event for each commit of raw files."""
    written = Counter(row["_batch_id"] for row in found.curated)
    rejected = Counter(row["batch_id"] for row in found.letters)
    batches = project.query(BATCHES)
    for batch, kind, state, read, wrote, refused in batches:
        assert state in ("DONE", "SPLIT", "FAILED"), f"PROGRESS: batch {batch} is {state}"
        if state == "DONE" and kind != "COMPACT":
            assert (wrote, refused) == (written[batch], rejected[batch]), f"ACCOUNT: batch {batch} ({kind})"
            assert read == wrote + refused, f"ACCOUNT: batch {batch}"
        else:
            assert written[batch] == rejected[batch] == 0, f"batch {batch} ({kind}) is {state} and has rows"
    done = sorted(b[0] for b in batches if b[1] == "INGEST" and b[2] == "DONE" and b[3] is not None)
    events = project.query(
        "SELECT payload ->> 'batch' FROM outbox WHERE topic = 'batch.committed' ORDER BY 1"
    )
    assert [e[0] for e in events] == done, f"SINGLE-COMMIT: events {events}, batches {done}"


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
