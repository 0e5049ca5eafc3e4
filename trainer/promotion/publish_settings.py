"""Where versions are published for workers on other machines; a source of `docs/settings.md`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PublishSettings(BaseSettings):
    """Read once by each command that promotes, compares or removes versions."""

    model_config = SettingsConfigDict(env_prefix="PATHCAST_REGISTRY_", frozen=True, extra="ignore")

    publish: str | None = Field(
        default=None,
        pattern=r"^\S+://\S+$",
        description="Any fsspec URL (`s3://bucket/models`; install its package, such as s3fs) to which a "
        "version is copied before it is announced, for workers on other machines. Unset: workers read the "
        "folder of versions itself.",
    )
