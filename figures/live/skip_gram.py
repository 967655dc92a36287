"""Picture of *Skip-gram in the plane*: skip-gram with negative sampling in two dimensions.

The training is that of skip-gram.js, with the same random numbers, so picture and page agree.
It is a demonstration; use gensim to train word vectors for use.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import polars as pl
from plotnine import (
    aes,
    arrow,
    coord_fixed,
    element_blank,
    facet_wrap,
    geom_segment,
    geom_text,
    ggplot,
    labs,
    scale_colour_manual,
    scale_linetype_manual,
    theme,
)

RATE = 0.1
Vector = tuple[float, float]


def random_numbers(seed: int = 14) -> Iterator[float]:
    """Yield numbers between 0 and 1 from the generator of Park and Miller."""
    while True:
        seed = seed * 48271 % 2147483647
        yield seed / 2147483647


class Plane:
    """Input and output vectors of a few words, and their training.

    Parameters
    ----------
    sentences : list of str
        Words in lower case, separated by spaces.
    reach : int
        The largest distance between neighbours.
    number : int
        The number of negative samples for each pair.
    """

    def __init__(self, sentences: list[str], reach: int, number: int):
        self.sentences = [sentence.split() for sentence in sentences]
        self.counts = Counter(word for sentence in self.sentences for word in sentence)
        self.reach, self.number, self.random = reach, number, random_numbers()
        self.v, self.u = (self._vectors() for _ in "vu")

    def _vectors(self) -> dict[str, Vector]:
        return {word: (next(self.random) - 0.5, next(self.random) - 0.5) for word in self.counts}

    def pairs(self) -> list[tuple[str, str]]:
        """Return each word with each of its neighbours, in text order."""
        return [
            (word, sentence[near])
            for sentence in self.sentences
            for at, word in enumerate(sentence)
            for near in range(max(0, at - self.reach), min(len(sentence), at + self.reach + 1))
            if near != at
        ]

    def chances(self, neighbour: str) -> dict[str, float]:
        """Return each word's probability of being drawn as a negative sample for a neighbour."""
        weights = {w: count**0.75 for w, count in self.counts.items() if w != neighbour}
        return {word: weight / sum(weights.values()) for word, weight in weights.items()}

    def draw(self, neighbour: str) -> list[str]:
        """Draw the negative samples for a pair."""
        chances = self.chances(neighbour)
        ends = list(zip(chances, accumulate(chances.values()), strict=True))
        numbers = [next(self.random) for _ in range(self.number)]
        return [next(word for word, end in ends if number < end) for number in numbers]

    def step(self, centre: str, neighbour: str) -> None:
        """Move the vectors of one pair and of its negative samples along the gradient."""
        words = [neighbour, *self.draw(neighbour)]
        v = self.v[centre]
        forces = [(word == neighbour) - _sigmoid(_dot(self.u[word], v)) for word in words]
        for word, force in zip(words, forces, strict=True):
            self.v[centre] = _moved(self.v[centre], RATE * force, self.u[word])
        for word, force in zip(words, forces, strict=True):
            self.u[word] = _moved(self.u[word], RATE * force, v)

    def train(self, passes: int) -> None:
        """Train on all pairs `passes` times."""
        for _ in range(passes):
            for centre, neighbour in self.pairs():
                self.step(centre, neighbour)

    def objective(self) -> float:
        """Return the mean objective over all pairs, in expectation over the negative samples."""
        pairs = self.pairs()
        return sum(self._expected(*pair) for pair in pairs) / len(pairs)

    def _expected(self, centre: str, neighbour: str) -> float:
        def score(word: str, sign: int) -> float:
            return math.log(_sigmoid(sign * _dot(self.u[word], self.v[centre])))

        random = sum(p * score(word, -1) for word, p in self.chances(neighbour).items())
        return score(neighbour, 1) + self.number * random

    def cosine(self, one: str, other: str) -> float:
        """Return the cosine of two words' input vectors."""
        a, b = self.v[one], self.v[other]
        return _dot(a, b) / (math.hypot(*a) * math.hypot(*b))


def snapshot(plane: Plane, moment: str) -> pl.DataFrame:
    """Return the current vectors, one per row, with a position for its word on a circle.

    Lengths are relative to the longest vector, so different moments share a scale.
    """
    panel = f"{moment}: average pair −{-plane.objective():.3f}"
    longest = max(math.hypot(*vector) for vector in [*plane.v.values(), *plane.u.values()])
    positions = _around(plane.v)
    rows = [
        (panel, kind, word if kind == "input" else "", x / longest, y / longest, *positions[word])
        for kind, vectors in (("output", plane.u), ("input", plane.v))
        for word, (x, y) in vectors.items()
    ]
    columns = ["moment", "vectors", "word", "x", "y", "x_word", "y_word"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _around(
    vectors: dict[str, Vector], radius: float = 1.2, gap: float = 0.27
) -> dict[str, Vector]:
    """Return a position for each word on a circle, near its vector and `gap` radians apart."""
    words = sorted(vectors, key=lambda word: math.atan2(*vectors[word]))
    angles = [math.atan2(*vectors[word]) for word in words]
    for _ in range(500):
        for i in range(1, len(angles)):
            missing = max(0.0, gap - (angles[i] - angles[i - 1])) / 2
            angles[i - 1], angles[i] = angles[i - 1] - missing, angles[i] + missing
    positions = [(radius * math.sin(angle), radius * math.cos(angle)) for angle in angles]
    return dict(zip(words, positions, strict=True))


def picture(snapshots: list[pl.DataFrame]) -> ggplot:
    """Draw the plane at several moments, side by side."""
    moments = pl.Enum([frame["moment"][0] for frame in snapshots])
    drawn = pl.concat(snapshots).with_columns(pl.col("moment").cast(moments))
    input_only = drawn.filter(pl.col("vectors") == "input")
    leader = {"colour": "#dcd8cf", "linetype": "solid"}
    return (
        ggplot(drawn, aes("x", "y", colour="vectors", linetype="vectors"))
        + geom_segment(aes(xend="x_word", yend="y_word"), input_only, **leader)
        + geom_segment(aes(0, 0, xend="x", yend="y"), arrow=arrow(length=0.06))
        + geom_text(aes("x_word", "y_word", label="word"), input_only, size=8, show_legend=False)
        + facet_wrap("moment")
        + coord_fixed(xlim=(-1.4, 1.4), ylim=(-1.25, 1.25))
        + scale_colour_manual(["#1b4f86", "#b9893c"])
        + scale_linetype_manual(["solid", "dotted"])
        + labs(x="", y="")
        + theme(
            figure_size=(7, 4),
            legend_position="bottom",
            axis_text=element_blank(),
            panel_grid=element_blank(),
        )
    )


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _moved(a: Vector, force: float, b: Vector) -> Vector:
    return a[0] + force * b[0], a[1] + force * b[1]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
