// The stand-in for Python in a page without a kernel: it holds the pairs, makes the groups and
// answers the explorer's messages as `explorer.py` does.

const INPUTS_OF_SCOPE = ["method", "linkage", "upper", "without_bursts"]; // each needs new counts
const ROWS_AT_ONCE = 12; // sent with every change: more than a screen shows
const ROW_TILES = 8; // images of a group in its row
const DETAIL_ROWS = 300;
const OWNERS_KEPT = 5e6; // numbers; so a level is grouped once
const TABLES_KEPT = 40;
const BURST_SECONDS = 10;

/** Tenths of a percent; null below the floor. */
function tenths(value) {
  return Number.isNaN(value) ? null : Math.round(10 * value);
}

/** Each value as the difference from the last known one before it: what `sums` turns back. */
function differences(values) {
  let before = 0;
  return values.map((value) => {
    if (value === null) return null;
    const difference = value - before;
    before = value;
    return difference;
  });
}

/** One method: its pairs, its levels, and which images they are about. */
class PageMethod {
  constructor(data) {
    this.data = data;
    this.scene = data.scene;
    this.images = data.images; // place in the page's list of images, of each image of the pairs
    this.numbers = new Map(data.images.map((image, number) => [image, number])); // and back
    this.bursts = new Set(data.bursts);
    this.pairs = data.pairs && unpackPairs(data.pairs);
    this.table = data.groups && fixedTable(data.groups); // groups that no threshold changes
  }

  /** The pairs in range, with the owners at each level that were asked for. */
  pool(upper, withoutBursts) {
    const key = `${upper}|${withoutBursts}`;
    if (this.poolKey !== key) {
      this.poolKey = key;
      this.owners = new Map();
      this.tables = new Map();
      const { similarity } = this.pairs;
      const isIn = (pair) =>
        (upper === null || similarity[pair] < upper - TOLERANCE) &&
        !(withoutBursts && this.bursts.has(pair));
      this.inRange = upper === null && !withoutBursts ? this.pairs : this.pairs.only(isIn);
    }
    return this.inRange;
  }

  /** Owners at a level; those of all levels come at once where one pass makes them all. */
  ownersAt(threshold, linkage) {
    const key = (level) => `${linkage} ${level}`;
    if (this.owners.has(key(threshold))) return this.owners.get(key(threshold));
    const pairs = this.inRange;
    const { levels } = this.scene;
    if (linkage === "complete" && pairs.n * levels.length <= 4 * OWNERS_KEPT) {
      completeOwners(pairs, levels).forEach((owner, place) =>
        this.owners.set(key(levels[place]), owner),
      );
      return this.owners.get(key(threshold)) ?? findOwners(pairs, threshold, linkage);
    }
    const owner = findOwners(pairs, threshold, linkage);
    if (this.owners.size * pairs.n > OWNERS_KEPT) this.owners.clear();
    this.owners.set(key(threshold), owner);
    return owner;
  }

  /** The counts at every level, as `Scene` reads them. */
  count(linkage) {
    const { levels } = this.scene;
    if (this.table) {
      const { length, image, size } = this.table;
      const counts = { bars: 0, pairs: 0, groups: length, images: image.length };
      const more = { redundant: image.length - length, largest: Math.max(0, ...size) };
      return Object.fromEntries(
        Object.entries({ ...counts, ...more }).map(([name, count]) => [
          name,
          levels.map(() => count),
        ]),
      );
    }
    const near = levels.map((level) => this.inRange.countNear(level));
    const tallies = levels.map((level) => tallyOwners(this.ownersAt(level, linkage)));
    return {
      bars: near.map((count, place) => count - (near[place - 1] ?? 0)),
      pairs: near.map((count) => this.inRange.countPairs(count)),
      groups: tallies.map(({ groups }) => groups),
      images: tallies.map(({ images }) => images),
      redundant: tallies.map(({ groups, images }) => images - groups),
      largest: tallies.map(({ largest }) => largest),
    };
  }

  groupsAt(threshold, linkage) {
    if (this.table) return this.table;
    const key = `${linkage} ${threshold}`;
    let table = this.tables.get(key);
    if (!table) {
      table = GroupTable.of(this.inRange, this.ownersAt(threshold, linkage));
      if (this.tables.size > TABLES_KEPT) this.tables.clear();
      this.tables.set(key, table);
    }
    return table;
  }
}

/** The groups of a plan, as they travel: null is a similarity that is not known. */
function fixedTable({ image, similarity, start, weakest }) {
  const known = (value) => value ?? Number.NaN;
  return new GroupTable({
    image: Int32Array.from(image),
    similarity: Float64Array.from(similarity, known),
    start,
    weakest: weakest.map(known),
  });
}

/** Pairs as they travel: similarities once with their counts, images as differences. */
function unpackPairs({ n, values, counts, first, second, like }) {
  const similarity = new Float64Array(first.length);
  let end = 0;
  counts.forEach((count, place) => similarity.fill(values[place], end, (end += count)));
  const whole = (steps) => {
    let sum = 0;
    return Int32Array.from(steps, (step) => (sum += step));
  };
  return new PairArrays({
    n,
    first: whole(first),
    second: whole(second),
    similarity,
    like: like ? Int32Array.from(like) : null,
  });
}

/** @implements {Model<ExplorerTraits>} */
class PageModel {
  /**
   * @param {PageData} data
   * @param {PagePictures} pictures
   */
  constructor(data, pictures) {
    this.data = data;
    this.pictures = pictures;
    this.state = { ...data.state, details: {} };
    this.listeners = [];
    this.changed = new Set();
    this.revision = 0;
    /** @type {PagePairs | null} */
    this.pairs = null; // answers about pairs
    this.selected = null; // an image of the selected group, by its number in the method
    this.methods = Object.fromEntries(
      Object.entries(data.methods).map(([name, method]) => [name, new PageMethod(method)]),
    );
    this.follow(["method"]);
  }

  // -- what the explorer calls -------------------------------------------------------------------

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (this.state[name] === value) return;
    this.put(name, value);
    if (!this.changed.size) queueMicrotask(() => this.answer());
    this.changed.add(name);
  }

  save_changes() {}

  on(name, callback) {
    this.listeners.push([name, callback]);
  }

  off(name, callback) {
    this.listeners = this.listeners.filter(
      ([other, kept]) => other !== name || (callback && kept !== callback),
    );
  }

  send(message) {
    const answers = {
      hello: () => this.say({ type: "hello" }),
      rows: () => this.say(this.rowsMessage(message.first, message.count)),
      select: () => this.select(message.group),
      code: () => this.say({ type: "code", text: this.code() }),
      pictures: () => this.sendPictures(message),
      map: () => sendMap(this),
      joined: () => sendJoined(this),
    };
    const answer = answers[message.type] ?? (() => this.pairs?.answer(message));
    queueMicrotask(answer); // after what is running, as Python would
  }

  put(name, value) {
    this.state[name] = value;
    this.emit(`change:${name}`, this, value);
  }

  say(message, buffers = []) {
    this.emit("msg:custom", message, buffers);
  }

  emit(name, ...details) {
    for (const [wanted, callback] of [...this.listeners]) if (wanted === name) callback(...details);
  }

  // -- what follows ------------------------------------------------------------------------------

  get method() {
    return this.methods[this.state.method];
  }

  /** Group anew after what has changed, and send the first rows. */
  answer() {
    const names = [...this.changed];
    this.changed.clear();
    this.follow(names);
    this.say(this.rowsMessage(0, ROWS_AT_ONCE));
  }

  follow(names) {
    if (names.includes("method")) this.fitToLevels();
    const { upper, threshold } = this.state;
    if (upper !== null && upper <= threshold + TOLERANCE) {
      this.put("upper", null);
      names.push("upper");
    }
    if (names.some((name) => INPUTS_OF_SCOPE.includes(name))) this.recount();
    this.regroup();
  }

  /** Bring thresholds to the levels of another method. */
  fitToLevels() {
    const { levels } = this.method.scene;
    const snap = (percent) => levels.filter((level) => level >= percent - TOLERANCE).at(-1);
    for (const name of ["threshold", "pinned", "upper"]) {
      const value = this.state[name];
      if (value !== null) this.put(name, snap(value) ?? levels[0]);
    }
    this.selected = null;
    if (this.revision) this.put("lassoed", []); // numbers of images in the method before
  }

  recount() {
    const { linkage, upper, without_bursts: withoutBursts } = this.state;
    if (!this.method.table) this.method.pool(upper, withoutBursts);
    const methods = Object.keys(this.methods);
    const known = { map: Boolean(this.method.data.map), judged: this.judgedCounts() };
    this.put("scene", { ...this.method.scene, ...this.method.count(linkage), methods, ...known });
  }

  judgedCounts() {
    return this.pairs && this.method.pairs ? this.pairs.judgedCounts() : {};
  }

  /** What is known of the pairs has changed. */
  judge() {
    if (this.method.pairs) this.put("scene", { ...this.get("scene"), judged: this.judgedCounts() });
  }

  regroup() {
    const { method, state } = this;
    this.table = method.groupsAt(state.threshold, state.linkage);
    const n = method.images.length;
    this.changes = { kinds: this.table.size.map(() => 0), all: [], newRows: new Set() };
    if (state.pinned !== null) {
      const other = method.groupsAt(state.pinned, state.linkage);
      this.changes = compareGroups(this.table, other, n, state.pinned >= state.threshold);
    }
    this.bursts = this.findBursts();
    this.filter();
    this.revision++;
    this.keepSelection();
  }

  /** Rows of images that were taken seconds from their original. */
  findBursts() {
    const { taken } = this.method.data;
    const found = new Set();
    if (!taken) return found;
    this.table.image.forEach((image, row) => {
      const first = this.table.image[this.table.start[this.table.group[row] - 1]];
      const apart = Math.abs((taken[image] ?? Number.NaN) - (taken[first] ?? Number.NaN));
      if (apart > 0 && apart <= BURST_SECONDS) found.add(row);
    });
    return found;
  }

  filter() {
    const { search, order, only_changed: onlyChanged, across, lassoed = [] } = this.state;
    const chosen = new Set(lassoed);
    const codes = this.method.data.columns[across];
    const text = search.toLowerCase();
    const isHit = (group) =>
      this.table
        .rows(group)
        .some((row) => this.nameOf(this.table.image[row]).toLowerCase().includes(text));
    this.shown = this.table
      .ordered(order)
      .filter((group) => !search || isHit(group))
      .filter((group) => !onlyChanged || this.changes.kinds[group - 1])
      .filter((group) => !codes || this.table.differ(group, codes))
      .filter((group) => !chosen.size || this.hasChosen(group, chosen));
  }

  hasChosen(group, images) {
    return this.table.rows(group).some((row) => images.has(this.table.image[row]));
  }

  /** The name of an image of the method, by its number. */
  nameOf(number) {
    return this.data.names[this.method.images[number]];
  }

  // -- the selected group ------------------------------------------------------------------------

  /** Select a group by the number that is shown. */
  select(number) {
    const group = number === null ? 0 : this.numbers.indexOf(number) + 1;
    this.selected = group ? this.table.image[this.table.start[group - 1]] : null;
    this.keepSelection();
  }

  keepSelection() {
    const row = this.selected === null ? -1 : this.table.image.indexOf(this.selected);
    if (row < 0) this.selected = null;
    const group = row < 0 ? 0 : this.table.group[row];
    this.put("details", group ? this.detailsOf(group) : {});
  }

  detailsOf(group) {
    const rows = this.table.rows(group);
    return {
      group: this.numbers[group - 1],
      size: rows.length,
      rows: rows.slice(0, DETAIL_ROWS).map((row) => {
        const image = this.table.image[row];
        const similarity = this.table.similarity[row];
        const shown = Number.isNaN(similarity) ? null : Number(similarity.toFixed(2));
        return [image, this.nameOf(image), shown, this.data.facts[this.method.images[image]]];
      }),
    };
  }

  /** The numbers of the groups as they are shown: of a plan they may have gaps. */
  get numbers() {
    return this.method.data.groups?.numbers ?? this.table.size.map((_, place) => place + 1);
  }

  // -- messages ----------------------------------------------------------------------------------

  rowsMessage(first, count) {
    const wanted = this.shown.slice(first, first + count);
    return {
      type: "rows",
      revision: this.revision,
      asked: this.state.asked,
      total: this.shown.length,
      rows: JSON.stringify(wanted.map((group) => this.rowOf(group))),
      first,
      ...this.countsOfRows(),
    };
  }

  /** What is counted of all groups at the threshold. */
  countsOfRows() {
    const counts = {};
    const { bytes } = this.data;
    if (bytes) {
      const redundant = (row) => this.table.start[this.table.group[row] - 1] !== row;
      counts.freed = this.table.image.reduce(
        (sum, image, row) => sum + (redundant(row) ? bytes[this.method.images[image]] : 0),
        0,
      );
    }
    if (this.bursts.size) counts.bursts = this.bursts.size;
    if (this.state.pinned !== null) {
      const count = (kind) => this.changes.all.filter((other) => other === kind).length;
      counts.changes = Object.fromEntries(
        CHANGES.map((name, kind) => [name, count(kind)]).slice(1),
      );
    }
    return counts;
  }

  rowOf(group) {
    const rows = this.tilesOf(group);
    const { image, similarity, weakest, size } = this.table;
    const row = [
      this.numbers[group - 1],
      size[group - 1],
      tenths(weakest[group - 1]),
      this.changes.kinds[group - 1],
      differences(rows.map((place) => image[place])),
      differences(rows.slice(1).map((place) => tenths(similarity[place]))),
    ];
    const marks = [this.changes.newRows, this.bursts].map((marked) =>
      [...rows.keys()].filter((place) => marked.has(rows[place])),
    );
    return marks.some((places) => places.length) ? [...row, ...marks] : row;
  }

  /** The rows of a group to show: the original, then new images. */
  tilesOf(group) {
    const [first, ...others] = this.table.rows(group);
    if (this.state.order === "risk") others.reverse();
    const isNew = (row) => this.changes.newRows.has(row);
    const rest = [...others.filter(isNew), ...others.filter((row) => !isNew(row))];
    return [first, ...rest].slice(0, ROW_TILES);
  }

  sendPictures({ ids, side, of }) {
    if (of !== this.state.method) return;
    const found = ids.map((id) => this.pictures.get(this.method.images[id], side));
    const pictures = ids.map((id, place) => {
      const image = this.method.images[id];
      return [id, found[place].problem, this.data.names[image], this.data.facts[image]];
    });
    const buffers = found.map(({ bytes }) => new DataView(bytes.buffer));
    this.say({ type: "pictures", side, of, pictures }, buffers);
  }

  /** What the plan says of an image of the page, if there is a plan. */
  planned(image) {
    return this.data.plan?.[image];
  }

  /** The groups as the table that Python's `Grouping.to_csv` writes. */
  groupsCsv() {
    const { image, similarity, weakest, group, start } = this.table;
    const number = (value) => (Number.isNaN(value) ? "" : pythonNumber(value));
    const rows = [...image.keys()].map((row) => [
      this.numbers[group[row] - 1],
      this.nameOf(image[row]),
      number(similarity[row]),
      start[group[row] - 1] === row ? "True" : "False",
      number(weakest[group[row] - 1]),
    ]);
    return csvText([["group", "image", "similarity", "original", "weakest"], ...rows]);
  }

  /** The Python code that makes the same groups. */
  code() {
    const { method, threshold, linkage, upper, without_bursts: withoutBursts } = this.state;
    const lines = ["import imgdup_nb as dup", ""];
    if (Object.keys(this.methods).length > 1) lines.push(`pairs = pairs[${pythonText(method)}]`);
    if (withoutBursts)
      lines.push("marked = dup.mark_bursts(pairs, images)", "pairs = marked[~marked.burst]");
    if (upper !== null)
      lines.push(`in_range = pairs[pairs.similarity < ${pythonNumber(upper)} - 1e-9]`);
    const name = upper === null ? "pairs" : "in_range";
    const at = pythonNumber(threshold);
    lines.push(`groups = dup.group_duplicates(${name}, threshold=${at}, linkage='${linkage}')`);
    return lines.join("\n");
  }
}

function pythonNumber(value) {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function pythonText(text) {
  return JSON.stringify(text);
}

/** The pictures of the page: a small one of most images, a large one of some. */
class PagePictures {
  /**
   * @param {string[]} texts - one per picture, base64
   * @param {(number | null)[]} small - of each image: the place of its picture in `texts`
   * @param {(number | null)[]} large
   * @param {Record<number, string>} problems - of images that cannot be shown
   */
  constructor(texts, small, large, problems) {
    this.texts = texts;
    this.small = small;
    this.large = large;
    this.problems = problems;
  }

  /** The picture of an image that comes near to a size. */
  get(image, side) {
    const [first, second] = side > 200 ? [this.large, this.small] : [this.small, this.large];
    const place = first[image] ?? second[image];
    if (place === null || place === undefined)
      return {
        bytes: new Uint8Array(),
        problem: this.problems[image] ?? "this page has no picture of it",
      };
    const characters = atob(this.texts[place]);
    return { bytes: Uint8Array.from(characters, (one) => one.charCodeAt(0)), problem: "" };
  }

  /** An address of the picture, or null; who asks for it revokes it. */
  url(image, side) {
    const { bytes } = this.get(image, side);
    return bytes.length ? URL.createObjectURL(new Blob([bytes])) : null;
  }
}
