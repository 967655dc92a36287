"""Data and picture of *From kernel to prediction*: SimpleCNN's weights and twenty test digits.

kernel-to-verdict.js computes in the page. The picture shows the figure's initial state, drawn by
matplotlib from the same rounded weights.
"""

from __future__ import annotations

import copy
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures.live.pack import LiveData, rounded

LAYERS = {1: "net.0", 2: "net.3", 3: "net.7", 4: "net.9"}  # those of SimpleCNN with weights
LEFT_EDGE = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]
INK, FADED, ACCENT = "#23262b", "#dcd8cf", "#8c2f1b"  # as in _brand.yml
SHADES = LinearSegmentedColormap.from_list("shades", [ACCENT, "white", INK])


def start(network: torch.nn.Module, X: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
    """Return the figure's initial state.

    Parameters
    ----------
    network : torch.nn.Module
        A trained SimpleCNN.
    X : torch.Tensor
        The test digits, float32 (N, 1, 28, 28), from zero (paper) to one (ink).
    y : torch.Tensor
        Their classes, int64 (N,).

    Returns
    -------
    dict
        `digits`, `truths` and predicted classes (`reads`) of twenty digits: the ten most confident
        errors, then the first correctly classified digit of each class. For the first digit, its
        `probabilities`, its feature `map` under `LEFT_EDGE` with a padding of one, and the `row`
        and `column` of the map's maximum.
    """
    network = as_on_the_page(network)
    with torch.no_grad():
        probabilities = network(X).softmax(dim=1)
    best = probabilities.max(dim=1)
    is_wrong = best.indices != y
    wrong = torch.where(is_wrong, best.values, -1).argsort(descending=True, stable=True)[:10]
    right = [int(torch.nonzero(~is_wrong & (y == k))[0]) for k in range(10)]
    chosen = [*wrong.tolist(), *right]
    first = X[chosen[0]]
    kernel = torch.tensor(LEFT_EDGE, dtype=torch.float32)
    map_ = F.conv2d(first[None], kernel[None, None], padding=1)[0, 0]
    row, column = divmod(int(map_.argmax()), map_.shape[1])
    return {
        "digits": X[chosen, 0],
        "truths": y[chosen].tolist(),
        "reads": best.indices[chosen].tolist(),
        "probabilities": probabilities[chosen[0]],
        "map": map_,
        "row": row,
        "column": column,
    }


def as_on_the_page(network: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of the network with its weights rounded as in the page."""
    network = copy.deepcopy(network).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(rounded(parameter.numpy()).copy()))
    return network


def live_data(network: torch.nn.Module, begin: dict[str, Any]) -> LiveData:
    """Return the network's weights and the twenty digits, for the page."""
    state = network.state_dict()
    weights = {f"weights{number}": state[f"{layer}.weight"] for number, layer in LAYERS.items()}
    weights |= {f"bias{number}": state[f"{layer}.bias"] for number, layer in LAYERS.items()}
    digits = (begin["digits"] * 255).round().to(torch.uint8)
    shown = {name: begin[name] for name in ("truths", "reads", "row", "column")}
    return LiveData(digits=digits, kernel=LEFT_EDGE, **shown, **weights)


def picture(begin: dict[str, Any]) -> Figure:
    """Draw the figure's initial state: digit, window, sum, map and probabilities."""
    figure, axes = plt.subplot_mosaic(
        [["digit", "map", "bars"], ["sum", "sum", "sum"]],
        figsize=(7.8, 4.2),
        height_ratios=[1.8, 1],
        layout="constrained",
    )
    digit, map_ = begin["digits"][0].numpy(), begin["map"].numpy()
    row, column = begin["row"], begin["column"]
    _grid(axes["digit"], digit, f"a test digit, a {begin['truths'][0]}", (row - 1, column - 1), 3)
    unfilled = np.arange(map_.size).reshape(map_.shape) > row * map_.shape[1] + column
    filled = np.ma.masked_array(map_, unfilled)
    _grid(axes["map"], filled, "the feature map so far", (row, column), 1)
    _bars(axes["bars"], begin)
    _sum(axes["sum"], begin)
    plt.close(figure)
    return figure


def _grid(axes: Axes, values: np.ndarray, title: str, corner: tuple[int, int], size: int) -> None:
    """Draw numbers as shades, ink for positive ones, with a frame around a window."""
    largest = float(np.abs(values).max())
    axes.imshow(values, cmap=SHADES, vmin=-largest, vmax=largest)
    row, column = corner
    window = Rectangle((column - 0.5, row - 0.5), size, size, fill=False, ec=ACCENT, lw=1.8)
    axes.add_patch(window)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=10, color=INK)
    for side in axes.spines.values():
        side.set_color(FADED)


def _bars(axes: Axes, begin: dict[str, Any]) -> None:
    probabilities, reads = begin["probabilities"].numpy(), begin["reads"][0]
    axes.barh(range(10), probabilities, color=[INK if k == reads else "#8d9299" for k in range(10)])
    for k, p in enumerate(probabilities):
        mark = " · the truth" if k == begin["truths"][0] else ""
        axes.text(p + 0.03, k, f"{100 * p:.1f}%{mark}", va="center", fontsize=9, color=INK)
    axes.set(yticks=range(10), xticks=[], xlim=(0, 1.4), ylim=(9.6, -0.6))
    axes.set_title("the network’s probabilities", fontsize=10, color=INK)
    axes.tick_params(length=0, labelsize=9)
    for side in axes.spines.values():
        side.set_visible(False)


def _sum(axes: Axes, begin: dict[str, Any]) -> None:
    """Write window, kernel and their products as three by three numbers, and the sum."""
    padded = np.pad(begin["digits"][0].numpy(), 1)
    window = padded[begin["row"] :, begin["column"] :][:3, :3]
    products = window * np.array(LEFT_EDGE)
    axes.set(xlim=(0, 16), ylim=(3.2, -1.2))
    axes.axis("off")
    blocks = {"window": window, "kernel": np.array(LEFT_EDGE), "products": products}
    for at, (name, numbers) in enumerate(blocks.items()):
        left = 1 + 4.5 * at
        _write(axes, left + 1.2, -0.8, name)
        _write(axes, left + 3.45, 1, "×=→"[at], size=13)
        for (i, j), number in np.ndenumerate(numbers):
            text = f"{number + 0.0:.2f}" if name != "kernel" else f"{number}"
            _write(axes, left + 1.2 * j, i, text.replace("-", "−"))
    _write(axes, 15, -0.8, "sum")
    _write(axes, 15, 1, f"{products.sum():.2f}", size=14)


def _write(axes: Axes, x: float, y: float, text: str, size: int = 10) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=size, color=INK)
