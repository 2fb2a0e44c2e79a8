"""Fully connected networks of 512 hidden units a layer with ReLU (paper, appendix A).

Notable choices:
- The backward pass is written out. At 60 images a batch a step takes two milliseconds, of which
  autograd's own bookkeeping is a seventh (docs/LOG.md).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.domain.spec import ModelName, Precision, RunSpec
from worker.training.models.layers import scaled

HIDDEN_LAYERS = {ModelName.MLP_1X512: 1, ModelName.MLP_3X512: 3}


class ChannelsLastFlatten(nn.Module):
    """(n, c, h, w) to (n, h·w·c), the order in which images are stored: no copy."""

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).flatten(1)


class Perceptron(nn.Sequential):
    """Flatten, then linear layers with ReLU and dropout between them."""

    def __init__(self, *layers: nn.Module, dropout: float, number_format: torch.dtype) -> None:
        super().__init__(*layers)
        self.dropout, self.number_format = dropout, number_format

    @torch.no_grad()
    def differentiate(self, images: Tensor) -> tuple[Tensor, Callable[[Tensor], Sequence[Tensor]]]:
        """Logits (b, classes), and what takes the gradient at them to the parameters' gradients.

        Back-propagation (Rumelhart, Hinton and Williams 1986). With aᵢ the values that layer i
        reads, a batch in rows, and gᵢ the gradient at its output: ∂Wᵢ = gᵢᵀ·aᵢ, ∂bᵢ = Σ gᵢ over the
        batch, and gᵢ₋₁ = gᵢ·Wᵢ where aᵢ > 0, else 0. Dropout (Srivastava et al. 2014) sets values
        to 0 with probability p and divides the others, and then their gradient, by 1 - p. Products
        are in the run's precision, gradients of biases are summed in float32.
        """
        flatten, *others = self
        layers = [layer for layer in others if isinstance(layer, nn.Linear)]
        weights = [layer.weight.to(self.number_format) for layer in layers]
        dropout = self.dropout if self.training else 0.0
        read: list[Tensor] = [flatten(images).to(self.number_format)]  # augmented: float32
        for layer, weight in zip(layers, weights, strict=True):
            output = F.linear(read[-1], weight, layer.bias.to(self.number_format))
            if layer is layers[-1]:
                break
            hidden = output.relu_()
            read.append(F.dropout(hidden, dropout) if dropout else hidden)

        def backward(gradient: Tensor) -> list[Tensor]:
            found: list[Tensor] = []
            for values, weight in zip(reversed(read), reversed(weights), strict=True):
                # Contiguous, which makes the product up to 1.5 times as fast.
                found += [gradient.sum(0, dtype=torch.float32), gradient.t().contiguous() @ values]
                if values is not read[0]:
                    gradient = torch.ops.aten.threshold_backward(gradient @ weight, values, 0)
                    gradient = gradient.div_(1 - dropout) if dropout else gradient
            return found[::-1]

        return output, backward


def build(spec: RunSpec) -> Perceptron:
    """The MLP of `spec`, one or three hidden layers: images (b, c, h, w) to logits (b, classes)."""
    info = spec.dataset_info
    inputs = spec.crop * spec.crop * info.channels
    hidden = scaled(512, spec)
    layers: list[nn.Module] = [ChannelsLastFlatten()]
    for _ in range(HIDDEN_LAYERS[spec.model]):
        layers += [nn.Linear(inputs, hidden), nn.ReLU()]
        layers += [nn.Dropout(spec.dropout)] if spec.dropout else []
        inputs = hidden
    layers.append(nn.Linear(inputs, info.classes))
    number_format = torch.bfloat16 if spec.precision is Precision.BF16 else torch.float32
    return Perceptron(*layers, dropout=spec.dropout, number_format=number_format)
