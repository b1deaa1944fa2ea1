"""A worker as a process that tests kill: `python -m jobs.driver <home> <lake> <database url> <grace>`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from glulam.app import App
from glulam.jobhost import worker
from glulam.jobs.worker import Pace
from glulam.settings import Settings


def main() -> None:
    home, lake, url = sys.argv[1:4]
    settings = Settings(home=Path(home), lake=Path(lake), database_url=url)
    with App(settings) as app, worker(app, slots=3, pace=Pace(lease_s=1.5, beat_s=0.3), grace_s=0.5) as made:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=made.close).start())
        print("ready", flush=True)
        made.run(grace_s=5)


if __name__ == "__main__":
    main()
