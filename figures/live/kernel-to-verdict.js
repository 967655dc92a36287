// From kernel to prediction: one window's sum, the feature map that it fills, the maps of SimpleCNN,
// and its ten probabilities; and the kernel, learned from its map. The network's weights are those
// trained in the chapter.
"use strict";

explorables.define("kernel-to-verdict", (stage, data) => {
  const { make } = explorables;
  const { button, written: number } = controls;
  const SIDE = 28;
  const MARGIN = 3; // pixels around the picture, to show a window or field that extends over its edge
  const DOTS = 17; // canvas pixels per pixel of the picture
  const INK = "#23262b", RED = "#8c2f1b", CHOSEN = "#1b4f86", FRAME = "#b9b6ae", BORDER = "#f3f3f2"; // the light theme's
  const PALE = 0.5; // below this maximum, even the largest value is not shown in full colour
  const LAYERS = [
    { name: "after the first convolution", field: 3, step: 1, from: -1 },
    { name: "after the first pooling", field: 4, step: 2, from: -1 },
    { name: "after the second convolution", field: 8, step: 2, from: -3 },
    { name: "after the second pooling", field: 10, step: 4, from: -3 },
  ];
  const PRESETS = {
    "left edge": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
    "right edge": [1, 0, -1, 1, 0, -1, 1, 0, -1],
    blur: Array(9).fill(1 / 9),
  };
  const LEARNING_RATE = 0.05; // Adam's, as in the chapter
  const STAGES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]; // the steps of learning that are shown
  const PAUSE = 500; // milliseconds after each of them
  const NOTHING_TO_LEARN = "The map to learn is zero everywhere, like the map of the nine zeros from which learning starts: " +
    "the loss is zero, so there is nothing to learn. Draw something, or set other weights.";

  const state = {
    source: digit(0), truth: data.truths[0], // the picture before it is shifted or centred
    down: 0, right: 0, isCentred: false,
    weights: PRESETS["left edge"].slice(), bias: 0, padding: 1, stride: 1,
    target: null, // the weights being learned, or learned last
    row: data.row, column: data.column, // the window's position on the map
    filled: data.row * SIDE + data.column, // how far the map is filled
    draws: false, pen: [14, 14],
    layer: 0, map: 0, cell: [data.row, data.column],
  };
  let run = null; // the current run of learning the kernel, if any

  // ---- computation ----

  function digit(at) {
    const pixels = data.digits.values.subarray(at * SIDE * SIDE, (at + 1) * SIDE * SIDE);
    return Float32Array.from(pixels, (value) => value / 255);
  }

  function shifted(pixels, down, right) {
    const moved = new Float32Array(SIDE * SIDE);
    for (let i = 0; i < SIDE; i++)
      for (let j = 0; j < SIDE; j++) {
        const [row, column] = [i - down, j - right];
        const isInside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
        if (isInside) moved[i * SIDE + j] = pixels[row * SIDE + column];
      }
    return moved;
  }

  // Centres the ink's centre of mass, to the nearest pixel, as MNIST's authors did.
  function centred(pixels) {
    let [mass, rows, columns] = [0, 0, 0];
    pixels.forEach((ink, at) => {
      mass += ink;
      rows += ink * Math.floor(at / SIDE);
      columns += ink * (at % SIDE);
    });
    if (!mass) return pixels;
    return shifted(pixels, Math.round(SIDE / 2 - rows / mass), Math.round(SIDE / 2 - columns / mass));
  }

  function network(pixels) {
    const { filters1, bias1, filters2, bias2, weights3, bias3, weights4, bias4 } = layers;
    const first = relu(convolution(picture(pixels), filters1, bias1, 1));
    const pooled = maxPooling(first);
    const second = relu(convolution(pooled, filters2, bias2, 1));
    const last = maxPooling(second);
    const hidden = relu(dense(last, weights3, bias3));
    return { maps: [first, pooled, second, last], logits: dense(hidden, weights4, bias4).values };
  }

  const layers = {
    filters1: data.weights1, bias1: data.bias1.values, filters2: data.weights2, bias2: data.bias2.values,
    weights3: data.weights3, bias3: data.bias3.values, weights4: data.weights4, bias4: data.bias4.values,
  };
  const picture = (pixels) => ({ shape: [1, SIDE, SIDE], values: pixels });
  const kernel = () => ({ shape: [1, 1, 3, 3], values: state.weights });

  function compute() {
    const moved = shifted(state.source, state.down, state.right);
    state.pixels = state.isCentred ? centred(moved) : moved;
    state.own = convolution(picture(state.pixels), kernel(), [state.bias], state.padding, state.stride);
    Object.assign(state, network(state.pixels));
    state.probabilities = softmax(state.logits);
    const [, rows, columns] = state.own.shape;
    state.row = Math.min(state.row, rows - 1);
    state.column = Math.min(state.column, columns - 1);
  }

  // The nine pixels below the window at a position on the map; pixels outside the picture are zero.
  function windowPixels(mapRow, mapColumn) {
    const top = mapRow * state.stride - state.padding;
    const left = mapColumn * state.stride - state.padding;
    return Array.from({ length: 9 }, (_, n) => {
      const [row, column] = [top + Math.floor(n / 3), left + (n % 3)];
      const isInside = row >= 0 && row < SIDE && column >= 0 && column < SIDE;
      return isInside ? state.pixels[row * SIDE + column] : 0;
    });
  }

  function allWindows() {
    const [, rows, columns] = state.own.shape;
    return Array.from({ length: rows * columns }, (_, at) => windowPixels(Math.floor(at / columns), at % columns));
  }

  // Returns the mean squared difference between the weights' map and the goal, also a map, with its gradient.
  function lossAndGradient(weights, windows, goal) {
    let loss = 0;
    const gradient = Array(9).fill(0);
    windows.forEach((pixels, at) => {
      let difference = -goal[at];
      for (let n = 0; n < 9; n++) difference += weights[n] * pixels[n];
      loss += difference ** 2 / windows.length;
      for (let n = 0; n < 9; n++) gradient[n] += (2 * difference * pixels[n]) / windows.length;
    });
    return { loss, gradient };
  }

  // One step of Adam. `means` and `squares` are running means of the gradient and of its square; as
  // they start at zero, they are too small at first, which the divisions by 1 − 0.9^step and
  // 1 − 0.999^step correct.
  function adam(weights, gradient, { means, squares }, step) {
    gradient.forEach((slope, n) => {
      means[n] = 0.9 * means[n] + 0.1 * slope;
      squares[n] = 0.999 * squares[n] + 0.001 * slope ** 2;
      const size = Math.sqrt(squares[n] / (1 - 0.999 ** step)) + 1e-8;
      weights[n] -= (LEARNING_RATE * means[n]) / (1 - 0.9 ** step) / size;
    });
  }

  // The patch of the picture that one value of a layer's maps depends on.
  function field(layer, row, column) {
    const { field: size, step, from } = LAYERS[layer];
    return { top: from + row * step, left: from + column * step, size };
  }

  // ---- display ----

  // Parses a typed weight; decimal commas and true minus signs are accepted.
  const typed = (text) => {
    const value = Number(text.replace("−", "-").replace(",", "."));
    return Number.isFinite(value) ? value : 0;
  };
  const percent = (p) => `${number(100 * p, 1)}%`;

  function canvas(label, side = (SIDE + 2 * MARGIN) * DOTS) {
    const element = make("canvas", { width: side, height: side, tabIndex: 0, ariaLabel: label });
    element.setAttribute("role", "application");
    return element;
  }

  function labelled(text, control) {
    return make("label", {}, make("span", {}, text), control);
  }

  function choice(options, chosen = 0) {
    const select = make("select", {}, ...options.map((text, value) => make("option", { value }, text)));
    select.value = chosen;
    return select;
  }

  function panel(title, hint, left, ...right) {
    const heading = make("p", { className: "ktv-title" }, title, make("span", {}, ...hint));
    const box = make("div", { className: "ktv-panel" }, heading);
    box.append(make("div", { className: "ktv-left" }, ...left), make("div", { className: "ktv-right" }, ...right));
    box.setAttribute("role", "group");
    box.ariaLabel = title;
    stage.append(box);
    return box;
  }

  const row = (...children) => make("div", { className: "ktv-row" }, ...children);
  const said = () => make("p", { role: "status", className: "ktv-said" });

  // the picture and the prediction
  const view = canvas("The picture: arrow keys move the window, or the pen when you draw; Space takes the next step, or inks");
  const digits = choice([...data.truths.map((truth, at) => {
    const reads = data.reads[at];
    return `${at + 1}. a ${truth}, read as ${reads}`;
  }), "blank, to draw on"]);
  const pointer = choice(["moves the window", "draws"]);
  const centring = make("input", { type: "checkbox" });
  const shifts = [["←", "left", 0, -1], ["↑", "up", -1, 0], ["↓", "down", 1, 0], ["→", "right", 0, 1]]
    .map(([arrow, way, down, right]) => {
      const arrowButton = button(arrow, () => shift(down, right));
      arrowButton.ariaLabel = `Shift the picture ${way} by a pixel`;
      return arrowButton;
    });
  const pad = make("div", { className: "ktv-pad" }, make("span", {}, "Shift the picture"), make("div", {}, ...shifts));
  const bars = make("ul", { className: "ktv-bars" }, ...Array.from({ length: 10 }, (_, k) =>
    make("li", {}, make("span", { className: "ktv-class" }, String(k)), make("span", { className: "ktv-bar" },
      make("i")), make("span", { className: "ktv-value" }))));
  const prediction = said();
  panel("The picture and the prediction", ["pointer, arrow keys and Space move the window, or draw"],
    [view, row(labelled("Pointer", pointer), pad)],
    row(labelled("Digit", digits), button("Clear", clearPicture), make("label", { className: "ktv-check" }, centring, "centre it as MNIST does")),
    bars, prediction);

  // one window, one sum
  const plane = canvas("The feature map: arrow keys move the window; Space takes the next step", 2 * 288);
  const windowGrid = numbers("window");
  const weightGrid = grid("kernel", ...Array.from({ length: 9 }, (_, n) => {
    const input = make("input", { type: "text", ariaLabel: `Weight, row ${Math.floor(n / 3) + 1}, column ${n % 3 + 1}` });
    input.addEventListener("input", () => {
      state.weights[n] = typed(input.value);
      state.target = null;
      presets.value = presets.options.length - 1;
      update();
    });
    return input;
  }));
  const productGrid = numbers("products");
  const biasGrid = grid("bias", make("span"));
  const total = make("span", { className: "ktv-total" });
  const presets = choice([...Object.keys(PRESETS), ...Array.from({ length: 16 }, (_, n) => `learned: filter ${n + 1}`), "your own"]);
  const paddings = choice(["0", "1", "2"], 1);
  const strides = choice(["1", "2", "3"]);
  const formula = make("p", { className: "ktv-formula" });
  const sum = said();
  const learning = said();
  const targetGrid = numbers("target");
  const biasTerm = term("+", biasGrid);
  const swatch = (name) => make("i", { className: `ktv-swatch ${name}` });
  panel("One window, one sum", [swatch("positive"), "positive ", swatch("negative"), "negative"], [plane],
    row(labelled("Kernel", presets), labelled("Padding", paddings), labelled("Stride", strides),
      button("Fill the map", fillMap), button("Learn the kernel", learn)),
    formula, sum, learning,
  ).append(make("div", { className: "ktv-sum" },
    windowGrid, term("×", weightGrid), term("=", productGrid), biasTerm, term("", grid("sum", total)), targetGrid));

  // the network's own maps
  const patch = make("canvas", { width: view.width, height: view.width, ariaLabel: "The picture, with the field of the chosen cell outlined" });
  patch.setAttribute("role", "img");
  const maps = canvas("The feature maps: arrow keys move the chosen cell; Space goes to the next map");
  const layerChoice = choice(LAYERS.map(({ name }) => name));
  const mapChoice = choice([]);
  const cellSays = said();
  panel("The maps of the trained network", ["pointer and arrow keys choose a value, Space the next map"], [patch],
    row(labelled("Maps", layerChoice), labelled("Chosen map", mapChoice)), maps, cellSays);

  function grid(name, ...cells) {
    const box = make("div", { className: "ktv-nine" }, make("p", {}, name), make("div", {}, ...cells));
    box.setAttribute("role", "group");
    box.ariaLabel = name;
    return box;
  }

  function numbers(name) {
    return grid(name, ...Array.from({ length: 9 }, () => make("span")));
  }

  // Keeps a sign and its number on one line.
  function term(sign, box) {
    return make("div", { className: "ktv-term" }, make("span", { className: "ktv-sign" }, sign), box);
  }

  // ---- drawing ----

  function paintPicture(context) {
    blank(context, BORDER);
    context.fillStyle = "#fff";
    context.fillRect(MARGIN * DOTS, MARGIN * DOTS, SIDE * DOTS, SIDE * DOTS);
    context.fillStyle = INK;
    state.pixels.forEach((ink, at) => {
      if (!ink) return;
      context.globalAlpha = ink;
      context.fillRect((MARGIN + at % SIDE) * DOTS, (MARGIN + Math.floor(at / SIDE)) * DOTS, DOTS, DOTS);
    });
    context.globalAlpha = 1;
  }

  function blank(context, colour = "#fff") {
    context.fillStyle = colour;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  }

  // A frame around pixels of the picture.
  function frame(context, top, left, size, colour = CHOSEN, width = 5) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect((MARGIN + left) * DOTS, (MARGIN + top) * DOTS, size * DOTS, size * DOTS);
  }

  function paintView() {
    const context = view.getContext("2d");
    paintPicture(context);
    frame(context, state.row * state.stride - state.padding, state.column * state.stride - state.padding, 3);
    if (state.draws) frame(context, ...state.pen, 1, INK, 3);
  }

  const largestOf = (values) => values.reduce((most, x) => Math.max(most, Math.abs(x)), PALE);

  // Ink for positive and red for negative values, the largest in full colour.
  function shade(context, value, largest) {
    context.fillStyle = value < 0 ? RED : INK;
    context.globalAlpha = Math.abs(value) / largest;
  }

  function paintPlane() {
    const context = plane.getContext("2d");
    const [, rows, columns] = state.own.shape;
    const side = plane.width / Math.max(rows, columns);
    const largest = largestOf(state.own.values);
    const edge = (index) => Math.round(index * side); // whole pixels: no hairlines between cells
    blank(context, BORDER);
    for (let at = 0; at <= state.filled && at < rows * columns; at++) {
      const [i, j] = [Math.floor(at / columns), at % columns];
      const cell = [edge(j), edge(i), edge(j + 1) - edge(j), edge(i + 1) - edge(i)];
      context.fillStyle = "#fff";
      context.globalAlpha = 1;
      context.fillRect(...cell);
      shade(context, state.own.values[at], largest);
      context.fillRect(...cell);
    }
    context.globalAlpha = 1;
    context.strokeStyle = CHOSEN;
    context.lineWidth = 4;
    context.strokeRect(state.column * side, state.row * side, side, side);
  }

  const GAP = 16; // canvas pixels between two maps; a map is 112 wide
  const MAP = 112;
  const across = () => (maps.parentElement.clientWidth < 400 ? 4 : 8);

  function paintMaps() {
    const context = maps.getContext("2d");
    const { shape: [count, side], values } = state.maps[state.layer];
    const columns = across();
    maps.width = columns * (MAP + GAP) - GAP + 4;
    maps.height = Math.ceil(count / columns) * (MAP + GAP) - GAP + 4;
    const largest = largestOf(values);
    const dots = MAP / side;
    const corner = (k) => [2 + (k % columns) * (MAP + GAP), 2 + Math.floor(k / columns) * (MAP + GAP)];
    blank(context);
    values.forEach((value, at) => {
      const [left, top] = corner(Math.floor(at / side ** 2));
      shade(context, value, largest);
      context.fillRect(left + (at % side) * dots, top + (Math.floor(at / side) % side) * dots, dots, dots);
    });
    context.globalAlpha = 1;
    for (let k = 0; k < count; k++) outline(context, corner(k), MAP, k === state.map ? CHOSEN : FRAME, k === state.map ? 3 : 1);
    const [left, top] = corner(state.map);
    outline(context, [left + state.cell[1] * dots, top + state.cell[0] * dots], dots, CHOSEN, 3);
  }

  function outline(context, [left, top], side, colour, width) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(left, top, side, side);
  }

  function paintField() {
    const context = patch.getContext("2d");
    const { top, left, size } = field(state.layer, ...state.cell);
    paintPicture(context);
    frame(context, top, left, size);
  }

  // ---- text ----

  // A live region speaks whenever its text is set, so set it only when it changes.
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function showVerdict() {
    const best = state.probabilities.indexOf(Math.max(...state.probabilities));
    [...bars.children].forEach((item, k) => {
      const p = state.probabilities[k];
      item.className = [k === best && "best", k === state.truth && "truth"].filter(Boolean).join(" ");
      item.querySelector("i").style.width = `${100 * p}%`;
      item.querySelector(".ktv-value").textContent = percent(p) + (k === state.truth ? " · truth" : "");
    });
    const reads = `The network reads ${best}, with ${percent(state.probabilities[best])}`;
    const against = state.truth === null ? "" : state.truth === best ? ", and is right" : `; it is a ${state.truth}`;
    say(prediction, `${reads}${against}.`);
  }

  function showSum() {
    const pixels = windowPixels(state.row, state.column);
    const products = pixels.map((pixel, n) => pixel * state.weights[n]);
    const value = products.reduce((all, x) => all + x, state.bias);
    const set = (box, values) => [...box.querySelectorAll("span")].forEach((cell, n) => (cell.textContent = number(values[n])));
    set(windowGrid, pixels);
    set(productGrid, products);
    [...weightGrid.querySelectorAll("input")].forEach((input, n) => {
      if (run || input !== document.activeElement) input.value = number(state.weights[n]);
    });
    biasTerm.hidden = !state.bias;
    set(biasGrid, [state.bias]);
    targetGrid.hidden = !state.target;
    if (state.target) set(targetGrid, state.target);
    total.textContent = number(value);
    total.classList.toggle("negative", value < 0);
    const bias = state.bias ? ` and the bias ${number(state.bias)}` : "";
    say(sum, `At row ${state.row + 1}, column ${state.column + 1} of the map, the products${bias} add up to ${number(value)}.`);
    const size = state.own.shape[1];
    formula.textContent = `⌊(28 + 2 · ${state.padding} − 3) / ${state.stride}⌋ + 1 = ${size}: the map has ${size} × ${size} values.`;
  }

  function showLearning() {
    const { loss } = lossAndGradient(state.weights, run.windows, run.goal);
    const most = Math.max(...state.weights.map((weight, n) => Math.abs(weight - state.target[n])));
    let remark = "";
    if (most > 0.01 && loss < 0.00005) remark = " These weights give almost the same map as the target.";
    else if (most > 0.01 && run.step === STAGES.at(-1)) remark = " Coming closer would take more steps than this figure makes.";
    say(learning, `Step ${run.step}: the loss is ${number(loss, 4)}. The weights differ from the target by at most ${number(most)}.${remark}`);
  }

  function showCell() {
    const { shape: [, side], values } = state.maps[state.layer];
    const { top, left, size } = field(state.layer, ...state.cell);
    const value = values[(state.map * side + state.cell[0]) * side + state.cell[1]];
    const [from, to] = [`row ${top + 1}, column ${left + 1}`, `row ${top + size}, column ${left + size}`];
    say(cellSays, `Map ${state.map + 1}, row ${state.cell[0] + 1}, column ${state.cell[1] + 1}: ${number(value)}. It depends on ${size} × ${size} pixels, from ${from} to ${to}.`);
  }

  function showMaps() {
    paintMaps();
    paintField();
    showCell();
  }

  function showWindow() {
    paintView();
    paintPlane();
    showSum();
  }

  function update() {
    stopLearning();
    compute();
    showWindow();
    showVerdict();
    showMaps();
  }

  // ---- interaction ----

  const within = (value, count) => Math.max(0, Math.min(count - 1, value));

  function moveWindow(row, column) {
    const [, rows, columns] = state.own.shape;
    [state.row, state.column] = [within(row, rows), within(column, columns)];
    state.filled = Math.max(state.filled, state.row * columns + state.column);
    announce(true);
    showWindow();
  }

  function step() {
    const [, rows, columns] = state.own.shape;
    const next = (state.row * columns + state.column + 1) % (rows * columns);
    moveWindow(Math.floor(next / columns), next % columns);
  }

  function shift(down, right) {
    state.down += down;
    state.right += right;
    update();
  }

  function choose(at) {
    const isBlank = at >= data.truths.length;
    state.source = isBlank ? new Float32Array(SIDE * SIDE) : digit(at);
    state.truth = isBlank ? null : data.truths[at];
    [state.down, state.right] = [0, 0];
    usePen(isBlank);
    update();
  }

  function clearPicture() {
    digits.value = data.truths.length;
    choose(data.truths.length);
  }

  function usePen(draws) {
    state.draws = draws;
    pointer.value = draws ? 1 : 0;
    view.classList.toggle("draws", draws);
  }

  // A soft pen, about as thick as MNIST's, that draws on the picture as displayed.
  function ink(row, column) {
    if (state.down || state.right || state.isCentred) {
      state.source = state.pixels.slice();
      [state.down, state.right, state.isCentred, centring.checked] = [0, 0, false, false];
    }
    for (let i = 0; i < SIDE; i++)
      for (let j = 0; j < SIDE; j++) {
        const amount = 1.9 - Math.hypot(i + 0.5 - row, j + 0.5 - column);
        const at = i * SIDE + j;
        if (amount > 0) state.source[at] = Math.max(state.source[at], Math.min(1, amount));
      }
    state.truth = null;
  }

  function inkLine([fromRow, fromColumn], [row, column]) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(row - fromRow, column - fromColumn)));
    for (let n = 0; n <= steps; n++) {
      ink(fromRow + ((row - fromRow) * n) / steps, fromColumn + ((column - fromColumn) * n) / steps);
    }
    update();
  }

  // The position of a pointer on a canvas, in units of which `count` fill its width.
  function place(event, element, count) {
    const box = element.getBoundingClientRect();
    const unit = box.width / count;
    return [(event.clientY - box.top) / unit, (event.clientX - box.left) / unit];
  }

  function follow(element, act) {
    let before = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      element.setPointerCapture(event.pointerId);
      before = act(event, null);
    });
    element.addEventListener("pointermove", (event) => {
      if (before) before = act(event, before);
    });
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => (before = null));
  }

  function onArrows(element, move, space) {
    const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -SIDE], End: [0, SIDE] };
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (ways[event.key]) move(...ways[event.key]);
      else if (event.key === " ") space();
      else return;
      event.preventDefault();
    });
  }

  follow(view, (event, before) => {
    const [y, x] = place(event, view, SIDE + 2 * MARGIN).map((value) => value - MARGIN);
    if (state.draws) {
      state.pen = [within(Math.floor(y), SIDE), within(Math.floor(x), SIDE)];
      inkLine(before || [y, x], [y, x]);
    } else {
      const [row, column] = [y, x].map((value) => Math.round((value - 1.5 + state.padding) / state.stride));
      moveWindow(row, column);
    }
    return [y, x];
  });
  onArrows(view, (down, right) => {
    if (state.draws) {
      state.pen = [within(state.pen[0] + down, SIDE), within(state.pen[1] + right, SIDE)];
      paintView();
    } else moveWindow(state.row + down, state.column + right);
  }, () => (state.draws ? inkLine(...Array(2).fill(state.pen.map((value) => value + 0.5))) : step()));

  follow(plane, (event) => {
    const found = place(event, plane, Math.max(...state.own.shape)).map(Math.floor);
    moveWindow(...found);
    return found;
  });
  onArrows(plane, (down, right) => moveWindow(state.row + down, state.column + right), step);

  follow(maps, (event) => {
    const [y, x] = place(event, maps, maps.width);
    const { shape: [count, side] } = state.maps[state.layer];
    const at = (value) => [Math.floor((value - 2) / (MAP + GAP)), Math.floor((((value - 2) % (MAP + GAP)) / MAP) * side)];
    const [[mapRow, cellRow], [mapColumn, cellColumn]] = [at(y), at(x)];
    state.map = within(mapRow * across() + mapColumn, count);
    state.cell = [within(cellRow, side), within(cellColumn, side)];
    mapChoice.value = state.map;
    showMaps();
    return [y, x];
  });
  onArrows(maps, (down, right) => {
    const side = state.maps[state.layer].shape[1];
    state.cell = [within(state.cell[0] + down, side), within(state.cell[1] + right, side)];
    showMaps();
  }, () => {
    state.map = (state.map + 1) % state.maps[state.layer].shape[0];
    mapChoice.value = state.map;
    showMaps();
  });

  function chooseLayer(layer) {
    const sideBefore = state.maps[state.layer].shape[1];
    const [count, side] = state.maps[layer].shape;
    state.cell = state.cell.map((value) => within(Math.floor((value * side) / sideBefore), side));
    state.map = within(state.map, count);
    state.layer = layer;
    mapChoice.replaceChildren(...Array.from({ length: count }, (_, k) => make("option", { value: k }, `${k + 1} of ${count}`)));
    mapChoice.value = state.map;
    showMaps();
  }

  function choosePreset(at) {
    const names = Object.keys(PRESETS);
    const learned = at - names.length;
    if (learned >= 16) return; // keep the reader's own weights
    state.target = null;
    state.weights = learned < 0 ? PRESETS[names[at]].slice() : [...data.weights1.values.subarray(9 * learned, 9 * learned + 9)];
    state.bias = learned < 0 ? 0 : data.bias1.values[learned];
    update();
  }

  // Moves the window over the picture row by row and back to its start; at once if the reader
  // prefers reduced motion.
  function fillMap() {
    const [, rows, columns] = state.own.shape;
    const all = rows * columns - 1;
    const before = [state.row, state.column];
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let at = isStill ? all : 0;
    function next() {
      state.filled = at;
      [state.row, state.column] = at === all ? before : [Math.floor(at / columns), at % columns];
      showWindow();
      if (at === all || !plane.isConnected || state.own.shape[1] !== rows) return;
      at = Math.min(all, at + Math.ceil(all / 120)); // two seconds
      requestAnimationFrame(next);
    }
    next();
  }

  // Learns the weights again from zero, given the picture and the map that they make of it.
  function learn() {
    stopLearning();
    const target = state.target ?? state.weights;
    const windows = allWindows();
    // their map, but not rounded to float32: where a gradient is zero, Adam would follow the rounding errors
    const goal = windows.map((pixels) => pixels.reduce((sum, pixel, n) => sum + pixel * target[n], 0));
    if (!goal.some(Boolean)) return say(learning, NOTHING_TO_LEARN);
    Object.assign(state, { target, weights: Array(9).fill(0), bias: 0, filled: goal.length - 1 });
    presets.value = presets.options.length - 1;
    run = { windows, goal, step: 0, means: Array(9).fill(0), squares: Array(9).fill(0) };
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    showStages(isStill ? STAGES.slice(-1) : STAGES);
  }

  // Learns up to the first of these steps and shows the result, then the next; announces only the last.
  function showStages([last, ...later]) {
    if (!plane.isConnected) return; // the reader has pressed Reset
    for (; run.step < last; run.step++) {
      const { gradient } = lossAndGradient(state.weights, run.windows, run.goal);
      adam(state.weights, gradient, run, run.step + 1);
    }
    announce(later.length === 0);
    compute();
    showWindow();
    showLearning();
    if (later.length > 0) run.timer = setTimeout(showStages, PAUSE, later);
    else run = null;
  }

  function stopLearning() {
    announce(true);
    say(learning, run ? `Stopped after step ${run.step}.` : "");
    clearTimeout(run?.timer);
    run = null;
  }

  function announce(isOn) {
    for (const region of [sum, learning]) region.ariaLive = isOn ? "polite" : "off";
  }

  digits.addEventListener("change", () => choose(Number(digits.value)));
  pointer.addEventListener("change", () => { usePen(pointer.value === "1"); paintView(); });
  centring.addEventListener("change", () => { state.isCentred = centring.checked; update(); });
  presets.addEventListener("change", () => choosePreset(Number(presets.value)));
  paddings.addEventListener("change", () => { state.padding = Number(paddings.value); refill(); });
  strides.addEventListener("change", () => { state.stride = Number(strides.value) + 1; refill(); });
  layerChoice.addEventListener("change", () => chooseLayer(Number(layerChoice.value)));

  // After a change of the map's size, keeps the window over the same pixels if possible.
  function refill() {
    const before = state.own.shape[2];
    const wasFull = state.filled >= before * before - 1;
    compute();
    const [, rows, columns] = state.own.shape;
    state.filled = wasFull ? rows * columns - 1 : state.row * columns + state.column;
    update();
  }
  mapChoice.addEventListener("change", () => { state.map = Number(mapChoice.value); showMaps(); });
  new ResizeObserver(() => state.maps && paintMaps()).observe(stage);

  compute();
  chooseLayer(0);
  update();
  return {
    logits: (pixels) => Array.from(network(Float32Array.from(pixels)).logits),
    picture: () => Array.from(state.pixels),
    field,
    weights: () => [...state.weights],
  };
});
