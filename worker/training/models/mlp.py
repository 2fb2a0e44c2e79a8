"""Fully connected networks of 512 hidden units a layer with ReLU (paper, appendix A)."""

from torch import Tensor, nn

from core.domain.spec import ModelName, RunSpec
from worker.training.models.layers import scaled

HIDDEN_LAYERS = {ModelName.MLP_1X512: 1, ModelName.MLP_3X512: 3}


class ChannelsLastFlatten(nn.Module):
    """(n, c, h, w) to (n, h·w·c), the order in which images are stored: no copy."""

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).flatten(1)


def build(spec: RunSpec) -> nn.Module:
    """Images (n, c, h, w) to logits (n, classes); dropout, if the spec has it, after each ReLU."""
    info = spec.dataset_info
    inputs = spec.crop * spec.crop * info.channels
    hidden = scaled(512, spec)
    layers: list[nn.Module] = [ChannelsLastFlatten()]
    for _ in range(HIDDEN_LAYERS[spec.model]):
        layers += [nn.Linear(inputs, hidden), nn.ReLU()]
        layers += [nn.Dropout(spec.dropout)] if spec.dropout else []
        inputs = hidden
    return nn.Sequential(*layers, nn.Linear(inputs, info.classes))
