"""Takes crawls as they come and does them, one at a time, until it is told to stop. Any number of workers share a database."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import psycopg

from glulam.crawl import runs
from glulam.crawl.work import CrawlWork
from glulam.model.errors import DatabaseUnavailable, Fenced, GlulamError
from glulam.model.failpoints import failpoint

log = logging.getLogger(__name__)

IDLE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class CrawlWorker:
    work: CrawlWork
    name: str
    """Says who, for people."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. A crawl that is being done is finished first."""
        while not stop.is_set():
            try:
                busy = self.step()
            except (psycopg.Error, DatabaseUnavailable) as error:
                log.warning("crawl worker: %s", str(error).strip())
                busy = False
            if not busy:
                stop.wait(IDLE_S)

    def step(self) -> bool:
        """Do one crawl, if one is due. What goes wrong in it is in its history."""
        with self.work.database.transaction() as conn:
            crawl = runs.claim(conn, self.name)
        if crawl is None:
            return False
        failpoint("crawl.after_claim")
        try:
            self.work.run(crawl)
        except Fenced as error:
            log.warning("%s", error)
        except GlulamError as error:
            log.info("crawl %s of %s: %s", crawl.id, crawl.crawler, error)
        except psycopg.Error:
            raise
        except Exception:
            log.exception("crawl %s of %s failed: a defect", crawl.id, crawl.crawler)
        return True
