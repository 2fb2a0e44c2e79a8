"""Checkpoints: written whole or not at all, verified before they are read.

Notable choices:
- A temporary file in the same folder, flushed to disk, then renamed: whatever dies, the file under
  the final name is complete. The caller keeps the SHA-256 and gives it back on loading.
- `torch.load(weights_only=True)` after the checksum holds: no code is ever unpickled.
- No random state is stored, since none exists: see `worker.training.draws`.
"""

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.run.errors import Conflict, DataCorrupt
from core.run.spec import RunSpec
from worker.training import memory
from worker.training.state import TrainingState

FORMAT = 3
"""Raised whenever the content changes in a way that older code cannot read, or the order of
`Parameters`, in which velocities lie."""


def save(state: TrainingState, path: Path) -> tuple[str, int]:
    """Write `state` to `path`, replacing what is there, and return its SHA-256 and size in bytes.

    Raises:
        OSError: the disk is full, or the folder is missing or may not be written. What was at
            `path` is still there.
    """
    buffer = io.BytesIO()
    torch.save(_content(state), buffer)
    data = buffer.getbuffer()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return hashlib.sha256(data).hexdigest(), len(data)


def load(path: Path, spec: RunSpec, device: torch.device, sha256: str | None) -> TrainingState:
    """The state that `save` wrote to `path`.

    Args:
        sha256: what `save` returned; None to trust the file, as in a notebook.

    Raises:
        DataCorrupt: the file is missing, damaged, or not a checkpoint.
        Conflict: it is a checkpoint of another spec.
        MemoryError, RuntimeError, torch.OutOfMemoryError: there is not enough memory for it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataCorrupt(
            f"The checkpoint {path.name} cannot be read: {error.strerror}."
        ) from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise DataCorrupt(
            f"The checkpoint {path.name} is damaged: its {len(data)} bytes do not have the SHA-256 "
            "recorded when it was written."
        )
    try:
        content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds, none documented
        if memory.is_lacking(error):
            raise
        raise DataCorrupt(f"The checkpoint {path.name} is damaged: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataCorrupt(f"{path.name} is not a checkpoint of format {FORMAT}.")
    if content["spec"] != spec.canonical_json():
        raise Conflict(f"The checkpoint {path.name} is of another spec: {content['spec']}")
    return _restore(content, spec, device)


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over the names, types, shapes and bytes of all weights and buffers, in hex."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _content(state: TrainingState) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "spec": state.spec.canonical_json(),
        "epoch": state.epoch,
        "position": state.position,
        "seconds": state.seconds,
        "data_fingerprint": state.data_fingerprint,
        "losses": state.losses,
        "predictions": state.predictions,
        "model": state.model.state_dict(),
        "velocity": state.parameters.velocity,
    }


def _restore(content: dict[str, Any], spec: RunSpec, device: torch.device) -> TrainingState:
    state = TrainingState.start(spec, device)
    state.model.load_state_dict(content["model"])
    state.parameters.velocity.copy_(content["velocity"])
    state.epoch = content["epoch"]
    state.position = content["position"]
    state.seconds = content["seconds"]
    state.data_fingerprint = content["data_fingerprint"]
    state.losses.copy_(content["losses"])
    state.predictions.copy_(content["predictions"])
    return state


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; folders cannot be opened on Windows, where it is not needed."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
