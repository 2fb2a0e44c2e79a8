"""The trained numbers of a network in one row of memory, and SGD's update of them.

Notable choices:
- Weights, velocities and gradients of all layers are one tensor each, the model's parameters views
  of the first: an update is one pass, and a product writes its gradient where the update reads it.
- What weight decay acts on comes first, so that one slice has it.
- Where products are in bf16, a copy of the weights in bf16 is kept beside them and written by the
  update, which reads gradients in bf16: on a CPU memory is what a step of an MLP waits for
  (docs/LOG.md, docs/adr/0004-compiled-loops.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from core.run.errors import InvalidInput

ALIGNMENT = 16
"""Every tensor begins at a multiple of so many numbers: 64 bytes in float32, a cache line."""

Update = Callable[[float, float, float], None]
"""Learning rate, momentum and weight decay to a step of SGD on tensors chosen before."""


@dataclass(frozen=True, slots=True)
class Updates:
    """Of all numbers, of those that weight decay acts on, and of the others.

    Made once: to slice tensors at every step takes some 6 % of an MLP's (docs/LOG.md).
    """

    whole: Update
    decayed: Update
    others: Update


@dataclass(frozen=True, slots=True)
class Views:
    """One tensor a parameter of the model, in its order, shape and layout."""

    weights: Sequence[Tensor]
    """Of `Parameters.rounded`: what products read."""
    gradients: Sequence[Tensor]
    """Of `Parameters.gradient`: where products write."""


@dataclass(slots=True)
class Parameters:
    """p trained numbers, counting gaps of less than `ALIGNMENT` between tensors, which stay 0."""

    weights: Tensor
    """float32 (p,): the memory of the model's parameters."""
    velocity: Tensor
    """float32 (p,)."""
    rounded: Tensor
    """(p,): the weights in the number format of products; `weights` itself if that is float32."""
    gradient: Tensor
    """(p,), of the step in progress, in the number format of products."""
    decayed: int
    """How many numbers, from the first on, weight decay acts on."""
    own: Sequence[nn.Parameter]
    """The model's, in its order, without those that it keeps from training."""
    views: Views
    updates: Updates

    @classmethod
    def of(cls, model: nn.Module, number_format: torch.dtype) -> Self:
        """Move the model's parameters into one float32 tensor.

        Args:
            model: on its device, in its memory layout; neither may change from now on.
            number_format: of products that read weights and write gradients by `views`; float32
                where autograd and autocast do it.
        """
        own = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not own:
            raise InvalidInput("the network has no parameters to train: mend its `build`")
        decayed = [i for i, parameter in enumerate(own) if parameter.ndim > 1]
        others = [i for i, parameter in enumerate(own) if parameter.ndim <= 1]  # biases and shifts
        places, ends = dict[int, int](), [0]
        for i in decayed + others:
            places[i] = ends[-1]
            ends.append(ends[-1] + -(-own[i].numel() // ALIGNMENT) * ALIGNMENT)
        weights = torch.zeros(ends[-1], device=own[0].device)
        strides = [torch.empty_like(p).stride() for p in own]  # the same layout without gaps

        def views(of: Tensor) -> list[Tensor]:
            return [of.as_strided(p.size(), strides[i], places[i]) for i, p in enumerate(own)]

        for parameter, view in zip(own, views(weights), strict=True):
            view.copy_(parameter.detach())
            parameter.data = view
        rounded = weights.to(number_format)
        velocity, gradient = torch.zeros_like(weights), torch.zeros_like(rounded)

        def sgd(part: slice) -> Update:
            return _sgd(weights[part], velocity[part], gradient[part], rounded[part])

        middle = ends[len(decayed)]
        parameters = cls(
            weights=weights,
            velocity=velocity,
            rounded=rounded,
            gradient=gradient,
            decayed=middle,
            own=own,
            views=Views(weights=views(rounded), gradients=views(gradient)),
            updates=Updates(sgd(slice(None)), sgd(slice(middle)), sgd(slice(middle, None))),
        )
        parameters.update(rate=0.0, momentum=0.0, weight_decay=0.0)  # of nothing: it is compiled
        return parameters

    def round(self) -> None:
        """Make `rounded` anew, for weights that something else than `update` may have changed."""
        if self.rounded is not self.weights:
            self.rounded.copy_(self.weights)

    def update(self, *, rate: float, momentum: float, weight_decay: float) -> None:
        """v ← μ·v + g + wd·w;  w ← w - lr·v: as TensorFlow's MomentumOptimizer and torch.optim.SGD.

        The rate acts on all of v. In Sutskever et al. 2013, equation 1, each gradient enters v with
        the rate of its own step, which is something else where the rate changes.
        """
        if weight_decay:
            self.updates.decayed(rate, momentum, weight_decay)
            self.updates.others(rate, momentum, 0.0)
        else:
            self.updates.whole(rate, momentum, 0.0)


def _sgd(weights: Tensor, velocity: Tensor, gradient: Tensor, rounded: Tensor) -> Update:
    """The update of these tensors (p,), which stay where they are."""
    if rounded.dtype == torch.bfloat16 and rounded.device.type == "cpu":
        from worker.training.kernels import SgdBf16  # Numba's threads are for whom they serve

        return SgdBf16(weights, velocity, gradient, rounded)

    def fused(rate: float, momentum: float, weight_decay: float) -> None:
        torch._fused_sgd_(
            [weights],
            [gradient.float()],
            [velocity] if momentum else [],
            lr=rate,
            momentum=momentum,
            weight_decay=weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )
        if rounded.dtype != weights.dtype:
            rounded.copy_(weights)

    return fused
