"""Draw the chapter's nine diagrams, with numbers computed by torch.

`python -m figures.drawn.draw` writes the SVG files into this folder, with the same bytes each time.
Each picture has a function that returns its numbers (inputs and results: mostly small integers, so
that a reader can check them by hand) and a function that draws them. `canvas.py` defines the look.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from figures.drawn.canvas import (
    CELL,
    GUIDE,
    HIGHLIGHT,
    INPUT,
    KERNEL,
    OUTPUT,
    PLAIN,
    WIDTH,
    Box,
    Canvas,
    Style,
    number,
    text_width,
)

Numbers = dict[str, Any]
MARGIN = 10
GREY = "#51606f"
TINTS = ["#e4ecf6", "#f6e6ea", "#ece6f6", "#dff0ee"]

PICTURE = [
    [0, 1, 3, 1, 0, 0, 0],
    [0, 0, 3, 2, 0, 0, 0],
    [0, 0, 2, 3, 0, 0, 0],
    [0, 0, 1, 3, 1, 0, 0],
    [0, 0, 0, 3, 2, 0, 0],
    [0, 0, 0, 2, 3, 0, 0],
    [0, 0, 0, 1, 3, 1, 0],
]
EDGE_KERNEL = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]

CHANNELS = {
    "red": [[2, 1, 0, 0], [3, 2, 0, 1], [3, 2, 1, 0], [2, 1, 0, 0]],
    "green": [[0, 1, 1, 0], [0, 2, 1, 0], [1, 3, 2, 1], [0, 1, 1, 0]],
    "blue": [[0, 0, 1, 2], [0, 1, 1, 3], [0, 0, 2, 3], [1, 0, 2, 2]],
}
SHADES = {"red": "#d02c20", "green": "#1d8a3c", "blue": "#2f62d8"}
FILTERS = [
    [
        [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [-1, 0, 0], [0, 0, 1]],
    ],
    [
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
        [[0, 0, 0], [0, -1, 0], [0, 0, 0]],
    ],
    [
        [[0, 0, 0], [0, 0, 0], [-1, -1, -1]],
        [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
        [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    ],
]
FILTER_BIASES = [1, -2, 3]

ROW = 7  # pixels of the row that a window of `WIDE` pixels is moved along
WIDE = 3
MOVES = [(0, 1), (1, 1), (1, 2)]  # padding and stride
LAYERS = [("Convolution", 3, 1), ("Pooling", 2, 2)] * 2  # name, window, stride

FEATURE_MAP = [[1, 5, 0, 2], [3, 0, 4, 1], [0, 2, 7, 0], [6, 1, 3, 3]]

SKIP_GRAM_SENTENCE = ["the", "quick", "fox", "jumped", "over", "the", "dog"]
CENTRE, WINDOW = 3, 2
NEGATIVES = ["dog", "milk"]  # drawn at random
IN_VECTORS = {
    "the": [0, 1, 1],
    "quick": [1, 0, -1],
    "fox": [2, 1, 0],
    "jumped": [1, -1, 2],
    "over": [-1, 0, 1],
    "dog": [2, 0, 1],
}
OUT_VECTORS = {
    "the": [1, 0, 0],
    "quick": [1, 1, 1],
    "fox": [0, -1, 1],
    "jumped": [1, 0, -1],
    "over": [-1, 0, 1],
    "dog": [1, 2, 0],
}

TEXT_SENTENCE = ["a", "slow", "film", "with", "a", "great", "ending"]
TEXT_VECTORS = {
    "a": [0, 1, 0, 1],
    "slow": [2, -1, 0, 1],
    "film": [1, 1, -1, 0],
    "with": [0, 0, 1, 1],
    "great": [-1, 2, 3, 0],
    "ending": [1, 0, 1, -1],
}
TEXT_FILTER = [[0, 1, -1, 0], [-1, 1, 1, 0], [1, 0, 1, -1]]
TEXT_BIAS = -1


def _tensor(values: list) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _integers(values: torch.Tensor) -> Any:
    """Return a tensor of whole numbers as (lists of) ints."""
    return values.round().long().tolist()


def kernel_numbers(steps: int) -> Numbers:
    """Return the numbers for a 3×3 kernel `steps` to the right of the picture's top left corner."""
    picture, kernel = _tensor(PICTURE), _tensor(EDGE_KERNEL)
    values = F.conv2d(picture[None, None], kernel[None, None])[0, 0]
    window = picture[:3, steps : steps + 3]
    done = [[None] * values.shape[1] for _ in values]
    done[0][: steps + 1] = _integers(values[0, : steps + 1])
    return {
        "steps": steps,
        "picture": PICTURE,
        "kernel": EDGE_KERNEL,
        "window": _integers(window),
        "products": _integers(window * kernel),
        "sum": done[0][steps],
        "output": done,
    }


def channels_numbers() -> Numbers:
    """Return a picture's feature maps, and each channel's contribution to their first values."""
    picture, filters = _tensor([*CHANNELS.values()]), _tensor(FILTERS)
    maps = F.conv2d(picture[None], filters, _tensor(FILTER_BIASES))[0]
    by_channel = F.conv2d(
        picture[None, :, :3, :3], filters.transpose(0, 1).reshape(9, 1, 3, 3), groups=3
    )
    return {
        "channels": CHANNELS,
        "filters": FILTERS,
        "biases": FILTER_BIASES,
        "parts": _integers(by_channel.reshape(3, 3).T),
        "maps": _integers(maps),
    }


def size_numbers(padding: int, stride: int) -> Numbers:
    """Return a padded row of pixels and the positions of a convolution's windows."""
    row, kernel = torch.zeros(1, 1, ROW), torch.zeros(1, 1, WIDE)
    size = F.conv1d(row, kernel, padding=padding, stride=stride).shape[-1]
    return {
        "padding": padding,
        "stride": stride,
        "row": [0] * padding + [None] * ROW + [0] * padding,
        "starts": [stride * i for i in range(size)],
    }


def field_numbers() -> Numbers:
    """Return how many values of each layer, and how many pixels, one final value depends on.

    A value depends on the pixels that have a gradient. Sums replace maxima in the pooling layers:
    they depend on the same values and pass a gradient to all of them.
    """
    pixels = torch.ones(1, 1, 16, requires_grad=True)
    values, layers, sees = pixels, [pixels], [1]
    for _, window, stride in LAYERS:
        values = F.conv1d(values, torch.ones(1, 1, window), stride=stride)
        (gradient,) = torch.autograd.grad(values[0, 0, 0], pixels, retain_graph=True)
        layers.append(values)
        sees.append(int(gradient.count_nonzero()))
    gradients = torch.autograd.grad(values[0, 0, 0], layers)
    return {
        "names": ["Picture", *(name for name, _, _ in LAYERS)],
        "windows": [window for _, window, _ in LAYERS],
        "sizes": [int(gradient.count_nonzero()) for gradient in gradients],
        "sees": sees,
    }


def pooling_numbers() -> Numbers:
    """Return a feature map, its 2×2 maxima and their positions, as (row, column)."""
    feature_map = _tensor(FEATURE_MAP)
    maxima, positions = F.max_pool2d(feature_map[None], 2, return_indices=True)
    columns = feature_map.shape[1]
    return {
        "map": FEATURE_MAP,
        "maxima": _integers(maxima[0]),
        "positions": [divmod(index, columns) for index in positions.flatten().tolist()],
    }


def _context(centre: int) -> list[int]:
    """Return the positions of the sentence within the window around a centre word."""
    positions = range(len(SKIP_GRAM_SENTENCE))
    return [i for i in positions if 0 < abs(i - centre) <= WINDOW]


def pairs_numbers() -> Numbers:
    """Return the positive pairs of two positions of the window, and the samples of one pair."""
    pairs = {
        centre: [(SKIP_GRAM_SENTENCE[centre], SKIP_GRAM_SENTENCE[i]) for i in _context(centre)]
        for centre in (CENTRE - 1, CENTRE)
    }
    centre, neighbour = pairs[CENTRE][1]
    samples = [(centre, neighbour, 1), *((centre, word, 0) for word in NEGATIVES)]
    return {"pairs": pairs, "samples": samples}


def skip_gram_numbers() -> Numbers:
    """Return skip-gram's forward pass: context positions, vector, scores and softmax."""
    words = list(IN_VECTORS)
    centre = torch.tensor(words.index(SKIP_GRAM_SENTENCE[CENTRE]))
    vector = F.embedding(centre, _tensor([*IN_VECTORS.values()]))
    scores = _tensor([*OUT_VECTORS.values()]) @ vector
    return {
        "context": _context(CENTRE),
        "words": words,
        "one_hot": F.one_hot(centre, len(words)).tolist(),
        "in": list(IN_VECTORS.values()),
        "vector": _integers(vector),
        "out": list(OUT_VECTORS.values()),
        "scores": _integers(scores),
        "probabilities": F.softmax(scores, dim=0).tolist(),
    }


def text_numbers() -> Numbers:
    """Return the outputs of one filter on a sentence, padded at both ends, and the largest."""
    words = list(TEXT_VECTORS)
    indices = torch.tensor([words.index(word) for word in TEXT_SENTENCE])
    vectors = F.embedding(indices, _tensor([*TEXT_VECTORS.values()]))
    padded = F.pad(vectors, (0, 0, 1, 1))
    kernel, bias = _tensor(TEXT_FILTER), _tensor([TEXT_BIAS])
    output = F.conv1d(padded.T[None], kernel.T[None], bias)[0, 0]
    rectified = F.relu(output)
    start = int(rectified.argmax())  # of the window with the largest output; row 0 is padding
    return {
        "vectors": _integers(padded),
        "filter": TEXT_FILTER,
        "bias": TEXT_BIAS,
        "start": start,
        "parts": _integers((padded[start : start + 3] * kernel).sum(dim=1)),
        "output": _integers(output),
        "relu": _integers(rectified),
        "max": int(F.adaptive_max_pool1d(rectified[None], 1).item()),
    }


def _sum(first: int, *rest: int) -> str:
    """Return the numbers as the text of a sum; the last one is the total."""
    *terms, total = rest
    signed = (f"{'−' if term < 0 else '+'} {abs(term)}" for term in terms)
    return " ".join([number(first), *signed, "=", number(total)])


def draw_kernel(n: Numbers) -> Canvas:
    """Draw the kernel at one position: the picture, the sum of products, the output so far."""
    canvas, steps = Canvas(366), n["steps"]
    picture = canvas.grid(MARGIN, 44, n["picture"], INPUT, shade=GREY)
    output = canvas.grid(WIDTH - MARGIN - 5 * CELL, 44, n["output"], OUTPUT)
    canvas.title(picture.x, 11, "Input", " 7 × 7", anchor="start")
    canvas.title(output.x, 11, "Output", " 5 × 5", anchor="start")
    if steps:
        _draw_steps(canvas, picture, steps)
    else:
        canvas.text(picture.x, 30, "0 is blank, 3 is full ink", anchor="start")
    window, total = _draw_sum(canvas, n, 262)
    for part, whole, copy in [
        (picture.cells(0, steps, 3, 3), picture, window),
        (output.cells(0, steps), output, total),
    ]:
        _same(canvas, part, whole, copy)
        canvas.outline(part, HIGHLIGHT)
        canvas.outline(copy, HIGHLIGHT)
    return canvas


def _draw_steps(canvas: Canvas, picture: Box, steps: int) -> None:
    """Mark the window's first position and how far it has moved."""
    first, now = picture.cells(0, 0, 3, 3), picture.cells(0, steps, 3, 3)
    canvas.outline(first, GUIDE)
    canvas.arrow((first.cx, 34), (now.cx, 34))
    canvas.text(now.cx + 8, 33, f"{steps} steps", anchor="start")


def _draw_sum(canvas: Canvas, n: Numbers, y: float) -> tuple[Box, Box]:
    """Draw window × kernel = products and their sum; return the boxes of window and sum."""
    window = canvas.grid(MARGIN, y, n["window"], INPUT, shade=GREY)
    kernel = canvas.grid(window.right + CELL, y, n["kernel"], KERNEL)
    products = canvas.grid(kernel.right + CELL, y, n["products"], PLAIN)
    total = canvas.grid(products.right + 66, products.cy - CELL / 2, [[n["sum"]]], OUTPUT)
    for box, name in [(window, "Window"), (kernel, "Kernel"), (products, "Products")]:
        canvas.title(box.cx, box.bottom + 16, name)
    canvas.title(total.cx, window.bottom + 16, "Sum")
    canvas.text(window.right + CELL / 2, window.cy, "×")
    canvas.text(kernel.right + CELL / 2, kernel.cy, "=")
    canvas.arrow((products.right + 8, products.cy), (total.x - 8, total.cy))
    canvas.text((products.right + total.x) / 2, products.cy - 14, "add")
    return window, total


def _same(canvas: Canvas, part: Box, whole: Box, copy: Box) -> None:
    """Draw lines from a part of a grid to a copy of that part below."""
    for start, end in [(part.x, copy.x), (part.right, copy.right)]:
        canvas.line(GUIDE, (start, part.bottom), (start, whole.bottom), (end, copy.y))


def draw_channels(n: Numbers) -> Canvas:
    """Draw a colour picture, three filters with a bias each, and their feature maps."""
    canvas = Canvas(540)
    canvas.title(30, 11, "Input", " 4 × 4, three channels", anchor="start")
    for i, (name, values) in enumerate(n["channels"].items()):
        channel = canvas.grid(30 + 130 * i, 44, values, INPUT, shade=SHADES[name])
        canvas.text(channel.cx, 32, name)
        canvas.outline(channel.cells(0, 0, 3, 3), HIGHLIGHT)
        canvas.text(69 + 92 * i, 194, name)
    canvas.title(30, 174, "Filters", " 3 × 3 × 3", anchor="start")
    canvas.title(322, 194, "Bias")
    canvas.title(384, 174, "Feature")
    canvas.title(384, 194, "maps")
    for i in range(len(n["filters"])):
        _draw_filter(canvas, n, i, 206 + 112 * i)
    return canvas


def _draw_filter(canvas: Canvas, n: Numbers, i: int, y: float) -> None:
    """Draw a filter's three kernels, bias and map, and below them the sum for its first value."""
    canvas.title(16, y + 1.5 * CELL, str(i + 1))
    kernels = [canvas.grid(30 + 92 * j, y, rows, KERNEL) for j, rows in enumerate(n["filters"][i])]
    bias = canvas.grid(309, y + CELL, [[n["biases"][i]]], KERNEL)
    feature_map = canvas.grid(358, y + CELL / 2, n["maps"][i], OUTPUT)
    first = feature_map.cells(0, 0)
    canvas.outline(first, HIGHLIGHT)
    total = _sum(*n["parts"][i], n["biases"][i], n["maps"][i][0][0]).split()
    centres = [box.cx for box in (*kernels, bias, first)]
    between = [(a + b) / 2 for a, b in pairwise(centres)]
    for x, term in zip(sorted(centres + between), total, strict=True):
        canvas.text(x, y + 3 * CELL + 14, term)


def draw_sizes(cases: list[Numbers]) -> Canvas:
    """Draw, three times, a row of pixels and an output for each position of the window."""
    height = 126
    canvas = Canvas(height * len(cases) - 14)
    for i, n in enumerate(cases):
        _draw_size(canvas, n, height * i)
    return canvas


def _draw_size(canvas: Canvas, n: Numbers, y: float) -> None:
    """Draw one row, its numbered outputs, and the formula for their count."""
    padding, stride, starts = n["padding"], n["stride"], n["starts"]
    formula = f"({ROW} + 2·{padding} − {WIDE}) / {stride} + 1 = {len(starts)}"
    name = f"Padding {padding}, stride {stride}: "
    canvas.title(MARGIN, y + 11, name, formula, anchor="start")
    x = MARGIN + (1 - padding) * CELL  # aligns the pixels of all three rows
    canvas.fill(Box(x + padding * CELL, y + 30, ROW * CELL), INPUT.fill)
    row = canvas.grid(x, y + 30, [n["row"]], PLAIN)
    canvas.outline(row.cells(0, padding, 1, ROW), INPUT)
    for i, start in enumerate(starts):
        window = row.cells(0, start, 1, WIDE)
        output = canvas.grid(window.cx - CELL / 2, y + 80, [[i + 1]], OUTPUT)
        canvas.arrow((window.cx, window.bottom + 3), (window.cx, output.y - 3))
        if i < 2:
            canvas.outline(window, [HIGHLIGHT, GUIDE][i])
    canvas.text(MARGIN + 9.4 * CELL, row.cy, "input", anchor="start")
    canvas.text(MARGIN + 9.4 * CELL, y + 93, "output", anchor="start")


def draw_field(n: Numbers) -> Canvas:
    """Draw one value's receptive field, layer by layer, with the number of pixels in each."""
    gap = 58
    canvas = Canvas(gap * (len(n["sizes"]) - 1) + 64)
    canvas.title(WIDTH - MARGIN, 11, "Pixels seen", anchor="end")
    below: Box | None = None
    for i, (name, size, sees) in enumerate(zip(n["names"], n["sizes"], n["sees"], strict=True)):
        style = OUTPUT if i else INPUT
        box = Box(225 - size * CELL / 2, 28 + gap * i, size * CELL)
        canvas.fill(box, style.fill)
        canvas.grid(box.x, box.y, [[None] * size], style)
        canvas.text(MARGIN, box.cy, name, anchor="start")
        canvas.text(WIDTH - MARGIN, box.cy, str(sees), anchor="end")
        if below:
            _draw_seen(canvas, below.cells(0, 0, 1, n["windows"][i - 1]), box.cells(0, 0))
        below = box
    return canvas


def _draw_seen(canvas: Canvas, window: Box, value: Box) -> None:
    """Frame the inputs of one value of the next layer, with lines to it."""
    canvas.line(GUIDE, (window.x, window.bottom), (value.x, value.y))
    canvas.line(GUIDE, (window.right, window.bottom), (value.right, value.y))
    canvas.outline(window, HIGHLIGHT)


def draw_pooling(n: Numbers) -> Canvas:
    """Draw 2×2 max pooling: four windows, a ring around each maximum, and the output."""
    canvas = Canvas(172)
    canvas.title(30, 11, "Feature map", " 4 × 4", anchor="start")
    canvas.title(298, 11, "Output", " 2 × 2", anchor="start")
    for i, tint in enumerate(TINTS):
        _draw_window(canvas, n, i, tint)
    canvas.arrow((168, 94), (276, 94))
    canvas.text(222, 78, "largest of")
    canvas.text(222, 110, "each window")
    return canvas


def _draw_window(canvas: Canvas, n: Numbers, i: int, tint: str) -> None:
    """Draw one window of the feature map and its maximum in the output."""
    row, column = divmod(i, 2)
    values = [line[2 * column : 2 * column + 2] for line in n["map"][2 * row : 2 * row + 2]]
    style = Style(tint, INPUT.stroke, INPUT.width)
    window = canvas.grid(30 + 66 * column, 38 + 66 * row, values, style)
    at_row, at_column = n["positions"][i]
    canvas.ring(window.cells(at_row - 2 * row, at_column - 2 * column))
    maximum = n["maxima"][row][column]
    style = Style(tint, OUTPUT.stroke, OUTPUT.width)
    result = canvas.grid(298 + 40 * column, 61 + 40 * row, [[maximum]], style)
    if i == 0:
        canvas.outline(window, HIGHLIGHT)
        canvas.outline(result, HIGHLIGHT)


def draw_pairs(n: Numbers) -> Canvas:
    """Draw two positions of the window with their positive pairs, and one pair's samples."""
    canvas = Canvas(318)
    for y, (centre, pairs) in zip((8, 102), n["pairs"].items(), strict=True):
        _draw_sentence(canvas, centre, y)
        text = ", ".join(f"{first} – {second}" for first, second in pairs)
        canvas.text(WIDTH / 2, y + 70, text)
    for x, name in ((110, "Centre"), (210, "Other"), (310, "Target")):
        canvas.title(x, 206, name)
    for i, (centre, other, target) in enumerate(n["samples"]):
        y = 220 + 30 * i
        style = OUTPUT if target else PLAIN
        canvas.box(Box(160, y, 100), style)
        canvas.text(110, y + CELL / 2, centre)
        canvas.text(210, y + CELL / 2, other)
        canvas.grid(310 - CELL / 2, y, [[target]], style)
    return canvas


def draw_skip_gram(n: Numbers) -> Canvas:
    """Draw skip-gram's forward pass for one centre word, from its one-hot input to the softmax."""
    canvas = Canvas(510)
    _draw_sentence(canvas, CENTRE, 8)
    vector = _draw_lookup(canvas, n, 98)
    out = canvas.grid(68, 328, n["out"], KERNEL)
    _draw_words(canvas, out, n["words"])
    canvas.title(out.right + 10, 311, "Output matrix", anchor="end")
    canvas.text(68, out.bottom + 15, "used in training only", anchor="start")
    scores = canvas.grid(200, out.y, [[score] for score in n["scores"]], OUTPUT)
    canvas.title(scores.cx, 311, "Scores")
    product = (out.right + scores.x) / 2
    canvas.arrow((vector.cx, vector.bottom), (vector.cx, 290), (product, 290), (product, 388))
    canvas.text(product, 399, "×", bold=True)
    canvas.arrow((out.right + 6, 412), (scores.x - 6, 412))
    _draw_softmax(canvas, n, scores)
    return canvas


def _draw_sentence(canvas: Canvas, centre: int, y: float) -> None:
    """Draw the sentence: the centre highlighted, its context in boxes."""
    context = _context(centre)
    widths = [text_width(word) + 16 for word in SKIP_GRAM_SENTENCE]
    gap = 4
    x, boxes = (WIDTH - sum(widths) - gap * (len(widths) - 1)) / 2, []
    for i, (word, width) in enumerate(zip(SKIP_GRAM_SENTENCE, widths, strict=True)):
        boxes.append(Box(x, y, width))
        if i == centre:
            canvas.box(boxes[i], HIGHLIGHT)
        elif i in context:
            canvas.box(boxes[i], OUTPUT)
        canvas.text(boxes[i].cx, boxes[i].cy, word)
        x += width + gap
    canvas.title(boxes[centre].cx, y + 44, "centre")
    for first, last in [(context[0], centre - 1), (centre + 1, context[-1])]:
        left, right = boxes[first].x, boxes[last].right
        foot = y + CELL + 8
        canvas.line(PLAIN, (left, foot - 4), (left, foot), (right, foot), (right, foot - 4))
        canvas.text((left + right) / 2, foot + 11, "context")


def _draw_lookup(canvas: Canvas, n: Numbers, y: float) -> Box:
    """Draw the one-hot input selecting a row of the input matrix; return the row's box."""
    one_hot = canvas.grid(68, y, [[value] for value in n["one_hot"]], INPUT)
    matrix = canvas.grid(144, y, n["in"], KERNEL)
    _draw_words(canvas, one_hot, n["words"])
    canvas.title(one_hot.cx, y - 17, "One-hot")
    canvas.title(matrix.cx, y - 17, "Input matrix")
    canvas.text(matrix.x, matrix.bottom + 15, "kept as word vectors", anchor="start")
    row = n["one_hot"].index(1)
    canvas.outline(one_hot.cells(row, 0), HIGHLIGHT)
    picked = matrix.cells(row, 0, 1, 3)
    canvas.outline(picked, HIGHLIGHT)
    vector = canvas.grid(288, picked.y, [n["vector"]], OUTPUT)
    canvas.outline(vector, HIGHLIGHT)
    canvas.title(vector.cx, vector.y - 15, "Vector", f" of ‘{SKIP_GRAM_SENTENCE[CENTRE]}’")
    canvas.arrow((one_hot.right + 6, picked.cy), (matrix.x - 6, picked.cy))
    canvas.arrow((matrix.right + 8, picked.cy), (vector.x - 8, picked.cy))
    return vector


def _draw_words(canvas: Canvas, rows: Box, words: list[str]) -> None:
    """Write a word before each row of a grid."""
    for i, word in enumerate(words):
        canvas.text(rows.x - 7, rows.cells(i, 0).cy, word, anchor="end")


def _draw_softmax(canvas: Canvas, n: Numbers, scores: Box) -> None:
    """Draw the probabilities as bars, with a tick at each context word."""
    context = {SKIP_GRAM_SENTENCE[i] for i in n["context"]}
    x = scores.right + 34
    canvas.title(x, scores.y - 17, "Softmax", anchor="start")
    canvas.arrow((scores.right + 6, scores.cy), (x - 6, scores.cy))
    for i, (word, probability) in enumerate(zip(n["words"], n["probabilities"], strict=True)):
        cy = scores.cells(i, 0).cy
        bar = Box(x, cy - 8, 150 * probability, 16)
        canvas.box(bar, OUTPUT if word in context else PLAIN)
        canvas.text(bar.right + 7, cy, f"{probability:.2f}", anchor="start")
        if word in context:
            canvas.text(bar.right + 42, cy, "✓", anchor="start")
    canvas.text(x, scores.bottom + 15, "✓ in the context", anchor="start")


def draw_text(n: Numbers) -> Canvas:
    """Draw a filter three words wide on a sentence: its outputs, ReLU and their maximum."""
    canvas = Canvas(320)
    vectors = canvas.grid(70, 30, n["vectors"], INPUT)
    canvas.title(vectors.x, 11, "Sentence", " a word per row", anchor="start")
    _draw_words(canvas, vectors, ["padding", *TEXT_SENTENCE, "padding"])
    kernel = _draw_text_filter(canvas, n, vectors.cells(n["start"], 0, 3, 4))
    output = canvas.grid(328, vectors.y + CELL, [[value] for value in n["output"]], OUTPUT)
    relu = canvas.grid(384, output.y, [[value] for value in n["relu"]], OUTPUT)
    left = kernel.right
    for column, name in [(output, "Output"), (relu, "ReLU")]:
        cell = column.cells(n["start"], 0)
        canvas.title(cell.cx, column.y - 16, name)
        canvas.arrow((left + 4, cell.cy), (cell.x - 4, cell.cy))
        canvas.outline(cell, HIGHLIGHT)
        left = cell.right
    _draw_largest(canvas, n, relu)
    return canvas


def _draw_text_filter(canvas: Canvas, n: Numbers, window: Box) -> Box:
    """Draw the filter beside the three words it covers, and the sum for the output."""
    kernel = canvas.grid(window.right + 22, window.y, n["filter"], KERNEL)
    for y in (window.y, window.bottom):
        canvas.line(GUIDE, (window.right, y), (kernel.x, y))
    canvas.outline(window, HIGHLIGHT)
    canvas.title(kernel.cx, kernel.y - 16, "Filter")
    canvas.text(kernel.cx, kernel.bottom + 16, f"bias {number(n['bias'])}")
    canvas.text(MARGIN, 284, "products, row by row, and bias:", anchor="start")
    canvas.text(MARGIN, 304, _sum(*n["parts"], n["bias"], n["output"][n["start"]]), anchor="start")
    return kernel


def _draw_largest(canvas: Canvas, n: Numbers, column: Box) -> None:
    """Draw the largest number of a column below it."""
    largest = canvas.grid(column.x, column.bottom + 44, [[n["max"]]], OUTPUT)
    canvas.arrow((column.cx, column.bottom + 6), (column.cx, largest.y - 6))
    canvas.outline(largest, HIGHLIGHT)
    canvas.title(largest.x - 8, largest.cy, "Largest", anchor="end")


def diagrams() -> dict[str, Canvas]:
    """Return all nine drawings, by file name."""
    return {
        "kernel-position": draw_kernel(kernel_numbers(0)),
        "kernel-moved": draw_kernel(kernel_numbers(2)),
        "channels": draw_channels(channels_numbers()),
        "output-size": draw_sizes([size_numbers(*move) for move in MOVES]),
        "receptive-field": draw_field(field_numbers()),
        "max-pooling": draw_pooling(pooling_numbers()),
        "pairs": draw_pairs(pairs_numbers()),
        "skip-gram": draw_skip_gram(skip_gram_numbers()),
        "text-convolution": draw_text(text_numbers()),
    }


def main() -> None:
    """Write the nine pictures into this folder."""
    for name, canvas in diagrams().items():
        Path(__file__).with_name(f"{name}.svg").write_text(canvas.svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
