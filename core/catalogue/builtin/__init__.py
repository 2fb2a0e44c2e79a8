"""What comes with the program, added in the same way as a user's plugin."""

from core.catalogue.builtin import cifar10, inception, alexnet, mlp, labels, pixels, noise, panels  # isort: skip

__all__ = ["alexnet", "cifar10", "inception", "labels", "mlp", "noise", "panels", "pixels"]
