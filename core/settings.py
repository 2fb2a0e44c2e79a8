"""Settings from `RETHINK_*` environment variables, checked at the start of each process."""

import functools
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core import credentials
from core.run.errors import InvalidInput, invalid_input


class Settings(BaseSettings):
    """Every environment variable the project reads: `RETHINK_` and the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="RETHINK_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(
        Path("~/.local/share/rethink"),
        description="Folder that holds all state: database, datasets, checkpoints, token, logs.",
    )
    # What may hold a secret is not printed with the others.
    database_url: str = Field(
        "",
        repr=False,
        description="SQLAlchemy URL. Empty: SQLite in the home. postgresql://… for PostgreSQL.",
    )
    broker_url: str = Field(
        "",
        repr=False,
        description="Redis or Valkey URL. Empty: `rethink up` starts one of its own.",
    )
    token: str = Field(
        "", repr=False, description="Access token. Empty: made once and kept in the home."
    )
    url: str = Field(
        "",
        repr=False,
        description="Server that client commands talk to, or a link to it. Empty: the local one.",
    )
    host: str = Field("127.0.0.1", description="Address the API binds to.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8000, description="Port the API binds to; 0 picks a free one."
    )
    allowed_hosts: str = Field(
        "",
        description="Host names, comma separated, under which the API may be reached besides "
        "localhost and the address it binds to.",
    )
    demo: bool = Field(True, description="Whether `rethink up` starts the race on an empty home.")
    artifacts: Path | None = Field(
        None,
        description="Folder that holds the checkpoints. Empty: `runs` in the home. Workers on "
        "several hosts need one that all of them share, to go on with each other's runs.",
    )
    cifar10: Path | None = Field(
        None,
        description="Folder with CIFAR-10 as python pickles or .bin batches. Nothing is fetched "
        "then.",
    )
    workers: Annotated[int, Field(ge=0, le=1024)] = Field(
        0, description="Workers side by side on a machine. 0: as many as it carries."
    )
    threads: Annotated[int, Field(ge=0, le=1024)] = Field(
        1, description="CPU threads of a trainer. 0: all cores. Part of what makes results equal."
    )
    max_queued: Annotated[int, Field(ge=1)] = Field(
        10_000, description="Runs that may wait in the queue; more are refused."
    )
    min_free_mb: Annotated[int, Field(ge=0)] = Field(
        100, description="Free space in MB below which no run is launched."
    )
    lease_seconds: Annotated[float, Field(ge=1)] = Field(
        60, description="A run whose worker is silent for this long goes back to the queue."
    )
    heartbeat_seconds: Annotated[float, Field(gt=0)] = Field(
        10, description="Interval at which a worker renews its lease."
    )
    checkpoint_seconds: Annotated[float, Field(ge=0)] = Field(
        120, description="Longest time between two checkpoints of a run within an epoch."
    )
    hang_seconds: Annotated[float, Field(ge=1)] = Field(
        600, description="A trainer that reports nothing for this long is killed."
    )
    reap_seconds: Annotated[float, Field(gt=0)] = Field(
        15, description="Interval at which the API looks for lost runs and lost messages."
    )
    first_worker_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        0,
        description="How long a launch waits for the very first worker, whose advice settles the "
        "precision; `rethink up` has 20.",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, given: Any) -> Any:
        """Drop white space at the ends, and what is nothing else."""
        stripped = {k: v.strip() if isinstance(v, str) else v for k, v in dict(given).items()}
        return {k: v for k, v in stripped.items() if v != ""}

    @model_validator(mode="after")
    def _token_fits_into_a_header(self) -> Self:
        credentials.usable(self.token)
        return self

    @model_validator(mode="after")
    def _folders_can_be_named(self) -> Self:
        for field in ("home", "artifacts", "cifar10"):
            try:
                path = getattr(self, field)
                path and path.expanduser()
            except RuntimeError as error:
                raise ValueError(
                    f"{field} {path} is not allowed: no user's home is known by that name"
                ) from error
        return self

    @model_validator(mode="after")
    def _heartbeats_keep_leases(self) -> Self:
        if self.heartbeat_seconds > self.lease_seconds / 2:
            raise ValueError(
                f"heartbeat_seconds {self.heartbeat_seconds:g} is not allowed: it must be at most "
                f"half of RETHINK_LEASE_SECONDS, which is {self.lease_seconds:g}"
            )
        return self

    @property
    def root(self) -> Path:
        """The home as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def artifacts_folder(self) -> Path:
        """The folder of checkpoints as an absolute path."""
        if self.artifacts is None:
            return self.root / "runs"
        return self.artifacts.expanduser().absolute()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if not self.database_url:
            return f"sqlite:///{self.root / 'rethink.db'}"
        for scheme in ("postgresql://", "postgres://"):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
        return self.database_url


@functools.cache
def get_settings() -> Settings:
    """The settings of this process.

    Raises:
        InvalidInput: a variable has a value that is not allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        message = re.sub(
            r"\bRETHINK\.(\w+)",
            lambda found: f"RETHINK_{found[1].upper()}",
            invalid_input(error, prefix=("RETHINK",)).message,
        )
        # Without the values: that of a rule across fields is all settings, secrets too.
        raise InvalidInput(message) from error
