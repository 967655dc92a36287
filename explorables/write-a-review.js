"use strict";

// TextCNN on a review: the numbers. write-a-review-view.js shows them.
//
// A network is { words, vectors, conv, hidden, out }. Its weights are arrays of rows, as in PyTorch:
// one row of `vectors` for each word, one row of weights and one bias for each filter or unit. The
// row of a filter holds its three weights for the first feature, then those for the second, and so on.

const writeAReview = (() => {
  const MOST_TOKENS = 200;
  const WIDTH = 3; // words that a filter sees at once

  // Every run of the letters a to z, in lower case, with its place in the text.
  function tokensOf(text) {
    const found = text.toLowerCase().matchAll(/[a-z]+/g);
    return [...found].map((match) => ({ word: match[0], start: match.index, end: match.index + match[0].length }));
  }

  // What becomes of each token: "kept", "unknown" to the network, or "cut" because it comes too late.
  function lookUp(tokens, indexOf) {
    let read = 0;
    return tokens.map((token) => {
      if (!indexOf.has(token.word)) return { ...token, fate: "unknown" };
      if (read === MOST_TOKENS) return { ...token, fate: "cut" };
      return { ...token, fate: "kept", index: indexOf.get(token.word), position: read++ };
    });
  }

  // The vectors of the kept tokens, one row for each, filled up to 200 rows with zeros.
  function rowsOf(tokens, vectors) {
    const rows = tokens.filter(({ fate }) => fate === "kept").map(({ index }) => vectors[index]);
    const padding = new Float32Array(vectors[0].length);
    return [...rows, ...Array(MOST_TOKENS - rows.length).fill(padding)];
  }

  // What one filter answers at one position: the window is the word there and one on either side.
  function windowSum(rows, position, weights, bias) {
    let sum = bias;
    for (let place = 0; place < WIDTH; place++) {
      const row = rows[position + place - 1];
      if (!row) continue; // past either end there are zeros
      for (let feature = 0; feature < row.length; feature++) {
        sum += weights[feature * WIDTH + place] * row[feature];
      }
    }
    return sum;
  }

  const relu = (x) => Math.max(x, 0);

  // Max over time: each filter's largest answer, and the position where it was found.
  function strongest(rows, conv) {
    return conv.weight.map((weights, filter) => {
      let best = { filter, value: -Infinity, position: 0 };
      for (let position = 0; position < rows.length; position++) {
        const value = relu(windowSum(rows, position, weights, conv.bias[filter]));
        if (value > best.value) best = { filter, value, position };
      }
      return best;
    });
  }

  function dense(x, { weight, bias }) {
    return weight.map((row, unit) => row.reduce((sum, w, i) => sum + w * x[i], bias[unit]));
  }

  const logitsOf = (maxima, network) => dense(dense(maxima, network.hidden).map(relu), network.out);

  // How strongly the network leans to a positive review: the difference of its two logits.
  function logOddsOf(maxima, network) {
    const [negative, positive] = logitsOf(maxima, network);
    return positive - negative;
  }

  // The part of each filter: how far the log-odds move if it had seen nothing but padding.
  function partsOf(found, network) {
    const maxima = found.map(({ value }) => value);
    const logOdds = logOddsOf(maxima, network);
    return found.map((filter) => {
      const without = maxima.with(filter.filter, relu(network.conv.bias[filter.filter]));
      return { ...filter, part: logOdds - logOddsOf(without, network) };
    });
  }

  // Everything about one text.
  function read(text, network) {
    const tokens = lookUp(tokensOf(text), network.indexOf);
    const found = strongest(rowsOf(tokens, network.vectors), network.conv);
    const maxima = found.map(({ value }) => value);
    const logits = logitsOf(maxima, network);
    const parts = partsOf(found, network).sort((a, b) => Math.abs(b.part) - Math.abs(a.part));
    return { tokens, logits, logOdds: logits[1] - logits[0], parts };
  }

  return { MOST_TOKENS, tokensOf, lookUp, rowsOf, strongest, logitsOf, logOddsOf, partsOf, read };
})();
