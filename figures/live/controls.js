// Controls and displays for live figures: buttons, sliders, tables, drawings, formatted numbers.
"use strict";

const controls = (() => {
  const { make } = explorables;

  // An SVG element with attributes and children.
  function draw(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // A number formatted as in the book: with a true minus sign, but never before zero.
  function written(x, digits = 2) {
    const text = Math.abs(x).toFixed(digits);
    return x < 0 && Number(text) > 0 ? `−${text}` : text;
  }

  // The generator of Park and Miller: reproducible numbers between 0 and 1.
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

  // A native range input with its name and value; `onInput` receives the new number.
  function slider(name, [min, max], value, onInput) {
    const input = make("input", { type: "range", min, max, value });
    const output = make("output", {}, `${value}`);
    input.addEventListener("input", () => {
      output.value = input.value;
      onInput(input.valueAsNumber);
    });
    return make("label", { className: "slider" }, `${name} `, input, output); // the label names the input
  }

  // A table that scrolls sideways if it does not fit; `fill` replaces its rows.
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

  // A fieldset of radio buttons; `onChoose` receives the index of the chosen one.
  function choice(legend, name, labels, chosen, onChoose) {
    const options = labels.map((label, i) => {
      const input = make("input", { type: "radio", name, checked: i === chosen });
      input.addEventListener("change", () => onChoose(i));
      return make("label", {}, input, make("span", {}, label));
    });
    return make("fieldset", {}, make("legend", {}, legend), ...options);
  }

  // A live region: screen readers announce its changes.
  const status = () => make("p", { className: "says", role: "status" });

  return { draw, written, randomNumbers, button, slider, table, tableRow, choice, status };
})();
