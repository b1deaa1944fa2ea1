"""What a request calls a registry or a schema by, name or ARN, and the ARNs that it is answered with."""

from __future__ import annotations

from dataclasses import dataclass

from glulam.model.errors import EntityNotFound

DEFAULT_REGISTRY = "default-registry"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The account that registries belong to, in one region."""

    account_id: str
    region: str

    def registry_arn(self, registry: str) -> str:
        return f"{self._prefix}registry/{registry}"

    def schema_arn(self, registry: str, schema: str) -> str:
        return f"{self._prefix}schema/{registry}/{schema}"

    def registry_of(self, arn: str) -> str:
        """The name in a registry's ARN. Raises EntityNotFound for anything else, and for other accounts' ARNs."""
        start, _, name = arn.partition("registry/")
        if start != self._prefix or not name or "/" in name:
            raise EntityNotFound(f"Registry is not found. RegistryArn: {arn}")
        return name

    def schema_of(self, arn: str) -> tuple[str, str]:
        """The names of registry and schema in a schema's ARN; raises as `registry_of`."""
        start, _, names = arn.partition("schema/")
        registry, _, schema = names.partition("/")
        if start != self._prefix or not registry or not schema or "/" in schema:
            raise EntityNotFound(f"Schema is not found. SchemaArn: {arn}")
        return registry, schema

    @property
    def _prefix(self) -> str:
        return f"arn:aws:glue:{self.region}:{self.account_id}:"
