"""The store behind the S3 door, put together: what the api classes are made of."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from glulam.buckets.buckets import Buckets
from glulam.buckets.listing import Listing
from glulam.buckets.locks import KeyLocks
from glulam.buckets.names import Names
from glulam.buckets.objects import LakeObjects
from glulam.buckets.records import Records
from glulam.buckets.spooling import Spool
from glulam.buckets.tree import Tree
from glulam.buckets.uploads import Uploads
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class BucketStore:
    """One lake with its metadata. Close it."""

    tree: Tree
    buckets: Buckets
    objects: LakeObjects
    listing: Listing
    spool: Spool
    uploads: Uploads
    locks: KeyLocks

    @classmethod
    def open(cls, root: Path, database: Database) -> BucketStore:
        """Makes the root where it is missing. Raises InvalidConfig for a file system that takes two keys for one."""
        root.mkdir(parents=True, exist_ok=True)
        tree = Tree(os.path.realpath(root))
        records, spool, locks, names = Records(database), Spool(tree), KeyLocks(tree.root), Names(tree)
        listing = Listing(tree, names, records)
        return cls(
            tree=tree, buckets=Buckets(tree, listing, database), listing=listing, spool=spool, locks=locks,
            uploads=Uploads(database, spool),
            objects=LakeObjects(tree, records, spool, locks, lambda *_: ()),
        )  # fmt: skip

    def __enter__(self) -> BucketStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.locks.close()
