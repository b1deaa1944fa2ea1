"""Keys that folders make hard: more than five hundred, each a valid S3 key of 1 to 1,024 bytes."""

from __future__ import annotations

import itertools

_PIECES = ["", ".", "..", "a", "A", "...", " ", "a ", " a", "_~", "_~_", "_~a_", "_~a@", "_~a+", "_~~", "~", "~0", "a~0",
           ".tmp~", "a.tmp~", ".s3.tmp~", "_~a.tmp~~_", "é", "e\u0301", "\u212b", "Å", "ß", "SS", "con", "nul.txt",
           "a\\b", "a:b", "a*b?", "%2e%2e", "%00", "a\0b", "\0", "a\nb", "a\tb", "\x7f", "\u202e", "\ufeff", "\uffff",
           "\U0010ffff", "\ue000", "日本語", "🎉", "'\"`", "$(id)", "-rf", "--", "&amp;", "<a>", "x" * 255, "x" * 256,
           "é" * 127, "é" * 128, "~" * 200, "x" * 600, "🎉" * 100, "_~" + "x" * 300, "x" * 252, "x" * 253]  # fmt: skip


def hard_keys() -> list[str]:
    """Distinct, sorted as S3 does."""
    found = {
        *_PIECES,
        *(f"{p}/" for p in _PIECES),
        *(f"/{p}" for p in _PIECES),
        *(f"k/{p}/b" for p in _PIECES),
    }
    found |= {f"{p}//{p}" for p in _PIECES}
    small = ["", ".", "..", "a", "_~", "\0", "b.tmp~"]
    found |= {"/".join(parts) for n in (2, 3) for parts in itertools.product(small, repeat=n)}
    found |= {"x" * 1024, "/" * 100, "a/" * 512, "../" * 50, "é" * 512, ("y" * 300 + "/") * 3}
    return sorted(key for key in found if 0 < len(key.encode()) <= 1024)
