// TextCNN scores the reader's text. The computation, then its display.
"use strict";

(() => {
  const { make } = explorables;
  const { draw, written, randomNumbers, button, table, tableRow, status } = controls;
  const SEED = 14;
  const MOST_TOKENS = 200;
  const SHOWN_FILTERS = 5;
  const REACH = 20; // of the scale, on either side of zero

  // ---- computation ----

  // All runs of the letters a to z, in lower case, with their positions in the text.
  function tokensOf(text) {
    const found = [...text.toLowerCase().matchAll(/[a-z]+/g)];
    return found.map(({ 0: word, index }) => ({ word, start: index, end: index + word.length }));
  }

  // The fate of each token: "kept", "unknown" to the network, or "cut" beyond the maximum length.
  function lookUp(tokens, places) {
    let kept = 0;
    return tokens.map((token) => {
      if (!places.has(token.word)) return { ...token, fate: "unknown" };
      if (kept === MOST_TOKENS) return { ...token, fate: "cut" };
      return { ...token, fate: "kept", index: places.get(token.word), position: kept++ };
    });
  }

  // The indices of the kept tokens, padded at the end.
  function padded(tokens, padding) {
    const indices = tokens.filter(({ fate }) => fate === "kept").map(({ index }) => index);
    return [...indices, ...Array(MOST_TOKENS - indices.length).fill(padding)];
  }

  function logitsOf(maxima, network) {
    const hidden = relu(dense(maxima, network["classifier.0.weight"], network["classifier.0.bias"].values));
    return dense(hidden, network["classifier.3.weight"], network["classifier.3.bias"].values).values;
  }

  // The log-odds of a positive review.
  function logOddsOf(maxima, network) {
    const [negative, positive] = logitsOf(maxima, network);
    return positive - negative;
  }

  // A filter's contribution: how much lower the log-odds would be if it were zero.
  function addedBy(filter, maxima, logOdds, network) {
    const values = maxima.values.slice();
    values[filter] = 0;
    return logOdds - logOddsOf({ ...maxima, values }, network);
  }

  // The full result for one text: tokens, log-odds, and filters by the size of their contribution.
  function read(text, network) {
    const tokens = lookUp(tokensOf(text), network.places);
    const embedded = embedding(padded(tokens, network.words.length), network["embedding.weight"]);
    const maps = relu(convolutionOverWords(embedded, network["conv.weight"], network["conv.bias"].values));
    const maxima = maxOverTime(maps);
    const logits = logitsOf(maxima, network);
    const logOdds = logits[1] - logits[0];
    const filters = maxima.positions.map((position, filter) => {
      return { filter, position, adds: addedBy(filter, maxima, logOdds, network) };
    });
    filters.sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds));
    return { tokens, filters, logits, logOdds };
  }

  // ---- changes to the text ----

  const without = (text, start, end) => text.slice(0, start) + text.slice(end);

  // Toggles "not" before a token; also returns the token's new position.
  function toggleNot(text, tokens, chosen) {
    const [before, { start }] = [tokens[chosen - 1], tokens[chosen]];
    if (before?.word === "not") return [without(text, before.start, start), chosen - 1];
    return [`${text.slice(0, start)}not ${text.slice(start)}`, chosen + 1];
  }

  function deleteToken(text, { start, end }) {
    return without(text, start, end + text.slice(end).match(/^\s*/)[0].length);
  }

  // The tokens in random order, all orders being equally likely.
  function shuffled(tokens, random) {
    const words = tokens.map(({ word }) => word);
    for (let last = words.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [words[last], words[other]] = [words[other], words[last]];
    }
    return words.join(" ");
  }

  // ---- display ----

  // The tokens in order: kept ones can be selected, the others are struck through.
  function tokenElements(tokens, filters, chosen, onChoose) {
    const wins = (position) => filters.some((one) => Math.abs(one.position - position) <= 1);
    return tokens.flatMap(({ word, fate, position }, i) => {
      if (fate !== "kept") return [make("s", { title: fate }, word), " "];
      const input = make("input", { type: "radio", name: "review-token", checked: i === chosen });
      input.addEventListener("change", () => onChoose(i));
      return [make("label", { className: wins(position) ? "wins" : "" }, input, make("span", {}, word)), " "];
    });
  }

  // A filter's window, underlined, with two words on either side.
  function windowElement(tokens, position) {
    const near = tokens.filter((token) => Math.abs(token.position - position) <= 3);
    if (near.every((token) => Math.abs(token.position - position) > 1)) return "padding";
    const element = make("span");
    for (const token of near) {
      const isInside = Math.abs(token.position - position) <= 1;
      element.append(make(isInside ? "u" : "span", {}, token.word), " ");
    }
    return element;
  }

  function filterRows({ tokens, filters }) {
    return filters.slice(0, SHOWN_FILTERS).map(({ filter, position, adds }) => {
      const cells = [signed(adds), windowElement(tokens, position)];
      return tableRow(`${filter}`, cells, adds < 0 ? "negative" : "positive");
    });
  }

  const signed = (x) => (Number(x.toFixed(2)) > 0 ? `+${written(x)}` : written(x));

  // The log-odds on a scale: a hollow mark for the previous value, a full one for the current.
  function scaleOf(before, now) {
    const at = (logOdds) => 300 + (Math.max(-REACH, Math.min(REACH, logOdds)) / REACH) * 285;
    const ticks = [-20, -10, 0, 10, 20].map((value) => `M${at(value)},5V25`).join("");
    const dot = (logOdds, className) => draw("circle", { class: className, cx: at(logOdds), cy: 15, r: 9 });
    const drawing = draw("svg", { viewBox: "0 0 600 30" },
      draw("path", { class: "axis", d: `M5,15H595${ticks}` }),
      draw("path", { class: "way", d: `M${at(before)},15H${at(now)}` }),
      dot(before, "before"), dot(now, "now"));
    const ends = ["negative, −20", "0", "+20, positive"].map((text) => make("span", {}, text));
    return make("div", { className: "scale", ariaHidden: "true" }, drawing, make("p", {}, ...ends));
  }

  // The unread words in brackets, or an empty text.
  function droppedInWords(tokens) {
    const words = (fate) => tokens.filter((token) => token.fate === fate).map(({ word }) => word);
    const [unknown, cut] = [[...new Set(words("unknown"))], words("cut")];
    const parts = [];
    if (unknown.length > 0) parts.push(`unknown: ${unknown.join(", ")}`);
    if (cut.length > 0) parts.push(`too late: the last ${cut.length}`);
    return parts.length > 0 ? ` (${parts.join("; ")})` : "";
  }

  function inWords({ tokens, logOdds }, before) {
    if (tokens.length === 0) return "Write a word: there is nothing to read yet.";
    const kept = tokens.filter(({ fate }) => fate === "kept").length;
    const side = logOdds > 0 ? "positive" : "negative";
    const then = logOdds === before ? "" : `, before ${signed(before)}`;
    const read = `The network reads ${kept} of ${tokens.length} tokens${droppedInWords(tokens)}`;
    return `${read} and leans to ${side}: log-odds ${signed(logOdds)}${then}.`;
  }

  function reviewParts(reviews) {
    const options = reviews.map(({ name }, i) => make("option", { value: i }, name));
    return {
      take: make("select", {}, ...options),
      text: make("textarea", { rows: 3, maxLength: 5000, spellcheck: false }),
      tokens: make("fieldset", { className: "tokens" }),
      scale: make("div"),
      says: status(),
      filters: table("The five filters that matter most", ["filter", "adds", "winning window"]),
    };
  }

  function layOut(stage, parts, { not, remove, shuffle, compare }) {
    parts.not = button("", not);
    parts.remove = button("", remove);
    const bar = (...children) => make("div", { className: "controls" }, ...children);
    stage.append(
      bar(make("label", {}, "Take a review ", parts.take)),
      make("label", { className: "review" }, "Or write one", parts.text),
      parts.tokens,
      bar(parts.not, parts.remove,
        button("Shuffle the words", shuffle), button("Compare from here", compare)),
      parts.scale, parts.says, parts.filters.element);
  }

  function showReview(parts, review, before, chosen, onChoose) {
    const legend = make("legend", {}, "Tokens: choose one");
    const tokens = tokenElements(review.tokens, review.filters.slice(0, SHOWN_FILTERS), chosen, onChoose);
    parts.tokens.replaceChildren(legend, ...tokens);
    parts.scale.replaceChildren(scaleOf(before, review.logOdds));
    parts.says.textContent = inWords(review, before);
    parts.filters.fill(filterRows(review));
  }

  function showChosen(parts, tokens, chosen) {
    const word = tokens[chosen]?.word;
    const there = tokens[chosen - 1]?.word === "not";
    parts.not.textContent = there ? `Take “not” away from “${word}”` : `Put “not” before “${word}”`;
    parts.remove.textContent = `Delete “${word}”`;
    for (const one of [parts.not, parts.remove]) one.hidden = !word;
  }

  // The token to select: the one at this position, or the next kept one, or the last.
  function nearestKept(tokens, place) {
    const isKept = ({ fate }, i) => fate === "kept" && i >= place;
    const found = tokens.findIndex(isKept);
    return found >= 0 ? found : tokens.findLastIndex(({ fate }) => fate === "kept");
  }

  explorables.define("write-a-review", (stage, data) => {
    const network = { ...data, places: new Map(data.words.map((word, i) => [word, i])) };
    const random = randomNumbers(SEED);
    const parts = reviewParts(data.reviews);
    let review, before;
    let chosen = 0;

    function choose(place) {
      chosen = place;
      showChosen(parts, review.tokens, chosen);
    }
    function write(text, place = chosen) {
      if (parts.text.value !== text) parts.text.value = text; // keeps the cursor while typing
      review = read(text, network);
      before ??= review.logOdds;
      choose(nearestKept(review.tokens, place));
      showReview(parts, review, before, chosen, choose);
    }
    function compare() {
      before = undefined;
      write(parts.text.value);
    }
    function take(place) {
      before = undefined;
      write(data.reviews[place].text, 0);
    }

    layOut(stage, parts, {
      not: () => write(...toggleNot(parts.text.value, review.tokens, chosen)),
      remove: () => {
        write(deleteToken(parts.text.value, review.tokens[chosen]));
        if (chosen < 0) parts.text.focus(); // the button no longer exists
      },
      shuffle: () => write(shuffled(review.tokens, random), 0),
      compare,
    });
    parts.take.addEventListener("change", () => take(Number(parts.take.value)));
    parts.text.addEventListener("input", () => write(parts.text.value));
    take(0);
    return { read: (text) => read(text, network) };
  });
})();
