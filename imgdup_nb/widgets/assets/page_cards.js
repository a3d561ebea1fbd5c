// The selected group of a page without a kernel: a card per image, with buttons to decide.

const CARDS_AT_ONCE = 24;
const LARGE_PICTURE = 560; // pixels asked for
const VERDICT_TITLES = {
  keep: "a mark for choose_keepers: this file stays. Nothing changes on the disk.",
  remove: "a mark for choose_keepers: this file is removed. Nothing changes on the disk.",
};

/** The images of the selected group, large, each with what the plan says and with buttons. */
class GroupCards {
  constructor(model, marks, signal) {
    this.model = model;
    this.marks = marks;
    this.signal = signal;
    this.urls = [];
    this.cards = [];
    this.title = element("h2", {});
    this.note = element("p", { class: "dup-quiet", role: "status" });
    this.list = element("ul", { class: "dup-page-cards" });
    this.more = button("Show more", () => this.addCards(), signal, {
      hidden: "",
      title: "shows the next images of this group",
    });
    const close = button("✕", () => model.select(null), signal, {
      "aria-label": "Close the group",
      title: "close the group",
      class: "dup-plain",
    });
    this.node = element(
      "section",
      { class: "dup-decide", hidden: "", "aria-label": "Selected group", "data-testid": "cards" },
      element("header", {}, this.title, close),
      this.note,
      this.list,
      this.more,
    );
    this.dialog = new LargeView(model, signal);
    this.node.append(this.dialog.node);
  }

  /** @param {GroupDetails} details */
  show({ group, size, rows = [] }) {
    this.node.toggleAttribute("hidden", group === undefined);
    const key = JSON.stringify([this.model.get("method"), group, rows]);
    if (key === this.key) return;
    this.key = key;
    this.forget();
    if (group === undefined) return;
    this.rows = rows;
    setText(this.title, `${group ? `Group ${group}` : "Not duplicates"}: ${plural(size, "image")}`);
    setText(this.note, "");
    this.addCards();
  }

  forget() {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
    this.cards = [];
    this.list.replaceChildren();
  }

  addCards() {
    const start = this.cards.length;
    for (const row of this.rows.slice(start, start + CARDS_AT_ONCE)) {
      const card = new ImageCard(this, row, this.cards[0]);
      this.cards.push(card);
      this.list.append(card.node);
    }
    this.more.hidden = this.cards.length >= this.rows.length;
    this.paint();
  }

  paint() {
    for (const card of this.cards) card.paint();
  }

  /** The address of a picture, until another group is shown. */
  pictureUrl(image) {
    const url = this.model.pictures.url(image, LARGE_PICTURE);
    if (url) this.urls.push(url);
    return url;
  }

  mark(image, verdict) {
    const images = this.rows.map(([id]) => this.model.method.images[id]);
    const leaves = (other) =>
      (other === image ? verdict : (this.marks.verdict(other) ?? "keep")) === "remove";
    if (images.every(leaves)) {
      setText(this.note, "At least one image of a group must stay.");
      return;
    }
    setText(this.note, "");
    this.marks.mark(image, verdict);
  }
}

class ImageCard {
  /**
   * @param {GroupCards} group
   * @param {[id: number, name: string, similarity: number | null, facts: string]} row
   * @param {ImageCard | undefined} first - of the group: what the others are compared with
   */
  constructor(group, [id, name, similarity, facts], first) {
    this.group = group;
    this.name = name;
    this.first = first;
    this.image = group.model.method.images[id];
    const { signal } = group;
    const plan = group.model.planned(this.image);
    const score = first
      ? similarity === null
        ? "similarity not known"
        : `${percentText(similarity, 2)} similar`
      : "first of the group";
    this.verdicts = ["keep", "remove"].map((verdict) =>
      button(
        verdict === "keep" ? "Keep" : "Remove",
        () => group.mark(this.image, verdict),
        signal,
        {
          title: VERDICT_TITLES[verdict],
        },
      ),
    );
    const ask = () => group.model.send({ type: "why", image: id });
    this.why = button("Why?", ask, signal, {
      title: "which similar pairs connect it with the original",
      "aria-label": `Why is ${name} in this group?`,
      ...(first && group.model.method.pairs ? {} : { hidden: "" }),
    });
    this.answers = !first
      ? []
      : ["same", "different"].map((label) =>
          button(
            label === "same" ? "Same picture" : "Different",
            () => group.marks.label(first.image, this.image, label),
            signal,
            { title: "a label about this image and the first one of the group" },
          ),
        );
    this.node = element(
      "li",
      { class: "dup-page-card", "aria-label": name },
      this.pictureNode(signal),
      nameNode(name, 60),
      element("span", { class: "dup-quiet" }, [score, facts].filter(Boolean).join(" · ")),
      ...this.planNodes(plan),
      element("div", { class: "dup-bar" }, ...this.verdicts),
      element("div", { class: "dup-bar" }, ...this.answers, this.why),
    );
  }

  pictureNode(signal) {
    const url = this.group.pictureUrl(this.image);
    if (!url) return element("span", { class: "dup-none" }, "no picture in this page");
    const node = button("", () => this.group.dialog.open(this, this.first), signal, {
      class: "dup-enlarge",
      "aria-label": `Enlarge ${this.name}`,
      title: "show it large, beside the first image of the group",
    });
    node.append(element("img", { src: url, alt: "", loading: "lazy" }));
    return node;
  }

  /** What the plan says of the image: what happens to it, why, and what would be lost. */
  planNodes(plan) {
    if (!plan) return [];
    const lines = [
      ["verdict", plan.words],
      ["reason", plan.reason],
      ["loses", plan.loses && `${plan.action === "remove" ? "loses" : "only here"}: ${plan.loses}`],
      ["flag", plan.flag],
      ["note", plan.note],
    ];
    return lines
      .filter(([, text]) => text)
      .map(([kind, text]) =>
        element("p", { class: `dup-plan-${kind}`, "data-verdict": plan.action }, text),
      );
  }

  paint() {
    const { marks } = this.group;
    ["keep", "remove"].forEach((verdict, place) =>
      setAttribute(this.verdicts[place], "aria-pressed", marks.verdict(this.image) === verdict),
    );
    const answer = this.first && marks.answer(this.first.image, this.image);
    this.answers.forEach((node, place) =>
      setAttribute(node, "aria-pressed", answer === ["same", "different"][place]),
    );
    this.node.dataset.mark = marks.verdict(this.image) ?? "";
  }
}

/** Two pictures as large as the window allows: an image beside the first of its group. */
class LargeView {
  constructor(model, signal) {
    this.model = model;
    this.signal = signal;
    this.body = element("div", { class: "dup-both" });
    this.how = element("p", { class: "dup-quiet" });
    const close = button("Close", () => this.node.close(), signal, { title: "key Escape" });
    this.node = element(
      "dialog",
      { class: "dup-large", "aria-label": "Large pictures" },
      this.body,
      this.how,
      close,
    );
    this.node.addEventListener("close", () => this.body.replaceChildren(), { signal });
    this.node.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  open(card, first) {
    const cards = first ? [first, card] : [card];
    const frames = cards.map(() => element("div", { class: "dup-frame" }));
    this.body.replaceChildren(...cards.map((one, place) => this.figure(one, frames[place])));
    const right = frames.at(-1);
    const left = first && frames[0];
    this.zoom = new PairZoom(left ? { left, right } : { right }, {
      mayMove: () => true,
      onChange: () => {},
      signal: this.signal,
    });
    const what = left ? "both pictures" : "the picture";
    setText(
      this.how,
      `A double-click, two fingers, Ctrl and the wheel, or the keys + and - enlarge ${what}. ` +
        "A drag moves, 0 shows all.",
    );
    this.node.showModal();
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoom.zoomBy(ENLARGE_STEP);
    else if (event.key === "-") this.zoom.zoomBy(1 / ENLARGE_STEP);
    else if (event.key === "0") this.zoom.reset();
    else return;
    event.preventDefault();
  }

  figure({ image, name, group }, frame) {
    const picture = { src: group.pictureUrl(image), alt: name, draggable: "false" };
    frame.append(element("img", picture));
    return element("figure", {}, frame, element("figcaption", {}, nameNode(name, 80)));
  }
}
