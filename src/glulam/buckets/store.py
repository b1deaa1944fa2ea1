"""The store behind the S3 door, put together: what the api classes are made of."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glulam.buckets import lifecycle
from glulam.buckets.ageing import Ageing
from glulam.buckets.buckets import Buckets
from glulam.buckets.filesystem import require_exact_names
from glulam.buckets.listing import Listing
from glulam.buckets.locks import KeyLocks
from glulam.buckets.names import Names
from glulam.buckets.objects import LakeObjects
from glulam.buckets.records import Records
from glulam.buckets.spooling import Spool
from glulam.buckets.tree import Tree
from glulam.buckets.uploads import Uploads
from glulam.model.clock import Clock, utc_now
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
        require_exact_names(tree.root)
        records, spool, locks, names = Records(database), Spool(tree), KeyLocks(tree.root), Names(tree)
        listing = Listing(tree, names, records)
        buckets = Buckets(tree, listing, database)
        return cls(
            tree=tree, buckets=buckets, listing=listing, spool=spool, locks=locks, uploads=Uploads(database, spool),
            objects=LakeObjects(tree, records, spool, locks),
        )  # fmt: skip

    def ageing(self, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic) -> Ageing:
        """The upkeep of lifecycle rules and left-overs."""
        return Ageing(
            buckets=self.buckets, objects=self.objects, listing=self.listing, uploads=self.uploads, clock=clock,
            read=lambda: self.buckets.with_setting(lifecycle.SETTING), monotonic=monotonic,
        )  # fmt: skip

    def __enter__(self) -> BucketStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.locks.close()
