// One view of the reviewer: groups one by one with equal frames, the overview of many, and the end.

const ZOOMED_SIDE = 1600;
const ZOOMS = [1, 2, 4, 8];
const AHEAD = 3; // groups whose rows and pictures are asked for before somebody looks at them

// names of buttons whose text is too short
const NAMES = { "−": "zoom out", "+": "zoom in", fit: "whole pictures" };

let reviewerCount = 0;

/** @extends {View<ReviewerTraits>} */
class Reviewer extends View {
  constructor(model, root) {
    super(model, root);
    /** @type {Map<number, PlanImage[]>} */
    this.rows = new Map(); // group number -> its images; asked for when somebody looks at it
    this.asked = new Set();
    this.history = [];
    this.order = "given";
    this.hideReviewed = false;
    /** @type {"groups" | "overview" | "end"} */
    this.mode = "groups";
    this.zoom = 0;
    this.center = [0.5, 0.5];
    this.at = 0; // which image of the group has the focus
    this.prefix = `dup-reviewer-${(reviewerCount += 1)}`;
    this.paintSoon = this.oncePerFrame(() => this.paint());
    /** @type {ImageTile[]} */
    this.shown = [];
    this.overview = new Overview(this, this.signal);
    this.build();
    this.listen();
    this.current = this.ordered()[0] ?? null;
    this.paint();
  }

  // -- state -----------------------------------------------------------------------------------

  get groups() {
    return this.model.get("scene").groups ?? [];
  }

  get decisions() {
    return this.model.get("decisions");
  }

  get reviewed() {
    return new Set(this.model.get("reviewed"));
  }

  get images() {
    return this.rows.get(this.current) ?? [];
  }

  headline(number) {
    return this.groups.find(([other]) => other === number);
  }

  /** The numbers of the groups to go through. */
  ordered() {
    const seen = this.reviewed;
    const isShown = (number) => !this.hideReviewed || !seen.has(number) || number === this.current;
    const shown = this.groups.filter(([number]) => isShown(number));
    const lowest = ([, , similarity]) => similarity ?? -1;
    const sorts = {
      given: () => 0,
      near: (a, b) => lowest(a) - lowest(b),
      flagged: (a, b) => Number(b[4]) - Number(a[4]),
    };
    return shown.sort(sorts[this.order]).map(([number]) => number);
  }

  /** @param {PlanImage} image */
  verdict(image, decisions = this.decisions) {
    return decisions[image.id]?.[0] ?? image.action;
  }

  /** @param {PlanImage} image */
  part(image, decisions = this.decisions) {
    return decisions[image.id]?.[1] ?? 0;
  }

  /** The image that stays in place of the others of a part. */
  keeperOf(images, part) {
    const stays = (image) => this.verdict(image) === "keep" && this.part(image) === part;
    return images.find((image) => stays(image) && image.digest) ?? images.find(stays);
  }

  freedText(images) {
    const leaving = images.filter((image) => this.verdict(image) === "remove");
    const bytes = leaving.reduce((sum, image) => sum + image.bytes, 0);
    return leaving.length ? `${leaving.length} to remove, ${sizeText(bytes)}` : "nothing to remove";
  }

  // -- building --------------------------------------------------------------------------------

  build() {
    const { signal } = this;
    this.title = element("span", { class: "dup-title", "data-testid": "title" });
    this.freed = element("span", { class: "dup-quiet", "data-testid": "freed" });
    this.progress = element("progress", { "aria-label": "groups reviewed", value: 0, max: 1 });
    this.totals = element("span", { class: "dup-quiet", "data-testid": "totals" });
    const sorting = chooser(PLAN_ORDERS, (order) => this.setOrder(order), signal);
    const hiding = checkbox("hide reviewed", (checked) => this.setHiding(checked), signal);
    this.toggle = keyButton("overview", "v", () => this.toggleOverview(), signal, {
      "aria-pressed": "false",
      "data-testid": "overview-toggle",
    });
    const limits = ACCEPT_FROM.map((percent) => [String(percent), `lose nothing, ${percent} % up`]);
    this.limit = chooser([["exact", "are exact copies"], ...limits], this.paintSoon, signal, {
      "aria-label": "which groups to accept at once",
      "data-testid": "limit",
    });
    this.many = button("", () => this.acceptMany(), signal, { "data-testid": "accept-many" });
    this.tiles = element("div", {
      role: "listbox",
      "aria-label": "Images of the group",
      class: "dup-tiles",
      "data-testid": "tiles",
    });
    this.end = this.endNode();
    this.empty = element("p", { class: "dup-empty", hidden: "" });
    this.groupKeys = this.groupActions();
    this.pageKeys = this.pageActions();
    const spring = () => element("span", { class: "dup-spring" });
    this.open(
      "reviewer",
      { role: "group", "aria-label": "Review of duplicate groups" },
      element(
        "header",
        {},
        element("div", { class: "dup-bar" }, this.title, this.freed, spring(), this.toggle),
        element("div", { class: "dup-bar" }, this.progress, this.totals),
        element(
          "div",
          { class: "dup-bar" },
          labelled("order", sorting),
          hiding.node,
          spring(),
          this.many,
          this.limit,
        ),
      ),
      this.alert,
      this.tiles,
      this.overview.node,
      this.end,
      this.empty,
      this.groupKeys,
      this.pageKeys,
      this.status,
    );
  }

  endNode() {
    this.summary = element("p", {});
    const code = element("pre", { tabindex: 0, "data-testid": "next-lines" }, NEXT_LINES);
    const back = button(
      "look at the groups again",
      () => this.openGroup(this.ordered()[0]),
      this.signal,
    );
    const attributes = { class: "dup-end", tabindex: -1, hidden: "", "data-testid": "end" };
    const next = element("p", { class: "dup-quiet" }, "The next lines of the notebook:");
    return element("div", attributes, this.summary, next, code, back);
  }

  groupActions() {
    this.keys = {};
    const bar = element("div", { class: "dup-actions", role: "toolbar", "aria-label": "Decide" });
    for (const [text, key, name, act] of /** @type {[string, string, string, () => void][]} */ ([
      ["keep", "k", "keep", () => this.say("keep")],
      ["remove", "r", "remove", () => this.say("remove")],
      ["only this", "o", "only", () => this.keepOnly()],
      ["not a duplicate", "d", "different", () => this.say("different")],
      ["split off", "s", "split", () => this.split()],
      ["undo", "u", "undo", () => this.undo()],
      ["previous", "p", "previous", () => this.go(-1)],
      ["next", "n", "next", () => this.go(1)],
      ["accept, next", "Enter", "accept", () => this.accept()],
      ["−", "-", "zoom-out", () => this.setZoom(this.zoom - 1)],
      ["+", "+", "zoom-in", () => this.setZoom(this.zoom + 1)],
      ["fit", "0", "zoom-fit", () => this.setZoom(0)],
    ])) {
      this.keys[key] = act;
      bar.append(this.keyButton(text, key, act, name));
    }
    Object.assign(this.keys, {
      v: () => this.toggleOverview(),
      " ": () => this.toggleVerdict(),
      "=": () => this.setZoom(this.zoom + 1),
      ArrowRight: () => this.focus(this.at + 1),
      ArrowLeft: () => this.focus(this.at - 1),
      Home: () => this.focus(0),
      End: () => this.focus(this.images.length - 1),
    });
    return bar;
  }

  /** What can be done on a page of the overview. */
  pageActions() {
    const { signal } = this;
    const make = (text, key, act, name) =>
      keyButton(text, key, act, signal, { "data-testid": name });
    this.pageText = element("span", { class: "dup-quiet", "data-testid": "page" });
    this.acceptPage = make("", "a", () => this.acceptThese(), "accept-page");
    this.pageKeyActs = {
      a: () => this.acceptThese(),
      n: () => this.turnPage(1),
      p: () => this.turnPage(-1),
      u: () => this.undo(),
      v: () => this.toggleOverview(),
    };
    return element(
      "div",
      { class: "dup-actions", role: "toolbar", "aria-label": "Page of groups", hidden: "" },
      this.acceptPage,
      make("previous page", "p", () => this.turnPage(-1), "previous-page"),
      make("next page", "n", () => this.turnPage(1), "next-page"),
      make("undo", "u", () => this.undo(), "undo-page"),
      this.pageText,
    );
  }

  keyButton(text, key, act, name) {
    const attributes = { "data-testid": name, "aria-label": NAMES[text] };
    const isOwnName = text === key || text === "−"; // its key is its text
    if (!isOwnName) return keyButton(text, key, act, this.signal, attributes);
    return button(text, act, this.signal, { "aria-keyshortcuts": key, ...attributes });
  }

  listen() {
    const { signal } = this;
    for (const name of ["decisions", "reviewed", "totals"])
      this.on(`change:${name}`, this.paintSoon);
    this.tiles.addEventListener("keydown", (event) => this.onKey(event), { signal });
    this.tiles.addEventListener("focusin", (event) => this.onFocus(event), { signal });
    this.tiles.addEventListener("pointerdown", (event) => this.onPointer(event), { signal });
    for (const page of [this.overview.node, this.end]) {
      page.addEventListener("keydown", (event) => this.onPageKey(event), { signal });
    }
  }

  // -- from people -----------------------------------------------------------------------------

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const pan = arrows[event.key];
    if (event.shiftKey && pan) this.pan(pan[0] * 0.1, pan[1] * 0.1);
    else if (event.shiftKey && event.key === "Enter") return;
    else if (this.keys[event.key]) this.keys[event.key]();
    else return;
    event.preventDefault();
  }

  /** Keys of the overview; Enter and Space belong to the button that has the focus. */
  onPageKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "PRE") return;
    if (!Object.hasOwn(this.pageKeyActs, event.key)) return;
    if (this.mode === "end" && "anp".includes(event.key)) return;
    this.pageKeyActs[event.key]();
    event.preventDefault();
  }

  onFocus(event) {
    const place = [...this.tiles.children].indexOf(event.target);
    if (place >= 0) this.at = place;
  }

  /** A click gives an image the focus; dragging pans all frames. */
  onPointer(event) {
    const tile = event.target.closest("[role=option]");
    if (!tile || event.button !== 0) return;
    this.focus([...this.tiles.children].indexOf(tile));
    event.preventDefault();
    const frame = event.target.closest(".dup-frame");
    if (!frame || this.zoom === 0) return;
    const drag = new AbortController();
    const { signal } = drag;
    const scale = ZOOMS[this.zoom];
    const width = frame.clientWidth * scale;
    const height = frame.clientHeight * scale;
    const move = (moved) => this.pan(-moved.movementX / width, -moved.movementY / height);
    window.addEventListener("pointermove", move, { signal });
    for (const end of ["pointerup", "pointercancel"])
      window.addEventListener(end, () => drag.abort(), { signal });
    this.signal.addEventListener("abort", () => drag.abort(), { once: true });
  }

  /** @param {Verdict} verdict */
  say(verdict) {
    const image = this.images[this.at];
    if (image) this.sayOf(image, verdict);
  }

  /** @param {PlanImage} image @param {Verdict} verdict */
  sayOf(image, verdict, images = this.images) {
    const words = `${image.name}: ${VERDICTS[verdict]}`;
    this.change({ [image.id]: [verdict, this.part(image)] }, words, images);
  }

  toggleVerdict() {
    const image = this.images[this.at];
    if (image) this.say(this.verdict(image) === "keep" ? "remove" : "keep");
  }

  /** Keep an image of the overview that would be removed, or remove one that would stay. */
  flip(number, image) {
    const verdict = this.verdict(image) === "remove" ? "keep" : "remove";
    this.sayOf(image, verdict, this.rows.get(number));
  }

  /** Keep this image and remove the others of its part; protected ones always stay. */
  keepOnly() {
    const image = this.images[this.at];
    if (!image) return;
    const part = this.part(image);
    const others = this.images.filter(
      (other) =>
        other !== image &&
        !other.protected &&
        this.verdict(other) !== "different" &&
        this.part(other) === part,
    );
    const removed = others.map((other) => [other.id, ["remove", part]]);
    const changes = { ...Object.fromEntries(removed), [image.id]: ["keep", part] };
    this.change(changes, `only ${image.name} stays`);
  }

  /** Split the image off, together with others that were split off, or put it back. */
  split() {
    const image = this.images[this.at];
    if (!image) return;
    const part = this.part(image) ? 0 : 1;
    const verdict = this.verdict(image) === "different" ? "keep" : this.verdict(image);
    const changes = { [image.id]: [verdict, part] };
    const decided = { ...this.decisions, ...changes };
    for (const side of [0, 1]) {
      const joined = this.images.filter(
        (other) =>
          this.part(other, decided) === side && this.verdict(other, decided) !== "different",
      );
      const hasKeeper = joined.some((other) => this.verdict(other, decided) === "keep");
      if (joined.length && !hasKeeper) changes[joined[0].id] = ["keep", side];
    }
    this.change(changes, `${image.name}: ${part ? "split off" : "back in its group"}`);
  }

  /** One step that undo takes back; at least one image of each group stays. */
  change(changes, words, images = this.images) {
    const decisions = { ...this.decisions, ...changes };
    const refused = this.refusal(decisions, images);
    if (refused) return this.showError(refused);
    this.remember();
    this.model.set("decisions", decisions);
    this.model.save_changes();
    this.tell(words);
    this.paint();
  }

  refusal(decisions, images) {
    const says = (image) => this.verdict(image, decisions);
    const stuck = images.find((image) => image.protected && says(image) === "remove");
    if (stuck) return `${stuck.name} is protected or cannot be read, so it stays.`;
    const joined = images.filter((image) => says(image) !== "different");
    for (const part of new Set(joined.map((image) => this.part(image, decisions)))) {
      const members = joined.filter((image) => this.part(image, decisions) === part);
      if (members.every((image) => says(image) === "remove"))
        return "At least one image of a group must stay.";
    }
    return "";
  }

  accept() {
    if (this.current === null) return;
    this.remember();
    const number = this.current;
    const after = this.ordered().slice(this.ordered().indexOf(number) + 1);
    this.addReviewed([number]);
    const seen = this.reviewed;
    const isOpen = (other) => !seen.has(other);
    const next = after.find(isOpen) ?? this.ordered().find(isOpen);
    if (next === undefined) this.showEnd();
    else this.show(next);
    this.tell(`group ${number} accepted${next === undefined ? "; it was the last" : ""}`);
    this.paint();
  }

  addReviewed(numbers) {
    this.model.set("reviewed", [...new Set([...this.reviewed, ...numbers])]);
    this.model.save_changes();
  }

  /** Groups that the choice "accept all that ..." would accept. */
  acceptable() {
    const { reviewed } = this;
    const changed = new Set(this.model.get("totals").changed);
    const decided = (number) =>
      changed.has(number) || (this.rows.get(number) ?? []).some(({ id }) => id in this.decisions);
    const isWanted = ([, , lowest, isExact, , isSafe]) => {
      if (this.limit.value === "exact") return isExact;
      return isSafe && lowest !== null && lowest >= Number(this.limit.value) - 1e-9;
    };
    const wanted = this.groups.filter((group) => isWanted(group) && !reviewed.has(group[0]));
    return wanted.map(([number]) => number).filter((number) => !decided(number));
  }

  acceptMany() {
    this.acceptAll(this.acceptable());
  }

  acceptThese() {
    const wanted = this.overview.wanted;
    this.acceptAll(wanted, () => !this.hideReviewed && this.overview.turn(1));
  }

  /** One step that undo takes back; then the page turns. */
  acceptAll(numbers, turn = () => {}) {
    this.remember();
    this.addReviewed(numbers);
    turn();
    const { reviewed } = this;
    if (this.groups.every(([number]) => reviewed.has(number))) this.showEnd();
    this.tell(`${plural(numbers.length, "group")} accepted`);
    this.paint();
  }

  remember() {
    this.history.push({
      decisions: this.decisions,
      reviewed: this.model.get("reviewed"),
      group: this.current,
      at: this.at,
      mode: this.mode,
      start: this.overview.start,
    });
  }

  undo() {
    const before = this.history.pop();
    if (!before) return this.tell("nothing to undo");
    this.model.set("decisions", before.decisions);
    this.model.set("reviewed", before.reviewed);
    this.model.save_changes();
    this.overview.start = before.start;
    this.setMode(before.mode);
    this.show(before.group, before.at);
    this.tell("undone");
    this.paint();
  }

  go(step) {
    const ordered = this.ordered();
    const next = ordered[ordered.indexOf(this.current) + step];
    if (next === undefined)
      return this.tell(step > 0 ? "this is the last group" : "this is the first group");
    this.show(next);
    this.paint();
  }

  show(number, at = 0) {
    this.current = number;
    this.at = at;
    this.setZoom(0);
  }

  // -- groups, overview, end -------------------------------------------------------------------

  setMode(mode) {
    if (this.mode === mode) return;
    this.mode = mode;
    this.movesFocus = true; // the part that had it is hidden now
  }

  toggleOverview() {
    this.setMode(this.mode === "overview" ? "groups" : "overview");
    if (this.mode === "overview" && this.current !== null) this.overview.turnTo(this.current);
    this.paint();
  }

  openGroup(number) {
    this.setMode("groups");
    this.show(number);
    this.paint();
  }

  showEnd() {
    this.setMode("end");
  }

  turnPage(step) {
    this.overview.turn(step);
    this.paint();
  }

  setOrder(order) {
    this.order = order;
    this.overview.start = 0;
    this.show(this.ordered()[0] ?? null);
    this.paint();
  }

  setHiding(isHiding) {
    this.hideReviewed = isHiding;
    this.overview.start = 0;
    if (isHiding && this.reviewed.has(this.current)) {
      this.show(this.ordered().find((number) => !this.reviewed.has(number)) ?? this.current);
    }
    this.paint();
  }

  setZoom(zoom) {
    this.zoom = Math.max(0, Math.min(ZOOMS.length - 1, zoom));
    if (this.zoom === 0) this.center = [0.5, 0.5];
    this.askPictures();
    this.placePictures();
  }

  pan(right, down) {
    const margin = 0.5 / ZOOMS[this.zoom];
    const inside = (value) => Math.max(margin, Math.min(1 - margin, value));
    this.center = [inside(this.center[0] + right), inside(this.center[1] + down)];
    this.placePictures();
  }

  focus(place) {
    if (!this.images.length) return;
    this.at = Math.max(0, Math.min(this.images.length - 1, place));
    const tiles = all(this.tiles, ".dup-tile");
    for (const [index, tile] of tiles.entries()) tile.tabIndex = index === this.at ? 0 : -1;
    tiles[this.at].focus();
  }

  tell(words) {
    super.tell(words);
    this.showError("");
  }

  // -- from Python -----------------------------------------------------------------------------

  /** @param {GroupsMessage} message */
  onMessage({ type, groups }) {
    if (type !== "groups") return;
    for (const [number, rows] of Object.entries(groups)) this.rows.set(Number(number), rows);
    this.paint();
  }

  onPictures() {
    if (this.mode === "overview") this.overview.showPictures();
    else this.placePictures();
  }

  /** Ask for the rows of the groups on the screen and of those that come next. */
  askGroups() {
    const ordered = this.ordered();
    const isOverview = this.mode === "overview";
    const place = isOverview ? this.overview.start : Math.max(0, ordered.indexOf(this.current));
    const wanted = ordered.slice(place, place + (isOverview ? GROUPS_AT_ONCE + AHEAD : AHEAD));
    const missing = wanted.filter((number) => !this.rows.has(number) && !this.asked.has(number));
    for (const number of missing) this.asked.add(number);
    if (missing.length) this.send({ type: "groups", groups: missing });
  }

  /** Ask for the pictures of this group, and of the next ones, so that Enter shows them at once. */
  askPictures() {
    if (this.mode === "overview") return this.overview.wantPictures();
    const ids = (images) => images.map((image) => image.id);
    const place = this.ordered().indexOf(this.current);
    const next = this.ordered().slice(place + 1, place + AHEAD);
    this.pictures.want("tiles", ids(this.images), this.zoom ? ZOOMED_SIDE : FRAME_SIDE);
    this.pictures.want(
      "ahead",
      next.flatMap((number) => ids(this.rows.get(number) ?? [])),
      FRAME_SIDE,
    );
  }

  // -- painting --------------------------------------------------------------------------------

  paint() {
    if (this.signal.aborted) return;
    const hadFocus = this.node.contains(document.activeElement) || this.refocus;
    this.askGroups();
    this.paintHead();
    this.paintMode();
    if (this.mode === "overview") this.overview.paint();
    else this.paintGroup();
    this.askPictures();
    this.placePictures();
    if (hadFocus) this.keepFocus();
  }

  /** Show the part of this mode, hide the others. */
  paintMode() {
    const { mode } = this;
    const hasGroups = this.groups.length > 0;
    this.node.dataset.mode = mode;
    this.tiles.hidden = mode !== "groups" || !hasGroups;
    this.overview.node.hidden = mode !== "overview" || !hasGroups;
    this.end.hidden = mode !== "end" || !hasGroups;
    this.groupKeys.hidden = mode !== "groups";
    this.pageKeys.hidden = mode !== "overview";
    this.toggle.setAttribute("aria-pressed", String(mode === "overview"));
    this.empty.hidden = hasGroups;
    this.empty.textContent = "There are no groups in this plan, so there is nothing to review.";
  }

  paintHead() {
    const { groups, reviewed, current, mode } = this;
    const ordered = this.ordered();
    const done = reviewed.has(current) ? ", accepted" : "";
    const place = `${ordered.indexOf(current) + 1} of ${ordered.length}`;
    const titles = {
      groups: current === null ? "No groups" : `Group ${current} (${place}${done})`,
      overview: "Overview",
      end: "All groups are reviewed",
    };
    this.title.textContent = titles[mode];
    this.freed.textContent =
      mode === "groups" && this.images.length ? this.freedText(this.images) : "";
    this.progress.max = Math.max(1, groups.length);
    this.progress.value = reviewed.size;
    const { remove = 0, bytes = 0 } = this.model.get("totals");
    const leaving = `${plural(remove, "image")} to remove, ${sizeText(bytes)} freed`;
    const count = plural(groups.length, "group");
    this.totals.textContent = `${reviewed.size} of ${count} reviewed; ${leaving}`;
    this.summary.textContent = `${count} reviewed: ${leaving}.`;
    const many = this.acceptable().length;
    setText(this.many, `accept ${plural(many, "group")} that`);
    this.many.disabled = many === 0;
    const wanted = this.overview.wanted.length;
    this.acceptPage.firstChild.textContent = `accept these ${plural(wanted, "group")}`;
    this.acceptPage.disabled = wanted === 0;
    const page = Math.floor(this.overview.start / GROUPS_AT_ONCE) + 1;
    const where = `page ${page} of ${this.overview.nPages}`;
    this.pageText.textContent = `${where}; a click on a picture changes it`;
  }

  paintGroup() {
    const { images } = this;
    const isSame =
      this.shown.length === images.length &&
      this.shown.every((tile, k) => tile.image === images[k]);
    if (!isSame) {
      this.shown = images.map((image, index) => new ImageTile(image, index, this.prefix));
      this.tiles.replaceChildren(...this.shown.map((tile) => tile.node));
    }
    for (const [index, tile] of this.shown.entries()) {
      const { image } = tile;
      const [verdict, part] = [this.verdict(image), this.part(image)];
      const keeper = this.keeperOf(images, part);
      tile.node.tabIndex = index === this.at ? 0 : -1;
      tile.paint({
        verdict,
        part,
        isOwn: image.id in this.decisions,
        keeper,
        first: images[0],
        marked: this.markedFacts(image, keeper, images),
      });
    }
  }

  /** What is marked: the facts in which an image to remove holds more than its keeper. */
  markedFacts(image, keeper, images) {
    if (this.verdict(image) === "remove") return holdsMore(image, keeper);
    if (image !== keeper) return [];
    const part = this.part(image);
    const leaves = (other) => this.verdict(other) === "remove" && this.part(other) === part;
    return images.filter(leaves).flatMap((other) => holdsMore(other, keeper));
  }

  /** The focus goes to the part that took the place of the one it was in. */
  keepFocus() {
    const focused = document.activeElement;
    const isInside = this.node.contains(focused) && focused.checkVisibility?.() !== false;
    if (isInside && !this.movesFocus && !this.refocus) return;
    if (this.mode === "groups") {
      this.refocus = !this.images.length; // its rows are on their way
      this.focus(this.at);
    } else (this.mode === "overview" ? this.overview.node : this.end).focus();
    this.movesFocus = false;
  }

  placePictures() {
    const scale = ZOOMS[this.zoom];
    const shift = this.center.map((value) => `${((0.5 - value) * 100).toFixed(2)}%`);
    const transform = scale === 1 ? "" : `scale(${scale}) translate(${shift.join(", ")})`;
    this.node.dataset.zoom = String(scale);
    for (const tile of this.shown) {
      const { id } = tile.image;
      const large = this.zoom ? this.pictures.get(id, ZOOMED_SIDE) : undefined;
      tile.show(large ?? this.pictures.get(id, FRAME_SIDE), transform);
    }
  }
}

export default toolOf(Reviewer);
