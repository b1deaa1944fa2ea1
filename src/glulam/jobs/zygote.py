"""A clean interpreter that waits, and forks for each run: a script starts in milliseconds, with nothing of ours in it.

    worker --socket--> zygote --fork--> keeper (keeper.py) --fork--> script (script.py)
           ------------ one control socket for each run ----^

A message is one byte and three descriptors: the run's stdout and stderr, and its control socket. Only the standard library is
imported here and in what runs after the fork. Ends when the worker does.

    python -P -m glulam.jobs.zygote <descriptor>
"""

from __future__ import annotations

import os
import signal
import socket
import sys

from glulam.jobs import keeper


def serve(requests: socket.socket) -> None:
    """Fork a keeper for each message, until the other end is closed."""
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # keepers are not waited for: they report on their own socket
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to answer
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 1, 3)
        if not message:
            return
        if os.fork() == 0:
            requests.close()
            keeper.keep(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
