"""Pictures: grids, curves and animations. The border at which numbers become pixels again."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure  # and no pyplot, no torchvision: every command would wait seconds for them
from PIL import Image
from torch import Tensor

from cdm_tutor.noising import q_sample
from cdm_tutor.schedule import BETAS, make_schedule
from cdm_tutor.wording import counted
from cdm_tutor.writing import whole


def to_pixels(x0: Tensor) -> Tensor:
    """Images in [-1, 1] to bytes, 0 to 255; what lies outside is clipped."""
    return ((x0.clamp(-1, 1) + 1) * 127.5).round().byte()


def grid(x0: Tensor, columns: int, zoom: int = 2) -> Image.Image:
    """(N, C, H, W) images in [-1, 1] side by side, row after row, each pixel `zoom` pixels wide."""
    columns = min(columns, len(x0))
    tiles = F.pad(to_pixels(x0), (2, 0, 2, 0))  # black to the left and above, later also to the right and below
    rows = [torch.cat(list(row), dim=2) for row in tiles.split(columns)]
    rows[-1] = F.pad(rows[-1], (0, rows[0].shape[2] - rows[-1].shape[2]))
    sheet = F.pad(torch.cat(rows, dim=1), (0, 2, 0, 2)).cpu()
    image = Image.fromarray(sheet[0].numpy() if len(sheet) == 1 else sheet.permute(1, 2, 0).contiguous().numpy())
    return image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)


def above(images: Tensor, row: Tensor, columns: int = 8) -> Tensor:
    """Images filled up with black ones to whole rows, and another row below them, all (N, C, H, W) in [-1, 1]."""
    rest = -len(images) % columns
    return torch.cat([images, torch.full((rest, *images.shape[1:]), -1.0), row])


def save_grid(path: Path, x0: Tensor, columns: int = 8, zoom: int = 2) -> None:
    """Write images as one PNG."""
    with whole(path) as part:
        grid(x0, columns, zoom).save(part, "PNG")


def save_animation(path: Path, frames: Sequence[Tensor], columns: int = 8, zoom: int = 2) -> None:
    """Write batches of images as an animation that rests on the last one.

    Args:
        path: a .gif or .webp file.
        frames: each (N, 1, H, W) in [-1, 1].
        columns: images in a row.
        zoom: how many pixels wide to draw a pixel.
    """
    first, *rest = [grid(frame, columns, zoom) for frame in frames]
    durations = [120] * len(rest) + [2500]
    with whole(path) as part:
        first.save(part, path.suffix[1:], save_all=True, append_images=rest, duration=durations, loop=0)


def save_schedules(path: Path, T: int = 1000) -> None:
    """Draw alpha_bar and log-SNR of both schedules over t."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in BETAS:
        schedule = make_schedule(name, T)
        left.plot(schedule.alphas_cumprod, label=name)
        right.plot(schedule.log_snr, label=name)
    left.set(title="how much of the image is left", xlabel="t", ylabel="alpha_bar")
    right.set(title="signal against noise", xlabel="t", ylabel="log-SNR", ylim=(-15, 12))
    left.legend()
    save_figure(path, figure)


def save_noising(path: Path, x0: Tensor, generator: torch.Generator) -> None:
    """Draw one clean image noised further and further, a row for each schedule.

    Args:
        path: where to.
        x0: (1, H, W) the image, in [-1, 1].
        generator: draws the noise, the same for all.
    """
    t = torch.linspace(0, 999, 9).long()
    clean = x0.expand(9, *x0.shape)
    noise = torch.randn(x0.shape, generator=generator).expand_as(clean)
    rows = [torch.cat([x0[None], q_sample(clean, t, noise, make_schedule(name))]) for name in BETAS]
    figure = Figure(figsize=(10, 2.4), layout="constrained")
    axes = figure.subplots(len(rows), 10)
    for name, row, row_axes in zip(BETAS, rows, axes, strict=True):
        for i, (image, cell) in enumerate(zip(row, row_axes, strict=True)):
            cell.imshow(to_pixels(image)[0].numpy(), cmap="gray", vmin=0, vmax=255)
            cell.set(xticks=[], yticks=[])
            if row is rows[0]:
                cell.set_title("clean" if i == 0 else f"t = {int(t[i - 1])}", fontsize=9)
        row_axes[0].set_ylabel(name)
    save_figure(path, figure)


def save_losses(path: Path, curves: Mapping[str, Sequence[float | None]]) -> None:
    """Draw losses over the steps, each as a running mean; None where a step had none of that kind."""
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    for label, losses in curves.items():
        window = max(1, min(50, len(losses) // 4))
        known = torch.tensor([float("nan") if loss is None else loss for loss in losses])
        axes.plot(range(window, len(losses) + 1), known.unfold(0, window, 1).nanmean(dim=1), label=label)
    axes.set(xlabel="step", ylabel=f"loss (mean of {counted(window, 'step')})", yscale="log")
    axes.legend(fontsize=8)
    save_figure(path, figure)


def save_figure(path: Path, figure: Figure) -> None:
    """Write a figure as a PNG."""
    with whole(path) as part:
        figure.savefig(part, dpi=120, format="png")
