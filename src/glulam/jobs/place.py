"""Where a job lives (`model/place.py`), under a name."""

from __future__ import annotations

from glulam.model.place import Place as Place
