"""Compare every number of *From kernel to prediction* with torch, NumPy and SciPy.

These tests train the network as the chapter does. On 250 digits, rounding the weights changed no
logit by more than 0.08, and one argmax, where two logits were almost equal.
"""

from __future__ import annotations

import io
import re

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from matplotlib.text import Text
from PIL import Image
from scipy.ndimage import center_of_mass, shift

from figures.live import kernel_to_verdict
from funs import DSTorch, set_seed
from nets import SimpleCNN
from tests.live import figure_of, packed_data, unpacked
from tests.site.axe import WIDTHS, violations_in_both_themes
from tests.site.sites import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.book]

LIVE = figure_of("kernel-to-verdict")
TOLERANCE = 0.2  # between a logit of the rounded weights and one of the original weights
DIFFERENT = 3  # digits of 250 whose argmax may differ; their two best logits lie within 2·TOLERANCE
ROUNDED = 0.0051  # the page shows two decimals
SUM = re.compile(r"At row (\d+), column (\d+) of the map, .* up to (−?[\d.]+)\.")
STEP = re.compile(r"Step (\d+): the loss is ([\d.]+)\. .* at most ([\d.]+)\.")
LEARN_RATE, LEARN_STEPS = 0.05, 500  # as in the chapter
EQUAL = 1e-12  # between a learned weight and torch's in float64
# The same where some gradient is zero but for rounding errors (an edge, and no window cut by the
# border): Adam divides by its size. Torch's float32 and float64 differ by up to 0.05 there.
ALMOST_EQUAL = 1e-3
CELL = re.compile(r"Map (\d+), row (\d+), column (\d+): (−?[\d.]+)\. .* on (\d+) ×")
AFTER = [2, 3, 5, 6]  # number of SimpleCNN's layers before each of the four stacks of maps


@pytest.fixture(scope="module")
def digits():
    return DSTorch.load_image(pl.read_csv(ROOT / "data/mnist_1000.csv"), scale=True)


@pytest.fixture(scope="module")
def trained(digits):
    """Return SimpleCNN, trained as in the chapter."""
    set_seed()
    network = SimpleCNN()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    DSTorch.train(network, optimizer, digits.X_train, digits.y_train, num_epochs=20, batch_size=64)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def begin(trained, digits):
    return kernel_to_verdict.start(trained, digits.X_test, digits.y_test)


@pytest.fixture(scope="module")
def in_page(live_site):
    """Return SimpleCNN with the weights of the page's data file, unpacked by NumPy."""
    data = packed_data(LIVE.data(live_site.folder)[0])
    network = SimpleCNN()
    layers = [layer for layer in network.net if hasattr(layer, "weight")]
    for n, layer in enumerate(layers, 1):
        layer.weight.data = torch.tensor(unpacked(data[f"weights{n}"]))
        layer.bias.data = torch.tensor(unpacked(data[f"bias{n}"]))
    return network.eval().requires_grad_(False)


@pytest.fixture
def page(live_site, visit):
    page = visit(live_site.url + LIVE.page).page
    page.set_default_timeout(10_000)
    LIVE.start(page)
    return page


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def shown_sum(page) -> tuple[int, int, float]:
    """Return the window's row and column on the map, counted from 0, and its sum."""
    row, column, total = SUM.search(status(page, "One window")).groups()
    return int(row) - 1, int(column) - 1, number(total)


def status(page, title: str) -> str:
    return page.get_by_role("group", name=title).get_by_role("status").first.inner_text()


def probabilities(page) -> np.ndarray:
    texts = page.locator(".ktv-value").all_inner_texts()
    return np.array([float(re.match(r"[\d.]+", text)[0]) / 100 for text in texts])


def expected(network, pixels: torch.Tensor) -> np.ndarray:
    return network(pixels.reshape(1, 1, 28, 28)).softmax(dim=1)[0].numpy()


def agree(page, network, pixels: torch.Tensor) -> None:
    """Assert that the figure shows these pixels and the network's probabilities for them."""
    shown = page.evaluate(f"explorables.running['{LIVE.id}'].picture()")
    assert np.abs(np.array(shown) - pixels.flatten().numpy()).max() < 1e-6
    assert np.abs(probabilities(page) - expected(network, pixels)).max() < 0.00051


def moved(pixels: torch.Tensor, down: int, right: int) -> torch.Tensor:
    return torch.tensor(shift(pixels.numpy(), (down, right), order=0))


def choose(page, label: str, option: str | int) -> None:
    chosen = {"index": option} if isinstance(option, int) else {"label": option}
    page.locator(f"#{LIVE.id}").get_by_role("combobox", name=label, exact=True).select_option(
        **chosen
    )


def canvas(page, name: str):
    return page.locator(f"#{LIVE.id}").get_by_role("application", name=name)


# The network


def test_logits_equal_those_of_torch_on_250_test_digits(page, trained, in_page, digits):
    X = digits.X_test
    logits = page.evaluate(
        f"digits => digits.map(explorables.running['{LIVE.id}'].logits)", X.flatten(1).tolist()
    )
    logits = torch.tensor(logits)
    assert (
        logits - in_page(X)
    ).abs().max() < 1e-3  # same weights: only the order of the sums differs
    full = trained(X)
    assert (logits - full).abs().max() < TOLERANCE
    differ = logits.argmax(1) != full.argmax(1)
    best = full[differ].topk(2, dim=1).values
    assert len(X) == 250 and int(differ.sum()) <= DIFFERENT
    assert (best[:, 0] - best[:, 1] < 2 * TOLERANCE).all()


def test_weights_in_the_page_equal_those_trained_in_the_chapter(trained, in_page):
    for ours, full in zip(in_page.parameters(), trained.parameters(), strict=True):
        step = full.flatten(1).abs().amax(1) / 127 if full.ndim > 1 else torch.zeros(1)
        far = (ours - full).abs().reshape(len(full), -1)
        assert (far <= 0.501 * step[:, None] + 1e-7).all()


def test_receptive_fields_cover_the_pixels_with_a_gradient(page):
    convolution = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False)
    torch.nn.init.ones_(convolution.weight)
    pooling = torch.nn.AvgPool2d(2)  # every value has a gradient, as any may be the largest
    layers = [convolution, pooling, convolution, pooling]
    for layer, size in enumerate((3, 4, 8, 10)):
        picture = torch.zeros(1, 1, 28, 28, requires_grad=True)
        maps = torch.nn.Sequential(*layers[: layer + 1])(picture)
        for row, column in [(2, 3), (0, 0), (maps.shape[2] - 1, 1)]:
            gradient = torch.autograd.grad(maps[0, 0, row, column], picture, retain_graph=True)
            rows, columns = torch.nonzero(gradient[0][0, 0], as_tuple=True)
            field = page.evaluate(
                f"at => explorables.running['{LIVE.id}'].field(...at)", [layer, row, column]
            )
            assert field["size"] == size
            for start, seen in ((field["top"], rows), (field["left"], columns)):
                inside = range(max(0, start), min(28, start + size))
                assert (seen.min(), seen.max()) == (inside[0], inside[-1])


# The start


def test_the_picture_shows_the_initial_numbers_of_the_live_figure(page, live_site, begin):
    figure = kernel_to_verdict.picture(begin)
    written = {text.get_text() for text in figure.findobj(Text)}
    group = page.get_by_role("group", name="One window")
    window = group.locator(".ktv-nine:visible span:not(.ktv-total)").all_inner_texts()
    assert {*window, group.locator(".ktv-total").inner_text()} <= written
    values = page.locator(".ktv-value").all_inner_texts()
    shown = [text.replace("· truth", "· the truth") for text in values]
    assert {*shown} <= written
    assert shown_sum(page)[:2] == (begin["row"], begin["column"])
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    folder = live_site.folder / LIVE.page.replace(".html", "_files/figure-html")
    (file,) = folder.glob("kernel-to-verdict-output-*.png")
    again, built = (np.asarray(Image.open(each).convert("L")) for each in (drawn, file))
    assert again.shape == built.shape and (again != built).mean() < 0.001


def test_twenty_digits_ten_of_them_misread(page, in_page, begin, digits):
    select = page.locator(f"#{LIVE.id}").get_by_role("combobox", name="Digit", exact=True)
    named = [re.search(r"a (\d), read as (\d)", text) for text in select.inner_text().split("\n")]
    truths, reads = zip(*[map(int, match.groups()) for match in named if match], strict=True)
    assert len(truths) == 20 and sum(a != b for a, b in zip(truths, reads, strict=True)) == 10
    assert in_page(begin["digits"][:, None]).argmax(1).tolist() == list(reads)
    for at in (4, 15):
        choose(page, "Digit", at)
        agree(page, in_page, begin["digits"][at])
        assert f"reads {reads[at]}" in status(page, "The picture")


# One window, one sum


def map_of(pixels, kernel, **options) -> torch.Tensor:
    kernel = torch.as_tensor(kernel, dtype=torch.float32).reshape(1, 1, 3, 3)
    return F.conv2d(pixels.reshape(1, 1, 28, 28), kernel, **options)[0, 0]


def assert_sum(page, maps: torch.Tensor) -> None:
    row, column, total = shown_sum(page)
    assert total == pytest.approx(float(maps[row, column]), abs=ROUNDED)


def test_pointer_and_keyboard_move_the_window(page, begin):
    maps = map_of(begin["digits"][0], kernel_to_verdict.LEFT_EDGE, padding=1)
    view = canvas(page, "The picture")
    box = view.bounding_box()
    unit = box["width"] / 34
    view.click(position={"x": (3 + 14.5) * unit, "y": (3 + 9.5) * unit})
    assert shown_sum(page)[:2] == (9, 14)
    assert_sum(page, maps)
    view.focus()
    for key, position in [("ArrowDown", (10, 14)), ("ArrowRight", (10, 15)), ("Space", (10, 16))]:
        page.keyboard.press(key)
        assert shown_sum(page)[:2] == position
        assert_sum(page, maps)
    page.mouse.move(box["x"] + 10 * unit, box["y"] + 10 * unit)
    page.mouse.down()
    page.mouse.move(box["x"] + (3 + 20.5) * unit, box["y"] + (3 + 9.5) * unit, steps=4)
    page.mouse.up()
    assert shown_sum(page)[:2] == (9, 20)
    assert_sum(page, maps)


def test_touch_moves_the_window(live_site, visit, begin):
    page = visit(live_site.url + LIVE.page, width=360, has_touch=True).page
    LIVE.start(page)
    view = canvas(page, "The picture")
    unit = view.bounding_box()["width"] / 34
    view.tap(position={"x": (3 + 20.5) * unit, "y": (3 + 12.5) * unit})
    assert shown_sum(page)[:2] == (12, 20)
    assert_sum(page, map_of(begin["digits"][0], kernel_to_verdict.LEFT_EDGE, padding=1))


def test_edited_weights_are_used(page, begin):
    inputs = page.locator(".ktv-nine input")
    kernel = [0.5, -2, 3, 0, 1, 0, -1, 0.25, 7]
    for at, weight in enumerate(kernel):
        inputs.nth(at).fill(str(weight))
    canvas(page, "The feature map:").press("ArrowRight")
    inputs.nth(7).fill("0,25")
    assert_sum(page, map_of(begin["digits"][0], kernel, padding=1))
    inputs.first.fill("")  # not a number: counts as zero
    assert_sum(page, map_of(begin["digits"][0], [0, *kernel[1:]], padding=1))


@pytest.mark.parametrize("preset", ["right edge", "blur", "learned: filter"])
def test_presets_do_what_their_names_promise(page, begin, in_page, preset):
    first = in_page.net[0]
    at = int(first.bias.abs().argmax())  # so that a missing bias is noticed
    assert abs(float(first.bias[at])) > 0.1
    choose(page, "Kernel", f"{preset} {at + 1}" if "filter" in preset else preset)
    known = {
        "right edge": (-torch.tensor(kernel_to_verdict.LEFT_EDGE), None),
        "blur": (torch.ones(9) / 9, None),
        "learned: filter": (first.weight[at], first.bias[at : at + 1]),
    }
    kernel, bias = known[preset]
    assert_sum(page, map_of(begin["digits"][0], kernel, padding=1, bias=bias))


@pytest.mark.parametrize(("padding", "stride"), [(0, 1), (1, 2), (2, 3), (2, 1)])
def test_padding_and_stride_change_the_size_of_the_map_as_in_torch(page, begin, padding, stride):
    choose(page, "Padding", str(padding))
    choose(page, "Stride", str(stride))
    kernel = kernel_to_verdict.LEFT_EDGE
    maps = map_of(begin["digits"][0], kernel, padding=padding, stride=stride)
    size = f"{len(maps)} × {len(maps)}"
    assert size in page.locator(".ktv-formula").inner_text()
    before = shown_sum(page)
    page.get_by_role("button", name="Fill the map").click()
    assert shown_sum(page) == before
    shot = np.asarray(Image.open(io.BytesIO(as_png(page))).convert("L"), dtype=float)
    side = len(shot) / len(maps)
    centres = ((np.arange(len(maps) - 1) + 0.5) * side).astype(int)  # the last one has a frame
    seen = shot[np.ix_(centres, centres)]
    strength = maps[:-1, :-1].numpy() / maps.abs().max().item()
    dark, red = 35.7, 78.0  # the greys of ink and of the red for negative values
    grey = 255 - np.abs(strength) * (255 - np.where(strength < 0, red, dark))
    assert np.abs(seen - grey).max() < 8


def as_png(page) -> bytes:
    import base64

    url = canvas(page, "The feature map:").evaluate("canvas => canvas.toDataURL()")
    return base64.b64decode(url.split(",")[1])


@pytest.mark.parametrize("width", [1280, 360])
def test_every_number_of_the_sum_fits_its_cell(live_site, visit, width):
    page = visit(live_site.url + LIVE.page, width=width).page
    LIVE.start(page)
    for at in range(9):
        page.locator(".ktv-nine input").nth(at).fill("-10.25")
    canvas(page, "The feature map:").press("ArrowRight")
    cells = page.locator(".ktv-nine span:visible")
    sizes = cells.evaluate_all("cells => cells.map(c => [c.scrollWidth, c.clientWidth])")
    assert len(sizes) == 19 and all(needed <= available for needed, available in sizes)


# Learning the kernel


def learned_by_torch(
    pixels, target, dtype=torch.float64, **options
) -> tuple[list[torch.Tensor], list[float]]:
    """Return the nine weights after no step of Adam, one, two, and so on, and the losses."""
    x = pixels.reshape(1, 1, 28, 28).to(dtype)
    target = torch.as_tensor(target).to(dtype).reshape(1, 1, 3, 3)
    given_map = F.conv2d(x, target, **options)
    kernel = torch.zeros_like(target, requires_grad=True)
    optimizer = torch.optim.Adam([kernel], lr=LEARN_RATE)
    weights, losses = [], []
    for _ in range(LEARN_STEPS + 1):
        loss = (F.conv2d(x, kernel, **options) - given_map).square().mean()
        weights.append(kernel.detach().flatten().clone())
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weights, losses


def learn(page) -> None:
    page.get_by_role("button", name="Learn the kernel").click()


def learned(page) -> torch.Tensor:
    weights = page.evaluate(f"explorables.running['{LIVE.id}'].weights()")
    return torch.tensor(weights, dtype=torch.float64)


def shown_weights(page) -> np.ndarray:
    fields = page.locator(".ktv-nine input").all()
    return np.array([number(field.input_value()) for field in fields])


def shown_target(page) -> np.ndarray:
    cells = page.locator(".ktv-nine[aria-label=target] span").all_inner_texts()
    return np.array([number(cell) for cell in cells])


def report(page) -> str:
    return page.get_by_role("group", name="One window").get_by_role("status").last.inner_text()


@pytest.fixture
def moving(live_site, visit):
    """Open the figure for a reader who wants motion, with a clock that only the test moves."""

    def start(width: int = 1280):
        page = visit(live_site.url + LIVE.page, width=width, reduced_motion="no-preference").page
        page.set_default_timeout(10_000)
        LIVE.start(page)
        page.clock.install()
        page.clock.pause_at(page.evaluate("Date.now() + 1000"))
        return page

    return start


@pytest.mark.parametrize(
    ("digit", "target", "padding", "stride", "within"),
    [
        (0, "left edge", 0, 1, ALMOST_EQUAL),
        (0, "learned: filter 5", 2, 3, EQUAL),
        (13, "left edge", 1, 2, EQUAL),
        (13, "learned: filter 5", 0, 2, EQUAL),
        (19, "blur", 2, 1, EQUAL),
    ],
)
def test_each_stage_of_learning_has_the_weights_and_the_loss_of_torch(
    moving, begin, in_page, digit, target, padding, stride, within
):
    page = moving()
    names = {"Digit": digit, "Kernel": target, "Padding": str(padding), "Stride": str(stride)}
    for label, option in names.items():
        choose(page, label, option)
    known = {
        "left edge": torch.tensor(kernel_to_verdict.LEFT_EDGE).flatten(),
        "learned: filter 5": in_page.net[0].weight[4].flatten(),
        "blur": torch.ones(9, dtype=torch.float64) / 9,
    }
    options = {"padding": padding, "stride": stride}
    weights, losses = learned_by_torch(begin["digits"][digit], known[target], **options)
    learn(page)
    steps = []
    while not steps or steps[-1] < LEARN_STEPS:
        step, loss, most = STEP.match(report(page)).groups()
        steps.append(int(step))
        assert (learned(page) - weights[steps[-1]]).abs().max() < within
        assert np.abs(shown_weights(page) - weights[steps[-1]].numpy()).max() < ROUNDED
        assert float(loss) == pytest.approx(losses[steps[-1]], abs=0.000051)
        far = (weights[steps[-1]] - known[target]).abs().max()
        assert float(most) == pytest.approx(float(far), abs=ROUNDED)
        assert np.abs(shown_target(page) - known[target].numpy()).max() < ROUNDED
        assert_sum(page, map_of(begin["digits"][digit], weights[steps[-1]], **options))
        page.clock.run_for(500)
    assert steps[0] == 0 and len(steps) > 5 and steps == sorted({*steps})
    assert float(far) < 0.01  # the kernel is found


@pytest.mark.parametrize("press", ["pointer", "Enter", "Space"])
def test_pointer_and_keyboard_learn_at_once_where_motion_is_reduced(page, begin, press):
    button = page.get_by_role("button", name="Learn the kernel")
    choose(page, "Padding", "0")
    button.click() if press == "pointer" else button.press(press)
    assert STEP.match(report(page)).groups() == (str(LEARN_STEPS), "0.0000", "0.00")
    edge = kernel_to_verdict.LEFT_EDGE
    weights, _ = learned_by_torch(begin["digits"][0], edge, dtype=torch.float32)  # the chapter's
    assert (learned(page) - weights[-1]).abs().max() < 1e-4
    assert np.array_equal(shown_weights(page), np.ravel(edge))


def test_a_bias_is_left_out_of_what_is_learned(page, begin, in_page):
    first = in_page.net[0]
    at = int(first.bias.abs().argmax())
    choose(page, "Kernel", f"learned: filter {at + 1}")
    learn(page)
    assert_sum(page, map_of(begin["digits"][0], first.weight[at], padding=1))


@pytest.mark.parametrize("why", ["no ink", "no weights"])
def test_where_the_map_is_zero_the_figure_says_that_there_is_nothing_to_learn(page, why):
    if why == "no ink":
        page.get_by_role("button", name="Clear").click()
    else:
        for field in page.locator(".ktv-nine input").all():
            field.fill("0")
    before = learned(page)
    learn(page)
    assert "nothing to learn" in report(page)
    assert torch.equal(learned(page), before)
    assert page.locator(".ktv-nine[aria-label=target]").is_hidden()


def test_other_weights_with_the_same_map_are_called_so(page):
    """With a stride of three only four windows meet the only spot of ink: too few for nine."""
    choose(page, "Digit", "blank, to draw on")
    choose(page, "Stride", "3")
    canvas(page, "The picture").press("Space")
    learn(page)
    assert "almost the same map" in report(page)
    choose(page, "Digit", 0)
    learn(page)
    assert STEP.match(report(page)) and "almost the same map" not in report(page)


def test_weights_that_the_steps_do_not_reach_are_called_so(page):
    too_few = "more steps than this figure makes"
    page.locator(".ktv-nine input").first.fill("20")
    learn(page)
    assert STEP.match(report(page)) and too_few in report(page)
    choose(page, "Kernel", "blur")
    learn(page)
    assert STEP.match(report(page)) and too_few not in report(page)


def test_reset_ends_learning(moving):
    page = moving()
    learn(page)
    page.clock.run_for(1200)
    assert STEP.match(report(page))[1] == "2"
    page.locator(f"#{LIVE.id}").get_by_role("button", name="Reset").click()
    for _ in range(2):
        assert np.array_equal(shown_weights(page), np.ravel(kernel_to_verdict.LEFT_EDGE))
        assert report(page) == ""
        assert page.locator(".ktv-nine[aria-label=target]").is_hidden()
        page.clock.run_for(6000)


INTERRUPTIONS = {
    "digit": lambda page: choose(page, "Digit", 4),
    "stride": lambda page: choose(page, "Stride", "2"),
    "shift": lambda page: page.get_by_role("button", name="Shift the picture up").click(),
    "preset": lambda page: choose(page, "Kernel", "blur"),
    "edit": lambda page: page.locator(".ktv-nine input").first.fill("0.75"),
}


@pytest.mark.parametrize("change", INTERRUPTIONS)
def test_a_change_stops_learning_and_only_new_weights_replace_the_target(moving, change):
    page = moving()
    learn(page)
    page.clock.run_for(1200)
    INTERRUPTIONS[change](page)
    assert report(page) == "Stopped after step 2."
    stopped = learned(page)
    page.clock.run_for(6000)
    assert torch.equal(learned(page), stopped)
    learn(page)
    page.clock.run_for(6000)
    is_new = change in ("preset", "edit")
    expected_target = stopped if is_new else torch.tensor(kernel_to_verdict.LEFT_EDGE).flatten()
    assert (learned(page) - expected_target).abs().max() < 0.01
    assert STEP.match(report(page))[1] == str(LEARN_STEPS)


def test_learning_again_starts_from_zero_with_the_same_target(moving):
    page = moving()
    learn(page)
    page.clock.run_for(1200)
    learn(page)
    assert STEP.match(report(page))[1] == "0" and not shown_weights(page).any()
    page.clock.run_for(6000)
    first = learned(page)
    learn(page)
    page.clock.run_for(6000)
    assert torch.equal(learned(page), first)


def test_a_weight_with_the_focus_is_shown_while_it_is_learned(moving):
    page = moving()
    learn(page)
    page.locator(".ktv-nine input").first.focus()
    page.clock.run_for(6000)
    assert shown_weights(page)[0] == -1


def test_only_the_last_stage_is_announced(moving):
    page = moving()
    regions = page.get_by_role("group", name="One window").locator("[role=status]")
    live = "regions => regions.map(region => region.ariaLive)"
    learn(page)
    assert regions.evaluate_all(live) == ["off", "off"]
    page.clock.run_for(6000)
    assert regions.evaluate_all(live) == ["polite", "polite"]


@WIDTHS
def test_axe_finds_no_violation_while_the_kernel_is_learned(moving, axe, width):
    page = moving(width)
    learn(page)
    page.clock.run_for(1200)
    assert STEP.match(report(page)) and page.locator("[aria-label=target]").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.clock.resume()  # axe waits for timers
    assert violations_in_both_themes(page, axe, f"#{LIVE.id}") == []


# The picture


def test_shifting_by_a_pixel_shifts_what_the_network_sees(page, in_page, begin):
    choose(page, "Digit", 10)
    for direction in ("up", "up", "left"):
        page.get_by_role("button", name=f"Shift the picture {direction}").click()
    agree(page, in_page, moved(begin["digits"][10], -2, -1))
    for direction in ("down", "down", "right"):
        page.get_by_role("button", name=f"Shift the picture {direction}").click()
    agree(page, in_page, begin["digits"][10])


def test_centring_reverses_a_shift(page, in_page, begin):
    choose(page, "Digit", 10)
    before = probabilities(page)
    for _ in range(4):
        page.get_by_role("button", name="Shift the picture up").click()
    assert np.abs(probabilities(page) - before).max() > 0.01
    page.get_by_label("centre it as MNIST does").check()
    pixels = moved(begin["digits"][10], -4, 0)
    down, right = (round(14 - middle) for middle in center_of_mass(pixels.numpy()))
    agree(page, in_page, moved(pixels, down, right))


def test_a_stroke_of_the_pointer_or_the_keyboard_is_read(page):
    choose(page, "Digit", "blank, to draw on")
    blank = probabilities(page)
    view = canvas(page, "The picture")
    box = view.bounding_box()
    unit = box["width"] / 34
    page.mouse.move(box["x"] + 17 * unit, box["y"] + 9 * unit)
    page.mouse.down()
    page.mouse.move(box["x"] + 17 * unit, box["y"] + 26 * unit, steps=10)
    page.mouse.up()
    assert "reads 1" in status(page, "The picture")  # an upright stroke
    assert np.abs(probabilities(page) - blank).max() > 0.1
    choose(page, "Digit", 0)
    choose(page, "Digit", "blank, to draw on")
    view.focus()
    for _ in range(7):
        page.keyboard.press("ArrowUp")
    for _ in range(14):
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
    assert "reads 1" in status(page, "The picture")


def test_choosing_a_digit_ends_drawing_and_clear_empties_the_picture(page):
    pointer = page.locator(f"#{LIVE.id}").get_by_role("combobox", name="Pointer", exact=True)
    page.get_by_role("button", name="Clear").click()
    assert not any(page.evaluate(f"explorables.running['{LIVE.id}'].picture()"))
    assert pointer.input_value() == "1"
    choose(page, "Digit", 3)
    assert pointer.input_value() == "0"


# The maps


@pytest.mark.parametrize("layer", range(4))
def test_a_chosen_value_equals_that_of_torch(page, in_page, begin, layer):
    choose(page, "Maps", layer)
    choose(page, "Chosen map", 5)
    maps = in_page.net[: AFTER[layer]](begin["digits"][0][None, None])[0]
    stack = canvas(page, "The feature maps")
    stack.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
        at, row, column, value, _ = CELL.search(status(page, "The maps")).groups()
        expected_value = maps[int(at) - 1, int(row) - 1, int(column) - 1]
        assert number(value) == pytest.approx(float(expected_value), abs=ROUNDED)
    assert int(at) == 7
    box = stack.bounding_box()
    stack.click(position={"x": box["width"] / 16, "y": box["width"] / 16})
    at, row, column, value, size = CELL.search(status(page, "The maps")).groups()
    assert (int(at), int(size)) == (1, (3, 4, 8, 10)[layer])
    expected_value = maps[0, int(row) - 1, int(column) - 1]
    assert number(value) == pytest.approx(float(expected_value), abs=ROUNDED)
