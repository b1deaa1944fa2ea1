"""The script of an interactive session: asks the server for statements, runs them in one namespace, brings the output back.

Run as a job's script, in the session's own process. Of Glulam it imports `asking.py` alone. `spark` and `sc` are there when a
statement uses them. A cancelled statement gets KeyboardInterrupt.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from typing import Any

from glulam.asking import ask

LOOK_S = 0.5
_LONGEST_OUTPUT = 1 << 20


class Server:
    """What the process may ask."""

    def __init__(self) -> None:
        self._path = f"/_glulam/sessions/{os.environ['GLULAM_JOB_RUN_ID']}"

    def ask(self, what: str, **said: Any) -> Any:
        return json.loads(ask("POST", f"{self._path}/{what}", json.dumps(said).encode(), timeout_s=60))


class _Tee(io.TextIOBase):
    """What a statement prints, for its output and for the session's log."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        sys.__stdout__.write(text)  # type: ignore[union-attr]
        if self._size < _LONGEST_OUTPUT:
            self.parts.append(text)
            self._size += len(text)
        return len(text)


def evaluate(code: str, names: dict[str, Any], count: int) -> tuple[str, dict[str, Any]]:
    """(state, output) of one statement."""
    said = _Tee()
    output: dict[str, Any] = {"ExecutionCount": count, "Status": "AVAILABLE"}
    try:
        with contextlib.redirect_stdout(said):
            tree = ast.parse(code, f"<statement {count}>")
            _provide_spark(tree, names)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, f"<statement {count}>", "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), f"<statement {count}>", "eval"), names)
                if value is not None:
                    print(repr(value))
    except BaseException as error:
        lines = traceback.format_exception(error)
        output |= {
            "Status": "ERROR",
            "ErrorName": type(error).__name__,
            "ErrorValue": str(error),
            "Traceback": lines,
        }
    output["Data"] = {"TextPlain": "".join(said.parts)}
    return output["Status"], output


def _provide_spark(tree: ast.Module, names: dict[str, Any]) -> None:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if used & {"spark", "sc"} and "spark" not in names:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        names["spark"] = SparkSession.builder.getOrCreate()
        names.setdefault("sc", SparkContext.getOrCreate())


def _watch(server: Server, number: int, over: threading.Event) -> None:
    """Interrupt the statement when it is cancelled."""
    while not over.wait(LOOK_S):
        try:
            if server.ask("watch", id=number)["cancel"] and not over.is_set():
                signal.pthread_kill(
                    threading.main_thread().ident or 0, signal.SIGINT
                )  # wakes it from a sleep, too
                return
        except OSError:
            continue


def main() -> None:
    server, names = Server(), {"__name__": "__main__"}
    idle_s = float(sys.argv[sys.argv.index("--idle-minutes") + 1]) * 60
    quiet_since, report = time.monotonic(), None
    while time.monotonic() - quiet_since < idle_s:
        try:
            found = server.ask("next", done=report)
        except OSError as error:
            print(f"session: the server does not answer: {error}", file=sys.stderr)
            time.sleep(LOOK_S)
            continue
        report = None
        if found.get("id") is None:
            continue
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(server, found["id"], over), daemon=True)
        watcher.start()
        state, output = evaluate(found["code"], names, found["id"])
        over.set()
        with contextlib.suppress(KeyboardInterrupt):  # a cancel that came too late
            watcher.join()
        report, quiet_since = {"id": found["id"], "state": state, "output": output}, time.monotonic()


if __name__ == "__main__":
    main()
