"""One crawl from its definition to its plan, and the plan into the catalog.

    list ─▶ digests as remembered, tables as left? ─yes─▶ nothing to do
              │ no
              └▶ look at what is new ─▶ group ─▶ plan ─▶ apply, remember, end: one transaction behind the epoch

A crawl that dies anywhere leaves the catalog as it was or as it will be, nothing between; whoever takes it again starts
over. When the catalog moved while a crawl planned, it plans again on what the catalog has now, without another look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import orjson
import psycopg

from glulam.catalog.scope import Scope
from glulam.crawl import catalog_state, memory, plan_json, runs
from glulam.crawl.apply import Applying, apply, summary
from glulam.crawl.definition import Definition, Recrawl, parse_definition
from glulam.crawl.found import FoundTable, Grouping, Odd
from glulam.crawl.grouping import Rules, group
from glulam.crawl.intake import Intake, Queues
from glulam.crawl.journal import Journal, Stopped
from glulam.crawl.listing import LeftOut, Listing, list_keys, list_target
from glulam.crawl.looking import Look, Looking
from glulam.crawl.memory import Memory, NewMemory, Place
from glulam.crawl.plan import Plan
from glulam.crawl.planning import Seen, make_plan
from glulam.crawl.runs import Crawl, CrawlState
from glulam.crawl.shaping import shape, with_drift
from glulam.crawl.targets import CatalogTarget, DeltaTarget, IcebergTarget, JdbcTarget, S3Target, folder
from glulam.crawl.users import changes, read_users, with_users
from glulam.crawl.variants import FolderFindings
from glulam.model.clock import Clock
from glulam.model.errors import (
    ConcurrentModification,
    Fenced,
    InvalidInput,
    ObjectNotFound,
)
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.store.database import Database

_TRIES = 5
_VERSION = 2
"""Of what findings mean: a new one makes memories void."""
_SHOWN = 50


class Lookers(Protocol):
    """What knows formats and foreign systems; `app.py` picks it."""

    def files(self, custom: Sequence[Mapping[str, Any]]) -> Look:
        """A look into files, with the documents of these custom classifiers in front."""

    def connection(self, scope: Scope, target: JdbcTarget) -> Grouping:
        """The tables of a database. Raises ConnectionFailed, InvalidInput, EntityNotFound."""

    def lakehouse(self, target: IcebergTarget | DeltaTarget) -> list[FoundTable]:
        """The tables of an Iceberg or Delta folder. Raises ObjectNotFound, InvalidInput, StorageFailed."""


@dataclass(frozen=True, kw_only=True)
class CrawlWork:
    """Does crawls."""

    database: Database
    store: ObjectStore
    spool: Path
    lookers: Lookers
    clock: Clock
    classifiers: Callable[[psycopg.Connection, Scope, Sequence[str]], list[Mapping[str, Any]]]
    """The documents of custom classifiers by name. Raises EntityNotFound."""
    queues: Queues
    """Where crawls by events read what changed."""
    keep_versions: int = 0

    def run(self, crawl: Crawl, *, dry_run: bool = False, keys: Sequence[str] | None = None) -> Plan:
        """Do it and end it: COMPLETED, or PLANNED when nothing is to be changed. `keys`: only these objects changed (a key of
        the targets' buckets, or s3://bucket/key).

        Raises what went wrong, after the crawl was ended with it: GlulamError, or Stopped."""
        with Journal(self.database, crawl.id, crawl.epoch, self.clock) as journal:
            try:
                crawling = _Crawling(work=self, crawl=crawl, journal=journal, dry_run=dry_run, keys=keys,
                                     intake=Intake(queues=self.queues))  # fmt: skip
                return crawling.run()
            except (psycopg.Error, Fenced):
                raise  # not ours to end, or nothing to end it in: whoever takes it next does
            except Exception as error:
                journal.close()
                self._failed(crawl, journal, error)
                raise

    def apply_plan(self, crawl: Crawl, worker: str) -> Plan:
        """Apply the plan of a PLANNED crawl as it stands. Raises ConcurrentModification, CrawlerRunning."""
        with self.database.transaction() as conn:
            epoch = runs.take_plan(conn, crawl, worker)
            kept, _ = runs.content(conn, crawl.id)
        plan = plan_json.from_json(kept or {})
        try:
            with self.database.transaction() as conn:
                apply(conn, plan, self.applying(crawl))
                runs.end(conn, crawl.id, epoch, CrawlState.COMPLETED, summary=summary(plan))
        except Exception as error:
            with self.database.transaction() as conn:
                runs.end(conn, crawl.id, epoch, CrawlState.FAILED, error=str(error))
            raise
        return plan

    def applying(self, crawl: Crawl) -> Applying:
        account = crawl.scope.catalog_id.partition(":")[0]
        role = str(crawl.spec.get("Role", "")).rpartition("/")[2]
        return Applying(
            scope=crawl.scope, crawl=crawl.id, crawler=crawl.crawler, now=str(int(self.clock().timestamp() * 1000)),
            keep_versions=self.keep_versions,
            created_by=f"arn:aws:sts::{account}:assumed-role/{role}/AWS-Crawler" if role else "glulam crawl",
        )  # fmt: skip

    def _failed(self, crawl: Crawl, journal: Journal, error: Exception) -> None:
        stopped = isinstance(error, Stopped)
        text = " ".join(str(error).split()) or type(error).__name__
        journal.write("stopped" if stopped else f"failed: {text}", "INFO" if stopped else "ERROR")
        with self.database.transaction() as conn:
            runs.end(conn, crawl.id, crawl.epoch, CrawlState.STOPPED if stopped else CrawlState.FAILED,
                     error=None if stopped else text[:2000], log=journal.take())  # fmt: skip


@dataclass(kw_only=True)
class _Crawling:
    """One crawl in progress."""

    work: CrawlWork
    crawl: Crawl
    journal: Journal
    dry_run: bool
    keys: Sequence[str] | None
    intake: Intake
    notes: list[str] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)
    emptied: list[Place] = field(default_factory=list)

    def run(self) -> Plan:
        try:
            plan = self._run()
        except BaseException:
            self.intake.give_back()
            raise
        if self.dry_run:
            self.intake.give_back()
        else:
            self.intake.done()
        return plan

    def _run(self) -> Plan:
        definition = parse_definition(self.crawl.crawler or "glulam crawl", self.crawl.spec)
        with self.work.database.connection() as conn:
            custom = self.work.classifiers(conn, self.crawl.scope, definition.classifiers)
            targets = _s3_targets(conn, self.crawl.scope, definition)
            basis = _basis(custom, targets)
            known = (
                memory.load(conn, self.crawl.scope, self.crawl.crawler, basis)
                if self.crawl.crawler
                else Memory()
            )
        if definition.recrawl is Recrawl.EVENTS and self.keys is None and known.id is not None:
            self._read_events(targets)
        listings = [(t, self._list(t, known)) for t in targets]
        settings = _settings(definition)
        if known.definition == settings and self._unchanged(listings, known):
            return self._nothing(definition)
        with self.work.database.connection() as conn:
            memory.load_files(conn, known)
        look = self.work.lookers.files(custom)
        found: list[FoundTable] = []
        changed: dict[Place, Any] = {}
        for target, listing in listings:
            found += self._tables(definition, target, listing, known, look, changed)
        found += self._elsewhere(definition, listings)
        failpoint("crawl.after_look")
        places = [str(listing.root) for _, listing in listings]
        seen = Seen(tables=found, places=places, odd=tuple(self.odd), notes=tuple(self.notes),
                    databases=[t for t in definition.targets if isinstance(t, JdbcTarget)])  # fmt: skip
        new = NewMemory(basis=basis, definition=settings, previous=known, changed=changed,
                        gone=[*self.emptied, *_gone(known, listings)])  # fmt: skip
        return self._finish(definition, seen, new)

    def _read_events(self, targets: Sequence[S3Target]) -> None:
        """What changed, as the targets' queues say. (A first crawl lists everything, and leaves them for the next.)"""
        self.intake.read((t.events for t in targets if t.events), self.journal.check)
        for note in self.intake.notes:
            self.journal.write(note)
        self.notes += self.intake.notes
        self.keys = [str(uri) for uri in self.intake.changed]
        failpoint("crawl.after_intake")

    def _list(self, target: S3Target, known: Memory) -> Listing:
        self.journal.write(f"listing {target.path}")
        self.journal.check()
        store, seen = self.work.store, any(place == str(target.path) for place, _ in known.digests)
        if self.keys is not None and seen:
            found = list_keys(store, target, self._keys_of(target))
        else:  # nothing is known of it yet, or it is one object
            found = list_target(store, target)
        files = sum(len(f.files) for f in found.folders)
        if not files and not found.delta and not found.partial:
            said = _left_out(found.left_out)
            raise ObjectNotFound(f"{target.path}: no file with data lies there ({said or 'nothing at all'})")
        self.journal.write(f"{target.path}: {files} files in {len(found.folders)} folders")
        for reason, count in sorted(found.left_out.counts.items()):
            example = found.left_out.examples[reason][0]
            self.notes.append(f"{target.path}: left out {count} objects: {reason} ({example})")
        return found

    def _keys_of(self, target: S3Target) -> Iterator[str]:
        for key in self.keys or ():
            uri = S3Uri.parse(key) if "://" in key else S3Uri(target.path.bucket, key)
            if uri.bucket == target.path.bucket:
                yield uri.key

    def _unchanged(self, listings: Sequence[tuple[S3Target, Listing]], known: Memory) -> bool:
        """Whether files and tables are as the last crawl left them."""
        if not known.definition or not known.digests:
            return False
        now = {(str(li.root), f.path): f.digest() for _, li in listings for f in li.folders}
        partial = {str(li.root) for _, li in listings if li.partial}
        before = {place: digest for place, digest in known.digests.items() if place[0] not in partial}
        if now != before or any(li.delta or li.gone for _, li in listings):
            return False
        return self._tables_as_left(known)

    def _tables_as_left(self, known: Memory) -> bool:
        with self.work.database.connection() as conn:
            return catalog_state.versions_now(conn, known.tables)

    def _nothing(self, definition: Definition) -> Plan:
        plan = Plan(crawler=definition.name, database=definition.database, tables=(),
                    notes=(*self.intake.notes, "no file and no table changed since the last crawl"))  # fmt: skip
        self.journal.write("no file and no table changed since the last crawl; no file was opened")
        self.journal.close()
        with self.work.database.transaction() as conn:
            self._end(conn, plan, summary(plan))
        return plan

    def _tables(
        self, definition: Definition, target: S3Target, listing: Listing, known: Memory, look: Look, changed: dict[Place, Any]
    ) -> list[FoundTable]:  # fmt: skip
        looking = Looking(
            store=self.work.store, spool=self.work.spool / self.crawl.id, look=look, check=self.journal.check,
            sample_size=target.sample_size, only_new_folders=definition.recrawl is Recrawl.NEW_FOLDERS,
        )  # fmt: skip
        looked = looking.run(listing, known)
        self.journal.write(f"{target.path}: looked into {looked.opened} files, {looked.bytes} bytes")
        changed |= looked.memory
        self.emptied += looked.emptied
        self._unclassified(listing, looked.folders)
        rules = Rules(combine=definition.combine, table_level=definition.table_level, only=listing.only,
                      level=1 + len([p for p in listing.root.key.split("/") if p]))  # fmt: skip
        strange = [str(u.uri) for f in looked.folders for u in f.unclassified]
        tables = shape(
            group(looked.folders, rules), listing.root, definition.table_prefix, target.exclusions, strange
        )
        for path in listing.delta:
            place = listing.root if not path else folder(f"{listing.root}{path}")
            tables += _prefixed(definition, self.work.lookers.lakehouse(DeltaTarget(path=place)))
        for table in tables:
            self.journal.write(
                f"{table.name}: {table.classification}, {table.files} files, {len(table.partitions)} partitions"
            )
        return [with_drift(t) for t in tables]

    def _elsewhere(
        self, definition: Definition, listings: Sequence[tuple[S3Target, Listing]]
    ) -> list[FoundTable]:
        """Tables of databases and lakehouses."""
        found: list[FoundTable] = []
        for target in definition.targets:
            self.journal.check()
            if isinstance(target, JdbcTarget):
                self.journal.write(f"connection {target.connection}: {target.path}")
                read = self.work.lookers.connection(self.crawl.scope, target)
                found += read.tables
                self.odd += read.odd
            elif isinstance(target, IcebergTarget | DeltaTarget):
                self.journal.write(f"{target.path}")
                found += self.work.lookers.lakehouse(target)
        return _prefixed(definition, found)

    def _unclassified(self, listing: Listing, folders: Sequence[FolderFindings]) -> None:
        refused = [(f.path, u) for f in folders for u in f.unclassified]
        for path, one in refused[:_SHOWN]:
            name = one.uri.key.rpartition("/")[2]
            self.odd.append(Odd(path=f"{path}/{name}" if path else name, files=1, reason=one.reason))
        if len(refused) > _SHOWN:
            self.odd.append(
                Odd(path="", files=len(refused) - _SHOWN, reason=f"and as many more below {listing.root}")
            )

    def _finish(self, definition: Definition, seen: Seen, new: NewMemory) -> Plan:
        """Plan, and apply the plan with everything that has to be true with it; again when the catalog moved."""
        by = self.work.applying(self.crawl)
        for attempt in range(_TRIES):
            self.journal.check()
            with self.work.database.transaction() as conn:
                known = catalog_state.known(conn, self.crawl.scope, definition, seen)
            plan = self._with_users(make_plan(definition, seen, known, by.now))
            for note in plan.notes:
                self.journal.write(note)
            if self.dry_run:
                self.journal.close()
                with self.work.database.transaction() as conn:
                    self._end(conn, plan, summary(plan))
                return plan
            try:
                self._apply(plan, by, new)
                return plan
            except ConcurrentModification as error:
                if attempt == _TRIES - 1:
                    raise
                self.journal.write(f"{error}; planning again", "WARN")
        raise AssertionError("unreachable")

    def _with_users(self, plan: Plan) -> Plan:
        """What of a plan changes, with the jobs and triggers that name it. Costs nothing where no table changes."""
        if not any(changes(change) for change in plan.tables):
            return plan
        with self.work.database.connection() as conn:
            return with_users(
                plan, read_users(conn, self.crawl.scope, self.work.store, self.work.spool / self.crawl.id)
            )

    def _apply(self, plan: Plan, by: Applying, new: NewMemory) -> None:
        with self.work.database.transaction() as conn:
            left = apply(conn, plan, by)
            if self.crawl.crawler:
                memory.save(conn, self.crawl.scope, self.crawl.crawler, new, left)
            failpoint("crawl.before_commit")
            self._end(conn, plan, summary(plan))
        failpoint("crawl.after_commit")

    def _end(self, conn: psycopg.Connection, plan: Plan, counts: Mapping[str, Any]) -> None:
        state = CrawlState.PLANNED if self.dry_run else CrawlState.COMPLETED
        self.journal.write("planned" if self.dry_run else "completed")
        runs.end(conn, self.crawl.id, self.crawl.epoch, state, summary=counts, plan=plan_json.to_json(plan),
                 log=self.journal.take())  # fmt: skip


def _s3_targets(conn: psycopg.Connection, scope: Scope, definition: Definition) -> list[S3Target]:
    """Include paths: the S3 targets, and the locations of the catalog targets' tables."""
    found = [t for t in definition.targets if isinstance(t, S3Target)]
    catalog = [t for t in definition.targets if isinstance(t, CatalogTarget)]
    if catalog:
        events = {(t.database.lower(), name.lower()): t.events for t in catalog for name in t.tables}
        for table in catalog_state.tables_of(conn, scope, definition):
            location = table.document.get("StorageDescriptor", {}).get("Location")
            if not location:
                raise InvalidInput(
                    f"table {table.database}.{table.name} has no Location; expected an object store's folder"
                )
            found.append(S3Target(path=folder(location), events=events.get((table.database, table.name))))
    return found


def _basis(custom: Sequence[Mapping[str, Any]], targets: Sequence[S3Target]) -> bytes:
    content = [_VERSION, list(custom), [[str(t.path), t.sample_size] for t in targets]]
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _prefixed(definition: Definition, found: Sequence[FoundTable]) -> list[FoundTable]:
    return [replace(t, name=f"{definition.table_prefix.lower()}{t.name}") for t in found]


def _settings(definition: Definition) -> str:
    """Empty where a crawl looks at more than files: then it always looks."""
    if not all(isinstance(t, S3Target | CatalogTarget) for t in definition.targets):
        return ""
    return hashlib.blake2b(repr(definition).encode(), digest_size=16).hexdigest()


def _gone(known: Memory, listings: Sequence[tuple[S3Target, Listing]]) -> list[Place]:
    """Folders that are not there any more, as far as everything was listed."""
    there = {(str(li.root), f.path) for _, li in listings for f in li.folders}
    partial = {str(li.root) for _, li in listings if li.partial}
    return [place for place in known.digests if place not in there and place[0] not in partial]


def _left_out(found: LeftOut) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(found.counts.items()))
