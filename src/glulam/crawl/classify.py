"""What is in a file: its format, its columns, and why. One look at one file, or at many at a time.

Custom classifiers are asked first, in their order; the first that is certain wins, else the built-in ones answer, else the
most certain answer of all. Small JSON files are gathered and parsed together; every other file is looked at by itself, on a
pool of threads. Nothing that a file holds stops a crawl: what cannot be read is `Unclassified`, with the reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from glulam.crawl.custom import Classifier, classifier_of
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.crawl.formats.builtin import answer_of, is_cloudtrail
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions, unclassified
from glulam.crawl.formats.json_files import LEARN_BYTES, JsonFindings, OpenFile, eased, form_of, sampled
from glulam.crawl.formats.json_scan import ChunkCounts, JsonScanner
from glulam.crawl.formats.opened import Opened, open_file
from glulam.crawl.formats.recognise import Format, NotRecords, recognise
from glulam.model.errors import UnreadableFile
from glulam.records.chunks import CHUNK_BYTES, Gathered
from glulam.records.framing import Framed, frame

__all__ = ["Classifiers", "LocalFile", "LookOptions", "look", "look_many"]


@dataclass(frozen=True, kw_only=True)
class Classifiers:
    """The documents of the custom ones (`custom.classifier_of`), in the order in which they are asked; the built-in ones
    come after them."""

    custom: Sequence[Mapping[str, Any]] = ()


def look(file: LocalFile, classifiers: Classifiers, options: LookOptions) -> FileFinding | Unclassified:
    """One file's finding."""
    return next(look_many((file,), classifiers, options, threads=1))


def look_many(
    files: Iterable[LocalFile], classifiers: Classifiers, options: LookOptions, threads: int
) -> Iterator[FileFinding | Unclassified]:
    """A finding for each file, not in their order. Files are taken from the iterator as they are needed; memory is bounded
    by the threads, not by the files. Raises nothing that a file holds; what `options.check` raises, and InvalidInput for a
    classifier that cannot be used."""
    custom = [classifier_of(document) for document in classifiers.custom]
    pool = ThreadPoolExecutor(threads, thread_name_prefix="look")
    scanner = JsonScanner(options.limits)
    try:
        yield from _Looking(custom, options, pool, scanner, threads).run(files)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        scanner.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """A chunk that is being scanned, and the files that end in it."""

    counts: Future[ChunkCounts] | None
    ends: tuple[int, ...]


_Pending = _Batch | Future[FileFinding | Unclassified]


@dataclass(slots=True)
class _Looking:
    custom: Sequence[Classifier]
    options: LookOptions
    pool: ThreadPoolExecutor
    scanner: JsonScanner
    threads: int
    findings: JsonFindings = field(default_factory=JsonFindings)
    pending: deque[_Pending] = field(default_factory=deque)
    gathered: Gathered = field(default_factory=lambda: Gathered(number=0))
    ended: list[int] = field(default_factory=list)

    def run(self, files: Iterable[LocalFile]) -> Iterator[FileFinding | Unclassified]:
        for index, file in enumerate(files):
            try:
                with file.path.open("rb", buffering=0) as stream:
                    opened, head = _open(stream, file, self.options)
                    kind = recognise(head)
                    if kind is Format.JSON and not self.custom and not is_cloudtrail(head):
                        yield from self._json(index, file, opened, head)
                        continue
            except (NotRecords, UnreadableFile, OSError) as error:
                yield unclassified(file, _reason(error))
                continue
            self.pending.append(self.pool.submit(look_alone, file, self.custom, self.options, self.scanner))
            yield from self._settle(2 * self.threads + 2)
        self._submit()
        yield from self._settle(0)

    def _json(
        self, index: int, file: LocalFile, opened: Opened, head: bytes
    ) -> Iterator[FileFinding | Unclassified]:
        """Frame a file into the chunk that is being gathered; scan that whenever it is full."""
        state = OpenFile(file=file, compression=opened.compression, form=form_of(head))
        self.findings.begin(index, state)
        try:
            for item in self._framed(index, opened, state):
                self.gathered.add(item)
                if self.gathered.size >= (CHUNK_BYTES if self.gathered.number else LEARN_BYTES):
                    self._submit()
                    yield from self._settle(self.threads + 1)
        except UnreadableFile as error:
            state.failure = _reason(error)
        self.ended.append(index)

    def _framed(self, index: int, opened: Opened, state: OpenFile) -> Iterator[Framed]:
        framed = frame(index, opened, self.options.limits)
        first = eased(framed) if self.findings.base is None else framed
        return sampled(first, self.options.sample_records, state)

    def _submit(self) -> None:
        gathered, self.gathered = self.gathered, Gathered(number=self.gathered.number + 1)
        ends = tuple(self.ended)
        self.ended.clear()
        counts = self.pool.submit(self.scanner.scan, gathered, self.findings.base) if gathered.size else None
        self.pending.append(_Batch(counts=counts, ends=ends))

    def _settle(self, most: int) -> Iterator[FileFinding | Unclassified]:
        """Hand out what is done, in the order of submission, until at most so many are pending. The very first chunk is
        waited for, because it teaches the others."""
        while len(self.pending) > most or (self.pending and self.findings.base is None):
            first = self.pending.popleft()
            if isinstance(first, Future):
                yield first.result()
                continue
            if first.counts is not None:
                self.findings.add(first.counts.result())
            for index in first.ends:
                yield self.findings.end(index)


def look_alone(
    file: LocalFile, custom: Sequence[Classifier], options: LookOptions, scanner: JsonScanner
) -> FileFinding | Unclassified:
    """One file's finding, by itself: custom classifiers, then the built-in one of its format."""
    try:
        with file.path.open("rb", buffering=0) as stream:
            opened, head = _open(stream, file, options)
            kind = recognise(head)
            best: Answer | None = None
            for classifier in custom:
                answer = classifier.answer(file, opened, head, kind, options)
                if answer.certainty >= 1:
                    return answer.finding(file, opened.compression)
                if best is None or answer.certainty > best.certainty:
                    best = answer
            built_in = answer_of(file, opened, head, kind, options, scanner)
            if best is None or built_in.certainty >= best.certainty:
                best = built_in
            return best.finding(file, opened.compression)
    except (NotRecords, UnreadableFile, OSError) as error:
        return unclassified(file, _reason(error))
    except Exception as error:  # parsers of binary formats raise what they like for a damaged file
        options.check()  # unless it was this that raised
        return unclassified(file, f"cannot be read: {type(error).__name__}: {error}"[:500])


def _open(stream: BinaryIO, file: LocalFile, options: LookOptions) -> tuple[Opened, bytes]:
    return open_file(stream, str(file.uri), file.size_bytes, options.limits, options.check)


def _reason(error: Exception) -> str:
    return str(error)[:500]
