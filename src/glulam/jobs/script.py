"""The script's own process: runs it as `__main__`, and reports why it failed.

A report is one JSON document on descriptor 3: type and message of the exception, and the innermost line that is the
script's own. Standard library only, and as little of that as will do. Nothing here is visible in the script's traceback.
"""

from __future__ import annotations

import atexit
import json
import linecache
import os
import sys
import threading
import traceback
import types
from typing import Any, NoReturn

REPORT = 3
_MESSAGE_LIMIT = 20_000


def run(plan: dict[str, Any]) -> NoReturn:
    """Carry out the plan's `argv`: a program, or with `script` set, a Python script in this interpreter. Never returns."""
    if not plan["script"]:
        os.set_inheritable(REPORT, False)
        os.execve(plan["argv"][0], plan["argv"], plan["env"])
    for name in [name for name in sys.modules if name.partition(".")[0] == "glulam"]:
        del sys.modules[name]
    carry_out(plan)


def carry_out(plan: dict[str, Any]) -> NoReturn:
    """The plan's script in this interpreter, with the modules that it has loaded. Never returns."""
    path = plan["script"]
    sys.argv = plan["argv"]
    sys.path[:0] = [
        *plan["python_path"],
        *([] if os.path.dirname(path) == os.path.dirname(__file__) else [os.path.dirname(path)]),
    ]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    _leave(_execute(path))


def _execute(path: str) -> int:
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    try:
        with open(path, "rb") as file:
            source = file.read()
        exec(compile(source, path, "exec"), module.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            code = end.code or 0
        else:
            print(end.code, file=sys.stderr)
            code = 1
        if code:
            _tell(end, path, f"the script ended with exit code {end.code}")
        return code
    except BaseException as failure:
        shown = failure.with_traceback(_without_us(failure.__traceback__))
        traceback.print_exception(shown)
        _tell(failure, path, str(failure))
        return 1
    return 0


def _without_us(found: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the script's own frame on."""
    while found is not None and found.tb_frame.f_code.co_filename == __file__:
        found = found.tb_next
    return found


def _tell(failure: BaseException, path: str, message: str) -> None:
    """Write the report: the exception, and the innermost line that is the script's."""
    line, text = None, None
    if isinstance(failure, SyntaxError) and failure.filename == path:
        line, text = failure.lineno, failure.text
    for frame, number in traceback.walk_tb(failure.__traceback__):
        if frame.f_code.co_filename == path:
            line, text = number, linecache.getline(path, number)
    kind = type(failure)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    report = {
        "type": name,
        "message": message[:_MESSAGE_LIMIT],
        "file": path,
        "line": line,
        "text": (text or "").strip(),
    }
    data = json.dumps(report).encode()
    try:
        while data:
            data = data[os.write(REPORT, data) :]
    except OSError:
        pass  # nobody listens any more


def _leave(code: int) -> NoReturn:
    """As the interpreter would end: threads, atexit, buffers."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    os._exit(code & 0xFF)
