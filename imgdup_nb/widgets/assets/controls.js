// Everything that is pressed, chosen or typed, and the numbers beside it.

const NUMBER_TITLES = {
  pairs: "pairs of images at or above the threshold",
  groups: "groups of two or more images",
  images: "images in a group",
  redundant: "images in groups besides the original: what could go",
  largest: "images in the largest group",
  right: "pairs found that show the same picture, by truth or labels; a click lists them",
  wrong: "pairs found that show different pictures; a click lists them",
  unknown: "pairs found of which nothing is known; a click lists them",
  missed: "pairs of the same picture that are not found; a click lists them",
};
const CHANGE_TITLE =
  "Groups that differ from those at the pinned threshold. Born: a new group. Grown: a group with " +
  "more images. Merged: two or more groups in one. Regrouped: images move to another group.";
const LINKAGE_TITLE =
  "How pairs become groups. Star: each image is similar enough to the original of its group. " +
  "Connected: a chain of similar pairs is enough. Complete: all pairs of a group are similar.";
const PLOT_SIZES = [
  ["small", "small plots"],
  ["large", "large plots"],
  ["slim", "slider only"],
];

/** The line on top: the threshold, what it means, and how pairs become groups. */
class Head {
  constructor({ move, change, resize, signal }) {
    this.value = element("output", { class: "dup-value", "data-testid": "value" });
    this.meaning = element("span", { class: "dup-meaning", "data-testid": "meaning" });
    this.looser = button("−", () => move(-1), signal, {
      "aria-label": "Looser by one level",
      title: "one level looser: finds more",
      class: "dup-step",
    });
    this.stricter = button("+", () => move(1), signal, {
      "aria-label": "Stricter by one level",
      title: "one level stricter: finds less",
      class: "dup-step",
    });
    this.presets = PRESETS.map((percent) =>
      button(String(percent), () => change({ preset: percent }), signal, {
        "aria-pressed": "false",
      }),
    );
    this.method = chooser([["", ""]], (method) => change({ method }), signal, {
      "data-testid": "method",
      title: "How similarity was computed: each method has pairs of its own",
    });
    this.linkage = chooser(LINKAGES, (linkage) => change({ linkage }), signal, {
      "data-testid": "linkage",
    });
    this.size = chooser(PLOT_SIZES, resize, signal, {
      "data-testid": "plot-size",
      "aria-label": "Size of the plots",
      title: "How much room the plots take above the groups",
    });
    const linkage = labelled("Linkage", this.linkage);
    linkage.title = LINKAGE_TITLE;
    const presets = element(
      "div",
      { class: "dup-presets", role: "group", "aria-label": "Thresholds of the tutorial" },
      ...this.presets,
    );
    const stepper = element(
      "div",
      { class: "dup-stepper", title: "threshold: pairs from this similarity up are found" },
      this.looser,
      this.value,
      this.stricter,
    );
    this.methodField = labelled("Method", this.method);
    this.node = element("header", { class: "dup-head" });
    this.node.append(
      element("div", { class: "dup-choice" }, stepper, presets, this.meaning),
      element("div", { class: "dup-options" }, this.methodField, linkage, this.size),
    );
  }

  setScene(scene, state) {
    setOptions(
      this.method,
      scene.data.methods.map((name) => [name, name]),
      state.method,
    );
    this.methodField.toggleAttribute("hidden", scene.data.methods.length < 2);
    this.linkage.value = state.linkage;
    for (const [place, node] of this.presets.entries()) {
      const isBelow = PRESETS[place] < scene.floor;
      node.disabled = isBelow;
      node.title = isBelow
        ? `the pairs begin at ${percentText(scene.floor)}`
        : askedText(scene, PRESETS[place]) ||
          `finds pairs from ${percentText(PRESETS[place])} similarity up`;
    }
    this.meaning.title = scene.unitTitle;
  }

  /**
   * @param {Scene} scene
   * @param {number} threshold
   * @param {number | null} asked - the preset that was pressed for this threshold
   */
  mark(scene, threshold, asked) {
    setText(this.value, percentText(threshold));
    setText(this.meaning, (asked && askedText(scene, asked)) || scene.meaning(threshold));
    this.looser.disabled = threshold <= scene.lowest;
    this.stricter.disabled = threshold >= scene.levels[0];
    this.presets.forEach((node, place) => {
      const isHere = PRESETS[place] >= scene.floor && scene.snap(PRESETS[place]) === threshold;
      setAttribute(node, "aria-pressed", isHere);
    });
  }
}

/** What a threshold became that is no level of the method; empty where it is one. */
function askedText(scene, asked) {
  const level = scene.snap(asked);
  const isLevel = Math.abs(level - asked) < 1e-9;
  return isLevel ? "" : `${asked} asked: next level ${percentText(level, 2)}`;
}

/** The counts at the threshold; their colours are the legend of the curves. */
class Numbers {
  constructor({ openList, signal }) {
    this.values = {};
    this.node = element("dl", { class: "dup-numbers" });
    for (const name of CURVES) this.add(name, NUMBER_TITLES[name], `dup-${name}`);
    this.all = element("small");
    this.values.images.after(this.all);
    this.freed = this.add("freed", "disk space of the redundant images: of all but the originals");
    this.judged = JUDGED_CURVES.map((name) => {
      const node = this.add(name, NUMBER_TITLES[name], `dup-${name}`);
      const open = button("", () => openList(name), signal, { class: "dup-number-link" });
      open.append(this.values[name]);
      node.lastElementChild.append(open);
      return node;
    });
  }

  add(name, title, legend = "") {
    this.values[name] = element("b", {});
    const mark = legend ? [element("i", { class: legend, "aria-hidden": "true" })] : [];
    const term = element("dt", {}, ...mark, name);
    const value = element("dd", { "data-testid": name }, this.values[name]);
    const node = element("div", { title }, term, value);
    this.node.append(node);
    return node;
  }

  mark(scene, threshold) {
    const place = scene.place(threshold);
    for (const name of scene.curveNames)
      setText(this.values[name], countText(scene.counts(name)[place]));
    setText(this.all, ` of ${countText(scene.data.n_images)}`);
    for (const [which, node] of this.judged.entries()) {
      node.hidden = !scene.isJudged;
      const open = node.querySelector("button");
      if (scene.isJudged) setAttribute(open, "aria-label", this.describe(JUDGED_CURVES[which]));
    }
  }

  describe(name) {
    return `List the ${this.values[name].textContent} ${name} pairs`;
  }

  /** @param {number | undefined} bytes - undefined where sizes are not known */
  setFreed(bytes) {
    this.freed.hidden = bytes === undefined;
    if (bytes !== undefined) setText(this.values.freed, sizeText(bytes));
  }
}

/** Comparing with a second threshold, the range, other tools, and what was left out. */
class Tools {
  constructor({ change, showTools, send, signal }) {
    this.maker = new RuleMaker({ send, signal });
    this.pin = button("Pin", () => change({ pin: true }), signal, {
      "aria-pressed": "false",
      "data-testid": "pin",
      title: "Keeps this threshold as a dashed line, and tells what changes when you move on",
    });
    this.changes = element("span", {
      class: "dup-changes",
      "data-testid": "changes",
      title: CHANGE_TITLE,
    });
    this.upper = chooser(
      [["", "no limit"]],
      (value) => change({ upper: value ? Number(value) : null }),
      signal,
      {
        "data-testid": "upper",
        title: "Leaves out the most similar pairs, to look at what a lower threshold adds",
      },
    );
    const others = checkbox("other tools’ defaults", showTools, signal);
    others.node.title = "Marks the thresholds that other programs come with";
    this.toolList = element("ul", { class: "dup-tool-list", hidden: "" });
    this.guards = element("p", { class: "dup-guards", "data-testid": "guards" });
    this.bursts = checkbox("", (checked) => change({ without_bursts: checked }), signal, {
      "data-testid": "bursts",
    });
    this.burstText = element("span", {});
    this.bursts.node.append(this.burstText);
    this.bursts.node.title =
      "Pictures of one scene taken at most ten seconds apart: similar, but perhaps not copies";
    const pinning = element("div", { class: "dup-pin" }, this.pin, this.changes);
    const range = labelled("Only pairs below", this.upper);
    range.title = "Shows only what the threshold adds to this stricter one: pairs between the two";
    const row = element(
      "div",
      { class: "dup-tools" },
      pinning,
      range,
      this.bursts.node,
      others.node,
    );
    this.node = element(
      "div",
      { class: "dup-tool-panel", hidden: "", "data-testid": "tool-panel" },
      row,
      this.maker.node,
      this.toolList,
      this.guards,
    );
  }

  setScene(scene) {
    const entries = scene.data.tools.map(([percent, names]) =>
      element("li", {}, element("b", {}, percentText(percent)), ` ${names}`),
    );
    this.toolList.replaceChildren(...entries);
    const limits = scene.levels.slice(0, -1).map((level) => [String(level), percentText(level)]);
    setOptions(this.upper, [["", "no limit"], ...limits], "");
    this.maker.setScene(scene);
    this.bursts.node.toggleAttribute("hidden", !scene.data.bursts);
    setText(this.burstText, `leave out bursts (${plural(scene.data.bursts ?? 0, "pair")})`);
  }

  mark(threshold, { pinned, upper, without_bursts: withoutBursts }) {
    setText(
      this.pin,
      pinned === null ? `Pin ${percentText(threshold)}` : `Unpin ${percentText(pinned)}`,
    );
    setAttribute(this.pin, "aria-pressed", pinned !== null);
    if (pinned === null)
      setText(this.changes, "pin a threshold to see what changes from it to another");
    this.upper.value = upper === null ? "" : String(upper);
    this.bursts.input.checked = withoutBursts;
  }

  setChanges(changes, threshold, pinned) {
    if (!changes || pinned === null) return;
    const [strict, loose] = [Math.max(threshold, pinned), Math.min(threshold, pinned)].map(
      (value) => percentText(value),
    );
    const parts = Object.entries(changes)
      .filter(([, count]) => count)
      .map(([name, count]) => `${countText(count)} ${name}`);
    const what = parts.length ? parts.join(", ") : "no group changes";
    const text = strict === loose ? "now move the threshold" : `${strict} → ${loose}: ${what}`;
    setText(this.changes, text);
  }

  setGuards(guards, bursts) {
    const key = JSON.stringify([guards, bursts]);
    if (key === this.guardsShown) return;
    this.guardsShown = key;
    const parts = [
      [guards.unreadable, "unreadable", "files that could not be read; see images.problem"],
      [guards.blank, "blank", "too little detail to compare; kept out of near pairs"],
      [guards.animated, "animated", "compared by their first frame"],
      [
        bursts,
        "in bursts",
        "in these groups, taken seconds after their original: perhaps another photograph",
      ],
    ].filter(([count]) => count !== undefined);
    const nodes = parts.map(([count, name, title]) => {
      const node = element(
        "span",
        { title, class: count ? "some" : "none" },
        element("b", {}, countText(count)),
        ` ${name}`,
      );
      return node;
    });
    this.guards.replaceChildren("Look at these yourself: ", ...nodes);
    this.guards.title = "Images that were not compared, or only in part";
  }
}

/** A rule over two methods: the other one, how both count, and its own threshold. */
class RuleMaker {
  constructor({ send, signal }) {
    this.send = send;
    this.rule = chooser(Object.entries(RULE_WORDS), () => this.changed(), signal, {
      "data-testid": "rule",
      "aria-label": "Rule",
    });
    this.other = chooser([["", ""]], () => this.changed(), signal, {
      "data-testid": "rule-method",
      "aria-label": "Second method",
    });
    this.slider = element("input", {
      type: "range",
      min: 50,
      max: 99,
      step: 1,
      value: 80,
      "data-testid": "rule-threshold",
      "aria-label": "Threshold of the second method, in percent",
    });
    this.value = element("output", {});
    this.slider.addEventListener("input", () => this.showValue(), { signal });
    this.slider.addEventListener("change", () => this.changed(), { signal });
    this.apply = button("Combine", () => this.combine(), signal, { "data-testid": "combine" });
    this.node = element(
      "div",
      {
        class: "dup-tools",
        title: "Counts a pair by two methods, such as phash, verified by aligned",
      },
      element("span", {}, "Combine with a second method:"),
      this.rule,
      this.other,
      element("span", {}, "from"),
      this.slider,
      this.value,
      this.apply,
    );
    this.showValue();
  }

  setScene(scene) {
    const { rule, others = [] } = scene.data;
    this.isOn = Boolean(rule);
    this.node.hidden = !others.length;
    setOptions(
      this.other,
      others.map((name) => [name, name]),
      rule?.other ?? (others.includes("aligned") ? "aligned" : others[0]),
    );
    if (rule) {
      this.rule.value = rule.rule;
      this.slider.value = String(rule.threshold);
    }
    this.showValue();
    this.done();
  }

  showValue() {
    this.value.textContent = percentText(Number(this.slider.value));
  }

  /** A rule that is on follows its controls. */
  changed() {
    this.showValue();
    if (this.isOn) this.combine();
  }

  combine() {
    this.apply.disabled = true;
    this.apply.textContent = `computing ${this.other.value}…`;
    this.send({
      type: "combine",
      method: this.other.value,
      threshold: Number(this.slider.value),
      rule: this.rule.value,
    });
  }

  done() {
    this.apply.disabled = false;
    this.apply.textContent = this.isOn ? "Combine again" : "Combine";
  }
}

/** Search, order and count of the groups. */
class Filter {
  constructor({ change, openTools, showMode, signal }) {
    this.modes = ["groups", "pairs"].map((mode) =>
      button(mode === "groups" ? "Groups" : "Pairs", () => showMode(mode), signal, {
        "aria-pressed": mode === "groups",
        "data-testid": `show-${mode}`,
        class: "dup-mode",
        title:
          mode === "groups"
            ? "the groups at this threshold"
            : "the pairs just above and just below the threshold: look at them before you trust it",
      }),
    );
    this.search = element("input", {
      type: "search",
      placeholder: "file name",
      title: "shows the groups that have this text in a file name",
      "aria-label": "Search",
      "data-testid": "search",
    });
    this.search.addEventListener("input", () => this.searchSoon(change), { signal });
    this.order = chooser(GROUP_ORDERS, (order) => change({ order }), signal, {
      "data-testid": "order",
      "aria-label": "Order",
      title:
        "Order of the groups. The weakest pair are the two least similar images of a group: " +
        "begin with those to see doubtful groups first.",
    });
    this.changed = checkbox("only changed", (checked) => change({ only_changed: checked }), signal);
    this.changed.node.title = "only groups that differ from those at the pinned threshold";
    this.across = chooser([["", "all groups"]], (across) => change({ across }), signal, {
      "data-testid": "across",
      "aria-label": "Show",
      title: "Shows all groups, or only those whose images differ in this column",
    });
    this.count = element("span", { class: "dup-count", "data-testid": "count" });
    this.toggle = button("Tools", openTools, signal, {
      "aria-expanded": "false",
      "data-testid": "tools",
      class: "dup-open-tools",
      title: "Compare two thresholds, choose a range, see what was left out",
    });
    this.node = element("div", { class: "dup-filter" });
    const modes = element(
      "div",
      { class: "dup-presets", role: "group", "aria-label": "Show" },
      ...this.modes,
    );
    this.ofGroups = [this.changed.node, this.across, this.search, this.order];
    this.node.append(modes, this.count, ...this.ofGroups, this.toggle);
  }

  /** Offer the columns whose values may differ in a group, such as split and label. */
  setColumns(columns) {
    const choices = columns.map((name) => [name, `across ${name}s`]);
    setOptions(this.across, [["", "all groups"], ...choices], "");
    this.across.toggleAttribute("hidden", columns.length === 0);
  }

  setMode(mode) {
    const isGroups = mode === "groups";
    this.modes.forEach((node, place) =>
      setAttribute(node, "aria-pressed", (place === 0) === isGroups),
    );
    this.node.toggleAttribute("data-pairs", !isGroups);
  }

  searchSoon(change) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => change({ search: this.search.value }), 150);
  }

  mark(state) {
    if (document.activeElement !== this.search) this.search.value = state.search;
    this.order.value = state.order;
    this.across.value = state.across;
    this.changed.input.checked = state.only_changed;
    this.changed.node.toggleAttribute("hidden", state.pinned === null && !state.only_changed);
  }
}
