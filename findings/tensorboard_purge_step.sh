#!/usr/bin/env bash
# Steps that TensorBoard purged come back in a data frame and in Trackio.
#
# Guess:    a run resumed from a checkpoint with SummaryWriter(purge_step=4) has one value for each step,
#           in TensorBoard and in whatever reads its files through TensorBoard's own reader.
# Happens:  TensorBoard's EventAccumulator over the *folder* drops the old values from step 4 on. tbparse
#           and, through it, trackio.import_tf_events open one event file after another: the mark that
#           purges is in the second file, the values in the first, and steps 4 and 5 are there twice.
#           No warning; a mean over steps or a "last value" is wrong.
# Version:  tensorboard 2.21.0, tensorboardX 2.6.5, tbparse 0.0.9, trackio 0.43.0; 2026-11-28.
# Source:   tensorboard's event_accumulator.py, _MaybePurgeOrphanedData (on SessionLog.START);
#           tbparse/summary_reader.py, a child reader and an EventAccumulator for each file;
#           trackio/imports.py, import_tf_events.
# Follows:  read a resumed run with EventAccumulator itself. Keeping the latest row of each step is not
#           enough where the first attempt had gone further than the second.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tensorboardX==2.6.5 tensorboard==2.21.0 \
    tbparse==0.0.9 trackio==0.43.0 pandas==3.1.1 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import contextlib
import io
import json
import os
import sqlite3
from pathlib import Path

os.environ["TRACKIO_DIR"] = str(Path("trackio").resolve())
import tbparse
import tensorboard
import trackio
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

for attempt, epochs in ((1, range(6)), (2, range(4, 8))):
    purge_step = epochs[0] if attempt == 2 else None
    # a suffix, because tensorboardX gives two files of one second the same name
    with SummaryWriter("logs/run", purge_step=purge_step, filename_suffix=f".{attempt}") as writer:
        for epoch in epochs:
            writer.add_scalar("loss", 100 * attempt + epoch, epoch)

accumulator = EventAccumulator("logs/run")
accumulator.Reload()
board = sorted((e.step, e.value) for e in accumulator.Scalars("loss"))
frame = tbparse.SummaryReader("logs/run").scalars
parsed = sorted(zip(frame["step"].tolist(), frame["value"].tolist(), strict=True))
with contextlib.redirect_stdout(io.StringIO()):
    trackio.import_tf_events("logs", project="p")
with sqlite3.connect("trackio/p.db") as database:
    rows = database.execute("select step, metrics from metrics").fetchall()
imported = sorted((step, json.loads(metrics)["loss"]) for step, metrics in rows)

print(f"tensorboard {tensorboard.__version__}: epochs 0 to 5, then 4 to 7 with purge_step=4")
print("expected 8 rows")
for name, read in (("TensorBoard", board), ("tbparse", parsed), ("Trackio", imported)):
    print(f"{name:12} {len(read):2} rows, from step 4: {[row for row in read if row[0] >= 4]}")
held = [len(board), len(parsed), len(imported)] == [8, 10, 10]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
