#!/usr/bin/env bash
# Resumable loading changes the order of the data.
#
# Guess:    torchdata's StatefulDataLoader is torch's DataLoader plus state_dict(): with the same
#           seed or generator it shuffles the same way, whatever the number of workers.
# Happens:  its shuffled order differs from DataLoader's, with a seed and with a generator, and it is
#           another one with workers than without. DataLoader's does not depend on the workers. Resuming
#           itself is exact: the rest of the epoch and the next epoch are as they would have been.
# Version:  torchdata 0.11.0, torch 2.13.0; 2026-11-28.
# Source:   torchdata/stateful_dataloader/sampler.py and stateful_dataloader.py: a RandomSampler of its
#           own, seeded when it is built, and other draws from the generator than in torch's
#           dataloader.py, where _BaseDataLoaderIter draws the base seed first.
# Follows:  a run started with one loader cannot be continued or reproduced with the other, nor with
#           another number of workers; state the loader beside the seed, or make the order yourself as
#           a function of (seed, epoch) and pass it as the sampler.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 torchdata==0.11.0 \
    numpy==2.4.6

venv/bin/python - <<'PYTHON'
import torch
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader


def order(loader, workers, own_generator):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0) if own_generator else None
    batches = loader(
        range(20), batch_size=4, shuffle=True, num_workers=workers, generator=generator
    )
    return torch.cat(list(batches)).tolist()


def resumed():
    torch.manual_seed(0)
    loader = StatefulDataLoader(range(20), batch_size=4, shuffle=True)
    batches = iter(loader)
    next(batches), next(batches)
    state = loader.state_dict()
    rest = torch.cat(list(batches)).tolist()
    torch.manual_seed(1)
    again = StatefulDataLoader(range(20), batch_size=4, shuffle=True)
    again.load_state_dict(state)
    return rest == torch.cat(list(again)).tolist()


if __name__ == "__main__":
    print(f"torch {torch.__version__}")
    held = True
    for own in (False, True):
        print("generator of one's own:" if own else "torch.manual_seed(0):")
        plain, plain2 = order(DataLoader, 0, own), order(DataLoader, 2, own)
        stateful, stateful2 = order(StatefulDataLoader, 0, own), order(StatefulDataLoader, 2, own)
        print(f"  DataLoader            {plain}; equal with 2 workers: {plain == plain2}")
        print(f"  StatefulDataLoader    {stateful}; expected the same order")
        print(f"    ... with 2 workers  {stateful2}; expected the same order")
        held &= plain == plain2 and stateful != plain
        held &= own or stateful2 != stateful
    print(f"resumed in the middle of an epoch, the rest is the same: {resumed()}")
    raise SystemExit(0 if held and resumed() else "no longer as stated")
PYTHON
