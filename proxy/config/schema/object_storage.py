"""`object_storage`: where files of inputs are kept."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from proxy.config.schema.base import Section
from proxy.config.schema.form import Field


class S3Storage(Section):
    type: Literal["s3_compatible"] = Field(description="A bucket.")
    bucket_name: str | None = Field(None, description="Its name.")
    region: str | None = Field(None, description="Its region.")
    endpoint: str | None = Field(None, description="Its address, if not AWS's; may be `env::VAR`.")
    allow_http: bool | None = Field(None, description="Allows an address without TLS.")
    prefix: str = Field("", description="Put before every name.")


class FilesystemStorage(Section):
    type: Literal["filesystem"] = Field(description="A folder.")
    path: str = Field(
        min_length=1, description="The folder, which must exist; from the working directory."
    )


class NoStorage(Section):
    type: Literal["disabled"] = Field(description="Files are not kept.")


ObjectStorage: TypeAlias = Annotated[
    S3Storage | FilesystemStorage | NoStorage, Field(discriminator="type")
]
