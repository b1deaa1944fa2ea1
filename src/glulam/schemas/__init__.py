"""The schema registry: registries, schemas and their versions, and whether a new version may follow the earlier ones."""
