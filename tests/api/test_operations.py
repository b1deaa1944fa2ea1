"""The page of operations is true: each one that it calls implemented has a method, every other one says that it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from glulam.api.page import page
from glulam.doors import implemented

ROOT = Path(__file__).parents[2]
FOUND = implemented()["glue"]


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "operations.md").read_text("utf-8") == page(implemented())


def test_what_is_not_implemented_says_so(glue: Any) -> None:
    for name, arguments in (("get_ml_transforms", {}), ("list_custom_entity_types", {})):
        with pytest.raises(ClientError) as caught:
            getattr(glue, name)(**arguments)
        assert caught.value.response["Error"]["Code"] == "OperationNotSupportedException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert not any(FOUND[name] for name in ("GetMLTransforms", "ListCustomEntityTypes"))
    assert sum(FOUND.values()) >= 158
