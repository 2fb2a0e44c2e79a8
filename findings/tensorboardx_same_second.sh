#!/usr/bin/env bash
# Two writers that start in the same second leave one run.
#
# Guess:    a folder may have several event files; each SummaryWriter makes one of its own, so that a run
#           that is resumed at once, or seeds that start together in one folder, keep all their scalars.
# Happens:  tensorboardX names the file by the whole second and the host's name alone and opens it for
#           writing anew: the second writer empties the first one's file, without a warning. PyTorch's and
#           TensorBoard's own writer have the process and a counter in the name as well.
# Version:  tensorboardX 2.6.5, tensorboard 2.21.0 to read; 2026-11-28.
# Source:   tensorboardX/event_file_writer.py, EventsWriter, and record_writer.py, which opens for "wb";
#           tensorboard's summary/writer/event_file_writer.py for the longer name.
# Follows:  give every writer a folder or a filename_suffix of its own (the attempt, the seed).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorboardX==2.6.5 tensorboard==2.21.0 \
    numpy==2.4.6

venv/bin/python - <<'PYTHON'
import time

import tensorboardX
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter


def seeds_found(folder, suffixes):
    time.sleep(1.05 - time.time() % 1)  # both start early in one second
    for seed, suffix in enumerate(suffixes):
        with SummaryWriter(folder, filename_suffix=suffix) as writer:
            writer.add_scalar(f"seed-{seed}/loss", 0.5, 0)
    accumulator = EventAccumulator(folder)
    accumulator.Reload()
    return accumulator.Tags()["scalars"]


print(f"tensorboardX {tensorboardX.__version__}; two writers, one folder, one second")
plain, suffixed = seeds_found("plain", ["", ""]), seeds_found("suffixed", [".0", ".1"])
print(f"expected both seeds: {plain}; with a suffix each: {suffixed}")
held = plain == ["seed-1/loss"] and suffixed == ["seed-0/loss", "seed-1/loss"]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
