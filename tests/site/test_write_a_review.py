"""Compare the network of *Write a review* with torch, follow its tokens, use its controls."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter

import polars as pl
import pytest
import torch

from figures.live.write_a_review import read_review
from nets import TextCNN
from tests.live import figure_of, packed_data
from tests.site.axe import WIDTHS, violations_in_both_themes
from tests.site.sites import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.book]

LIVE = figure_of("write-a-review")
READ = f"""texts => texts.map(text => {{
    const {{ logits, filters, tokens }} = explorables.running["{LIVE.id}"].read(text);
    return {{ logits: [...logits], filters, fates: tokens.map(token => token.fate) }};
}})"""
TOLERANCE = 1e-4  # of a logit; the page adds in a different order from torch


@pytest.fixture(scope="module")
def data(live_site) -> dict:
    """Return the data with which the page computes."""
    (file,) = LIVE.data(live_site.folder)
    return packed_data(file)


@pytest.fixture(scope="module")
def network(data) -> TextCNN:
    """Return the page's network in torch, unpacked: whole numbers times their row's scale."""
    weights = {name: unpack(value) for name, value in data.items() if "." in name}
    padding = torch.zeros(1, weights["embedding.weight"].shape[1])
    weights["embedding.weight"] = torch.cat([weights["embedding.weight"], padding])
    network = TextCNN(weights["embedding.weight"])
    network.load_state_dict(weights)
    return network.eval()


def unpack(value: dict) -> torch.Tensor:
    def numbers(name: str, kind: torch.dtype) -> torch.Tensor:
        return torch.frombuffer(bytearray(b64decode(value[name])), dtype=kind)

    if "float32" in value:
        return numbers("float32", torch.float32).reshape(value["shape"])
    whole, scales = numbers("int8", torch.int8), numbers("scale", torch.float32)
    rows = [scale * row for scale, row in zip(scales, whole.reshape(len(scales), -1), strict=True)]
    return torch.stack(rows).reshape(value["shape"])


@pytest.fixture(scope="module")
def reviews() -> list[str]:
    """Return the first 200 test reviews."""
    frame = pl.read_parquet(ROOT / "data/imdb5k_pca.parquet")
    return frame.filter(pl.col("index") == "test")["text"].head(200).to_list()


def rows_of(texts: list[str], words: list[str]) -> torch.Tensor:
    """Convert texts to indices in a plain loop."""
    index = {word: i for i, word in enumerate(words)}
    rows = []
    for text in texts:
        row = []
        for token in re.findall("[a-z]+", text.lower()):
            if token in index and len(row) < 200:
                row.append(index[token])
        rows.append(row + [len(words)] * (200 - len(row)))
    return torch.tensor(rows)


def test_logits_equal_those_of_torch_on_200_test_reviews(figure, data, network, reviews):
    readings = figure().page.evaluate(READ, reviews)
    with torch.no_grad():
        wanted = network(rows_of(reviews, data["words"]))
    logits = torch.tensor([one["logits"] for one in readings])
    assert (logits - wanted).abs().max() < TOLERANCE
    differ = logits.argmax(dim=1) != wanted.argmax(dim=1)
    assert int(differ.sum()) == 0
    assert 50 < int(wanted.argmax(dim=1).sum()) < 150, "both verdicts occur"


def test_a_filter_adds_what_torch_loses_without_it(figure, data, network, reviews):
    readings = figure().page.evaluate(READ, reviews[:10])
    for row, one in zip(rows_of(reviews[:10], data["words"]), readings, strict=True):
        for filter_ in one["filters"][:5]:
            assert filter_["adds"] == pytest.approx(
                added_by(network, row[None], filter_["filter"]), abs=2 * TOLERANCE
            )
        sizes = [abs(filter_["adds"]) for filter_ in one["filters"]]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) == 100


def added_by(network: TextCNN, row: torch.Tensor, filter_: int) -> float:
    """Return the log-odds of a network minus those of a copy without one filter."""
    blind = TextCNN(network.embedding.weight.detach())
    blind.load_state_dict(network.state_dict())
    with torch.no_grad():
        blind.conv.weight[filter_] = 0
        blind.conv.bias[filter_] = 0
        lost = network(row) - blind.eval()(row)
    return float(lost[0, 1] - lost[0, 0])


def test_tokens_are_read_dropped_or_cut_off_as_in_the_chapter(figure, data):
    live = figure()
    write(live, "Don't, DON'T zyzzyva: 10/10 caf\u00e9!")
    tokens = ["don", "t", "don", "t", "zyzzyva", "caf"]
    unknown = [word for word in tokens if word not in data["words"]]
    assert "zyzzyva" in unknown
    assert live.locator(".tokens :is(label, s)").all_inner_texts() == tokens
    assert live.locator(".tokens s").all_inner_texts() == unknown
    assert f"reads {6 - len(unknown)} of 6 tokens (unknown: {', '.join(unknown)})" in says(live)
    write(live, "good " * 210)
    assert live.locator(".tokens label").count() == 200
    assert live.locator(".tokens s").count() == 10
    assert "200 of 210 tokens (too late: the last 10)" in says(live)
    write(live, "10/10")
    assert says(live).startswith("Write a word")
    assert not button(live, "Delete").is_visible()


def test_the_live_figure_and_the_picture_show_the_same_numbers(figure, data, network):
    live = figure()
    text = live.get_by_role("textbox").input_value()
    with torch.no_grad():
        negative, positive = network(rows_of([text], data["words"]))[0]
    assert log_odds(live) == pytest.approx(float(positive - negative), abs=0.006)
    _, wanted = read_review(text, data["words"], network)
    shown = [row.split("\t") for row in live.locator("tbody tr").all_inner_texts()]
    for (name, adds, _), row in zip(shown, wanted.head(5).rows(named=True), strict=True):
        assert int(name) == row["filter"]
        assert float(adds.replace("−", "-")) == pytest.approx(row["adds"], abs=0.006)


def test_winning_windows_are_underlined(figure, data, network):
    live = figure()
    write(live, "it was not a great film but the end is a waste of time and the acting is awful")
    words = live.get_by_role("textbox").input_value().split()
    with torch.no_grad():
        embedded = network.embedding(rows_of([" ".join(words)], data["words"]))
        answers = network.conv(embedded.permute(0, 2, 1)).relu()[0]
    for row in live.locator("tbody tr").all():
        at = int(answers[int(row.locator("th").inner_text())].argmax())
        assert row.locator("u").all_inner_texts() == words[max(0, at - 1) : at + 2]


def write(live, text: str) -> None:
    live.get_by_role("textbox").fill(text)


def says(live) -> str:
    return live.locator(".says").inner_text()


def log_odds(live) -> float:
    return float(re.search(r"log-odds ([+−]?\d+\.\d+)", says(live))[1].replace("−", "-"))


def button(live, name: str):
    return live.get_by_role("button", name=re.compile(f"^{name}"))


def press(live, name: str, device: str) -> None:
    if device == "keyboard":
        button(live, name).focus()
        live.page.keyboard.press("Space")
    else:
        getattr(button(live, name), device)()


def choose(live, word: str, device: str) -> None:
    """Choose a token by pointer, by touch, or with the arrow keys."""
    token = live.get_by_role("radio", name=word, exact=True).first
    if device == "keyboard":
        live.locator(".tokens :checked").focus()
        for _ in range(live.get_by_role("radio").count()):
            if token.is_checked():
                return
            live.page.keyboard.press("ArrowRight")
        raise AssertionError(f"no arrow key leads to {word}")
    getattr(token, device)()


@pytest.mark.parametrize("device", ["click", "tap", "keyboard"])
def test_not_delete_shuffle_compare_and_reset(figure, device):
    live = figure(has_touch=device == "tap")
    text = live.get_by_role("textbox")
    first = text.input_value(), says(live)
    write(live, "The acting is awful.")
    choose(live, "awful", device)
    press(live, "Put .not. before", device)
    assert text.input_value() == "The acting is not awful."
    assert live.get_by_role("radio", name="awful").is_checked()
    press(live, "Take .not. away", device)
    assert text.input_value() == "The acting is awful."
    choose(live, "acting", device)
    press(live, "Delete", device)
    assert text.input_value() == "The is awful."
    press(live, "Compare", device)
    assert "before" not in says(live)
    before = log_odds(live)
    write(live, "one two three four five six seven eight nine ten")
    assert f"before {before:+.2f}".replace("-", "−") in says(live)
    words = text.input_value().split()
    press(live, "Shuffle", device)
    shuffled = text.input_value().split()
    assert shuffled != words and Counter(shuffled) == Counter(words)
    press(live, "Reset", device)
    assert (text.input_value(), says(live)) == first


def test_an_empty_text_has_no_verdict(figure):
    live = figure()
    write(live, "")
    assert says(live) == "Write a word: there is nothing to read yet."
    write(live, "great")
    assert log_odds(live) > 0


def test_an_excerpt_of_a_test_review_can_be_chosen(figure, reviews):
    live = figure()
    select = live.get_by_label("Take a review")
    names = select.locator("option").all_inner_texts()
    texts = []
    for name in names[1:]:
        select.select_option(label=name)
        texts.append(live.get_by_role("textbox").input_value())
    assert len(set(texts)) == len(texts) >= 4
    frame = pl.read_parquet(ROOT / "data/imdb5k_pca.parquet").filter(pl.col("index") == "test")
    for name, text in zip(names[1:], texts, strict=True):
        assert len(text) <= 120
        (label,) = frame.filter(pl.col("text").str.starts_with(text))["label"]
        assert name.startswith(label)


@WIDTHS
def test_axe_finds_no_violation_after_changes(figure, axe, width):
    live = figure(width=width)
    write(live, "A zyzzyva of a film: not good, not bad, and far too long. " * 3)
    press(live, "Put .not. before", "click")
    assert violations_in_both_themes(live.page, axe, f"#{LIVE.id}") == []
    assert live.page.evaluate("document.documentElement.scrollWidth") <= width
