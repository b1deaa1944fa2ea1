"""The looks that a crawl is given: into files, databases and lakehouses. Picks, and does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from glulam.catalog.scope import Scope
from glulam.crawl import classify
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.crawl.formats.file import LocalFile, LookOptions
from glulam.crawl.found import FoundTable, Grouping
from glulam.crawl.lakehouse import Describe, IcebergFolders
from glulam.crawl.looking import Check, Look
from glulam.crawl.targets import DeltaTarget, IcebergTarget, JdbcTarget
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore


@dataclass(frozen=True, kw_only=True)
class StandardLookers:
    """`work.Lookers`. What needs a heavy library is a function that imports it when it is called."""

    store: ObjectStore
    threads: int
    databases: Callable[[Scope, JdbcTarget], Grouping]
    delta: Callable[[S3Uri], FoundTable]
    describe: Describe

    def files(self, custom: Sequence[Mapping[str, Any]]) -> Look:
        return partial(_look, classify.Classifiers(custom=custom), self.threads)

    def connection(self, scope: Scope, target: JdbcTarget) -> Grouping:
        return self.databases(scope, target)

    def lakehouse(self, target: IcebergTarget | DeltaTarget) -> list[FoundTable]:
        if isinstance(target, DeltaTarget):
            return [self.delta(target.path)]
        return IcebergFolders(store=self.store, describe=self.describe).tables(target)


def _look(
    classifiers: classify.Classifiers, threads: int, files: Iterable[LocalFile], check: Check
) -> Iterator[FileFinding | Unclassified]:
    return classify.look_many(files, classifiers, LookOptions(check=check), threads)
