from ingest.conftest import Project, project
from s3server import s3_bucket, s3_endpoint, s3_env

__all__ = ["Project", "project", "s3_bucket", "s3_endpoint", "s3_env"]
