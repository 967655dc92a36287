// What the live figures show and take in: buttons, sliders, tables, drawings, numbers as text.
"use strict";

const controls = (() => {
  const { make } = explorables;

  // An element of a drawing, with attributes and children.
  function draw(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // A number as the book writes it: with a true minus sign, and none before zero.
  function written(x, digits = 2) {
    const text = Math.abs(x).toFixed(digits);
    return x < 0 && Number(text) > 0 ? `−${text}` : text;
  }

  // The generator of Park and Miller: numbers between 0 and 1, the same ones for the same seed.
  function randomNumbers(seed) {
    let state = seed;
    return () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
  }

  function button(text, onClick) {
    const element = make("button", { type: "button" }, text);
    element.addEventListener("click", onClick);
    return element;
  }

  // A native range with its name and its value; `onInput` gets the new number.
  function slider(name, [min, max], value, onInput) {
    const input = make("input", { type: "range", min, max, value });
    const output = make("output", {}, `${value}`);
    input.addEventListener("input", () => {
      output.value = input.value;
      onInput(input.valueAsNumber);
    });
    return make("label", { className: "slider" }, `${name} `, input, output); // it names the first of the two
  }

  // A table that scrolls sideways where it does not fit; `fill` replaces its rows.
  function table(caption, names) {
    const heads = names.map((name) => make("th", { scope: "col" }, name));
    const head = make("thead", {}, make("tr", {}, ...heads));
    const body = make("tbody");
    const whole = make("table", {}, make("caption", {}, caption), head, body);
    const box = { className: "table-wrap", role: "region", tabIndex: 0, ariaLabel: caption };
    const element = make("div", box, whole);
    return { element, head, fill: (rows) => body.replaceChildren(...rows) };
  }

  function tableRow(name, cells, className = "") {
    const tds = cells.map((cell) => make("td", {}, cell));
    return make("tr", { className }, make("th", { scope: "row" }, name), ...tds);
  }

  // Radio buttons in a frame: the arrow keys move between them. `onChoose` gets the place of the chosen.
  function choice(legend, name, labels, chosen, onChoose) {
    const options = labels.map((label, i) => {
      const input = make("input", { type: "radio", name, checked: i === chosen });
      input.addEventListener("change", () => onChoose(i));
      return make("label", {}, input, make("span", {}, label));
    });
    return make("fieldset", {}, make("legend", {}, legend), ...options);
  }

  // A line that screen readers speak when it changes.
  const status = () => make("p", { className: "says", role: "status" });

  return { draw, written, randomNumbers, button, slider, table, tableRow, choice, status };
})();
