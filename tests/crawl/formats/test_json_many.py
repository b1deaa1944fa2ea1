"""JSON by the batch: what the fast path counts is what the strict parser counts, file by file."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.crawl.classify import Classifiers, LookOptions, look_many
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.crawl.formats import json_scan
from glulam.crawl.formats.json_files import columns_of
from glulam.crawl.formats.json_scan import Seen
from glulam.records.strict import decode
from tests.crawl.formats.case import local_file


def write(folder: Path, files: Sequence[Sequence[Any]]) -> list[Path]:
    paths = []
    for number, records in enumerate(files):
        path = folder / f"{number:05}.json"
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
        paths.append(path)
    return paths


def look_at(paths: Sequence[Path], threads: int = 2) -> dict[str, FileFinding | Unclassified]:
    found = look_many(map(local_file, paths), Classifiers(), LookOptions(), threads)
    return {f.uri.key: f for f in found}


def strict(path: Path) -> dict[str, tuple[str, dict[str, int]]]:
    seen = Seen()
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        seen.see(0, number, number, decode(line, 100))
    return {
        c.source_name: (str(c.type), dict(c.counts))
        for c in columns_of(seen, local_file(path))
        if dict(c.counts)
    }


def told(found: FileFinding | Unclassified) -> dict[str, tuple[str, dict[str, int]]]:
    assert isinstance(found, FileFinding), found
    return {c.source_name: (str(c.type), dict(c.counts)) for c in found.columns}


def record(number: int, rng: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": number,
        "user": {"name": f"u{number % 7}", "age": rng.choice([None, 30, 41])},
    }
    if number % 3:
        made["tags"] = ["a", "b"][: number % 3]
    if number % 50 == 49:
        made["id"] = f"text {number}"
    if number % 5 == 0:
        made["price"] = rng.choice([1, 2.5, 7.25])
    if number % 400 == 399:
        made["late"] = {"deep": [{"x": number}]}
    return made


def test_many_small_files_count_as_each_by_itself(tmp_path: Path) -> None:
    rng = random.Random(5)
    paths = write(tmp_path, [[record(f * 3 + k, rng) for k in range(1 + f % 4)] for f in range(4000)])
    found = look_at(paths)
    assert len(found) == 4000
    for path in paths[::7]:
        assert told(found[path.name]) == strict(path), path.name
    shared = {id(f.columns) for f in found.values() if isinstance(f, FileFinding)}
    assert len(shared) < 3000  # files that look alike share their columns


def test_a_big_file_counts_as_by_the_strict_parser(tmp_path: Path) -> None:
    rng = random.Random(6)
    (path,) = write(tmp_path, [[record(k, rng) for k in range(180_000)]])
    assert path.stat().st_size > 8 * 1024 * 1024  # several chunks
    (found,) = look_at([path]).values()
    assert told(found) == strict(path)
    assert isinstance(found, FileFinding)
    by_name = {c.name: c for c in found.columns}
    assert [e.line for e in by_name["id"].examples][:3] == [50, 100, 150]  # the texts are what decided
    assert list(by_name)[:3] == ["id", "user", "price"]


def test_most_records_take_the_fast_path(tmp_path: Path, monkeypatch: Any) -> None:
    slow = 0
    see = Seen.see

    def counted(self: Seen, *args: Any) -> None:
        nonlocal slow
        slow += 1
        see(self, *args)

    monkeypatch.setattr(json_scan.Seen, "see", counted)
    (path,) = write(
        tmp_path,
        [
            [
                {"a": k, "never": None, "b": [{"c": str(k)}], "mix": k if k % 3 else f"{k}"}
                for k in range(100_000)
            ]
        ],
    )
    (found,) = look_at([path]).values()
    assert told(found)["never"] == ("void", {"null": 100_000})
    assert told(found)["mix"] == ("string", {"bigint": 66_666, "string": 33_334})
    assert slow < 10_000  # the first chunk


def test_keys_that_are_data_stay_in_bounded_memory(tmp_path: Path) -> None:
    (path,) = write(
        tmp_path, [[{"id": k, "by": {f"key {k * 2}": 1, f"key {k * 2 + 1}": 2}} for k in range(30_000)]]
    )
    (found,) = look_at([path]).values()
    assert told(found)["by"] == ("map<string,bigint>", {"struct": 30_000})


def test_a_file_whose_every_key_is_new_is_no_table(tmp_path: Path) -> None:
    (path,) = write(tmp_path, [[{f"key {k}": k} for k in range(20_000)]])
    (found,) = look_at([path]).values()
    assert isinstance(found, Unclassified)
    assert "more than 10000 different keys" in found.reason


_LEAF = st.one_of(st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(allow_nan=False, allow_infinity=False),
                  st.text(max_size=3))  # fmt: skip
_KEY = st.sampled_from(["a", "b", "Ä", "a b"])
_VALUE = st.recursive(
    _LEAF, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(_KEY, v, max_size=3)), max_leaves=6
)
_RECORD = st.dictionaries(st.sampled_from(["a", "b", "c", "C", "d.e"]), _VALUE, max_size=4)


@settings(max_examples=25, deadline=None)
@given(files=st.lists(st.lists(_RECORD, min_size=1, max_size=6), min_size=1, max_size=6))
def test_any_records(files: list[list[dict[str, Any]]], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("any")
    first = [
        [{"a": 1, "b": "x", "c": {"a": 1.5}, "d.e": m} for m in (1, "x", True, 2.5)] * 1500
    ]  # fills the first chunk, so that the others go the fast way
    paths = write(folder, first + files)
    found = look_at(paths)
    for path in paths[1:]:
        assert told(found[path.name]) == strict(path)
