"""The tables. Times are seconds since 1970 UTC on the database's clock; states are names."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  (read by SQLAlchemy as it stands)
        float: Double,
        dict[str, Any]: JSON(none_as_null=True),
    }


class Run(Base):
    """A trajectory: one row a spec."""

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_claim", "state", "priority", "queued_at"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    """The first 16 hex digits of the spec's hash."""
    spec_hash: Mapped[str] = mapped_column(String(64), unique=True)
    question: Mapped[str] = mapped_column(String(64), index=True, server_default="")
    """Hash of the spec without what says how: what figures and plans look runs up by."""
    spec: Mapped[dict[str, Any]]
    engine: Mapped[int] = mapped_column(Integer, server_default="1")
    """The spec's: workers take runs of their own engine alone."""
    model: Mapped[str] = mapped_column(String(32), index=True)
    randomization: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200), default="")
    precision_reason: Mapped[str] = mapped_column(Text, default="")

    state: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    error: Mapped[dict[str, Any] | None]
    priority: Mapped[int] = mapped_column(Integer, default=0)
    """The highest among the run's active demands; higher runs first."""

    attempt: Mapped[int] = mapped_column(Integer, default=0)
    """The fence: a write that carries another number changes nothing."""
    lost: Mapped[int] = mapped_column(Integer, default=0)
    """Attempts in a row whose worker fell silent."""
    worker_id: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[float | None] = mapped_column(Double)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    pause_requested: Mapped[bool] = mapped_column(Boolean, default=False)

    epochs_done: Mapped[int] = mapped_column(Integer, default=0)
    step: Mapped[int] = mapped_column(BigInteger, default=0)
    progress: Mapped[dict[str, Any] | None]

    created_at: Mapped[float]
    queued_at: Mapped[float]
    started_at: Mapped[float | None] = mapped_column(Double)
    finished_at: Mapped[float | None] = mapped_column(Double)


class DemandRow(Base):
    """How far an owner asks a run to go."""

    __tablename__ = "demand"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    epochs: Mapped[int]
    stop: Mapped[dict[str, Any]]
    priority: Mapped[int] = mapped_column(Integer, default=0)
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[float]


class Attempt(Base):
    """One worker's turn at a run, with all that could explain a difference in its results."""

    __tablename__ = "attempt"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    worker_id: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[float]
    ended_at: Mapped[float | None] = mapped_column(Double)
    outcome: Mapped[str | None] = mapped_column(String(16))
    provenance: Mapped[dict[str, Any] | None]


class Metric(Base):
    """The metrics of one epoch of a run."""

    __tablename__ = "metric"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True)
    attempt: Mapped[int]
    step: Mapped[int] = mapped_column(BigInteger)
    train_loss: Mapped[float]
    train_accuracy: Mapped[float]
    test_loss: Mapped[float]
    test_accuracy: Mapped[float]
    online_loss: Mapped[float]
    online_accuracy: Mapped[float]
    learning_rate: Mapped[float]
    clean_accuracy: Mapped[float | None] = mapped_column(Double)
    corrupted_accuracy: Mapped[float | None] = mapped_column(Double)
    corrupted_true_accuracy: Mapped[float | None] = mapped_column(Double)
    noisy_test_loss: Mapped[float | None] = mapped_column(Double)
    noisy_test_accuracy: Mapped[float | None] = mapped_column(Double)
    images_per_second: Mapped[float]
    train_seconds: Mapped[float]
    evaluation_seconds: Mapped[float]


class Checkpoint(Base):
    """A saved state of a run. The file is named by its key, never by a request."""

    __tablename__ = "checkpoint"

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    epoch: Mapped[int]
    attempt: Mapped[int]
    key: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float]


class Worker(Base):
    """A worker process, what it offers and what it is doing."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    capabilities: Mapped[dict[str, Any]]
    status: Mapped[dict[str, Any]]
    """Memory and utilisation at the last heartbeat."""
    run_id: Mapped[str | None] = mapped_column(String(16))
    started_at: Mapped[float]
    seen_at: Mapped[float]


class Event(Base):
    """The log that the stream replays. Sequence numbers have no gaps."""

    __tablename__ = "event"

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    run_id: Mapped[str | None] = mapped_column(String(16), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class Study(Base):
    """A plan of demands that someone asked for."""

    __tablename__ = "study"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    """The first 12 hex digits of the request's hash."""
    name: Mapped[str] = mapped_column(String(32))
    """Its name in the catalogue, or custom."""
    title: Mapped[str] = mapped_column(String(200), default="")
    request: Mapped[dict[str, Any]]
    created_at: Mapped[float] = mapped_column(Double, index=True)
    cancelled_at: Mapped[float | None] = mapped_column(Double)


class StudyRun(Base):
    """A run of a study's plan: which, how far and what for, whether or not the run still exists.

    The demand of the same owner says the same to workers, but goes with a run that is deleted.
    """

    __tablename__ = "study_run"

    study_id: Mapped[str] = mapped_column(
        ForeignKey("study.id", ondelete="CASCADE"), primary_key=True
    )
    panel: Mapped[str] = mapped_column(String(16), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(16), primary_key=True, index=True)
    """No foreign key: a deleted run is missing, and the study knows it."""
    spec: Mapped[dict[str, Any]]
    epochs: Mapped[int]
    stop: Mapped[dict[str, Any]]
    position: Mapped[int]
    """Place in the order of the plan."""
    stage: Mapped[int]
    series: Mapped[str] = mapped_column(Text)
    corruption: Mapped[float | None] = mapped_column(Double)
    seed: Mapped[int]


class EventHead(Base):
    """One row: the last sequence number given out. Updated last in a transaction."""

    __tablename__ = "event_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
