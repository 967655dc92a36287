"""Compare *Skip-gram in the plane* with autograd and gensim, and use its controls."""

from __future__ import annotations

import re

import gensim.downloader
import numpy as np
import polars as pl
import pytest
import torch
from gensim.models import KeyedVectors

from figures.live.skip_gram import Plane
from nets import word2vec
from tests.live import figure_of
from tests.site.axe import WIDTHS, violations_in_both_themes
from tests.site.sites import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.book]

LIVE = figure_of("skip-gram")
RATE, SEED = 0.1, 14
STATE = f"""() => {{
    const {{ words, counts, pair, pairs, scores, vectors, steps }} =
        explorables.running["{LIVE.id}"].training();
    return {{ words, counts, pair, pairs, scores, vectors, steps }};
}}"""

# draws random words for the first pair 240 times, 4 and 5 in turn, one with "two"
DRAW = f"""slider => Array.from({{ length: 240 }}, (_, n) => {{
    slider.value = 4 + n % 2;
    slider.dispatchEvent(new Event("input", {{ bubbles: true }}));
    return explorables.running["{LIVE.id}"].training().scores.slice(1).map(score => score.word);
}}).flat()"""


def state(figure) -> dict:
    return figure.page.evaluate(STATE)


def press(figure, name: str, device: str = "click") -> None:
    """Press a button by pointer, by touch or by keyboard."""
    button = figure.get_by_role("button", name=name, exact=True)
    if device == "keyboard":
        button.focus()
        figure.page.keyboard.press("Space")
    else:
        getattr(button, device)()


def fact(figure, name: str) -> float:
    text = figure.locator("dl > div", has_text=name).locator("dd").inner_text()
    return float(text.replace("−", "-"))


def says(figure) -> str:
    return figure.locator(".says:visible").inner_text()


def sentences(figure):
    return figure.get_by_label("Sentences")


def test_the_initial_vectors_come_from_the_park_miller_generator(figure):
    current = state(figure(has_touch=False))
    number = 2 * 2 * len(current["words"])
    wanted = [
        SEED * pow(48271, n, 2**31 - 1) % (2**31 - 1) / (2**31 - 1) - 0.5
        for n in range(1, number + 1)
    ]
    vectors = np.array([current["vectors"]["v"], current["vectors"]["u"]])
    np.testing.assert_allclose(vectors.ravel(), wanted, rtol=0, atol=1e-15)


def test_a_step_follows_the_gradient_of_the_objective(figure):
    live = figure()
    for _ in range(25):
        before = state(live)
        v, u, objective = gradient_step(before)
        assert fact(live, "next pair") == pytest.approx(objective, abs=6e-4)
        press(live, "Step")
        after = state(live)["vectors"]
        np.testing.assert_allclose(after["v"], v, rtol=0, atol=1e-12)
        np.testing.assert_allclose(after["u"], u, rtol=0, atol=1e-12)


def gradient_step(current: dict):
    """Take a step by autograd; return the new vectors and the objective before it."""
    v, u = (
        torch.tensor(current["vectors"][k], dtype=torch.float64, requires_grad=True) for k in "vu"
    )
    centre = v[current["pair"]["centre"]]
    products = torch.stack([u[score["word"]] @ centre for score in current["scores"]])
    signs = torch.tensor([1.0] + [-1.0] * (len(products) - 1), dtype=torch.float64)
    objective = torch.nn.functional.logsigmoid(signs * products).sum()
    objective.backward()
    with torch.no_grad():
        return (v + RATE * v.grad).numpy(), (u + RATE * u.grad).numpy(), float(objective)


def test_the_pairs_equal_those_of_a_plain_loop(figure):
    live = figure()
    words = state(live)["words"]
    lines = [line.split() for line in sentences(live).input_value().splitlines()]
    wanted = []
    for line in lines:
        for i in range(len(line)):
            for j in range(len(line)):
                if i != j and abs(i - j) <= 2:
                    wanted.append((line[i], line[j]))
    pairs = [(words[p["centre"]], words[p["neighbour"]]) for p in state(live)["pairs"]]
    assert pairs == wanted


def test_random_words_are_drawn_by_their_counts_to_the_power_of_three_quarters(figure):
    live = figure()
    sentences(live).fill("one two three" + " many" * 16)
    slider = live.get_by_role("slider", name="Random words")
    drawn = slider.evaluate(DRAW)
    observed = np.bincount(drawn, minlength=4)
    expected = np.array([1, 0, 1, 8]) / 10 * len(drawn)  # one, two, three, many
    assert observed[1] == 0, "the neighbour itself is not drawn"
    squares = (observed - expected)[[0, 2, 3]] ** 2 / expected[[0, 2, 3]]
    assert squares.sum() < 18.4, "a chi-square that chance exceeds once in 10,000 times"


@pytest.mark.parametrize("passes", [0, 50])
def test_the_live_figure_and_the_picture_show_the_same_numbers(figure, passes):
    live = figure()
    plane = Plane(sentences(live).input_value().splitlines(), reach=2, number=2)
    plane.train(passes)
    if passes:
        press(live, "50 passes")
    current = state(live)
    for kind, vectors in (("v", plane.v), ("u", plane.u)):
        np.testing.assert_allclose(
            current["vectors"][kind],
            [vectors[word] for word in current["words"]],
            rtol=0,
            atol=1e-9,
        )
    assert fact(live, "average pair") == pytest.approx(plane.objective(), abs=6e-4)
    longest = max(np.hypot(*vector) for vector in plane.v.values())
    assert fact(live, "longest") == pytest.approx(longest, abs=6e-3)
    cells = live.locator(".cosines tbody td").all_inner_texts()
    cosines = [plane.cosine(a, b) if a != b else None for a in plane.v for b in plane.v]
    for text, cosine in zip(cells, cosines, strict=True):
        assert (
            (text == "") if cosine is None else abs(float(text.replace("−", "-")) - cosine) < 0.051
        )


def test_the_table_of_the_pair_adds_up(figure):
    live = figure()
    rows = live.locator(".numbers tbody tr").all()
    assert len(rows) == 3
    for row in rows:
        kind, product, sigma, wanted, force = (
            text.replace("−", "-") for text in row.locator("td").all_inner_texts()
        )
        assert float(sigma) == pytest.approx(1 / (1 + np.exp(-float(product))), abs=0.01)
        assert wanted == ("1" if kind == "neighbour" else "0")
        name, size = force.split()
        assert name == ("pull" if wanted == "1" else "push")
        assert float(size) == pytest.approx(abs(int(wanted) - float(sigma)), abs=0.011)


def test_without_random_words_the_products_grow_without_limit(figure):
    live = figure()
    slider = live.get_by_role("slider", name="Random words")
    slider.focus()
    for _ in range(2):
        live.page.keyboard.press("ArrowLeft")
    assert len(state(live)["scores"]) == 1
    lengths, objectives = [], []
    for _ in range(4):
        press(live, "50 passes")
        lengths.append(fact(live, "longest"))
        objectives.append(fact(live, "average pair"))
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]
    assert objectives == sorted(objectives) and -0.01 < objectives[-1] < 0


@pytest.mark.parametrize("device", ["click", "tap", "keyboard"])
def test_step_passes_play_and_reset(figure, device):
    live = figure(has_touch=device == "tap", reduced_motion="no-preference")
    first = state(live)
    press(live, "Step", device)
    current = state(live)
    assert current["steps"] == 1 and "Step 1," in says(live)
    names = [current["words"][current["pair"][role]] for role in ("centre", "neighbour")]
    assert says(live).endswith(f"Next: {' with '.join(names)}.")  # as the numbers beside it
    press(live, "50 passes", device)
    assert state(live)["steps"] == 1 + 50 * len(first["pairs"])
    press(live, "Play", device)
    live.page.wait_for_timeout(300)
    press(live, "Pause", device)
    stopped = state(live)["steps"]
    assert stopped > 1 + 50 * len(first["pairs"])
    live.page.wait_for_timeout(200)
    assert state(live)["steps"] == stopped and str(stopped) in says(live)
    press(live, re.compile("Reset"), device)
    assert state(live) == first


@pytest.mark.parametrize("device", ["click", "tap", "keyboard"])
def test_the_sliders_set_the_window_and_the_random_words(figure, device):
    live = figure(has_touch=device == "tap")
    move(live.get_by_role("slider", name="Window"), 3, device)
    move(live.get_by_role("slider", name="Random words"), 5, device)
    current = state(live)
    assert len(current["pairs"]) == 4 * 6 + 8 * 12 and len(current["scores"]) == 6


def move(slider, value: int, device: str) -> None:
    """Move a slider to its end."""
    if device == "keyboard":
        slider.focus()
        for _ in range(value):
            slider.page.keyboard.press("ArrowRight")
    else:
        box = slider.bounding_box()
        end = {"x": box["width"] - 2, "y": box["height"] / 2}
        getattr(slider, device)(position=end)


def test_play_moves_in_leaps_for_readers_who_prefer_reduced_motion(figure):
    live = figure(reduced_motion="reduce")
    count = """figure => {
        window.redrawn = 0;
        const seen = new MutationObserver(() => (window.redrawn += 1));
        seen.observe(figure.querySelector(".plane"), { childList: true });
    }"""
    live.evaluate(count)
    press(live, "Play")
    live.page.wait_for_timeout(1500)
    pairs = len(state(live)["pairs"])
    assert 1 <= live.page.evaluate("window.redrawn") <= 3
    assert state(live)["steps"] % pairs == 0 < state(live)["steps"]


def test_sentences_can_be_edited_and_unusable_ones_are_reported(figure):
    live = figure()
    sentences(live).fill("One two, THREE\n" + " ".join(f"{a}{a}" for a in "abcdefghijklmnopqrs"))
    assert len(state(live)["words"]) == 20
    assert "Left out, after 20 words: rr, ss." in says(live)
    sentences(live).fill("alone\n\n")
    assert "two words or more" in says(live)
    assert not live.locator(".plane").is_visible()
    assert live.get_by_role("button", name="Step", exact=True).is_disabled()
    sentences(live).fill("a a")
    press(live, "Step")
    assert state(live)["steps"] == 1 and len(state(live)["scores"]) == 1


@pytest.fixture(scope="module")
def collections() -> dict[str, KeyedVectors]:
    """Return our vectors and GloVe's for the 3,000 most frequent words, in full precision."""
    reviews = pl.read_parquet(ROOT / "data/imdb5k_pca.parquet")
    tokens = reviews["text"].str.to_lowercase().str.extract_all("[a-z]+").to_list()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gensim.downloader, "BASE_DIR", str(ROOT / "data/gensim-data"))
        glove = gensim.downloader.load("glove-wiki-gigaword-100")
    return {"our reviews": most_frequent(word2vec(tokens).wv), "GloVe": most_frequent(glove)}


def most_frequent(vectors: KeyedVectors) -> KeyedVectors:
    words = [word for word in vectors.index_to_key if re.fullmatch("[a-z]+", word)][:3000]
    few = KeyedVectors(vectors.vector_size)
    few.add_vectors(words, vectors[words])
    return few


@pytest.mark.parametrize("device", ["click", "tap", "keyboard"])
def test_the_neighbours_are_on_the_second_tab(figure, device):
    live = figure(has_touch=device == "tap")
    open_neighbours(live, device)
    assert len(neighbours(live, "our reviews")) == len(neighbours(live, "GloVe")) == 10


def test_neighbours_equal_those_of_gensim_except_for_ties(figure, collections):
    live = figure()
    open_neighbours(live, "click")
    words = np.random.default_rng(SEED).choice(collections["our reviews"].index_to_key, 40)
    for word in ["good", *words]:
        live.get_by_role("textbox", name="A word").fill(word)
        for name, vectors in collections.items():
            shown = neighbours(live, name)
            if word not in vectors:
                assert not shown and f"most frequent words of {name}" in says(live)
                continue
            exact = vectors.most_similar(word, topn=10)
            assert len(shown) == 10
            for neighbour, cosine in shown:
                assert vectors.similarity(word, neighbour) == pytest.approx(cosine, abs=0.01)
                assert cosine >= exact[-1][1] - 0.01, f"{neighbour} is no neighbour of {word}"


def open_neighbours(live, device: str) -> None:
    tab = live.get_by_role("radio", name="Neighbours of a word")
    if device == "keyboard":
        live.get_by_role("radio", name="In the plane").focus()
        live.page.keyboard.press("ArrowRight")
    else:
        getattr(tab, device)()
    assert tab.is_checked() and not live.locator(".plane").is_visible()


def neighbours(live, name: str) -> list[tuple[str, float]]:
    table = live.get_by_role("region", name=f"By {name}")
    rows = [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]
    return [(word, float(cosine.replace("−", "-"))) for word, cosine in rows]


def test_words_on_both_lists_are_marked_and_counted(figure):
    live = figure()
    open_neighbours(live, "click")
    live.get_by_role("textbox", name="A word").fill("actor")
    first, second = ({w for w, _ in neighbours(live, name)} for name in ("our reviews", "GloVe"))
    assert first & second
    marked = live.locator("tr.shared th").all_inner_texts()
    assert sorted(marked) == sorted([*(first & second)] * 2)
    assert f"{len(first & second)} of 10" in says(live)


@WIDTHS
def test_axe_finds_no_violation_on_either_tab(figure, axe, width):
    live = figure(width=width)
    press(live, "50 passes")
    violations = violations_in_both_themes(live.page, axe, f"#{LIVE.id}")
    open_neighbours(live, "click")
    violations += violations_in_both_themes(live.page, axe, f"#{LIVE.id}")
    assert not violations, "\n".join(violations)
    assert live.page.evaluate("document.documentElement.scrollWidth") <= width
