"""What an operator can choose, each by an environment variable `MAGISTRATE_<NAME>`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from gql.faults import SettingRefused

PREFIX = "MAGISTRATE_"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Settings(BaseSettings):
    """Read from the environment; an empty variable is none."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    host: str = Field("127.0.0.1", description="the address to serve on; 0.0.0.0 is every IPv4 address of this machine")
    port: int = Field(8000, ge=0, le=65535, description="the port to serve on, 1 to 65535, or 0 to let the system choose")
    workers: int = Field(1, ge=1, le=64, description="how many processes serve, 1 to 64")
    data_dir: Path = Field(Path("var"), description="the folder of the embedded database and of what first start leaves")
    mongodb_uri: str | None = Field(
        None,
        pattern=r"^mongodb(\+srv)?://.",
        repr=False,
        description="the URI of a MongoDB of your own, mongodb://... or mongodb+srv://...; without it the embedded database runs",
    )
    database: str = Field(
        "magistrate", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="the database's name: up to 63 letters, digits, _ and -"
    )
    admin_token: SecretStr | None = Field(
        None, description="the administrator's token, mag_<id>_<secret>; without it first start makes one"
    )
    origin: str | None = Field(
        None,
        pattern=r"^[^\s+]+$",
        max_length=200,
        description="the audit trail's name, up to 200 characters without space or +; first start chooses one and keeps it",
    )
    engine: Path | None = Field(None, description="the embedded database's program, a path to secantusd-rs or secantusd-py")
    engine_cache: str = Field("256M", pattern=r"^[1-9]\d*[MG]$", description="the embedded database's memory, like 256M or 1G")
    allow_get: bool = Field(True, description="true if queries may come by GET, false if by POST alone")
    allow_introspection: bool = Field(True, description="true if clients may ask for the schema, false if not")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")


def read_settings() -> Settings:
    """The environment's settings; SettingRefused for the first that is wrong, without its value: that may be a secret."""
    try:
        return Settings()
    except ValidationError as wrong:
        name = str(wrong.errors()[0]["loc"][0])
        raise SettingRefused(PREFIX + name.upper(), str(Settings.model_fields[name].description)) from None
