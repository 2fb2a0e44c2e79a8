"""Fully connected networks of 512 hidden units a layer with ReLU (paper, appendix A).

Notable choices:
- The backward pass is written out. At 60 images a batch a step takes one or two milliseconds, of
  which autograd's own bookkeeping would be a seventh and more (docs/LOG.md).
- It reads parameters and writes gradients where it is told to: see `worker.training.parameters`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.run.spec import Precision, RunSpec
from worker.training.models.layers import scaled

HIDDEN_LAYERS = {"mlp-1x512": 1, "mlp-3x512": 3}


class ChannelsLastFlatten(nn.Module):
    """(n, c, h, w) to (n, h·w·c), the order in which images are stored: no copy."""

    def forward(self, images: Tensor) -> Tensor:
        return images.permute(0, 2, 3, 1).flatten(1)


class Classifier(nn.Linear):
    """A linear layer of float32 products in any precision, for outputs as few as classes.

    At such sizes bf16 products cost more than they save (docs/LOG.md), and the loss is computed
    from logits that were not rounded.
    """

    def forward(self, values: Tensor) -> Tensor:
        with torch.autocast(values.device.type, enabled=False):
            return super().forward(values.float())


class Perceptron(nn.Sequential):
    """Flatten, then linear layers with ReLU and dropout between them, the last a `Classifier`."""

    def __init__(self, *layers: nn.Module, dropout: float, number_format: torch.dtype) -> None:
        super().__init__(*layers)
        self.dropout, self.number_format = dropout, number_format

    def differentiate(
        self, images: Tensor, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
    ) -> tuple[Tensor, Callable[[Tensor], None]]:
        """Logits (b, classes), and what takes the gradient at them to the parameters' gradients.

        Back-propagation (Rumelhart, Hinton and Williams 1986). With aᵢ the values that layer i
        reads, a batch in rows, and gᵢ the gradient at its output: ∂Wᵢ = gᵢᵀ·aᵢ, ∂bᵢ = Σ gᵢ over the
        batch, and gᵢ₋₁ = gᵢ·Wᵢ where aᵢ > 0, else 0. Dropout (Srivastava et al. 2014) sets values
        to 0 with probability p and divides the others, and then their gradient, by 1 - p.

        Args:
            images: (b, c, h, w).
            parameters: weight and bias of each layer, in the run's precision.
            gradients: where theirs are written, in the same shapes and number format.

        Returns:
            float32 logits, and a function of the float32 gradient at them.
        """
        hidden = list(zip(parameters[:-2:2], parameters[1:-2:2], strict=True))
        weight, bias = (parameter.detach() for parameter in self[-1].parameters())
        dropout = self.dropout if self.training else 0.0
        flat: Tensor = self[0](images)
        read = [flat.to(self.number_format)]  # augmented: float32
        for layer in hidden:
            values = F.linear(read[-1], *layer).relu_()
            read.append(F.dropout(values, dropout) if dropout else values)
        last = read[-1].float()

        def backward(gradient: Tensor) -> None:
            gradients[-1].copy_(gradient.sum(0))
            gradients[-2].copy_(gradient.t() @ last)
            gradient = (gradient @ weight).to(self.number_format)
            for i in reversed(range(len(hidden))):
                gradient = torch.ops.aten.threshold_backward(gradient, read[i + 1], 0)
                gradient = gradient.div_(1 - dropout) if dropout else gradient
                torch.sum(gradient, 0, out=gradients[2 * i + 1])
                # Contiguous, which makes the product up to 1.5 times as fast.
                torch.mm(gradient.t().contiguous(), read[i], out=gradients[2 * i])
                if i > 0:
                    gradient = gradient @ hidden[i][0]

        return F.linear(last, weight, bias), backward


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
    layers.append(Classifier(inputs, info.classes))
    number_format = torch.bfloat16 if spec.precision is Precision.BF16 else torch.float32
    return Perceptron(*layers, dropout=spec.dropout, number_format=number_format)
