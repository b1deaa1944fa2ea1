"""Damaged, mutated and random content: a finding or a reason, never an error, never without end."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.crawl.classify import Classifiers, LookOptions, look, look_many
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.crawl.formats import snappy
from glulam.crawl.formats.opened import Opened, compression_of
from glulam.model.errors import UnreadableFile
from glulam.records.values import ReadLimits
from tests.crawl.formats import binary_cases, json_cases, log_cases, text_cases
from tests.crawl.formats.case import local_file

SEEDS = [case.content for case in (*json_cases.CASES, *text_cases.CASES, *log_cases.CASES, *binary_cases.CASES)
         if len(case.content) < 20_000]  # fmt: skip


def mutated(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + rng.randint(1, 20)]
            case 2:
                data[at:at] = rng.choice(
                    [b"\x00", b"\xff", b'"', b"\n", b"{", b"<", b",", b"\\", b"9" * 30, b"\r"]
                )
            case _:
                data = data[:at]
    return bytes(data)


def test_damaged_files_never_raise(tmp_path: Path) -> None:
    rng = random.Random(11)
    files = []
    for number in range(600):
        path = tmp_path / f"{number}"
        path.write_bytes(mutated(rng.choice(SEEDS), rng))
        files.append(local_file(path))
    found = list(look_many(files, Classifiers(), LookOptions(), threads=2))
    assert {f.uri.key for f in found} == {f.uri.key for f in files}
    for one in found:
        assert isinstance(one, FileFinding | Unclassified)
        if isinstance(one, Unclassified):
            assert one.reason
        else:
            assert one.evidence
            assert 0 < one.certainty <= 1
            assert len({c.name for c in one.columns}) == len(one.columns)


@settings(max_examples=80, deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode), st.text(
    alphabet=' ,;|"\n\t{}[]<>:/aB1.-', max_size=200).map(str.encode)))  # fmt: skip
def test_any_bytes(content: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("any") / "data"
    path.write_bytes(content)
    assert isinstance(look(local_file(path), Classifiers(), LookOptions()), FileFinding | Unclassified)


def test_a_file_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("x")
    file = local_file(path)
    path.unlink()
    found = look(file, Classifiers(), LookOptions())
    assert isinstance(found, Unclassified)
    assert "No such file" in found.reason


@pytest.mark.parametrize("pack", [text_cases.framed_snappy, text_cases.hadoop_snappy, text_cases.lz4,
                                  lambda content: text_cases.zipped({"a": content})])  # fmt: skip
def test_bombs_are_stopped(pack: Any, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(pack(b"0" * (8 << 20)))
    with path.open("rb", buffering=0) as stream:
        compression = compression_of(stream.read(4 << 20), path.stat().st_size)
        opened = Opened(stream, "bomb", compression, ReadLimits(max_expanded_bytes=1 << 20))
        with pytest.raises(UnreadableFile, match="max_expanded_bytes=1048576"):
            for _ in opened.windows():
                pass


@pytest.mark.parametrize("pack", [text_cases.framed_snappy, text_cases.hadoop_snappy, text_cases.lz4])
def test_streams_that_are_cut_off_say_so(pack: Any, tmp_path: Path) -> None:
    path = tmp_path / "data"
    whole = pack(b"id,name\n" + b"1,a\n" * 50)
    path.write_bytes(whole[:-3])
    with path.open("rb", buffering=0) as stream:
        opened = Opened(stream, "cut", compression_of(whole, len(whole)), ReadLimits())
        assert b"".join(opened.windows()).count(b"\n") <= 51
        assert opened.damage or pack is text_cases.lz4  # Arrow's LZ4 gives what it has and no error


def test_text_is_not_taken_for_snappy() -> None:
    assert not snappy.is_hadoop(b"\x00\x00\x00\x05hello world", 15)
    assert not snappy.is_hadoop(b"", 0)


def test_lines_made_to_be_slow_are_not(tmp_path: Path) -> None:
    rng = random.Random(3)
    hostile = [
        "1" * 2000, "a." * 1000, "::" * 1000, "[" * 2000, '"' * 1999, '"\\' * 1000, "/" * 2000 + "!", "2001:" * 400,
        "Jan  1 00:00:00 " + "a-" * 900, "192.0.2.1 - - [" + "1" * 1500, "<1>1 " + "- " * 800, "a@" * 900, "%41" * 700,
        '192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "' + "GET " * 400, "2 1 eni " + "1 " * 900,
        "http 2018-07-02T22:23:00Z " + "a" * 1800,
    ]  # fmt: skip
    path = tmp_path / "data"
    for line in hostile:
        path.write_text("\n".join(line + rng.choice(["", "!", " "]) for _ in range(30)))
        start = time.monotonic()
        look(local_file(path), Classifiers(), LookOptions())
        assert time.monotonic() - start < 20, line[:40]
