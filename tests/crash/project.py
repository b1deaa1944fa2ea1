"""A project folder whose every record the test knows, and the processes that work on it.

Each record carries its own name, `<file>.v<version>.<kind><number>`: kind g is good, m has no event time (rejected by
the transform), b is cut off in the middle (rejected by the reader). So the oracle in invariants.py needs nothing that
the product says to tell where a row came from.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml

from crash.processes import Drivers, Worker, log_of

FOLDERS = ("historical/a", "2024/week1", "2024/week02")
LEASE_S = (
    30.0  # long: leases of dead processes are ended by `expire`, so that no live one loses its own by chance
)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One content of one raw file."""

    key: str
    """Below the raw zone."""
    number: int
    good: frozenset[str]
    bad: frozenset[str]
    """Both kinds that must be rejected, b and m."""
    data: bytes
    poison: bool = False


@dataclass(kw_only=True)
class Project:
    """One lake, one database, one pipeline. `versions` is the truth: all contents of each key, oldest first."""

    root: Path
    database_url: str
    drivers: Drivers
    batch: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """Parts of pipeline.yaml that replace the usual ones."""
    env: dict[str, str] = field(default_factory=dict)
    curated: str = "parquet"
    """The format of the curated table."""
    versions: dict[str, list[Version]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.configure()

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    def zone(self, name: str) -> Path:
        return self.lake / {"raw": "raw/in", "processed": "processed/in", "curated": "curated/events",
                            "dead_letters": "dead/events"}[name]  # fmt: skip

    @property
    def iceberg(self) -> bool:
        return self.curated == "iceberg"

    def configure(self, **more: Any) -> None:
        """Write pipeline.yaml (again)."""
        self.more |= more
        config: dict[str, Any] = {
            "pipeline": "events",
            "zones": {"raw": "s3://raw/in", "processed": "s3://processed/in", "curated": "s3://curated/events",
                      "dead_letters": "s3://dead/events"},
            "source": {"historical": "historical", "incremental": {"start_year": 2023}},
            "table": {"database": "ml", "name": "events"},
            "curated": {"format": self.curated},
            "transform": {
                "select": ["CAST(event_time AS TIMESTAMP) AS event_time", "*"],
                "event_time": "event_time",
                "partition_by": ["month(event_time) AS month", "ml_mode"],
            },
            "batch": {"max_files": 2, "lease_s": LEASE_S, "max_attempts": 6, "backoff_s": 0.0} | self.batch,
        }  # fmt: skip
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "pipeline.yaml").write_text(yaml.safe_dump(config | self.more), "utf-8")

    # -- raw files -----------------------------------------------------------------------------------------------

    def write(
        self,
        number: int,
        *,
        good: int = 6,
        bad: int = 1,
        missing: int = 1,
        pad: int = 0,
        in_place: bool = False,
    ) -> Version:
        """Write the file, or its next version over the one that is there: by rename, or in place. pad: bytes that
        each good record is longer."""
        key, records, broken = f"{FOLDERS[number % 3]}/f{number}.json", [], []
        count = len(self.versions.get(key, ())) + 1
        name = f"f{number}.v{count}"
        for i in range(good):
            records.append({"id": f"{name}.g{i}", "event_time": f"2024-0{1 + i % 2}-03T04:05:06Z",
                            "ml_mode": ("train", "test")[i % 3 == 0], "value": "text" if number % 4 == 3 else i,
                            f"extra_{number % 5}": {"n": i}} | ({"pad": "x" * pad} if pad else {}))  # fmt: skip
        records += [{"id": f"{name}.m{i}", "event_time": None, "ml_mode": "train"} for i in range(missing)]
        broken += [f'{{"id": "{name}.b{i}", "event_time": "2024-01-0' for i in range(bad)]
        lines = [json.dumps(r) for r in records]
        lines[2:2] = broken
        text = "".join(f"{line}\n" for line in lines).encode()
        data = gzip.compress(text, mtime=0) if number % 4 == 1 else text
        bad_ids = [r["id"] for r in records if ".m" in str(r["id"])] + [f"{name}.b{i}" for i in range(bad)]
        version = Version(key=key, number=count, data=data, bad=frozenset(map(str, bad_ids)),
                          good=frozenset(f"{name}.g{i}" for i in range(good)))  # fmt: skip
        return self._put(version, in_place)

    def write_many(self, count: int, **more: int) -> None:
        for number in range(count):
            self.write(number, **more)

    def poison(self, number: int) -> Version:
        """A file that no attempt can read."""
        key = f"{FOLDERS[number % 3]}/f{number}.json"
        twice = gzip.compress(gzip.compress(b'{"id": "never"}\n', mtime=0), mtime=0)
        empty: frozenset[str] = frozenset()
        return self._put(Version(key=key, number=1, good=empty, bad=empty, data=twice, poison=True), False)

    def _put(self, version: Version, in_place: bool) -> Version:
        path = self.zone("raw") / version.key
        path.parent.mkdir(parents=True, exist_ok=True)
        if in_place:
            path.write_bytes(version.data)
        else:
            spare = self.root / "incoming"
            spare.write_bytes(version.data)
            os.replace(spare, path)
        self.versions.setdefault(version.key, []).append(version)
        return version

    # -- processes -----------------------------------------------------------------------------------------------

    def start(
        self, *steps: str, failpoint: str | None = None, env: Mapping[str, str] | None = None
    ) -> Worker:
        given = {name: value for name, value in os.environ.items() if not name.startswith("GLULAM_")}
        given |= {
            "GLULAM_HOME": str(self.root / ".glulam"), "GLULAM_THREADS": "2",
            "GLULAM_LAKE": str(self.lake), "GLULAM_DATABASE_URL": self.database_url,
        }  # fmt: skip
        given |= self.env | dict(env or {}) | ({"GLULAM_FAILPOINT": failpoint} if failpoint else {})
        return self.drivers.start(self.root, steps, given)

    def run(
        self, *steps: str, failpoint: str | None = None, env: Mapping[str, str] | None = None
    ) -> list[Any]:
        """Run the steps to their good end; what each said."""
        return self.start(*steps, failpoint=failpoint, env=env).succeeds()

    def crash(self, failpoint: str, *steps: str) -> None:
        """Run the steps; they must die at the failpoint. If they do not, the failpoint is dead code."""
        worker = self.start(*steps, failpoint=failpoint)
        code = worker.wait()
        assert code == -signal.SIGKILL, f"{failpoint} was not reached by {steps}: exit {code}\n{self.log()}"

    def log(self) -> str:
        """What the workers said last."""
        return log_of(self.root)

    # -- the ledger, asked directly ------------------------------------------------------------------------------

    def query(self, text: str, *given: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            cursor = conn.execute(text, given)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def expire(self) -> None:
        """As if time had passed: leases are over, pauses too. For when no process that matters is alive."""
        self.query(
            "UPDATE batch SET lease_until = now() - interval '1s' WHERE state IN ('RUNNING', 'COMMITTED')"
        )
        self.query("UPDATE batch SET not_before = now() WHERE state = 'READY'")

    def recover(self, *steps: str) -> list[Any]:
        self.expire()
        return self.run(*(steps or ("list", "run")))
