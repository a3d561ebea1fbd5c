// What all views share: listening, sending, errors, closing. A tool extends View and calls open()
// with the parts that it shows.

const PATIENCE = 8000; // milliseconds; by then something else is running, or nothing at all
const LOST_AFTER = 2000; // milliseconds without an answer after the notebook has lost its kernel
const RUN_AGAIN = "The kernel was restarted, so nothing follows here any more: run the cell again.";

/** @template Traits */
class View {
  /**
   * @param {Model<Traits>} model
   * @param {HTMLElement} root
   */
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.controller = new AbortController();
    this.signal = this.controller.signal; // aborted by close(); give it to every addEventListener
    this.listeners = [];
    this.soon = [];
    this.isLost = false; // whether the kernel that knew this widget is gone
    /** @type {HTMLElement[] | null} */
    this.stills = null; // outputs that a live widget hides
    this.pictures = new Pictures(
      (message) => this.send(message),
      (ids) => this.onPictures(ids),
    );
    this.status = element("p", { role: "status", class: "dup-hidden", "data-testid": "status" });
    this.alert = element("p", {
      role: "alert",
      class: "dup-alert",
      hidden: "",
      "data-testid": "alert",
    });
  }

  /** Put the view on the page: a section with its own class and attributes, and these parts. */
  open(name, attributes, ...parts) {
    this.node = element(
      "section",
      { class: `dup-tool dup-${name}`, "data-testid": name, ...attributes },
      ...parts,
    );
    keepKeys(this.node, this.signal);
    this.on("msg:custom", (message, buffers) => this.receive(message, buffers));
    this.root.append(this.node);
    // notebooks tell so when they lose a kernel, and when they find it again: which one is asked
    this.on("comm_live_update", () => this.checkConnection());
    this.send({ type: "hello" });
    this.lonely = setTimeout(() => this.tellLonely(), PATIENCE);
  }

  /** Python has not answered: it is busy with a cell, or this is a saved page without a kernel. */
  tellLonely() {
    this.note = element("p", { class: "dup-quiet", "data-testid": "lonely" });
    this.note.textContent =
      "The kernel does not answer: it is busy, or there is none. Some parts stay empty meanwhile.";
    this.node.prepend(this.note);
  }

  /** After a restart of the kernel, Python knows nothing of this widget: say what to do. */
  checkConnection() {
    clearTimeout(this.lostTimer);
    this.lostTimer = setTimeout(() => this.setLost(true), LOST_AFTER);
    try {
      this.model.send({ type: "hello" }); // the answer comes to `receive`
    } catch {
      this.setLost(true);
    }
  }

  setLost(isLost) {
    clearTimeout(this.lostTimer);
    if (isLost === this.isLost) return;
    this.isLost = isLost;
    this.node.toggleAttribute("data-lost", isLost);
    this.showError(isLost ? RUN_AGAIN : "");
    if (isLost) this.onLost();
  }

  /** What a tool does when the kernel is gone: show what was known last. */
  onLost() {}

  /** Python has answered, so the live widget replaces the table and the picture saved before it. */
  meet() {
    clearTimeout(this.lonely);
    this.note?.remove();
    this.stills ??= this.findStills();
    for (const output of this.stills) output.style.display = "none";
  }

  /**
   * The two outputs before this one, if they are the table and the picture that the widget left for
   * pages without a kernel. Each kind of notebook nests outputs in its own way.
   */
  findStills() {
    for (let node = this.root; node; node = node.parentElement) {
      const picture = /** @type {HTMLElement} */ (node.previousElementSibling);
      const table = /** @type {HTMLElement} */ (picture?.previousElementSibling);
      if (table?.querySelector(".dup-still") && picture.querySelector("img"))
        return [table, picture];
    }
    return [];
  }

  on(name, callback) {
    this.listeners.push([name, callback]);
    this.model.on(name, callback);
  }

  send(message) {
    if (!this.isLost) this.model.send(message);
  }

  /** A function that runs once in the next frame, and never after close(). */
  oncePerFrame(callback) {
    const soon = oncePerFrame(callback);
    this.soon.push(soon);
    return soon;
  }

  receive(message, buffers) {
    if (!this.stills) this.meet();
    this.setLost(false);
    if (message.type === "pictures") this.pictures.take(message, buffers);
    else if (message.type === "error") this.onError(message.text);
    else this.onMessage(message, buffers);
  }

  /**
   * What a tool does with a message of its own kind.
   * @param {any} _message
   * @param {DataView[]} _buffers
   */
  onMessage(_message, _buffers) {}

  /** @param {number[]} _ids - whose pictures have arrived */
  onPictures(_ids) {}

  onError(text) {
    this.pictures.isAsking = false; // what was asked for will not come
    this.showError(text);
  }

  /** Show what went wrong where people look; an empty text takes it away. */
  showError(text) {
    if (this.isLost && text !== RUN_AGAIN) return; // what to do now comes before what was wrong
    this.alert.textContent = text;
    this.alert.hidden = !text;
  }

  /** Say in words what has happened, for those who do not see it. */
  tell(words) {
    this.status.textContent = words;
  }

  close() {
    this.controller.abort();
    for (const [name, callback] of this.listeners) this.model.off(name, callback);
    for (const soon of this.soon) soon.cancel();
    for (const output of this.stills ?? []) output.style.display = "";
    clearTimeout(this.lonely);
    clearTimeout(this.lostTimer);
    this.pictures.clear();
    this.node.remove();
  }
}

/** A button; more attributes may follow. */
function button(text, onClick, signal, attributes = {}) {
  const node = element("button", { type: "button", ...attributes }, text);
  node.addEventListener("click", onClick, { signal });
  return node;
}

/** A button that a key presses too: the key is written on it. */
function keyButton(text, key, onClick, signal, attributes = {}) {
  const node = button(text, onClick, signal, { "aria-keyshortcuts": key, ...attributes });
  node.append(element("kbd", { "aria-hidden": "true" }, key));
  return node;
}

/** A choice among [value, text] pairs. */
function chooser(options, onChange, signal, attributes = {}) {
  const node = element("select", attributes);
  setOptions(node, options, options[0]?.[0]);
  node.addEventListener("change", () => onChange(node.value), { signal });
  return node;
}

/** A box to tick: `node` is the label with the `input` in it. */
function checkbox(text, onChange, signal, attributes = {}) {
  const input = element("input", { type: "checkbox", ...attributes });
  input.addEventListener("change", () => onChange(input.checked), { signal });
  return { input, node: element("label", { class: "dup-check" }, input, text) };
}

/** What a module gives to anywidget: a view of this kind on each page that shows the model. */
function toolOf(Kind) {
  return {
    render({ model, el }) {
      const view = new Kind(model, el);
      return () => view.close();
    },
  };
}
