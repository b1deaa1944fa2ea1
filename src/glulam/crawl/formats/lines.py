"""Text content as lines, in bounded memory, whatever it is compressed with."""

from __future__ import annotations

from collections.abc import Iterator

from glulam.crawl.formats.opened import Opened
from glulam.model.errors import UnreadableFile

BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 16 * 1024 * 1024


class TextLines:
    """The lines of a file, each with its newline; bytes that are not UTF-8 become U+FFFD, and `replaced` True. A carriage
    return alone ends no line, as in Hive's readers. Iterating raises UnreadableFile."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.replaced = False

    def __iter__(self) -> Iterator[str]:
        rest = b""
        first = True
        for window in self._opened.windows():
            data = rest + window
            if first:
                data, first = data.removeprefix(BOM), False
            cut = data.rfind(b"\n") + 1
            yield from self._split(data[:cut])
            rest = data[cut:]
            if len(rest) > MAX_LINE_BYTES:
                raise UnreadableFile(f"{self._opened.name}: a line of more than {MAX_LINE_BYTES} bytes")
        if rest:
            yield from self._split(rest)

    def _split(self, data: bytes) -> list[str]:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text, self.replaced = data.decode("utf-8", "replace"), True
        lines = text.split("\n")
        last = lines.pop()
        return [f"{line}\n" for line in lines] + ([last] if last else [])


def sample_lines(head: bytes) -> list[str]:
    """The whole lines of a head, without their ends; of a head that is one line, that line."""
    text = head.removeprefix(BOM)
    cut = text.rfind(b"\n")
    whole = text[:cut] if cut >= 0 else text
    return [line.rstrip("\r") for line in whole.decode("utf-8", "replace").split("\n")]
