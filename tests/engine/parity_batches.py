"""The batches that both engines must make the same of: the hostile corpus, and generated events with every trouble."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import asdict, replace
from typing import Any

from corpus.build import CASES, expected_count
from corpus.case import Case, Limits
from engine.parity import Batch
from glulam.engine.base import WriteOptions
from glulam.infer.resolve import OnConflict, SchemaMode
from glulam.ingest.config import Item, Schema, Transform
from glulam.records.values import ReadLimits

MANY_RECORDS, TOO_MANY_RECORDS = 1_000, 100_000
WIDE = "good: a thousand members"


def corpus_batches() -> dict[str, Batch]:
    """Every readable file of the corpus, but two of 150,000 records and more, whose rows are all alike. One batch for
    each set of limits; files of many records and the one of a thousand columns stand apart, since together they would
    make hundreds of millions of cells."""
    groups: dict[tuple[Limits, str], list[Case]] = {}
    for case in CASES:
        if not case.unreadable and expected_count(case) < TOO_MANY_RECORDS:
            size = "wide" if case.name == WIDE else "many" if expected_count(case) > MANY_RECORDS else ""
            groups.setdefault((case.limits, size), []).append(case)
    found = {}
    for number, ((limits, size), cases) in enumerate(groups.items()):
        files = {f"corpus/{i:04d}{c.suffix}": c.content() for i, c in enumerate(cases)}
        name = f"corpus-{size}" if size else f"corpus-limits-{number}"
        found["corpus" if (limits, size) == (Limits(), "") else name] = Batch(
            files=files, limits=ReadLimits(**asdict(limits))
        )
    return found


EVENTS = Transform(
    select=(
        Item(sql="CAST(id AS STRING) AS record_id"),
        Item(sql="CAST(ts AS TIMESTAMP) AS event_time"),
        Item(sql="CAST(amount AS DECIMAL(10,2)) AS amount", on_cast_error="null"),
        Item(sql="CAST(qty AS INT) AS qty"),
        Item(sql="CAST(code AS INT) AS code", on_cast_error="reject"),
        Item(sql="CAST(score AS DOUBLE) AS score", on_cast_error="default", default=-1.5),
        Item(sql="device.location.lat AS lat"),
        Item(sql="tags[0] AS first_tag"),
        Item(sql="upper(coalesce(mode, 'none')) AS mode_upper"),
        Item(sql="*"),
    ),
    event_time="event_time",
    partition_by=("year(event_time) AS year", "month(event_time) AS month", "mode"),
)


def _event(number: int, random: random.Random) -> dict[str, Any]:
    day = random.randint(1, 28)
    event: dict[str, Any] = {
        "id": number, "ts": f"2024-{random.randint(1, 4):02d}-{day:02d}T10:11:12.5Z",
        "mode": random.choice(["a", "b=/c", "Ü"]),
        "amount": random.choice([1.25, 3, "12.345", "x", None]), "qty": random.choice([1, 2, "7"]),
        "score": random.choice(["1.5", "nan", "bad", "2e3"]), "tags": random.choice([["p", "q"], ["r"], [], None]),
        "device": {"os": "linux", "location": {"lat": random.random() * 90, "lon": -0.0}, "ID": number % 5},
        "code": str(number), "readings": [{"v": i, "unit": "C"} for i in range(number % 3)], "c0": number, "raw": "r",
        "o0": True,
    }  # fmt: skip
    trouble = number % 37
    for when, key, value in (
        (1, "ts", None), (2, "ts", "yesterday"), (3, "code", "seven"), (4, "big", 2**63 + number),
        (5, "id", f"text-{number}"), (6, "device", "a string"), (7, "year", 1999), (8, "_batch_id", "mine"),
        (9, "ID", "upper"), (10, "readings", [{"v": "high"}, 3]), (11, "mode", None),
        (12, "amount", {"deep": [1, {"er": None}]}), (13, "qty", 2**31), (14, "_source_path", 1),
        (15, "weird ,;:name.with dots", "x"), (16, "", "empty key"), (17, "tags", ["ünï", None, 5]),
        (18, "score", 2**53 + 1), (19, "late", {"a": [{"b": 1.5}], "A": 2}), (20, "mode", ""),
        (21, "amount", 10**40), (22, "_file", "f"), (23, "_offset", 1),
    ):  # fmt: skip
        if trouble == when:
            event[key] = value
    return event


def events(count: int, seed: int, start: int = 0) -> bytes:
    """NDJSON with a malformed line now and then, and Windows line ends in some places."""
    chance = random.Random(seed)
    lines = []
    for number in range(start, start + count):
        text = json.dumps(_event(number, chance), ensure_ascii=number % 2 == 0)
        if number % 101 == 50:
            text = text[:-7]
        lines.append(text + ("\r\n" if number % 11 == 0 else "\n"))
    return "".join(lines).encode()


def event_files(files: int = 5, records: int = 400) -> dict[str, bytes]:
    found = {}
    for number in range(files):
        content = events(records + 13 * number, seed=number, start=number * 100_000)
        packed = number % 3 == 1
        found[f"events/{number:02d}.json{'.gz' if packed else ''}"] = (
            gzip.compress(content) if packed else content
        )
    found["events/pretty.json"] = json.dumps(_event(7, random.Random(7)), indent=2).encode()
    found["events/array.json"] = json.dumps([_event(n, random.Random(n)) for n in range(40)]).encode()
    found["events/empty.json"] = b""
    return found


TABLE = (
    "struct<id:bigint,ts:string,amount:double,qty:bigint,score:string,mode:string,tags:array<string>,"
    "device:struct<os:string,location:struct<lat:double,lon:double>>>"
)

JAVA_CASE = Transform(
    select=(Item(sql="CAST(S AS STRING) AS text"), Item(sql="D.I AS dotted"), Item(sql="*"))
)
JAVA_NAMES = '{"s":1,"ſ":2,"d":{"i":1,"ı":"x"}}\n{"ſ":3}\n'
"""Names that are equal for Spark (the long s, the dotless i), and an expression that is careless about case."""


UNFIT = Transform(
    select=(Item(sql="CAST(n AS INT) AS n", on_cast_error="reject"), Item(sql="*")), partition_by=("p", "q")
)


def unfit_partition_values() -> bytes:
    """At the limits of what a folder's name can hold, in plain, escaped and longer characters, and beyond them."""
    values = [
        "a" * 253,
        "a" * 254,
        ":" * 84,
        ":" * 85,
        "é" * 126,
        "é" * 127,
        "z\0",
        "\0",
        "",
        None,
        "a" * 20_000,
    ]
    rows = [{"n": str(i), "p": p, "q": "\0" if i in (3, 9) else "ok"} for i, p in enumerate(values)]
    rows += [{"n": "x", "p": "\0"}, {"n": "1", "p": "fits", "q": "fits"}]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def event_batch() -> Batch:
    return Batch(files=event_files(), transform=EVENTS)


def policy_batches() -> dict[str, Batch]:
    """Smaller batches, one for each rule that changes what becomes of the same data."""
    base = Batch(files=event_files(2, 150), transform=EVENTS)
    tables = {
        f"existing-{mode}": replace(base, existing=TABLE, schema=Schema(mode=mode))
        for mode in SchemaMode
        if mode is not SchemaMode.FAIL_ON_NEW_COLUMNS
    }
    conflicts = {
        f"conflict-{rule}": replace(base, schema=Schema(on_conflict=rule))
        for rule in (OnConflict.NEW_COLUMN, OnConflict.STRING)
    }
    only = {
        name: frozenset({1, 2, 3, 4, 38, 39, 51, 5000}) for name in base.files if name.endswith("1.json.gz")
    }
    hive = replace(base, transform=EVENTS.model_copy(update={"missing_event_time": "hive_default"}))
    return {
        **tables, **conflicts, "replay": replace(base, only=only), "hive-default": hive,
        "hints": replace(base, schema=Schema(hints={"amount": "decimal(12,3)", "id": "string", "device.ID": "double"})),
        "plain": replace(base, transform=Transform()),
        "small-files": replace(base, write=WriteOptions(target_file_bytes=20_000, row_group_bytes=10_000)),
        "partition-values": Batch(files={"u/a.json": unfit_partition_values()}, transform=UNFIT),
        "nothing": Batch(files={}),
        "java-case": Batch(files={"j/a.json": JAVA_NAMES.encode()}, transform=JAVA_CASE),
        "only-rejects": Batch(files={"r/a.json": b"{\n", "r/b.json": b"[1,2]\n7\n"}),
    }  # fmt: skip
