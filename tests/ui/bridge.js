/**
 * The browser's half of the bridge; the other half is bridge.py.
 *
 * A widget's ES module gets the model that anywidget would give it: get, set, save_changes, on, off, send. Messages are
 * those of the Jupyter widget protocol, as {data, buffers}; a buffer travels as base64 text and arrives as a DataView.
 */

const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

function decode(text) {
  return new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

function encode(binary) {
  const bytes = ArrayBuffer.isView(binary)
    ? new Uint8Array(binary.buffer, binary.byteOffset, binary.byteLength)
    : new Uint8Array(binary);
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

/** Put each buffer where its path says: ["thumbnails", 3] is state.thumbnails[3]. */
function putBuffers(state, paths, buffers) {
  paths.forEach((path, index) => {
    const parent = path.slice(0, -1).reduce((node, key) => node[key], state);
    parent[path.at(-1)] = buffers[index];
  });
  return state;
}

/** A copy of the value with null for every buffer; paths and buffers are filled on the way. */
function takeBuffers(value, paths, buffers, path = []) {
  if (isBinary(value)) {
    paths.push(path);
    buffers.push(encode(value));
    return null;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value))
    return value.map((item, index) => takeBuffers(item, paths, buffers, [...path, index]));
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    takeBuffers(item, paths, buffers, [...path, key]),
  ]);
  return Object.fromEntries(entries);
}

/** Equal by content, as Backbone compares: setting a list to itself after changing it is no change. */
function isSame(one, other) {
  if (Object.is(one, other)) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object")
    return false;
  if (isBinary(one) || isBinary(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => key in other && isSame(one[key], other[key]))
  );
}

class Model {
  #state = {};
  #unsaved = {};
  #listeners = [];
  #callPython;

  constructor(callPython) {
    this.#callPython = callPython;
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    if (this.#store(name, value)) this.#unsaved[name] = value;
  }

  save_changes() {
    const unsaved = this.#unsaved;
    this.#unsaved = {};
    if (Object.keys(unsaved).length === 0) return Promise.resolve();
    const paths = [];
    const buffers = [];
    const state = takeBuffers(unsaved, paths, buffers);
    return this.#post({ method: "update", state, buffer_paths: paths }, buffers);
  }

  send(content, _callbacks, buffers = []) {
    return this.#post({ method: "custom", content }, buffers.map(encode));
  }

  /** What one view sees: its own listeners can be taken off together when it goes. */
  proxyFor(owner) {
    return {
      get: (name) => this.get(name),
      set: (name, value) => this.set(name, value),
      save_changes: () => this.save_changes(),
      send: (content, callbacks, buffers) => this.send(content, callbacks, buffers),
      on: (name, callback) => this.#listeners.push({ name, callback, owner }),
      off: (name, callback) => this.off(owner, name, callback),
    };
  }

  /** Take off the owner's listeners; a name or a callback that is missing or null stands for any. */
  off(owner, name, callback) {
    this.#listeners = this.#listeners.filter(
      (listener) =>
        listener.owner !== owner ||
        (name && listener.name !== name) ||
        (callback && listener.callback !== callback),
    );
  }

  /** A message from Python. */
  receive({ data, buffers }) {
    const binaries = buffers.map(decode);
    if (data.method === "custom") this.#emit("msg:custom", data.content, binaries);
    if (data.method !== "update") return; // an echo repeats what this page sent itself
    const state = putBuffers(data.state, data.buffer_paths, binaries);
    for (const [name, value] of Object.entries(state)) this.#store(name, value);
  }

  #store(name, value) {
    if (isSame(this.#state[name], value)) return false;
    this.#state[name] = value;
    this.#emit(`change:${name}`, this, value);
    this.#emit("change", this);
    return true;
  }

  #emit(name, ...details) {
    for (const listener of [...this.#listeners]) {
      if (listener.name === name) listener.callback(...details);
    }
  }

  async #post(data, buffers) {
    for (const answer of await this.#callPython({ data, buffers })) this.receive(answer);
  }
}

export class Bridge {
  #model;
  #definition;
  #views = new Map();

  /** Load the widget's module, fill the model with Python's first message and show the first view. */
  static async open(moduleUrl, firstMessage, callPython) {
    const bridge = new Bridge();
    bridge.#model = new Model(callPython);
    bridge.#model.receive(firstMessage);
    const exported = (await import(moduleUrl)).default;
    bridge.#definition = typeof exported === "function" ? await exported() : exported;
    const signal = new AbortController().signal;
    await bridge.#definition.initialize?.({ model: bridge.#model.proxyFor("initialize"), signal });
    await bridge.addView(0);
    return bridge;
  }

  async addView(number) {
    const el = document.createElement("div");
    el.id = `view-${number}`;
    document.body.append(el);
    const controller = new AbortController();
    const view = { el, controller };
    this.#views.set(number, view);
    const model = this.#model.proxyFor(view);
    view.cleanup = await this.#definition.render({ model, el, signal: controller.signal });
  }

  async closeView(number) {
    const view = this.#views.get(number);
    this.#views.delete(number);
    view.controller.abort();
    this.#model.off(view);
    await view.cleanup?.();
    view.el.remove();
  }

  async close() {
    for (const number of [...this.#views.keys()]) await this.closeView(number);
  }

  receive(messages) {
    for (const message of messages) this.#model.receive(message);
  }
}
