// The overview of the reviewer: many groups at once, each a line of small pictures.

const GROUPS_AT_ONCE = 12; // on one page
const IMAGES_IN_LINE = 10; // small pictures of one group; more are counted
const SMALL_SIDE = 160; // pixels asked for; a small picture is 84 wide

/** One page of groups. A tick accepts a group, a click on a picture changes its verdict. */
class Overview {
  /**
   * @param {OverviewHost} reviewer
   * @param {AbortSignal} signal
   */
  constructor(reviewer, signal) {
    this.reviewer = reviewer;
    this.signal = signal;
    this.start = 0;
    this.exceptions = new Set(); // numbers of groups that the page does not accept
    this.node = element("div", {
      class: "dup-overview",
      tabindex: -1,
      role: "list",
      "aria-label": "Groups",
      "data-testid": "overview",
    });
    this.node.addEventListener("click", (event) => this.onClick(event), { signal });
    this.node.addEventListener("change", (event) => this.onTick(event), { signal });
  }

  /** The numbers of the groups on the page. */
  get page() {
    return this.reviewer.ordered().slice(this.start, this.start + GROUPS_AT_ONCE);
  }

  get nPages() {
    return Math.max(1, Math.ceil(this.reviewer.ordered().length / GROUPS_AT_ONCE));
  }

  /** The groups that "accept these" would add. */
  get wanted() {
    const seen = this.reviewer.reviewed;
    return this.page.filter((number) => !this.exceptions.has(number) && !seen.has(number));
  }

  turn(step) {
    const last = (this.nPages - 1) * GROUPS_AT_ONCE;
    this.start = Math.max(0, Math.min(last, this.start + step * GROUPS_AT_ONCE));
    this.node.scrollTop = 0;
  }

  /** The page that holds a group. */
  turnTo(number) {
    const place = Math.max(0, this.reviewer.ordered().indexOf(number));
    this.start = place - (place % GROUPS_AT_ONCE);
  }

  paint() {
    const { page } = this;
    const isSame = page.join() === this.shown && page.every((number) => this.rowsOf(number));
    if (!isSame) this.node.replaceChildren(...page.map((number) => this.lineNode(number)));
    this.shown = page.every((number) => this.rowsOf(number)) ? page.join() : null;
    for (const line of all(this.node, ".dup-line")) this.paintLine(line);
    this.showPictures();
  }

  rowsOf(number) {
    return this.reviewer.rows.get(number);
  }

  lineNode(number) {
    const images = this.rowsOf(number) ?? [];
    const tick = element("input", { type: "checkbox", "data-tick": number });
    const label = element("label", { class: "dup-check" }, tick, `Group ${countText(number)}`);
    const opener = element("button", { type: "button", "data-open": number }, "open group");
    const about = element("span", { class: "dup-quiet dup-about" });
    const pictures = images.slice(0, IMAGES_IN_LINE).map((image) => this.pictureNode(image));
    const hidden = images.length - pictures.length;
    const more = hidden > 0 ? [element("span", { class: "dup-more" }, `+${hidden}`)] : [];
    return element(
      "div",
      { class: "dup-line", role: "listitem", "data-group": number },
      element(
        "div",
        { class: "dup-bar" },
        label,
        about,
        element("span", { class: "dup-spring" }),
        opener,
      ),
      element("div", { class: "dup-thumbs" }, ...pictures, ...more),
    );
  }

  /** @param {PlanImage} image */
  pictureNode(image) {
    const img = element("img", { alt: "", draggable: "false" });
    const word = element("span", { class: "dup-word" });
    const attributes = { type: "button", class: "dup-thumb", "data-image": image.id };
    return element("button", attributes, img, word);
  }

  paintLine(line) {
    const number = Number(line.dataset.group);
    const images = this.rowsOf(number) ?? [];
    const isReviewed = this.reviewer.reviewed.has(number);
    line.toggleAttribute("data-reviewed", isReviewed);
    const tick = line.querySelector("input");
    tick.checked = isReviewed || !this.exceptions.has(number);
    tick.disabled = isReviewed;
    setText(line.querySelector(".dup-about"), this.about(number, images));
    for (const [place, button] of all(line, ".dup-thumb").entries()) {
      const image = images[place];
      const verdict = this.reviewer.verdict(image);
      const loses = verdict === "remove" && image.loses ? `loses: ${image.loses}` : "";
      const signs = [VERDICTS[verdict].slice(0, 1), loses && "!", image.flag && "⚑"];
      button.dataset.verdict = verdict;
      button.toggleAttribute("data-loses", loses !== "");
      const words = [VERDICTS[verdict], loses, image.flag].filter(Boolean);
      button.title = `${image.name}: ${words.join("; ")}`;
      setAttribute(button, "aria-label", button.title);
      setText(button.querySelector(".dup-word"), signs.filter(Boolean).join(" "));
    }
  }

  about(number, images) {
    const [, size, lowest, , isFlagged] = this.reviewer.headline(number);
    const parts = [plural(size, "image")];
    if (images.length) parts.push(this.reviewer.freedText(images));
    if (lowest !== null) parts.push(`${percentText(lowest)} or more`);
    if (isFlagged) parts.push("flagged");
    if (this.reviewer.reviewed.has(number)) parts.push("accepted");
    return parts.join(", ");
  }

  /** Ask for the pictures of this page, then for those of the next one. */
  wantPictures() {
    const ids = (numbers) =>
      numbers.flatMap((number) =>
        (this.rowsOf(number) ?? []).slice(0, IMAGES_IN_LINE).map((image) => image.id),
      );
    const next = this.start + GROUPS_AT_ONCE;
    const ahead = this.reviewer.ordered().slice(next, next + GROUPS_AT_ONCE);
    this.reviewer.pictures.want("tiles", ids(this.page), SMALL_SIDE);
    this.reviewer.pictures.want("ahead", ids(ahead), SMALL_SIDE);
  }

  showPictures() {
    for (const button of all(this.node, ".dup-thumb")) {
      const known = this.reviewer.pictures.get(Number(button.dataset.image), SMALL_SIDE);
      const img = button.querySelector("img");
      if (known?.url && img.getAttribute("src") !== known.url) img.src = known.url;
      img.hidden = !known?.url;
    }
  }

  onClick({ target }) {
    const small = target.closest(".dup-thumb");
    const open = target.closest("[data-open]");
    if (open) this.reviewer.openGroup(Number(open.dataset.open));
    if (small) {
      const number = Number(small.closest(".dup-line").dataset.group);
      const image = this.rowsOf(number).find(({ id }) => id === Number(small.dataset.image));
      this.reviewer.flip(number, image);
    }
  }

  onTick({ target }) {
    const number = Number(target.dataset.tick);
    if (target.checked) this.exceptions.delete(number);
    else this.exceptions.add(number);
    this.reviewer.paintSoon();
  }
}
