"""A run's curve as a table for the terminal, a line an epoch."""

from core.run.metrics import Epoch
from rethink.text import loss

HEADER = "  epoch   train loss   train acc   test acc   images/s"


def row(metrics: Epoch) -> str:
    return (
        f"  {metrics.epoch:5d}   {loss(metrics.train_loss):>10}   {metrics.train_accuracy:9.1%}"
        f"   {metrics.test_accuracy:8.1%}   {metrics.images_per_second:8,.0f}"
    )
