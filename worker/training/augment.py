"""Augmentation of a whole batch on the device: crop, flip, brightness, contrast, saturation, hue.

A regulariser of the paper's section 3, which does not state the amounts: see `core.paper.scales`.

Notable choices:
- Each is switched on by its own field of the spec. Each image has its own draws, seven an epoch
  whatever is switched on, so that switching one on leaves the draws of the others as they were.
- The jitters act on [0, 1] pixels, in the order above, before per-image standardisation, which
  cancels brightness and contrast but for the clipping at 0 and 1: both are affine on an image.
- Their formulas are those of torchvision's ColorJitter: factors, and contrast about the mean grey.
  TensorFlow's brightness adds a constant, its contrast acts about the mean of each channel.
"""

import torch
from torch import Tensor

from core.run.spec import RunSpec
from worker.training.data import standardise_
from worker.training.draws import Stream, raw, uniform

TOP, LEFT, FLIP, BRIGHTNESS, CONTRAST, SATURATION, HUE = range(7)
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def epoch_draws(spec: RunSpec, epoch: int, device: torch.device) -> Tensor:
    """Uniform numbers in [0, 1) for epoch `epoch` (from 0): float64 (n, 7), by image."""
    bits = raw(spec.seed, Stream.AUGMENTATION, epoch, spec.train_size * 7)
    return torch.from_numpy(uniform(bits)).view(-1, 7).to(device)


def augment(spec: RunSpec, images: Tensor, draws: Tensor) -> Tensor:
    """Standardised rows of a randomly changed batch: float32 (b, crop·crop·channels).

    Args:
        images: uint8 (b, height, width, channels), uncropped.
        draws: (b, 7), the images' rows of `epoch_draws`.
    """
    pixels = _crop_and_flip(spec, images, draws).to(torch.float32) / 255
    if spec.brightness:
        pixels = (pixels * _factor(draws[:, BRIGHTNESS], spec.brightness)).clamp(0, 1)
    if spec.contrast:
        mean = _grey(pixels).mean(dim=(1, 2, 3), keepdim=True)
        pixels = _blend(mean, pixels, _factor(draws[:, CONTRAST], spec.contrast))
    if spec.saturation:
        factor = _factor(draws[:, SATURATION], spec.saturation)
        pixels = _blend(_grey(pixels), pixels, factor)
    if spec.hue:
        shift = (draws[:, HUE] * 2 - 1).to(torch.float32) * spec.hue
        pixels = _rotate_hue(pixels, shift.view(-1, 1, 1))
    return standardise_(pixels.flatten(1))


def _crop_and_flip(spec: RunSpec, images: Tensor, draws: Tensor) -> Tensor:
    """Shape (b, crop, crop, channels): one gather, since a flip reverses the columns read."""
    batch, height, width, _ = images.shape
    device = images.device
    side = torch.arange(spec.crop, device=device)
    if spec.random_crop:
        top = (draws[:, TOP] * (height - spec.crop + 1)).long()[:, None]
        left = (draws[:, LEFT] * (width - spec.crop + 1)).long()[:, None]
    else:
        top = torch.full((batch, 1), (height - spec.crop) // 2, device=device)
        left = torch.full((batch, 1), (width - spec.crop) // 2, device=device)
    rows, columns = top + side, left + side
    if spec.random_flip:
        columns = torch.where(draws[:, FLIP, None] < 0.5, columns.flip(1), columns)
    which = torch.arange(batch, device=device)[:, None, None]
    return images[which, rows[:, :, None], columns[:, None, :]]


def _factor(draw: Tensor, strength: float) -> Tensor:
    """Uniform within 1 ± strength, shaped to multiply images."""
    return (1 + strength * (draw * 2 - 1)).to(torch.float32).view(-1, 1, 1, 1)


def _blend(anchor: Tensor, pixels: Tensor, factor: Tensor) -> Tensor:
    """Away from `anchor` or towards it, clipped to [0, 1] (Haeberli and Voorhies 1994).

    The anchor is a grey: of the whole image for contrast, of each pixel for saturation.
    """
    return (anchor + (pixels - anchor) * factor).clamp(0, 1)


def _grey(pixels: Tensor) -> Tensor:
    """(b, h, w, 1): luma of colour images, the mean over channels of any other."""
    if pixels.shape[-1] != 3:
        return pixels.mean(dim=-1, keepdim=True)
    return (pixels * pixels.new_tensor(LUMA)).sum(dim=-1, keepdim=True)


def _rotate_hue(pixels: Tensor, shift: Tensor) -> Tensor:
    """Hue moved by `shift` of the circle in HSV; saturation and value stay (Smith 1978)."""
    value, low = pixels.amax(dim=-1), pixels.amin(dim=-1)
    chroma = value - low
    red, green, blue = pixels.unbind(dim=-1)
    safe = chroma.clamp_min(1e-12)
    sector = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sector = sector + 6 * shift
    # Channel n of HSV's inverse is v - c·max(0, min(k, 4 - k, 1)) with k = (n + sector) mod 6.
    channels = []
    for n in (5, 3, 1):
        k = (n + sector) % 6
        channels.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, dim=-1)
