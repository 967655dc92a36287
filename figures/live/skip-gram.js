// Skip-gram with negative sampling in the plane, and, on its second tab, the neighbours of a word
// among vectors of a hundred numbers. The computation, the drawing, then the two tabs.
"use strict";

(() => {
  const { make } = explorables;
  const { draw, written, randomNumbers, button, slider, table, tableRow, choice, status } = controls;
  const SEED = 14;
  const RATE = 0.1; // the learning rate
  const MOST_WORDS = 20;
  const PASSES = 50; // of the button that trains
  const STEPS_A_FRAME = 3;
  const NEIGHBOURS = 10;
  const WIDEST = 416; // pixels, the width of the drawing

  // ---- computation ----

  // A list of tokens for each line: all runs of the letters a to z, in lower case.
  function sentencesOf(text) {
    return text.split("\n").map((line) => line.toLowerCase().match(/[a-z]+/g) ?? []);
  }

  // The words in order of first occurrence, at most twenty, with their counts.
  function vocabularyOf(sentences) {
    const counts = new Map();
    for (const word of sentences.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
    const words = [...counts.keys()].slice(0, MOST_WORDS);
    const dropped = [...counts.keys()].slice(MOST_WORDS);
    return { words, dropped, counts: words.map((word) => counts.get(word)) };
  }

  // All pairs of a word and a neighbour, in text order. As in gensim, dropped words are removed
  // first, so the words on either side become neighbours.
  function pairsOf(sentences, words, reach) {
    const pairs = [];
    for (const sentence of sentences) {
      const known = sentence.map((word) => words.indexOf(word)).filter((word) => word >= 0);
      known.forEach((centre, at) => {
        for (let near = Math.max(0, at - reach); near <= at + reach && near < known.length; near++)
          if (near !== at) pairs.push({ sentence: known, at, near, centre, neighbour: known[near] });
      });
    }
    return pairs;
  }

  // For each word, an input vector v and an output vector u with coordinates from -0.5 to 0.5.
  function newVectors(number, random) {
    const vectors = () => Array.from({ length: number }, () => [random() - 0.5, random() - 0.5]);
    return { v: vectors(), u: vectors() };
  }

  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const length = (a) => Math.hypot(...a);
  const cosine = (a, b) => dot(a, b) / (length(a) * length(b));
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const logSigmoid = (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

  // The probability of drawing each word except the neighbour: its count to the power of 3/4.
  function chancesOf(counts, neighbour) {
    const weights = counts.map((count, word) => (word === neighbour ? 0 : count ** 0.75));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / (total || 1));
  }

  function drawWords(number, counts, neighbour, random) {
    const chances = chancesOf(counts, neighbour);
    const drawn = Array.from({ length: number }, () => {
      let left = random();
      return chances.findIndex((chance) => (left -= chance) < 0);
    });
    return drawn.filter((word) => word >= 0); // none if the neighbour is the only word
  }

  // For the neighbour and the negative samples: product with v, its σ, the target, and the difference
  // of the two, which pulls if positive and pushes if negative.
  function scoresOf({ v, u }, { centre, neighbour }, drawn) {
    return [neighbour, ...drawn].map((word, place) => {
      const product = dot(u[word], v[centre]);
      const wanted = place === 0 ? 1 : 0;
      return { word, product, wanted, sigma: sigmoid(product), force: wanted - sigmoid(product) };
    });
  }

  // Three decimals, or two significant digits for values closer to zero than 0.01.
  const objectiveInWords = (x) => written(x, Math.abs(x) < 0.01 && x ? 1 - Math.floor(Math.log10(Math.abs(x))) : 3);

  function objectiveOf(scores) {
    return scores.reduce((sum, { wanted, product }) => sum + logSigmoid(wanted ? product : -product), 0);
  }

  const moved = (vector, force, by) => vector.map((x, axis) => x + force * by[axis]);

  // One step along the gradient. All forces are computed before anything moves.
  function takeStep({ v, u }, { centre }, scores) {
    const old = v[centre];
    for (const { word, force } of scores) v[centre] = moved(v[centre], RATE * force, u[word]);
    for (const { word, force } of scores) u[word] = moved(u[word], RATE * force, old);
  }

  // The mean objective over all pairs, in expectation over the negative samples.
  function meanObjective({ v, u }, pairs, counts, number) {
    const sums = pairs.map(({ centre, neighbour }) => {
      const chances = chancesOf(counts, neighbour);
      const score = (word, sign) => logSigmoid(sign * dot(u[word], v[centre]));
      const random = chances.reduce((sum, chance, word) => sum + chance * score(word, -1), 0);
      return score(neighbour, 1) + number * random;
    });
    return sums.reduce((sum, one) => sum + one, 0) / pairs.length;
  }

  // The words with the largest cosine to a word, or null if it is unknown.
  function neighboursOf(word, words, vectors, number) {
    const size = vectors.shape[1];
    const row = (i) => vectors.values.subarray(i * size, (i + 1) * size);
    const at = words.indexOf(word);
    if (at < 0) return null;
    const others = words.map((other, i) => ({ word: other, cosine: cosine(row(at), row(i)) }));
    others.splice(at, 1);
    return others.sort((a, b) => b.cosine - a.cosine).slice(0, number);
  }

  // ---- training, step by step ----

  function newTraining(text, settings) {
    const sentences = sentencesOf(text);
    const vocabulary = vocabularyOf(sentences);
    const random = randomNumbers(SEED);
    const vectors = newVectors(vocabulary.words.length, random);
    return withPairs({ sentences, ...vocabulary, vectors, random, steps: 0 }, settings);
  }

  function withPairs(training, settings) {
    const pairs = pairsOf(training.sentences, training.words, settings.reach);
    return withNextPair({ ...training, settings, pairs }, 0);
  }

  function withNextPair(training, next) {
    const { pairs, counts, vectors, random, settings } = training;
    const pair = pairs[next];
    if (!pair) return training;
    const drawn = drawWords(settings.number, counts, pair.neighbour, random);
    return { ...training, next, pair, scores: scoresOf(vectors, pair, drawn) };
  }

  function advance(training, steps) {
    for (let step = 0; step < steps; step++) {
      takeStep(training.vectors, training.pair, training.scores);
      training = withNextPair(training, (training.next + 1) % training.pairs.length);
    }
    return { ...training, steps: training.steps + steps };
  }

  // ---- the drawing ----

  // The vectors as arrows. Those of the pair are highlighted, except during playback, and they are
  // the only output vectors with labels.
  function planeOf(training, width, playing) {
    const { vectors, words, pair, scores } = training;
    const farthest = 1.25 * Math.max(0.5, ...[...vectors.v, ...vectors.u].map(length));
    const at = ([x, y]) => [x, -y].map((z) => width / 2 + (z / farthest) * (width / 2));
    const inPair = (kind, i) => (kind === "v" ? i === pair.centre : scores.some(({ word }) => word === i));
    const arrows = ["u", "v"].flatMap((kind) => words.map((word, i) => {
      const isFar = playing ? kind === "u" : !inPair(kind, i);
      return { word, tip: at(vectors[kind][i]), kind: `${kind}${isFar ? " far" : ""}`, isFar };
    }));
    arrows.sort((a, b) => b.isFar - a.isFar); // the pair comes last, on top
    const label = `${words.length} words, each with an input and an output vector, as arrows`;
    return draw("svg", { viewBox: `0 0 ${width} ${width}`, role: "img", "aria-label": label },
      ...ringsOf(farthest, at),
      ...arrows.map(({ tip, kind }) => arrow(at([0, 0]), tip, kind)),
      ...(playing ? [] : forcesOf(training, at)),
      ...labelsOf(arrows.filter(({ kind }) => kind !== "u far").reverse(), width));
  }

  // At most three circles at round distances from the centre.
  function ringsOf(farthest, at) {
    const gap = [0.25, 0.5, 1, 2, 5, 10, 20].find((one) => one * 4 > farthest) ?? 50;
    const [middle] = at([0, 0]);
    return [1, 2, 3].map((n) => n * gap).filter((radius) => radius <= farthest * 0.95).flatMap((radius) => {
      const [, y] = at([0, -radius]);
      return [
        draw("circle", { class: "ring", cx: middle, cy: middle, r: y - middle }),
        draw("text", { class: "ring-label", x: middle, y: y - 3 }, `${radius}`),
      ];
    });
  }

  function arrow([x, y], [toX, toY], kind) {
    const angle = Math.atan2(toY - y, toX - x);
    const size = Math.min(7, Math.hypot(toX - x, toY - y));
    const barb = (turn) => `${toX - size * Math.cos(angle + turn)},${toY - size * Math.sin(angle + turn)}`;
    const d = `M${x},${y}L${toX},${toY}M${barb(0.5)}L${toX},${toY}L${barb(-0.5)}`;
    return draw("path", { class: `arrow ${kind}`, d });
  }

  // The displacement of each tip by its term of the gradient.
  function forcesOf({ vectors: { v, u }, pair: { centre }, scores }, at) {
    return scores.flatMap(({ word, wanted, force }) => [[v[centre], u[word]], [u[word], v[centre]]]
      .map(([from, by]) => arrow(at(from), at(moved(from, force, by)), wanted ? "pull" : "push")));
  }

  // The words at the tips, each moved down until it overlaps no other.
  function labelsOf(arrows, width) {
    const placed = [];
    return arrows.map(({ word, tip: [tipX, tipY], kind }) => {
      const wide = 7 * word.length + 4;
      const x = Math.max(0, Math.min(tipX < width / 2 ? tipX - wide - 3 : tipX + 5, width - wide));
      const covers = (other) => Math.abs(other.y - y) < 13 && x < other.x + other.wide && other.x < x + wide;
      let y = tipY + 4;
      while (placed.some(covers)) y += 2;
      placed.push({ x, y, wide });
      return draw("text", { class: `label ${kind}`, x, y }, word);
    });
  }

  // ---- the tables ----

  function sentenceOf({ words, pair: { sentence, at, near }, settings: { reach } }) {
    const kind = (place) => {
      if (place === at) return "centre";
      if (place === near) return "neighbour";
      return Math.abs(place - at) <= reach ? "near" : "";
    };
    return sentence.flatMap((word, place) => [make("span", { className: kind(place) }, words[word]), " "]);
  }

  function scoreRows({ words, scores }) {
    return scores.map(({ word, product, sigma, wanted, force }) => {
      const kind = wanted ? "pull" : "push";
      const does = `${kind} ${written(Math.abs(force))}`;
      const cells = [wanted ? "neighbour" : "random", written(product), written(sigma), `${wanted}`, does];
      return tableRow(words[word], cells, kind);
    });
  }

  // The larger the cosine, the more prominent its cell.
  function cosineRows({ words, vectors: { v } }) {
    return words.map((word, i) => {
      const cosines = v.map((other, j) => (i === j ? NaN : cosine(v[i], other)));
      const row = tableRow(word, cosines.map((value) => (isNaN(value) ? "" : written(value))));
      cosines.forEach((value, j) => {
        const share = Math.round(Math.max(0, value || 0) * 40);
        row.cells[j + 1].style.setProperty("--share", `${share}%`);
      });
      return row;
    });
  }

  function cosineHead(words) {
    const heads = words.map((word) => make("th", { scope: "col" }, make("span", {}, word)));
    return make("tr", {}, make("td"), ...heads);
  }

  // ---- the first tab: training in the plane ----

  function planeParts(sentences, figure) {
    const parts = {
      width: () => Math.min(figure.clientWidth, WIDEST),
      text: make("textarea", { rows: sentences.length, spellcheck: false, value: sentences.join("\n") }),
      says: status(),
      plane: make("div", { className: "plane" }),
      sentence: make("p", { className: "sentence" }),
      scores: table("The pair and its random words", ["word", "kind", "u·v", "σ(u·v)", "wanted", "force"]),
      thisPair: make("dd"),
      averagePair: make("dd"),
      longest: make("dd"),
      steps: make("dd"),
      cosines: table("Cosines of the input vectors", []),
    };
    parts.cosines.element.classList.add("cosines");
    parts.results = resultsOf(parts);
    return parts;
  }

  function resultsOf({ plane, sentence, scores, thisPair, averagePair, longest, steps, cosines }) {
    const fact = (name, value) => make("div", {}, make("dt", {}, name), value);
    const facts = make("dl", {},
      fact("objective, next pair", thisPair),
      fact("objective, average pair", averagePair),
      fact("longest input vector", longest),
      fact("steps", steps));
    const picture = make("div", {}, plane, keyToPlane());
    const numbers = make("div", { className: "numbers" }, sentence, scores.element, facts);
    return make("div", {}, make("div", { className: "columns" }, picture, numbers), cosines.element);
  }

  function keyToPlane() {
    const names = { v: "input vector v", u: "output vector u", pull: "pull", push: "push" };
    const items = Object.entries(names).map(([kind, name]) => {
      const attributes = { width: 32, height: 12, "aria-hidden": "true" };
      const sample = draw("svg", attributes, arrow([1, 6], [30, 6], kind));
      return make("li", {}, sample, name);
    });
    return make("ul", { className: "key" }, ...items);
  }

  function showTraining(parts, training, playing) {
    const { pairs, vectors, counts, words, settings, scores, steps } = training;
    parts.play.textContent = playing ? "Pause" : "Play";
    for (const one of parts.buttons) one.disabled = pairs.length === 0;
    parts.results.hidden = pairs.length === 0;
    if (pairs.length === 0) return;
    parts.plane.replaceChildren(planeOf(training, parts.width(), playing));
    parts.results.classList.toggle("playing", playing);
    parts.sentence.replaceChildren(...sentenceOf(training));
    parts.scores.fill(scoreRows(training));
    parts.thisPair.textContent = objectiveInWords(objectiveOf(scores));
    parts.averagePair.textContent = objectiveInWords(meanObjective(vectors, pairs, counts, settings.number));
    parts.longest.textContent = written(Math.max(...vectors.v.map(length)));
    parts.steps.textContent = `${steps}`;
    parts.cosines.head.replaceChildren(cosineHead(words));
    parts.cosines.fill(cosineRows(training));
  }

  // The state after one step, and the step's effect on the objective of its pair.
  function afterStep(training) {
    const { pair, scores, words } = training;
    const after = advance(training, 1);
    const again = scoresOf(after.vectors, pair, scores.slice(1).map(({ word }) => word));
    const [from, to] = [scores, again].map((one) => objectiveInWords(objectiveOf(one)));
    const names = ({ centre, neighbour }) => `${words[centre]} with ${words[neighbour]}`;
    const what = `the objective of this pair went from ${from} to ${to}`;
    return [after, `Step ${after.steps}, ${names(pair)}: ${what}. Next: ${names(after.pair)}.`];
  }

  function stateInWords({ steps, pairs, vectors, counts, settings, dropped }) {
    if (pairs.length === 0) return "There is no pair yet: write a line of two words or more.";
    const left = dropped.length > 0 ? ` Left out, after ${MOST_WORDS} words: ${dropped.join(", ")}.` : "";
    const mean = objectiveInWords(meanObjective(vectors, pairs, counts, settings.number));
    const when = steps > 0 ? `After ${steps} steps` : "Before the first step";
    return `${when}, the objective of the average pair is ${mean}.${left}`;
  }

  // Calls `move` on every frame, or once a second if the reader prefers reduced motion, until it
  // is stopped or `move` returns false.
  function newPlayer(move) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let next = null; // the scheduled call
    const plan = () => (next = calm ? setTimeout(tick, 1000) : requestAnimationFrame(tick));
    const stop = () => {
      if (calm) clearTimeout(next);
      else cancelAnimationFrame(next);
      next = null;
    };
    function tick() {
      plan();
      if (!move(calm)) stop();
    }
    return { isPlaying: () => next !== null, start: tick, stop };
  }

  function planeTab({ sentences, settings }, figure) {
    const parts = planeParts(sentences, figure);
    let training = newTraining(parts.text.value, settings);
    const player = newPlayer((calm) => {
      training = advance(training, calm ? training.pairs.length : STEPS_A_FRAME);
      show();
      return parts.plane.isConnected;
    });
    const show = () => showTraining(parts, training, player.isPlaying());
    const rest = (next, message = stateInWords(next)) => {
      player.stop();
      training = next;
      parts.says.textContent = message;
      show();
    };
    const bar = planeBar(parts, settings, {
      step: () => rest(...afterStep(training)),
      play: () => (player.isPlaying() ? rest(training) : player.start()),
      passes: () => rest(advance(training, PASSES * training.pairs.length)),
      set: (change) => rest(withPairs(training, { ...training.settings, ...change })),
    });
    const begin = () => rest(newTraining(parts.text.value, training.settings));
    parts.text.addEventListener("input", begin);
    rest(training);
    const text = make("label", { className: "sentences" }, "Sentences, one on each line", parts.text);
    const element = make("div", {}, bar, parts.says, parts.results, text);
    return { element, training: () => training };
  }

  function planeBar(parts, { reach, number }, { step, play, passes, set }) {
    parts.buttons = [button("Step", step), button("Play", play), button(`${PASSES} passes`, passes)];
    parts.play = parts.buttons[1];
    const sliders = [
      slider("Window", [1, 3], reach, (value) => set({ reach: value })),
      slider("Random words", [0, 5], number, (value) => set({ number: value })),
    ];
    return make("div", { className: "controls" }, ...parts.buttons, ...sliders);
  }

  // ---- the second tab: neighbours ----

  // A collection is { name, words, vectors, list }; list is the table of its neighbours. Words in
  // both tables are marked.
  function showNeighbours(word, collections, says) {
    const found = collections.map(({ words, vectors }) => neighboursOf(word, words, vectors, NEIGHBOURS));
    const [first, second] = found.map((list) => new Set(list?.map((one) => one.word)));
    const shared = [...first].filter((one) => second.has(one));
    collections.forEach(({ list }, i) => {
      const marked = (one) => (shared.includes(one) ? "shared" : "");
      list.fill((found[i] ?? []).map((one) => tableRow(one.word, [written(one.cosine)], marked(one.word))));
    });
    const missing = collections.filter((_, i) => !found[i]);
    says.textContent = neighboursInWords(word, missing, shared);
  }

  function neighboursInWords(word, missing, shared) {
    if (!word) return "Type a word.";
    const known = ({ name, words }) => `the ${words.length.toLocaleString("en")} most frequent words of ${name}`;
    if (missing.length > 0) return `“${word}” is not among ${missing.map(known).join(", nor among ")}.`;
    return `Neighbours of “${word}”: ${shared.length} of ${NEIGHBOURS} are on both lists.`;
  }

  function neighboursTab(data) {
    const collections = [
      { name: "our reviews", words: data.own_words, vectors: data.own_vectors },
      { name: "GloVe", words: data.glove_words, vectors: data.glove_vectors },
    ];
    for (const one of collections) one.list = table(`By ${one.name}`, ["word", "cosine"]);
    const says = status();
    const input = make("input", { type: "text", spellcheck: false, autocomplete: "off", autocapitalize: "none" });
    const look = () => showNeighbours(input.value.trim().toLowerCase(), collections, says);
    const take = (word) => {
      input.value = word;
      look();
    };
    input.addEventListener("input", look);
    take(data.word);
    const label = make("label", {}, "A word ", input);
    const isInBoth = (word) => collections.every(({ words }) => words.includes(word));
    const suggestions = data.suggestions.filter(isInBoth).map((word) => button(word, () => take(word)));
    const lists = make("div", { className: "lists" }, ...collections.map(({ list }) => list.element));
    return make("div", {}, make("div", { className: "controls" }, label, ...suggestions), says, lists);
  }

  explorables.define("skip-gram", (stage, data, figure) => {
    const plane = planeTab(data, figure);
    const panels = [plane.element, neighboursTab(data)];
    const open = (chosen) => panels.forEach((panel, i) => (panel.hidden = i !== chosen));
    const tabs = choice("Show", "skip-gram-tab", ["In the plane", "Neighbours of a word"], 0, open);
    tabs.classList.add("tabs");
    open(0);
    stage.append(tabs, ...panels);
    return { training: plane.training };
  });
})();
