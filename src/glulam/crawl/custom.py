"""Custom classifiers."""

from __future__ import annotations

from typing import Any

Classifier = Any
