// Makes a figure live when the reader presses Start: loads its script and data, replaces the picture
// by the live figure, and restores the initial state on Reset. A classic script, so it also runs
// from file://. Without it, or after a failure, the picture remains.
//
// A figure's script calls explorables.define(name, begin). begin(stage, data, figure) fills the
// empty element `stage` and may return functions for tests. On Reset it is called again.
"use strict";

window.explorables = (() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const begins = {}; // by script name
  const data = {}; // by cell name; data files write into it
  const running = {}; // by figure id: the result of begin()
  const loads = new Map(); // by address

  // make("button", { type: "button" }, "text", child): an element with properties and children
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function load(address) {
    if (!loads.has(address)) loads.set(address, loadOnce(address));
    return loads.get(address);
  }

  function loadOnce(address) {
    const file = address.replace(/^.*\//, "");
    return new Promise((resolve, reject) => {
      const script = make("script", { src: address });
      script.onload = resolve;
      script.onerror = () => {
        loads.delete(address); // so that the reader can retry
        reject(new Error(`${file} could not be loaded`));
      };
      document.head.append(script);
    });
  }

  async function dataOf(box) {
    const values = {};
    for (const element of box.querySelectorAll("[data-path]")) {
      const path = element.dataset.path;
      const [file, name] = path.match(/([^/]*)-data\.js$/);
      await load(new URL(path, location.href).href);
      try {
        for (const [key, value] of Object.entries(data[name])) values[key] = unpack(value);
      } catch {
        throw new Error(`${file} is damaged`);
      }
    }
    return values;
  }

  // Arrays are stored in base64: int8 with a scale for each row, uint8 or float32 (see pack.py).
  function unpack(value) {
    if (!value?.shape) return value;
    const count = value.shape.reduce((product, n) => product * n, 1);
    const values = value.int8 ? scaled(value, count) : numbers(value);
    if (values.length !== count) throw new RangeError("numbers are missing");
    return { shape: value.shape, values };
  }

  function numbers({ uint8, float32 }) {
    return uint8 ? bytes(uint8) : new Float32Array(bytes(float32).buffer);
  }

  function scaled({ int8, scale, shape }, count) {
    const whole = new Int8Array(bytes(int8).buffer);
    const scales = new Float32Array(bytes(scale).buffer);
    const row = count / shape[0];
    return Float32Array.from(whole, (n, at) => n * scales[Math.floor(at / row)]);
  }

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  // Adds the bar below the picture, with its two buttons.
  function prepare(box) {
    const figure = box.matches("figure") ? box : box.querySelector("figure");
    const caption = figure.querySelector("figcaption");
    const picture = [...figure.children].filter((child) => child !== caption);
    const name = caption.textContent.trim().split(":")[0];
    const stage = make("div", { className: "explorable-stage", tabIndex: -1, hidden: true });
    const start = make("button", { type: "button", ariaLabel: `Start ${name}` }, "Start");
    const reset = make("button", { type: "button", ariaLabel: `Reset ${name}`, hidden: true }, "Reset");
    const says = make("p", { role: "status" });
    stage.setAttribute("role", "group");
    stage.ariaLabel = `${name}, live`;
    for (const element of box.querySelectorAll(".explorable-data")) element.hidden = true;
    for (const part of picture) part.classList.add("explorable-picture");
    caption.before(stage, make("div", { className: "explorable-bar" }, start, reset, says));

    async function begin() {
      const loaded = await dataOf(box);
      for (const file of ["components", "controls", box.dataset.script]) await load(`${folder}${file}.js`);
      if (!begins[box.dataset.script]) throw new Error(`${box.dataset.script}.js is damaged`);
      const restart = () => {
        stage.hidden = false; // a script may measure its width
        stage.replaceChildren();
        running[box.id] = begins[box.dataset.script](stage, loaded, box);
      };
      restart();
      reset.addEventListener("click", restart);
    }

    function show() {
      box.classList.add("is-live");
      [start.hidden, reset.hidden] = [true, false];
      stage.focus({ preventScroll: true });
    }

    start.addEventListener("click", async () => {
      start.disabled = true;
      says.textContent = "Loading …";
      try {
        await begin();
        says.textContent = "";
        show();
      } catch (error) {
        stage.replaceChildren();
        stage.hidden = true;
        says.textContent = `This figure cannot start: ${error.message}. The picture above shows its initial state.`;
      }
      start.disabled = false;
    });
  }

  for (const box of document.querySelectorAll(".explorable[data-script]")) prepare(box);
  return { define: (name, begin) => (begins[name] = begin), make, data, running };
})();
