"""Test the nine diagrams: up to date, correct in every number, and legible on a phone.

The numbers are read back from the glyphs of the committed pictures and compared with plain loops
over the picture's inputs.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from figures.drawn import draw

FOLDER = Path(__file__).parents[1] / "figures/drawn"
NAMES = [
    "channels",
    "kernel-moved",
    "kernel-position",
    "max-pooling",
    "output-size",
    "pairs",
    "receptive-field",
    "skip-gram",
    "text-convolution",
]
SVG = "{http://www.w3.org/2000/svg}"


def printed(name: str) -> list[str]:
    """Return the texts of a committed picture in drawing order, without spaces."""
    root = ElementTree.parse(FOLDER / f"{name}.svg").getroot()
    groups = root.iter(f"{SVG}g")
    texts = (
        "".join(chr(int(u.attrib["href"][2:], 16)) for u in g.findall(f"{SVG}use")) for g in groups
    )
    return [text.replace("−", "-") for text in texts if text]


def printed_numbers(name: str) -> list[float]:
    return [float(text) for text in printed(name) if re.fullmatch(r"-?\d+(\.\d+)?", text)]


def flat(values: list) -> list:
    """Return the numbers of nested lists in reading order."""
    return [n for value in values for n in (flat(value) if isinstance(value, list) else [value])]


def correlate(picture: list, kernel: list, row: int, column: int) -> int:
    """Return the sum of products of a kernel and the window with that top left cell."""
    return sum(
        weight * picture[row + i][column + j]
        for i, weights in enumerate(kernel)
        for j, weight in enumerate(weights)
    )


def dot(a: list, b: list) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_committed_pictures_are_up_to_date():
    drawn = {name: canvas.svg() for name, canvas in draw.diagrams().items()}
    assert sorted(drawn) == sorted(path.stem for path in FOLDER.glob("*.svg")) == NAMES
    for name, svg in drawn.items():
        same = (FOLDER / f"{name}.svg").read_bytes() == svg.encode()
        assert same, f"figures/drawn/{name}.svg is out of date: run `make figures`"


@pytest.mark.parametrize(("name", "steps"), [("kernel-position", 0), ("kernel-moved", 2)])
def test_kernel(name, steps):
    n = draw.kernel_numbers(steps)
    picture, kernel = n["picture"], n["kernel"]
    output = [correlate(picture, kernel, 0, column) for column in range(steps + 1)]
    window = [row[steps : steps + 3] for row in picture[:3]]
    products = [w * k for w, k in zip(flat(window), flat(kernel), strict=True)]
    expected = [picture, output, window, kernel, products, sum(products)]
    assert printed_numbers(name) == flat(expected)


def test_channels():
    n = draw.channels_numbers()
    channels = list(n["channels"].values())
    tokens = [str(value) for value in flat(channels)]
    for i, (kernels, bias) in enumerate(zip(n["filters"], n["biases"], strict=True)):

        def value(row, column, kernels=kernels, bias=bias):
            pairs = zip(channels, kernels, strict=True)
            return bias + sum(correlate(channel, k, row, column) for channel, k in pairs)

        feature_map = [value(row, column) for row in (0, 1) for column in (0, 1)]
        tokens += [str(v) for v in flat([i + 1, kernels, bias, feature_map])]
        first, *rest = [correlate(c, k, 0, 0) for c, k in zip(channels, kernels, strict=True)]
        tokens.append(str(first))
        for term in [*rest, bias]:
            tokens += ["-" if term < 0 else "+", str(abs(term))]
        tokens += ["=", str(feature_map[0])]
    assert [t for t in printed("channels") if re.fullmatch(r"-?\d+|[-+=]", t)] == tokens


def test_max_pooling():
    n = draw.pooling_numbers()
    expected = []
    for row, column in [(0, 0), (0, 2), (2, 0), (2, 2)]:
        window = flat([line[column : column + 2] for line in n["map"][row : row + 2]])
        expected += [*window, max(window)]
    assert printed_numbers("max-pooling") == expected
    assert [n["map"][row][column] for row, column in n["positions"]] == expected[4::5]


def test_rings_mark_the_maximum_of_each_window():
    root = ElementTree.parse(FOLDER / "max-pooling.svg").getroot()
    rings = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")]
    ringed = []
    for group in root.iter(f"{SVG}g"):
        uses = group.findall(f"{SVG}use")
        if len(uses) == 1:
            origin = group.attrib["transform"].partition(")")[0].removeprefix("translate(")
            x, y = map(float, origin.split())
            if any(abs(x + 4 - cx) < 6 and abs(y - 5 - cy) < 6 for cx, cy in rings):
                ringed.append(int(chr(int(uses[0].attrib["href"][2:], 16))))
    feature_map = draw.pooling_numbers()["map"]
    corners = [(0, 0), (0, 2), (2, 0), (2, 2)]
    assert ringed == [max(flat([r[c : c + 2] for r in feature_map[k : k + 2]])) for k, c in corners]


def test_a_row_has_one_output_per_window_that_fits():
    printed_sizes = []
    for padding, stride in [(0, 1), (1, 1), (1, 2)]:
        row = range(7 + 2 * padding)
        fits = [start for start in row[::stride] if start + 3 <= len(row)]
        assert draw.size_numbers(padding, stride)["starts"] == fits
        printed_sizes += [0] * (2 * padding) + [i + 1 for i in range(len(fits))]
        assert (7 + 2 * padding - 3) // stride + 1 == len(fits)
        assert f"(7+2·{padding}-3)/{stride}+1={len(fits)}" in printed("output-size")
    assert printed_numbers("output-size") == printed_sizes


def test_receptive_fields_follow_from_strides_and_windows():
    n, field, step, sees = draw.field_numbers(), 1, 1, [1]
    for window, stride in [(3, 1), (2, 2), (3, 1), (2, 2)]:
        field, step = field + (window - 1) * step, step * stride
        sees.append(field)
    assert printed_numbers("receptive-field") == sees == n["sees"]
    needed = [1]  # values of each layer, from the last one back
    for window, stride in [(2, 2), (3, 1), (2, 2), (3, 1)]:
        needed.append((needed[-1] - 1) * stride + window)
    assert n["sizes"] == needed[::-1]


def test_pairs_are_all_within_two_words_and_samples_are_not():
    sentence = ["the", "quick", "fox", "jumped", "over", "the", "dog"]
    texts = printed("pairs")
    for centre in ("fox", "jumped"):
        at = sentence.index(centre)
        near = [word for i, word in enumerate(sentence) if i != at and abs(i - at) <= 2]
        assert ",".join(f"{centre}–{word}" for word in near) in texts
    table = texts[texts.index("Target") + 1 :]
    rows = [table[i : i + 3] for i in range(0, len(table), 3)]
    assert all(row[0] == "jumped" for row in rows)
    assert [row[1:] for row in rows if row[2] == "1"] == [["fox", "1"]]
    near_jumped = {"quick", "fox", "over", "the"}
    assert all(row[1] not in near_jumped for row in rows if row[2] == "0")


def test_skip_gram():
    n = draw.skip_gram_numbers()
    centre = n["words"].index("jumped")
    vector = n["in"][centre]
    scores = [dot(row, vector) for row in n["out"]]
    total = sum(math.exp(score) for score in scores)
    probabilities = [float(f"{math.exp(score) / total:.2f}") for score in scores]
    one_hot = [int(i == centre) for i in range(len(n["words"]))]
    expected = [one_hot, n["in"], vector, n["out"], scores, probabilities]
    assert printed_numbers("skip-gram") == flat(expected)
    assert sum(probabilities) == pytest.approx(1), "the printed probabilities should add up to 1"


def test_skip_gram_ticks_words_at_most_two_from_the_centre():
    texts, words = printed("skip-gram"), draw.skip_gram_numbers()["words"]
    sentence = ["the", "quick", "fox", "jumped", "over", "the", "dog"]
    assert texts[:7] == sentence
    assert [text for text in texts[7:] if text in words] == words * 2, "a label for each row"
    bars = " ".join(texts[texts.index("Softmax") + 1 : -1])
    ticks = re.findall(r"0\.\d\d( ✓)?", bars)
    ticked = {word for word, tick in zip(words, ticks, strict=True) if tick}
    assert ticked == {*sentence[1:3], *sentence[4:6]}


def test_text_convolution():
    n = draw.text_numbers()
    rows, kernel, bias = n["vectors"], n["filter"], n["bias"]
    assert rows[0] == rows[-1] == [0, 0, 0, 0], "the padding rows are zero"
    texts = printed("text-convolution")
    words = texts[texts.index("padding") + 1 : -texts[::-1].index("padding") - 1]
    assert rows[1:-1] == [draw.TEXT_VECTORS[word] for word in words]
    output = [correlate(rows, kernel, row, 0) + bias for row in range(len(rows) - 2)]
    relu = [max(0, value) for value in output]
    assert printed_numbers("text-convolution") == flat([rows, kernel, output, relu, max(relu)])
    best = relu.index(max(relu))
    first, second, third = (dot(rows[best + i], kernel[i]) for i in range(3))
    assert f"bias{bias}" in texts
    assert f"{first}+{second}+{third}-{-bias}={output[best]}" in texts


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_has_no_styles_and_is_legible_on_a_phone(name):
    path = FOLDER / f"{name}.svg"
    root = ElementTree.parse(path).getroot()
    assert path.stat().st_size < 60_000
    assert not [
        e.tag for e in root.iter() if e.get("style") or e.tag in (f"{SVG}style", f"{SVG}text")
    ]
    width = float(root.attrib["viewBox"].split()[2])
    scales = re.findall(r"scale\((\S+) ", path.read_text(encoding="utf-8"))
    type_size = min(map(float, scales)) * 2048  # DejaVu Sans has 2048 units per em
    assert type_size * 328 / width >= 10, "type smaller than 10 px in a picture 328 px wide"
