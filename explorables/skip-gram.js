// Skip-gram with negative sampling in the plane, and, on its second tab, the neighbours of a word
// among vectors of a hundred numbers. First the numbers, then the drawing, then the two tabs.
"use strict";

{
  const { make } = explorables;
  const { draw, written, button, slider, table, tableRow, choice, status } = controls;
  const SEED = 14;
  const RATE = 0.1; // how far a step goes along the gradient
  const MOST_WORDS = 20;
  const PASSES = 50;

  // ---- the numbers ----

  // The generator of Park and Miller: numbers between 0 and 1, the same ones for the same seed.
  function randomNumbers(seed) {
    let state = seed;
    return () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
  }

  // A list of tokens for each line: lower case, every run of the letters a to z.
  function sentencesOf(text) {
    return text.split("\n").map((line) => line.toLowerCase().match(/[a-z]+/g) ?? []);
  }

  // The words in the order in which they first occur, at most twenty, and how often each occurs.
  function vocabularyOf(sentences) {
    const counts = new Map();
    for (const word of sentences.flat()) counts.set(word, (counts.get(word) ?? 0) + 1);
    const words = [...counts.keys()].slice(0, MOST_WORDS);
    const dropped = [...counts.keys()].slice(MOST_WORDS);
    return { words, dropped, counts: words.map((word) => counts.get(word)) };
  }

  // All pairs of a word and a neighbour, in the order of the text. Dropped words are taken out
  // first, as gensim does it: what stood on either side of one are neighbours then.
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

  // For each word an input vector v and an output vector u, with coordinates from -0.5 to 0.5.
  function newVectors(number, random) {
    const vectors = () => Array.from({ length: number }, () => [random() - 0.5, random() - 0.5]);
    return { v: vectors(), u: vectors() };
  }

  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const length = (a) => Math.hypot(...a);
  const cosine = (a, b) => dot(a, b) / (length(a) * length(b));
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const logSigmoid = (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

  // How likely each word is to be drawn: by its count to the power of 3/4. The neighbour itself is not.
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
    return drawn.filter((word) => word >= 0); // none where the neighbour is the only word
  }

  // The neighbour and the random words beside v: product, its σ, the σ that is wanted, and the
  // difference of the two, which pulls where it is positive and pushes where it is negative.
  function scoresOf({ v, u }, { centre, neighbour }, drawn) {
    return [neighbour, ...drawn].map((word, place) => {
      const product = dot(u[word], v[centre]);
      const wanted = place === 0 ? 1 : 0;
      return { word, product, wanted, sigma: sigmoid(product), force: wanted - sigmoid(product) };
    });
  }

  function objectiveOf(scores) {
    return scores.reduce((sum, { wanted, product }) => sum + logSigmoid(wanted ? product : -product), 0);
  }

  // One step along the gradient. All forces were measured before anything moves.
  function takeStep({ v, u }, { centre }, scores) {
    const old = v[centre];
    v[centre] = old.map((x, axis) => x + RATE * scores.reduce((sum, { word, force }) => sum + force * u[word][axis], 0));
    for (const { word, force } of scores) u[word] = u[word].map((x, axis) => x + RATE * force * old[axis]);
  }

  // The objective of the average pair, with the random words weighted by their chances.
  function meanObjective({ v, u }, pairs, counts, number) {
    const sums = pairs.map(({ centre, neighbour }) => {
      const chances = chancesOf(counts, neighbour);
      const random = chances.reduce((sum, chance, word) => sum + chance * logSigmoid(-dot(u[word], v[centre])), 0);
      return logSigmoid(dot(u[neighbour], v[centre])) + number * random;
    });
    return sums.reduce((sum, one) => sum + one, 0) / pairs.length;
  }

  // The words whose vectors have the largest cosine with that of a word, or null if it is not known.
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

  function newTraining(text, reach, number) {
    const sentences = sentencesOf(text);
    const vocabulary = vocabularyOf(sentences);
    const random = randomNumbers(SEED);
    const vectors = newVectors(vocabulary.words.length, random);
    const training = { sentences, ...vocabulary, vectors, random, steps: 0 };
    return withPairs(training, reach, number);
  }

  function withPairs(training, reach, number) {
    const pairs = pairsOf(training.sentences, training.words, reach);
    return withNextPair({ ...training, reach, number, pairs }, 0);
  }

  function withNextPair(training, next) {
    const { pairs, counts, vectors, random, number } = training;
    const pair = pairs[next];
    if (!pair) return { ...training, next, scores: [] };
    const drawn = drawWords(number, counts, pair.neighbour, random);
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

  // The vectors as arrows. While it plays, no pair is picked out.
  function planeOf(training, width, playing) {
    const { vectors, words, pair, scores } = training;
    const farthest = Math.max(0.7, ...[...vectors.v, ...vectors.u].map(length));
    const at = ([x, y]) => [x, -y].map((z) => width / 2 + (z / farthest) * (width / 2 - 24));
    const inPair = (kind, i) => (kind === "v" ? i === pair.centre : scores.some(({ word }) => word === i));
    const arrows = ["u", "v"].flatMap((kind) => words.map((word, i) => {
      const isFar = !playing && !inPair(kind, i);
      return { word, tip: at(vectors[kind][i]), kind: `${kind}${isFar ? " far" : ""}`, isFar };
    }));
    arrows.sort((a, b) => b.isFar - a.isFar); // those of the pair come last, on top
    return draw("svg", { viewBox: `0 0 ${width} ${width}`, role: "img", "aria-label": `${words.length} words, each with an input and an output vector, as arrows in the plane` },
      ...ringsOf(farthest, at),
      ...arrows.map(({ tip, kind }) => arrow(at([0, 0]), tip, kind)),
      ...(playing ? [] : forcesOf(training, at)),
      ...labelsOf(arrows.reverse(), width));
  }

  // Circles at round distances from the middle, two to four of them.
  function ringsOf(farthest, at) {
    const gap = [0.25, 0.5, 1, 2, 5, 10, 20].find((one) => one * 4 > farthest) ?? 50;
    const [middle] = at([0, 0]);
    return [1, 2, 3].map((n) => n * gap).filter((radius) => radius <= farthest * 1.05).flatMap((radius) => {
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

  // Where each term of the gradient would take the tip that it acts on.
  function forcesOf({ vectors: { v, u }, pair: { centre }, scores }, at) {
    const moved = (from, force, by) => from.map((x, axis) => x + force * by[axis]);
    return scores.flatMap(({ word, wanted, force }) => [[v[centre], u[word]], [u[word], v[centre]]]
      .map(([from, by]) => arrow(at(from), at(moved(from, force, by)), wanted ? "pull" : "push")));
  }

  // The words at the tips, each moved down until it covers no other.
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

  function sentenceOf({ words, pair: { sentence, at, near }, reach }) {
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

  // The more a cell stands out, the larger its cosine.
  function cosineRows({ words, vectors: { v } }) {
    return words.map((word, i) => {
      const cosines = v.map((other, j) => (i === j ? NaN : cosine(v[i], other)));
      const row = tableRow(word, cosines.map((value) => (isNaN(value) ? "" : written(value, 1))));
      cosines.forEach((value, j) => row.cells[j + 1].style.setProperty("--share", `${Math.round(Math.max(0, value || 0) * 40)}%`));
      return row;
    });
  }

  function cosineHead(words) {
    const heads = words.map((word) => make("th", { scope: "col" }, make("span", {}, word)));
    return make("tr", {}, make("td"), ...heads);
  }

  // ---- the first tab: training in the plane ----

  function planeParts() {
    const parts = {
      plane: make("div", { className: "plane" }),
      sentence: make("p", { className: "sentence" }),
      scores: table("The pair and its random words", ["word", "kind", "u·v", "σ(u·v)", "wanted", "force"]),
      cosines: table("Cosines of the input vectors v", []),
      thisPair: make("dd"),
      averagePair: make("dd"),
      longest: make("dd"),
      steps: make("dd"),
      says: status(),
    };
    parts.cosines.element.classList.add("cosines");
    const fact = (name, value) => make("div", {}, make("dt", {}, name), value);
    const facts = make("dl", {}, fact("objective of this pair", parts.thisPair), fact("of the average pair", parts.averagePair), fact("longest v", parts.longest), fact("steps", parts.steps));
    parts.pair = make("div", { className: "pair" }, parts.sentence, parts.scores.element);
    parts.results = make("div", { className: "results" }, make("div", { className: "columns" }, parts.plane, make("div", {}, parts.pair, facts)), parts.cosines.element);
    return parts;
  }

  function showTraining(parts, training, playing) {
    const { pairs, vectors, counts, words, number, scores, steps } = training;
    parts.results.hidden = pairs.length === 0;
    if (pairs.length === 0) return;
    const width = Math.min(parts.plane.clientWidth || 440, 440);
    parts.plane.replaceChildren(planeOf(training, width, playing));
    parts.pair.classList.toggle("playing", playing);
    parts.sentence.replaceChildren(...sentenceOf(training));
    parts.scores.fill(scoreRows(training));
    parts.thisPair.textContent = playing ? "…" : written(objectiveOf(scores), 3);
    parts.averagePair.textContent = written(meanObjective(vectors, pairs, counts, number), 3);
    parts.longest.textContent = written(Math.max(...vectors.v.map(length)));
    parts.steps.textContent = `${steps}`;
    parts.cosines.head.replaceChildren(cosineHead(words));
    parts.cosines.fill(cosineRows(training));
  }

  function stepInWords(before, after) {
    const { pair, scores, words } = before;
    const again = scoresOf(after.vectors, pair, scores.slice(1).map(({ word }) => word));
    const [from, to] = [scores, again].map((one) => written(objectiveOf(one), 3));
    return `Step ${after.steps}: ${words[pair.centre]} with ${words[pair.neighbour]}. The objective of this pair went from ${from} to ${to}.`;
  }

  function stateInWords({ steps, pairs, vectors, counts, number, dropped }) {
    if (pairs.length === 0) return "There is no pair yet: write a line of two words or more.";
    if (dropped.length > 0) return `The figure holds ${MOST_WORDS} words. Left out: ${dropped.join(", ")}.`;
    const mean = written(meanObjective(vectors, pairs, counts, number), 3);
    return `After ${steps} steps, each pair seen ${Math.floor(steps / pairs.length)} times, the objective of the average pair is ${mean}.`;
  }
