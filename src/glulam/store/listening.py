"""A loop that works when the database tells of news, and looks for itself now and then, as what was told can be missed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import psycopg
from psycopg import sql

from glulam.model.errors import GlulamError
from glulam.store.database import Database

log = logging.getLogger(__name__)

_LOST_S = 1.0


def attend(
    database: Database,
    channel: str,
    step: Callable[[], float],
    stop: threading.Event,
    *,
    name: str,
) -> None:
    """Call `step`, wait for a NOTIFY on the channel, at most the seconds that it answers, and again until `stop` is set.
    What goes wrong is a line in the log, and the next try's chance: other work of the process is not stopped by it.

    name: of the work, for the log."""
    while not stop.is_set():
        try:
            with database.connection() as listening:
                listening.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                try:
                    while not stop.is_set():
                        wait_s = step()
                        if wait_s > 0:
                            for _ in listening.notifies(timeout=wait_s, stop_after=1):
                                pass
                finally:
                    if not listening.closed:
                        listening.execute(sql.SQL("UNLISTEN {}").format(sql.Identifier(channel)))
        except (psycopg.Error, GlulamError, OSError) as error:
            log.warning("%s: %s", name, str(error).strip())
            stop.wait(_LOST_S)
        except Exception:
            log.exception("%s: a defect", name)
            stop.wait(_LOST_S)
