"""An object store for the tests: a folder that a run copies its files from and to."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from snakemake_interface_storage_plugins.io import IOCacheStorageInterface, Mtime
from snakemake_interface_storage_plugins.storage_object import (
    StorageObjectRead,
    StorageObjectWrite,
)
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    StorageProviderBase,
    StorageQueryValidationResult,
)


class StorageProvider(StorageProviderBase):
    """Takes any path."""

    @classmethod
    def example_queries(cls) -> list[ExampleQuery]:
        return []

    def rate_limiter_key(self, query: str, operation: Any) -> str:
        return query

    def default_max_requests_per_second(self) -> float:
        return 1000

    def use_rate_limiter(self) -> bool:
        return False

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        return StorageQueryValidationResult(query, valid=True)


class StorageObject(StorageObjectRead, StorageObjectWrite):
    """A file of the folder."""

    def __post_init__(self) -> None:
        self.stored = Path(self.query)

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        key = self.cache_key()
        cache.exists_in_storage[key] = self.exists()
        if self.exists():
            cache.mtime[key] = Mtime(storage=self.mtime())
            cache.size[key] = self.size()

    def get_inventory_parent(self) -> str | None:
        return None

    def local_suffix(self) -> str:
        return self.query.removeprefix("/")

    def cleanup(self) -> None:
        pass

    def exists(self) -> bool:
        return self.stored.exists()

    def mtime(self) -> float:
        return self.stored.stat().st_mtime

    def size(self) -> int:
        return self.stored.stat().st_size

    def retrieve_object(self) -> None:
        shutil.copy2(self.stored, self.local_path())

    def store_object(self) -> None:
        self.stored.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.local_path(), self.stored)

    def remove(self) -> None:
        self.stored.unlink()
