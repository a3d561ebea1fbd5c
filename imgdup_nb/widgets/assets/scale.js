// What Python sent about all levels of a method, and how numbers become places on the screen.

/** The counts at every level, strictest first. */
class Scene {
  /** @param {SceneData} data */
  constructor(data) {
    this.data = data;
    this.levels = data?.levels ?? [];
    this.isEmpty = !this.levels.length;
  }

  get floor() {
    return this.data.floor;
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

  /** What a threshold means in the method's own unit. */
  meaning(percent) {
    const { unit, bits } = this.data;
    if (unit === "cosine") return "cosine of the angle between two embeddings";
    if (unit !== "bits") return "similarity as the method scores it";
    const differing = Math.floor((bits * (100 - percent)) / 100 + 1e-9);
    return differing ? `up to ${differing} of ${bits} bits differ` : `all ${bits} bits agree`;
  }
}

/** Similarity goes right, log(1 + count) goes up: three pairs can be seen beside a million. */
class Scales {
  constructor(width, height, lowest, most) {
    this.left = 46;
    this.right = width - 12;
    this.top = 34;
    this.bottom = height - 34;
    const margin = (100 - lowest) * 0.03 + 0.4;
    this.from = lowest - margin;
    this.to = 100 + margin;
    this.most = Math.log1p(Math.max(1, most));
  }

  x(percent) {
    return this.left + ((percent - this.from) / (this.to - this.from)) * (this.right - this.left);
  }

  percent(x) {
    return this.from + ((x - this.left) / (this.right - this.left)) * (this.to - this.from);
  }

  y(count) {
    return this.bottom - (Math.log1p(count) / this.most) * (this.bottom - this.top);
  }

  /** Powers of ten that fit. */
  countTicks() {
    const ticks = [0];
    for (let tick = 1; Math.log1p(tick) <= this.most + 1e-9; tick *= 10) ticks.push(tick);
    return ticks;
  }

  percentTicks() {
    const step = this.to - this.from > 45 ? 10 : 5;
    const ticks = [];
    for (let tick = Math.ceil(this.from / step) * step; tick <= 100; tick += step) ticks.push(tick);
    return ticks;
  }
}

function shortCount(count) {
  if (count >= 1e6) return `${count / 1e6}M`;
  return count >= 1e3 ? `${count / 1e3}k` : String(count);
}
