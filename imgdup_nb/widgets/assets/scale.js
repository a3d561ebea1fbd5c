// What Python sent about all levels of a method, and how numbers become places on the screen.

const RULE_WORDS = { verified: "verified by", any: "or", all: "and" }; // between two methods
const LOW_PLOT = 80; // pixels; names of bands stand beside the marks of a lower plot
const TICK_ROOM = 13; // pixels between two numbers at an axis
const JUDGED_CURVES = ["right", "wrong", "unknown", "missed"];

/** The counts at every level, strictest first. */
class Scene {
  /** @param {SceneData} data */
  constructor(data) {
    this.data = data;
    this.levels = data?.levels ?? [];
    this.isEmpty = !this.levels.length;
  }

  /** Whether truth or labels tell right pairs from wrong ones. */
  get isJudged() {
    return this.data?.judged?.right !== undefined;
  }

  /** The names of all curves: those of Python, and what is known of the pairs. */
  get curveNames() {
    return this.isJudged ? [...CURVES, ...JUDGED_CURVES] : CURVES;
  }

  /** The counts of a curve at each level. */
  counts(name) {
    const { judged } = this.data;
    if (!JUDGED_CURVES.includes(name)) return this.data[name];
    const found = sums(judged[name === "missed" ? "right" : name]);
    return name === "missed" ? found.map((count) => judged.all_right - count) : found;
  }

  get floor() {
    return this.data.floor;
  }

  /** The bars below the floor, the highest level first. */
  get below() {
    return this.data.below ?? [];
  }

  get lowest() {
    return this.levels.at(-1);
  }

  /** The place of the last level at or above a percentage: between two levels nothing changes. */
  place(percent) {
    let low = 0;
    let high = this.levels.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.levels[middle] >= percent - 1e-9) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  snap(percent) {
    return this.levels[this.place(percent)];
  }

  nearest(percent) {
    const place = this.place(percent);
    const below = this.levels[Math.min(place + 1, this.levels.length - 1)];
    return this.levels[place] - percent <= percent - below ? this.levels[place] : below;
  }

  step(percent, count) {
    const place = this.place(percent) - count;
    return this.levels[Math.min(Math.max(place, 0), this.levels.length - 1)];
  }

  /** The next edge of a band in a direction: 1 is stricter, -1 looser. */
  nextBand(percent, direction) {
    const edges = [100, ...BANDS.map((band) => band.low), this.lowest]
      .filter((edge) => edge >= this.lowest)
      .map((edge) => this.snap(edge));
    const further = edges.filter((edge) => (edge - percent) * direction > 1e-9);
    return direction > 0 ? Math.min(100, ...further) : Math.max(this.lowest, ...further);
  }

  /** A rule at a threshold: where the first method moves, the other one moves along. */
  ruleText(percent, rule) {
    const share = (100 - rule.threshold) / (100 - rule.base_threshold);
    const isFixed = rule.rule === "verified";
    const other = isFixed ? rule.threshold : 100 - (100 - percent) * share;
    const first = `${rule.base} ≥ ${percentText(percent)}`;
    return `${first} ${RULE_WORDS[rule.rule]} ${rule.other} ≥ ${percentText(other)}`;
  }

  /** How to read what `meaning` says. */
  get unitTitle() {
    const { unit, bits, rule } = this.data;
    if (rule) return "a pair counts by this rule over two methods";
    if (unit !== "bits") return "what the percentages of this method measure";
    return `each image has a hash of ${bits} bits; similarity is the percent of bits that agree`;
  }

  /** What a threshold means in the method's own unit. */
  meaning(percent) {
    const { unit, bits, rule } = this.data;
    if (rule) return this.ruleText(percent, rule);
    if (unit === "cosine") return "cosine of the angle between two embeddings";
    if (unit !== "bits") return "how alike two pictures are, by this method";
    const differing = Math.floor((bits * (100 - percent)) / 100 + 1e-9);
    return differing ? `up to ${differing} of ${bits} bits differ` : `all ${bits} bits agree`;
  }
}

/**
 * Similarity goes right and counts go up: as log(1 + count), so that three pairs can be seen beside
 * a million, or linear.
 */
class Scales {
  /**
   * @param {{ width: number, height: number }} size
   * @param {Scene} scene
   * @param {number} most - the highest count
   * @param {boolean} isLinear
   */
  constructor({ width, height }, scene, most, isLinear = false) {
    const { lowest } = scene;
    const end = (level) => level - (100 - level) * 0.02 - 0.3;
    this.left = 40;
    this.right = width - 6;
    this.top = height < LOW_PLOT ? 18 : 23; // below the names of the bands
    this.bottom = height - 18;
    this.listed = end(lowest); // pairs are listed down to here
    this.from = end(Math.min(lowest, scene.below.at(-1)?.[0] ?? lowest));
    this.to = 100 + 1.2 * (scene.data.widths[0] ?? 1); // the bar at 100 stands right of its line
    this.count = isLinear ? (count) => count : Math.log1p;
    this.isLinear = isLinear;
    this.most = this.count(Math.max(1, most));
  }

  x(percent) {
    return this.left + ((percent - this.from) / (this.to - this.from)) * (this.right - this.left);
  }

  percent(x) {
    return this.from + ((x - this.left) / (this.right - this.left)) * (this.to - this.from);
  }

  y(count) {
    return this.bottom - (this.count(count) / this.most) * (this.bottom - this.top);
  }

  /** Zero and powers of ten, or zero and three round steps; only as many as can be read. */
  countTicks() {
    const ticks = [0];
    const step = this.isLinear ? roundStep(this.most / 3) : 1;
    const next = (tick) => (this.isLinear ? tick + step : tick * 10);
    for (let tick = step; this.count(tick) <= this.most + 1e-9; tick = next(tick)) ticks.push(tick);
    const shown = [0];
    for (const tick of ticks)
      if (this.y(shown.at(-1)) - this.y(tick) >= TICK_ROOM) shown.push(tick);
    return shown;
  }

  percentTicks() {
    const step = this.to - this.from > 45 ? 10 : 5;
    const ticks = [];
    for (let tick = Math.ceil(this.from / step) * step; tick <= 100; tick += step) ticks.push(tick);
    return ticks;
  }
}

/** The next of 1, 2, 5, 10, 20, 50, ... */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return power * ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10);
}

function shortCount(count) {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}k` : String(count);
}
