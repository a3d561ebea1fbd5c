// Pairs to look at: beside the threshold, of one bar, right, wrong and missed; one of them large.

const PAIRS_SHOWN = 6; // of each list; more on demand
const VERIFY_AFTER = 700; // milliseconds of rest
const MAX_PAIRS_SHOWN = 120;
const PART_TITLES = {
  above: "Just above: found",
  below: "Just below: not found",
  missed: "Right pairs that are not found",
  list: "",
};
const LIST_WORDS = {
  border: "beside the threshold",
  wrong: "found, but wrong",
  missed: "right, but missed",
  unknown: "found, not answered",
  right: "found and right",
};
const ANSWER_TITLES = {
  same: "your answer is kept as a label: both show the same picture",
  different: "your answer is kept as a label: they show different pictures",
  skip: "you cannot tell; the pair counts neither as right nor as wrong",
};
const VERDICT_MARKS = ["", "✓ same", "✗ different"]; // in the order of VERDICTS of Python

/** The model of a viewer that lives in the explorer: the explorer's messages are its traits. */
class PairModel {
  /**
   * @param {(message: object) => void} send
   * @param {(index: number) => void} turn - asks for another pair
   */
  constructor(send, turn) {
    this.sendOut = send;
    this.turn = turn;
    this.listeners = [];
    /** @type {ViewerTraits} */
    this.values = {
      index: 0,
      view: {
        index: -1, // none yet
        total: 1,
        names: [],
        facts: [],
        found: [],
        sentence: "",
        problem: "",
        alone: [],
        aligned: false,
        scores: [],
      },
    };
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
  }

  save_changes() {
    this.turn(this.values.index);
  }

  send(message) {
    if (message.type === "layers") this.sendOut(message);
  }

  on(name, callback) {
    this.listeners.push([name, callback]);
  }

  off(name, callback) {
    this.listeners = this.listeners.filter(([own, other]) => own !== name || other !== callback);
  }

  emit(name, ...details) {
    for (const [own, callback] of [...this.listeners]) if (own === name) callback(...details);
  }
}

/** The view of the pair viewer as a part of the explorer. */
class LargePair extends Viewer {
  /** The explorer itself knows whether Python answers. */
  meet() {
    clearTimeout(this.lonely);
    this.note?.remove();
    this.stills = [];
  }
}

/** Lists of pairs as cards, and the pair that was opened. Keys answer: same, different, skip. */
class PairPane {
  constructor({ send, pictures, onLarge, signal }) {
    this.send = send;
    this.pictures = pictures;
    this.onLarge = onLarge; // called with whether a pair is shown large
    this.signal = signal;
    this.of = "border"; // or the place of a level, or a verdict
    this.count = PAIRS_SHOWN;
    this.isAsking = false;
    /** @type {PairRow[]} */
    this.queue = []; // what the arrows of the large view go through
    this.build();
  }

  build() {
    const { signal } = this;
    this.choice = chooser([["border", LIST_WORDS.border]], (of) => this.showList(of), signal, {
      "data-testid": "pair-list",
      "aria-label": "Which pairs",
      title: "Which pairs are listed. Those beside the threshold show whether it is right.",
    });
    this.precision = element("span", { class: "dup-precision", "data-testid": "precision" });
    const make = (text, key, act, name, title) =>
      keyButton(text, key.toUpperCase(), act, signal, { "data-testid": name, title });
    this.back = button("← All pairs", () => this.closeLarge(), signal, {
      "data-testid": "back",
      title: "closes the large pictures (key Escape)",
    });
    this.answers = ANSWERS.map(([key, label, text]) =>
      make(text, key, () => this.answerOpen(label), `answer-${label}`, ANSWER_TITLES[label]),
    );
    const takeBack = "takes the last answer back";
    this.undo = make("Undo", "u", () => this.undoAnswer(), "undo-answer", takeBack);
    this.undo.disabled = true; // until there is an answer
    this.answerBar = element(
      "div",
      { class: "dup-answers", role: "group", "aria-label": "Is it the same picture?", hidden: "" },
      this.back,
      ...this.answers,
    );
    this.hint = element("p", { class: "dup-hint", hidden: "", "data-testid": "hint" });
    this.lists = element("div", { class: "dup-pair-lists", tabindex: -1 });
    this.large = element("div", { hidden: "" });
    this.node = element(
      "section",
      {
        class: "dup-pair-pane",
        hidden: "",
        "aria-label": "Pairs",
        "data-testid": "pair-pane",
      },
      element(
        "div",
        { class: "dup-bar" },
        this.choice,
        this.precision,
        element("span", { class: "dup-spring" }),
        this.answerBar,
        this.undo,
      ),
      this.hint,
      this.lists,
      this.large,
    );
    // before the viewer, which keeps its keys to itself
    const options = { signal, capture: true };
    this.node.addEventListener("keydown", (event) => this.onKey(event), options);
    this.lists.addEventListener("click", ({ target }) => this.onClick(target), { signal });
  }

  // -- asking ------------------------------------------------------------------------------------

  get isOpen() {
    return !this.node.hidden;
  }

  open(of = this.of) {
    this.node.hidden = false;
    this.leaveGroup(); // else closing its large picture would lead back to the groups
    this.showList(of);
  }

  /** What is shown large is no longer the images of a group. */
  leaveGroup() {
    this.onBack = null;
    setText(this.back, "← All pairs");
  }

  close() {
    this.leaveGroup();
    this.closeLarge();
    this.node.hidden = true;
    clearTimeout(this.verifyTimer);
    clearTimeout(this.askTimer);
    this.isAsking = false;
    this.pictures.want("pairs", [], thumbnailSide());
  }

  showList(of) {
    this.of = /^\d+$/.test(String(of)) ? Number(of) : of;
    this.count = PAIRS_SHOWN;
    this.closeLarge();
    this.ask();
  }

  ask() {
    if (!this.isOpen) return;
    this.isAsking = true;
    this.send({ type: "pairs", of: this.of, count: this.count });
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => this.giveUp(), PATIENCE);
  }

  /** Nobody answers: the kernel is gone, or this is a page that cannot list pairs. */
  giveUp() {
    if (!this.isAsking) return;
    this.isAsking = false;
    this.precision.textContent = "The list of pairs does not come: it needs the kernel.";
    this.onLarge(Boolean(this.viewer)); // the page is ready all the same
  }

  setScene(scene) {
    this.scene = scene;
    const names = ["border", ...(scene.isJudged ? ["wrong", "missed", "unknown", "right"] : [])];
    const lists = names.map((name) => [name, LIST_WORDS[name]]);
    const levels = scene.levels.flatMap((level, place) =>
      scene.data.bars[place] ? [[String(place), `at ${percentText(level)}`]] : [],
    );
    setOptions(this.choice, [...lists, ...levels], String(this.of));
  }

  /** Have a sample of the pairs compared by local features, when the threshold has come to rest. */
  verifySoon() {
    clearTimeout(this.verifyTimer);
    if (!this.scene.data.pictures) return;
    this.verifyTimer = setTimeout(() => this.send({ type: "verify" }), VERIFY_AFTER);
  }

  /** @param {{ asked: number, confirmed: number }} message */
  takeVerified({ asked, confirmed }) {
    this.hint.hidden = asked === 0;
    const isBad = 2 * confirmed < asked;
    this.hint.classList.toggle("dup-alert", isBad);
    const count = `${confirmed} of ${asked} sampled pairs are confirmed by the method "aligned"`;
    this.hint.textContent = isBad
      ? `Only ${count}. Most pairs at this threshold may be false: verify them with ` +
        "dup.verify_pairs(pairs, images), or choose a higher threshold."
      : `${count}.`;
  }

  // -- lists -------------------------------------------------------------------------------------

  /** @param {PairsMessage} message */
  take(message) {
    this.isAsking = false;
    if (message.of !== this.of) return;
    this.choice.value = String(this.of);
    this.precision.textContent = precisionText(message.precision);
    this.precision.title =
      "The share of the pairs found that show the same picture. Answers count as evidence in a " +
      "random order; PairLabeler asks in that order.";
    this.undo.disabled = message.answers === 0;
    const rows = message.parts.flatMap(([, , pairs]) => pairs);
    const key = JSON.stringify([message.of, rows.map(([left, right]) => [left, right])]);
    this.rows = rows;
    if (key !== this.shownKey) {
      this.lists.replaceChildren(...message.parts.map((part) => this.partNode(part)));
      this.shownKey = key;
    }
    this.markCards();
    this.markAnswers();
    this.verifySoon();
    this.pictures.want(
      "pairs",
      [...rows.map(([left]) => left), ...rows.map(([, right]) => right)],
      thumbnailSide(),
    );
  }

  /** @param {[kind: string, total: number, pairs: PairRow[]]} part */
  partNode([kind, total, pairs]) {
    const first = this.rows.indexOf(pairs[0]);
    const title = PART_TITLES[kind] || this.choice.selectedOptions[0]?.text;
    const heading = element("h4", { "aria-level": 2 }, title, " ");
    heading.append(element("span", { class: "dup-quiet" }, plural(total, "pair")));
    const cards = pairs.map((pair, place) => this.cardNode(pair, first + place));
    const more = Math.min(total, this.nextCount()) - pairs.length;
    if (more > 0)
      cards.push(
        button(`show ${countText(more)} more`, () => this.showMore(), this.signal, {
          class: "dup-plain",
          "data-testid": "more-pairs",
          title: `${countText(pairs.length)} of ${plural(total, "pair")} are listed`,
        }),
      );
    const body = pairs.length ? cards : [element("p", { class: "dup-quiet" }, "none")];
    return element(
      "section",
      { class: "dup-pair-part", "data-part": kind },
      heading,
      element("div", { class: "dup-cards" }, ...body),
    );
  }

  showMore() {
    this.count = this.nextCount();
    this.ask();
  }

  /** How many pairs of each part are listed after the next click. */
  nextCount() {
    return Math.min(MAX_PAIRS_SHOWN, this.count * 3);
  }

  /** @param {PairRow} pair */
  cardNode([left, right, similarity], index) {
    const frames = [left, right].map((id) =>
      element("span", { class: "dup-picture", "data-id": id }),
    );
    const score = similarity === null ? "below the pairs" : percentText(similarity, 2);
    return element(
      "button",
      { type: "button", class: "dup-card", "data-index": index },
      element("span", { class: "dup-two" }, ...frames),
      element("span", { class: "dup-score" }, element("b", {}, score), element("i", {})),
    );
  }

  markCards() {
    for (const card of all(this.lists, ".dup-card")) {
      const [left, right, similarity, verdict, label] = this.rows[Number(card.dataset.index)];
      const mark = VERDICT_MARKS[verdict] || (label === "skip" ? "skipped" : "");
      setText(card.querySelector("i"), mark);
      card.dataset.verdict = String(verdict);
      const names = [left, right].map((id) => this.nameOf(id));
      const score = similarity === null ? "" : `, ${percentText(similarity, 2)} similar`;
      card.title = names.join("\n");
      setAttribute(card, "aria-label", `${names.join(" and ")}${score}${mark && `, ${mark}`}`);
      for (const frame of all(card, ".dup-picture")) this.fillFrame(frame);
    }
  }

  nameOf(id) {
    return this.pictures.get(id, thumbnailSide())?.facts[0] ?? `image ${id}`;
  }

  fillFrame(frame) {
    const known = this.pictures.get(Number(frame.dataset.id), thumbnailSide());
    if (!known || frame.dataset.url === (known.url ?? "")) return;
    frame.dataset.url = known.url ?? "";
    frame.replaceChildren(
      known.url
        ? element("img", { src: known.url, alt: "", draggable: "false" })
        : element("bdi", {}, shortName(baseName(known.facts[0]), 14)),
    );
  }

  /** Put in the pictures that have arrived. */
  refresh() {
    if (this.isOpen && this.rows) this.markCards();
  }

  onClick(target) {
    const card = target.closest(".dup-card");
    if (card) this.openPair(this.rows, Number(card.dataset.index));
  }

  /**
   * Show pairs of a group large; closing goes back to the groups.
   * @param {PairRow[]} queue
   */
  openGroup(queue, index, onBack) {
    this.node.hidden = false;
    this.onBack = onBack;
    setText(this.back, "← Groups");
    this.openPair(queue, index);
    this.ask();
  }

  // -- one pair ----------------------------------------------------------------------------------

  /** @param {PairRow[]} queue */
  openPair(queue, index) {
    this.queue = [...queue];
    this.lists.hidden = true;
    this.large.hidden = false;
    this.answerBar.hidden = false;
    this.onLarge(true);
    if (!this.viewer) {
      this.model = new PairModel(this.send, (place) => this.turnTo(place));
      this.viewer = new LargePair(this.model, this.large);
      this.viewer.meet();
    }
    this.turnTo(index);
    this.viewer.node.focus({ preventScroll: true });
  }

  turnTo(index) {
    const [left, right, similarity] = this.queue[index];
    this.model.set("index", index);
    const total = this.queue.length;
    this.send({ type: "pair", left, right, similarity, index, total });
    this.model.emit("change:index");
    this.markAnswers();
  }

  /** @param {{ view: ViewerTraits["view"] }} message */
  takePair({ view }) {
    if (!this.viewer || view.index !== this.model.get("index")) return;
    this.model.set("view", view);
    this.model.emit("change:view");
  }

  takeLayers(message, buffers) {
    this.model?.emit("msg:custom", message, buffers);
  }

  closeLarge() {
    if (!this.viewer) return;
    this.onLarge(false);
    const { index } = this.model.values;
    this.viewer.close();
    this.viewer = this.model = null;
    this.large.hidden = this.answerBar.hidden = true;
    this.lists.hidden = false;
    if (this.onBack) {
      const goBack = this.onBack;
      this.leaveGroup();
      goBack();
      return;
    }
    const card = this.lists.querySelector(`.dup-card[data-index="${Number(index)}"]`);
    /** @type {HTMLElement} */ (card ?? this.lists).focus({ preventScroll: true });
  }

  // -- answers -----------------------------------------------------------------------------------

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target === this.choice) return;
    const answer = ANSWERS.find(([key]) => key === event.key);
    if (answer) this.answerFocused(event.target, answer[1]);
    else if (event.key.toLowerCase() === "u") this.undoAnswer();
    else if (event.key === "Escape" && this.viewer) {
      this.closeLarge();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }

  answerFocused(target, label) {
    const card = target.closest(".dup-card");
    if (this.viewer) this.answerOpen(label);
    else if (card) this.answer(this.rows[Number(card.dataset.index)], label);
  }

  /** Answer about the large pair, and go on to the next one. */
  answerOpen(label) {
    const index = this.model.get("index");
    this.answer(this.queue[index], label);
    if (index + 1 < this.queue.length) this.turnTo(index + 1);
    else this.markAnswers();
  }

  /** @param {PairRow} pair */
  answer(pair, label) {
    const [left, right] = pair;
    pair[4] = label;
    this.send({ type: "label", left, right, label });
    this.ask();
  }

  undoAnswer() {
    this.send({ type: "undo" });
    this.ask();
  }

  /** Press the button of the answer that the large pair has. */
  markAnswers() {
    if (!this.viewer) return;
    const pair = this.queue[this.model.get("index")];
    const now = this.rows?.find(([left, right]) => left === pair[0] && right === pair[1]);
    const label = (now ?? pair)[4];
    this.answers.forEach((node, place) =>
      setAttribute(node, "aria-pressed", ANSWERS[place][1] === label),
    );
  }
}

/** @param {PairsMessage["precision"]} known */
function precisionText(known) {
  if (known.right !== undefined) {
    const share =
      known.precision === null ? "" : `precision ${percentText(100 * known.precision)}: `;
    return `${share}${countText(known.right)} right, ${countText(known.wrong)} wrong`;
  }
  if (known.threshold === undefined) return "no pairs at this threshold";
  if (!known.asked)
    return "precision: not known yet. Open a pair, or press 1 (same) or 2 (different)";
  const range = `${known.low.toFixed(2)} to ${known.high.toFixed(2)}`;
  const part = known.counted === known.asked ? "" : `, ${known.counted} of them count so far`;
  const count = `${plural(known.asked, "answer")}${part}`;
  return `precision at ${percentText(known.threshold)}: ${range} (95\u00a0% sure, ${count})`;
}
