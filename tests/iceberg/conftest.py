from ingest.conftest import Project, project

__all__ = ["Project", "project"]
