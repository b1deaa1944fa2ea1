"""Where an attempt at a batch puts its files, and how those of an attempt that came to nothing are removed.

_staging/<batch>/<epoch>/data/...            good files, until PUBLISH moves them to their final names
<curated>/data/<batch>/<epoch>/...           good files of an Iceberg table: they stay where they are written
_staging/<batch>/<epoch>/in_place/<where>    an empty note that says so, written first: who sweeps looks in _staging
_staging/<batch>/<epoch>/dead_letters/...    dead letters
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile

from glulam.ingest.config import Pipeline
from glulam.ledger.batches import Claim
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

_IN_PLACE, _NOTE = "in_place", "note"


def staging_root(pipeline: Pipeline) -> S3Uri:
    """Outside every zone, so that nobody who reads a zone can meet a staged file."""
    return S3Uri(pipeline.zones.curated.bucket, "_staging")


def staging_prefix(pipeline: Pipeline, claim: Claim) -> S3Uri:
    """The folder that this attempt, and no other, stages in."""
    return staging_root(pipeline).join(claim.batch_id, f"{claim.epoch}/")


def _in_place(pipeline: Pipeline, claim: Claim) -> S3Uri:
    return pipeline.zones.curated.join("data", claim.batch_id, str(claim.epoch))


def begin_attempt(store: ObjectStore, pipeline: Pipeline, claim: Claim) -> S3Uri:
    """Empty this attempt's folders (a moved schema may have sent it back); returns where its good files go."""
    staging = staging_prefix(pipeline, claim)
    if not pipeline.iceberg:
        store.delete_prefix(staging)
        return staging.join("data")
    data = _in_place(pipeline, claim)
    drop_attempt(store, staging, None)
    with NamedTemporaryFile() as empty:
        store.put(Path(empty.name), staging.join(_IN_PLACE, data.bucket, data.key, _NOTE))
    return data


def drop_attempt(store: ObjectStore, staging: S3Uri, committed: str | None) -> None:
    """Remove what an attempt left below its staging folder; and what it wrote in place, unless it is the committed one."""
    if str(staging) != committed:
        notes = staging.join(f"{_IN_PLACE}/")
        own = "/".join(["", "data", *staging.key.rstrip("/").split("/")[-2:], _NOTE])
        for page in store.list(notes):
            for note in page:
                bucket, _, key = note.uri.key.removeprefix(notes.key).partition("/")
                if f"/{key}".endswith(own):
                    store.delete_prefix(S3Uri(bucket, key.removesuffix(_NOTE)))
    store.delete_prefix(staging)


def abandon_attempt(store: ObjectStore, pipeline: Pipeline, claim: Claim, committed: str | None) -> None:
    """The same by the worker itself, which was stalled and wrote on after others had ended the batch and swept up."""
    staging = staging_prefix(pipeline, claim)
    if str(staging) != committed:
        if pipeline.iceberg:
            store.delete_prefix(_in_place(pipeline, claim))
        store.delete_prefix(staging)


def drop_batch(store: ObjectStore, batch: S3Uri, committed: str | None) -> None:
    """The same for every attempt below `_staging/<batch>/`."""
    for epoch in store.folders(batch):
        drop_attempt(store, batch.join(f"{epoch}/"), committed)
    store.delete_prefix(batch)


def drop_unlisted(store: ObjectStore, data: S3Uri, listed: Iterable[S3Uri]) -> None:
    """Files that stay in place are all there is below `data`: remove what a task that was tried again left there."""
    keep = frozenset(listed)
    for page in store.list(data):
        for found in page:
            if found.uri not in keep:
                store.delete(found.uri)
