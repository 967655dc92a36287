// The layers of the book's networks in plain loops, with the names used in the text. A picture, a
// stack of feature maps or a matrix is { shape, values }: values is a flat array in row-major order,
// shape its dimensions, [channels, rows, columns] for maps.
"use strict";

// The sum of products of each window (over all channels) and the filter, plus the bias.
// filters: shape [filters, channels, size, size]; bias: one number for each filter.
function convolution(input, filters, bias, padding = 0, stride = 1) {
  const [channels, height, width] = input.shape;
  const [count, , size] = filters.shape;
  const rows = outputSize(height, size, padding, stride);
  const columns = outputSize(width, size, padding, stride);
  const values = new Float32Array(count * rows * columns);
  for (let k = 0, at = 0; k < count; k++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at++) {
        let sum = bias[k];
        for (let c = 0; c < channels; c++)
          for (let u = 0; u < size; u++) {
            const row = i * stride + u - padding;
            if (row < 0 || row >= height) continue; // padding is zero
            for (let v = 0; v < size; v++) {
              const column = j * stride + v - padding;
              if (column < 0 || column >= width) continue;
              const weight = filters.values[((k * channels + c) * size + u) * size + v];
              sum += weight * input.values[(c * height + row) * width + column];
            }
          }
        values[at] = sum;
      }
  return { shape: [count, rows, columns], values };
}

// The number of positions of a window along one side.
function outputSize(size, kernel, padding, stride) {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

// Negative numbers become zero.
function relu(input) {
  return { shape: input.shape, values: input.values.map((x) => Math.max(0, x)) };
}

// The largest value of each two by two window.
function maxPooling(input) {
  const [channels, height, width] = input.shape;
  const [rows, columns] = [Math.floor(height / 2), Math.floor(width / 2)];
  const values = new Float32Array(channels * rows * columns);
  for (let c = 0, at = 0; c < channels; c++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at++) {
        const corner = (c * height + 2 * i) * width + 2 * j;
        const below = corner + width;
        const { values: x } = input;
        values[at] = Math.max(x[corner], x[corner + 1], x[below], x[below + 1]);
      }
  return { shape: [channels, rows, columns], values };
}

// A weighted sum of all inputs for each output. weights: shape [outputs, inputs].
function dense(input, weights, bias) {
  const [outputs, inputs] = weights.shape;
  const values = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) sum += weights.values[o * inputs + i] * input.values[i];
    values[o] = sum;
  }
  return { shape: [outputs], values };
}

// The vectors of the words with these indices, one row for each word; an index past the last word
// is padding, a row of zeros.
function embedding(indices, vectors) {
  const [, size] = vectors.shape;
  const values = new Float32Array(indices.length * size);
  indices.forEach((index, row) => {
    values.set(vectors.values.subarray(index * size, (index + 1) * size), row * size);
  });
  return { shape: [indices.length, size], values };
}

// The sum of products of each window of neighbouring rows and the filter, plus the bias.
// filters: shape [filters, features, width] with an odd width; beyond either end the text is padded with zeros.
function convolutionOverWords(text, filters, bias) {
  const [length, size] = text.shape;
  const [count, , width] = filters.shape;
  const values = new Float32Array(count * length);
  for (let k = 0, at = 0; k < count; k++)
    for (let i = 0; i < length; i++, at++) {
      let sum = bias[k];
      for (let u = 0; u < width; u++) {
        const row = i + u - (width - 1) / 2;
        if (row < 0 || row >= length) continue;
        let weight = k * size * width + u; // its index; the next feature is `width` further
        for (let c = row * size; c < (row + 1) * size; c++, weight += width)
          sum += filters.values[weight] * text.values[c];
      }
      values[at] = sum;
    }
  return { shape: [count, length], values };
}

// The largest value of each feature map, and the position where it first occurs.
function maxOverTime(maps) {
  const [count, length] = maps.shape;
  const positions = Array.from({ length: count }, (_, k) => {
    const map = maps.values.subarray(k * length, (k + 1) * length);
    return map.indexOf(Math.max(...map));
  });
  const values = Float32Array.from(positions, (position, k) => maps.values[k * length + position]);
  return { shape: [count], values, positions };
}

// Converts logits to probabilities: positive numbers that add up to one.
function softmax(logits) {
  const largest = Math.max(...logits); // subtracting it changes nothing and prevents overflow
  const powers = Array.from(logits, (x) => Math.exp(x - largest));
  const total = powers.reduce((sum, x) => sum + x, 0);
  return powers.map((x) => x / total);
}
