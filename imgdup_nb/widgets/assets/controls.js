// Everything that is pressed, chosen or typed, and the numbers beside it.

const NUMBER_TITLES = {
  pairs: "pairs of images at or above the threshold",
  groups: "groups of two or more images",
  images: "images in a group",
  redundant: "images in groups besides the original: what could go",
  largest: "images in the largest group",
};

/** The line on top: the threshold, what it means, and how pairs become groups. */
class Head {
  constructor({ move, change, signal }) {
    this.value = element("output", { class: "dup-value", "data-testid": "value" });
    this.meaning = element("span", { class: "dup-meaning" });
    this.looser = button("−", () => move(-1), signal, {
      "aria-label": "Looser by one level",
      class: "dup-step",
    });
    this.stricter = button("+", () => move(1), signal, {
      "aria-label": "Stricter by one level",
      class: "dup-step",
    });
    this.presets = PRESETS.map((percent) =>
      button(String(percent), () => change({ preset: percent }), signal, {
        "aria-pressed": "false",
      }),
    );
    this.method = chooser([["", ""]], (method) => change({ method }), signal, {
      "data-testid": "method",
    });
    this.linkage = chooser(LINKAGES, (linkage) => change({ linkage }), signal, {
      "data-testid": "linkage",
    });
    const presets = element(
      "div",
      { class: "dup-presets", role: "group", "aria-label": "Thresholds of the tutorial" },
      ...this.presets,
    );
    const stepper = element(
      "div",
      { class: "dup-stepper" },
      this.looser,
      this.value,
      this.stricter,
    );
    this.methodField = labelled("Method", this.method);
    this.node = element("header", { class: "dup-head" });
    this.node.append(
      element(
        "div",
        { class: "dup-choice" },
        element("span", { class: "dup-title" }, "Threshold"),
        stepper,
        presets,
        this.meaning,
      ),
      element("div", { class: "dup-options" }, this.methodField, labelled("Linkage", this.linkage)),
    );
  }

  setScene(scene, state) {
    setOptions(
      this.method,
      scene.data.methods.map((name) => [name, name]),
      state.method,
    );
    this.methodField.toggleAttribute("hidden", scene.data.methods.length < 2 && !state.method);
    this.linkage.value = state.linkage;
    for (const [place, node] of this.presets.entries())
      node.disabled = PRESETS[place] < scene.floor;
  }

  mark(scene, threshold) {
    setText(this.value, percentText(threshold));
    setText(this.meaning, scene.meaning(threshold));
    this.looser.disabled = threshold <= scene.lowest;
    this.stricter.disabled = threshold >= scene.levels[0];
    this.presets.forEach((node, place) => {
      const isHere = PRESETS[place] >= scene.floor && scene.snap(PRESETS[place]) === threshold;
      setAttribute(node, "aria-pressed", isHere);
    });
  }
}

/** The counts at the threshold; their colours are the legend of the curves. */
class Numbers {
  constructor() {
    this.values = {};
    this.node = element("dl", { class: "dup-numbers" });
    for (const name of CURVES) {
      this.values[name] = element("b", {});
      const term = element(
        "dt",
        {},
        element("i", { class: `dup-${name}`, "aria-hidden": "true" }),
        name,
      );
      const value = element("dd", { "data-testid": name }, this.values[name]);
      this.node.append(element("div", { title: NUMBER_TITLES[name] }, term, value));
    }
    this.all = element("small");
    this.values.images.after(this.all);
  }

  mark(scene, threshold) {
    const place = scene.place(threshold);
    for (const name of CURVES) setText(this.values[name], countText(scene.data[name][place]));
    setText(this.all, ` of ${countText(scene.data.n_images)}`);
  }
}

/** Comparing with a second threshold, the range, other tools, and what was kept out. */
class Tools {
  constructor({ change, showTools, signal }) {
    this.pin = button("Pin", () => change({ pin: true }), signal, {
      "aria-pressed": "false",
      "data-testid": "pin",
    });
    this.changes = element("span", { class: "dup-changes", "data-testid": "changes" });
    this.upper = chooser(
      [["", "no upper limit"]],
      (value) => change({ upper: value ? Number(value) : null }),
      signal,
      { "data-testid": "upper" },
    );
    const others = checkbox("other tools’ defaults", showTools, signal);
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
    const row = element(
      "div",
      { class: "dup-tools" },
      pinning,
      labelled("Only pairs", this.upper),
      this.bursts.node,
      others.node,
    );
    this.node = element("div", {}, this.toolList, this.guards, row);
  }

  setScene(scene) {
    const entries = scene.data.tools.map(([percent, names]) =>
      element("li", {}, element("b", {}, percentText(percent)), ` ${names}`),
    );
    this.toolList.replaceChildren(...entries);
    const limits = scene.levels
      .slice(0, -1)
      .map((level) => [String(level), `below ${percentText(level)}`]);
    setOptions(this.upper, [["", "no upper limit"], ...limits], "");
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
    this.guards.replaceChildren("Guards: ", ...nodes);
  }
}

/** Search, order and count of the groups. */
class Filter {
  constructor({ change, signal }) {
    this.search = element("input", {
      type: "search",
      placeholder: "part of a file name",
      "data-testid": "search",
    });
    this.search.addEventListener("input", () => this.searchSoon(change), { signal });
    this.order = chooser(GROUP_ORDERS, (order) => change({ order }), signal, {
      "data-testid": "order",
    });
    this.changed = checkbox("only changed", (checked) => change({ only_changed: checked }), signal);
    this.count = element("span", { class: "dup-count", "data-testid": "count" });
    this.node = element("div", { class: "dup-filter" });
    this.node.append(
      labelled("Search", this.search),
      labelled("Order", this.order),
      this.changed.node,
      this.count,
    );
  }

  searchSoon(change) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => change({ search: this.search.value }), 150);
  }

  mark(state) {
    if (document.activeElement !== this.search) this.search.value = state.search;
    this.order.value = state.order;
    this.changed.input.checked = state.only_changed;
    this.changed.node.toggleAttribute("hidden", state.pinned === null && !state.only_changed);
  }
}
