"""Test the pictures of the live figures, and what they show, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from figures.live import kernel_to_verdict, write_a_review
from nets import TextCNN

WORDS = ["the", "story", "is", "slow", "but", "acting", "great", "it", "was"]
REVIEW = "But the STORY is slow, unknown words and all: the acting was great!"


@pytest.fixture
def begin():
    torch.manual_seed(14)
    return {
        "digits": torch.rand(20, 28, 28),
        "truths": [4] * 20,
        "reads": [9] * 20,
        "probabilities": torch.full((10,), 0.1),
        "map": torch.randn(28, 28),
        "row": 4,
        "column": 9,
    }


def test_the_map_is_drawn_as_far_as_the_window_has_come(begin):
    axes = {axes.get_title(): axes for axes in kernel_to_verdict.picture(begin).axes}
    map_ = axes["the feature map so far"]
    assert map_.images[0].get_array().count() == 4 * 28 + 9 + 1
    assert map_.patches[0].get_xy() == (8.5, 3.5)  # a frame around one value
    digit = next(axes[title] for title in axes if title.startswith("a test digit"))
    frame = digit.patches[0]
    assert (*frame.get_xy(), frame.get_width()) == (7.5, 2.5, 3)  # the padding moves it by one


def test_the_sum_is_that_of_window_times_kernel(begin):
    padded = np.pad(begin["digits"][0].numpy(), 1)
    total = sum(
        padded[4 + i, 9 + j] * kernel_to_verdict.LEFT_EDGE[i][j] for i in range(3) for j in range(3)
    )
    texts = [text.get_text() for text in kernel_to_verdict.picture(begin).axes[-1].texts]
    assert texts[-1] == f"{total:.2f}"


@pytest.fixture
def network():
    torch.manual_seed(14)
    vectors = torch.cat([torch.randn(len(WORDS), 6), torch.zeros(1, 6)])
    return TextCNN(vectors, num_filters=8).eval()


def test_the_picture_has_the_five_filters_that_add_most(network):
    _, filters = write_a_review.read_review(REVIEW, WORDS, network)
    bars = write_a_review.picture(REVIEW, WORDS, network).data
    adds = dict(filters.select("filter", "adds").iter_rows())
    assert [*bars["filter"]] == sorted(adds, key=lambda number: -abs(adds[number]))[:5]


def test_a_filter_adds_what_is_lost_without_it_and_names_its_window(network):
    stripped = [word.strip(",:!") for word in REVIEW.lower().split()]
    known = [word for word in stripped if word in WORDS]
    log_odds, filters = write_a_review.read_review(REVIEW, WORDS, network)
    assert filters["adds"].abs().is_sorted(descending=True)

    row = torch.tensor([[WORDS.index(word) for word in known] + [len(WORDS)] * (200 - len(known))])
    vectors = torch.nn.functional.pad(network.embedding(row)[0], (0, 0, 1, 1))
    with torch.no_grad():
        full = network(row)[0]
        assert log_odds == pytest.approx(float(full[1] - full[0]), abs=1e-5)
        for number, adds, window in filters.iter_rows():
            scores = [
                float((vectors[at : at + 3].T * network.conv.weight[number]).sum())
                for at in range(200)
            ]
            at = int(np.argmax(scores))
            assert window == (" ".join(known[max(0, at - 1) : at + 2]) or "padding")
            without = TextCNN(network.embedding.weight, num_filters=8)
            without.load_state_dict(network.state_dict())
            without.conv.weight[number], without.conv.bias[number] = 0, 0
            rest = without.eval()(row)[0]
            assert adds == pytest.approx(log_odds - float(rest[1] - rest[0]), abs=1e-5)
