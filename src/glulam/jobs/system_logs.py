"""The whole log of a run as one document, and links to it that are good for an hour.

A line of the document is one JSON object: time, stream, message; for lines of Spark's own log also level and logger, which are
taken out of the message. Lines that follow such a line and belong to it (a Java stack trace) have its level and logger too.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import psycopg

from glulam.jobs import logs
from glulam.jobs.logs import Stream
from glulam.model.errors import AccessDenied

GOOD_FOR = timedelta(hours=1)
_SPARK = re.compile(
    r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (TRACE|DEBUG|INFO|WARN|ERROR|FATAL) ([\w.$]+): (.*)", re.DOTALL
)
"""As sparkconf.py has log4j write them."""
_BELONGS = re.compile(r"\s+at |\s*Caused by: |\s+\.\.\. \d+ more|[\w.$]+(Exception|Error)\b")


@dataclass(frozen=True, kw_only=True)
class LogLinks:
    """Makes and proves links."""

    endpoint: str
    """URL of the server."""
    sign: Callable[[bytes], bytes]
    """A keyed MAC."""
    clock: Callable[[], datetime]

    def url(self, run_id: str) -> str:
        until = int((self.clock() + GOOD_FOR).timestamp())
        return (
            f"{self.endpoint}/_glulam/system-logs/{run_id}?until={until}&signature={self._mac(run_id, until)}"
        )

    def prove(self, run_id: str, until: str, signature: str) -> None:
        """Raises AccessDenied for a link that we did not make, or that is too old."""
        try:
            moment = int(until)
        except ValueError:
            moment = 0
        right = self._mac(run_id, moment).encode()
        if (
            not hmac.compare_digest(signature.encode("utf-8", "replace"), right)
            or moment < self.clock().timestamp()
        ):
            raise AccessDenied("the link is no longer good; ask for another one")

    def _mac(self, run_id: str, until: int) -> str:
        return self.sign(f"{run_id} {until}".encode()).hex()


def document(conn: psycopg.Connection, run_id: str) -> Iterator[bytes]:
    """The lines of a run, in the order in which they came."""
    level: tuple[str, str] | None = None
    for line in logs.read(conn, [run_id]):
        said: dict[str, str] = {
            "time": datetime.fromtimestamp(line.at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "stream": line.stream.value, "message": line.text,
        }  # fmt: skip
        if line.stream is Stream.ERROR:
            if found := _SPARK.fullmatch(line.text):
                level = (found[1], found[2])
                said["message"] = found[3]
            elif not _BELONGS.match(line.text):
                level = None
            if level is not None:
                said["level"], said["logger"] = level
        yield orjson.dumps(said) + b"\n"
