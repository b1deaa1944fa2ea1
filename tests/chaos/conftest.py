"""The projects of the crash tests."""

from crash.conftest import drivers, make_project

__all__ = ["drivers", "make_project"]
