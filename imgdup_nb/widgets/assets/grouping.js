// The grouping rule of Python's `groups.py` and `sweep.py`, for a page without a kernel. Tests
// compare it with Python at every level and linkage.
//
// Images are numbered in the order in which they may become originals. A pair is (first, second),
// first < second. Pairs are sorted by similarity, from 100 down, then by first and second.

const TOLERANCE = 1e-9; // percent, as in Python

/** Pairs of images as arrays. */
class PairArrays {
  /**
   * @param {{ n: number, first: Int32Array, second: Int32Array, similarity: Float64Array,
   *   like?: Int32Array | null, place?: number[] | null }} parts - like: the image of which each is
   *   one of very many copies; place: of each pair, in the list that these are some of
   */
  constructor({ n, first, second, similarity, like = null, place = null }) {
    this.n = n; // images
    this.first = first;
    this.second = second;
    this.similarity = similarity;
    this.like = like;
    this.place = place;
    /** @type {Int32Array | null} */
    this.secondOrder = null;
    this.copies = new Int32Array(n); // of each image; their pairs are not in the list
    like?.forEach((image, place) => (this.copies[image] += Number(image !== place)));
  }

  /** How many pairs reach a threshold, inclusive; they stand first. */
  countNear(threshold) {
    let [low, high] = [0, this.similarity.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.similarity[middle] >= threshold - TOLERANCE) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The same images with some of the pairs. */
  only(isKept) {
    const kept = [...this.first.keys()].filter(isKept);
    return new PairArrays({
      n: this.n,
      first: Int32Array.from(kept, (pair) => this.first[pair]),
      second: Int32Array.from(kept, (pair) => this.second[pair]),
      similarity: Float64Array.from(kept, (pair) => this.similarity[pair]),
      like: this.like,
      place: kept,
    });
  }

  /** The order of the pairs by second image, then by first. */
  get bySecond() {
    this.secondOrder ??= countingOrder(
      this.second,
      countingOrder(this.first, this.first.keys(), this.n),
      this.n,
    );
    return this.secondOrder;
  }

  /** How many pairs the first `nNear` stand for, copies included. */
  countPairs(nNear) {
    if (!this.like) return nNear;
    let count = nNear;
    for (let pair = 0; pair < nNear; pair++)
      count += this.copies[this.first[pair]] * this.copies[this.second[pair]];
    for (const copies of this.copies) count += (copies * (copies - 1)) / 2;
    return count;
  }
}

/** Places sorted by a key from 0 to n - 1; equal keys keep the order they come in. */
function countingOrder(keys, places, n) {
  const next = new Int32Array(n + 1);
  for (const key of keys) next[key + 1]++;
  for (let key = 0; key < n; key++) next[key + 1] += next[key];
  const order = new Int32Array(keys.length);
  for (const place of places) order[next[keys[place]]++] = place;
  return order;
}

/**
 * The first image of each image's group at a threshold, itself if it is alone.
 * @param {PairArrays} pairs
 * @param {number} threshold - percent, inclusive
 * @param {string} linkage
 */
function findOwners(pairs, threshold, linkage) {
  const nNear = pairs.countNear(threshold);
  if (linkage === "star") return starOwners(pairs, nNear);
  if (linkage === "connected") return connectedOwners(pairs, nNear);
  return completeOwners(pairs, [threshold])[0];
}

function starOwners(pairs, nNear) {
  const { first, second, n } = pairs;
  const owner = Int32Array.from({ length: n }, (_, image) => image);
  for (const pair of pairs.bySecond) {
    if (pair < nNear && owner[first[pair]] === first[pair]) owner[second[pair]] = -1;
  }
  for (let pair = 0; pair < nNear; pair++) {
    const a = first[pair];
    const b = second[pair];
    if (owner[b] === -1 && owner[a] === a) owner[b] = a;
    else if (owner[a] === -1 && owner[b] === b) owner[a] = b;
  }
  return owner;
}

function connectedOwners({ first, second, n }, nNear) {
  const parent = Int32Array.from({ length: n }, (_, image) => image);
  const root = (image) => {
    while (parent[image] !== image) image = parent[image] = parent[parent[image]];
    return image;
  };
  for (let pair = 0; pair < nNear; pair++) {
    const [a, b] = [root(first[pair]), root(second[pair])];
    parent[Math.max(a, b)] = Math.min(a, b);
  }
  return parent.map((_, image) => root(image));
}

/**
 * Merge two clusters as soon as all pairs between them have been met: owners at each threshold.
 * @param {PairArrays} pairs
 * @param {number[]} thresholds - strictest first
 */
function completeOwners(pairs, thresholds) {
  const { n } = pairs;
  const { first, second, similarity } = withoutCopies(pairs);
  const like = pairs.like ?? Int32Array.from({ length: n }, (_, image) => image);
  const owner = like.slice();
  const members = Array.from({ length: n }, (_, image) => [image]);
  /** @type {Map<number, number>[]} */
  const met = Array.from({ length: n }); // cluster -> neighbour -> pairs between them so far
  let pair = 0;
  return thresholds.map((threshold) => {
    for (; pair < first.length && similarity[pair] >= threshold - TOLERANCE; pair++) {
      const [one, other] = [owner[first[pair]], owner[second[pair]]];
      const [a, b] = [Math.min(one, other), Math.max(one, other)];
      const count = ((met[a] ??= new Map()).get(b) ?? 0) + 1;
      met[a].set(b, count);
      (met[b] ??= new Map()).set(a, count);
      if (count === members[a].length * members[b].length) merge(a, b);
    }
    return like.map((image) => owner[image]);
  });

  function merge(a, b) {
    for (const member of members[b]) owner[member] = a;
    members[a] = members[a].concat(members[b]);
    met[a].delete(b);
    for (const [other, count] of met[b]) {
      met[other].delete(b);
      if (other === a) continue;
      met[a].set(other, (met[a].get(other) ?? 0) + count);
      met[other].set(a, met[a].get(other));
    }
    met[b].clear();
  }
}

/** The pairs of originals, in the order in which their copies' last pairs would come. */
function withoutCopies(pairs) {
  const { first, second, similarity, like } = pairs;
  if (!like) return pairs;
  const last = Int32Array.from(like, (_, image) => image);
  like.forEach((image, place) => (last[image] = Math.max(last[image], place)));
  const ends = (pair) => [last[first[pair]], last[second[pair]]];
  const order = [...first.keys()]
    .filter((pair) => like[first[pair]] === first[pair] && like[second[pair]] === second[pair])
    .sort(
      (one, other) =>
        similarity[other] - similarity[one] ||
        Math.min(...ends(one)) - Math.min(...ends(other)) ||
        Math.max(...ends(one)) - Math.max(...ends(other)),
    );
  return {
    first: order.map((pair) => first[pair]),
    second: order.map((pair) => second[pair]),
    similarity: order.map((pair) => similarity[pair]),
  };
}

/** How many groups there are, images in them, and images in the largest. */
function tallyOwners(owner) {
  const size = new Int32Array(owner.length);
  for (const first of owner) size[first]++;
  const tally = { groups: 0, images: 0, largest: 0 };
  for (const count of size) {
    if (count < 2) continue;
    tally.groups++;
    tally.images += count;
    tally.largest = Math.max(tally.largest, count);
  }
  return tally;
}

/**
 * The table of the groups, by falling size, as arrays. In a group the original is first, then the
 * most similar. A similarity below the floor of the pairs is NaN.
 */
class GroupTable {
  /**
   * @param {{ image: Int32Array, similarity: Float64Array, start: number[],
   *   weakest: number[] }} parts
   */
  constructor({ image, similarity, start, weakest }) {
    this.image = image;
    this.similarity = similarity; // to the original
    this.start = start; // where each group starts; group 1 is the first
    this.weakest = weakest; // of each group: its least similar pair
    this.length = start.length;
    const ends = [...start.slice(1), image.length];
    this.size = start.map((place, group) => ends[group] - place);
    this.group = new Int32Array(image.length);
    start.forEach((place, group) => this.group.fill(group + 1, place, ends[group]));
  }

  /**
   * @param {PairArrays} pairs
   * @param {Int32Array} owner
   */
  static of(pairs, owner) {
    const { toFirst, weakest, size } = scoreMembers(pairs, owner);
    const heads = [...size.keys()].filter((image) => size[image] > 1);
    heads.sort((a, b) => size[b] - size[a] || a - b);
    let length = 0;
    const start = heads.map((head) => (length += size[head]) - size[head]);
    const image = new Int32Array(length);
    const next = new Int32Array(pairs.n);
    heads.forEach((head, group) => {
      image[start[group]] = head;
      next[head] = start[group] + 1;
    });
    for (let member = 0; member < pairs.n; member++) {
      const head = owner[member];
      if (head !== member) image[next[head]++] = member;
    }
    const known = (member) => (Number.isNaN(toFirst[member]) ? -1 : toFirst[member]);
    heads.forEach((head, group) => {
      if (size[head] > 2)
        image
          .subarray(start[group] + 1, start[group] + size[head])
          .sort((a, b) => known(b) - known(a) || a - b);
    });
    return new GroupTable({
      image,
      similarity: Float64Array.from(image, (member) => toFirst[member]),
      start,
      weakest: heads.map((head) => weakest[head]),
    });
  }

  /** The rows of a group. */
  rows(group) {
    const start = this.start[group - 1];
    return Array.from({ length: this.size[group - 1] }, (_, place) => start + place);
  }

  /** The mean similarity of a group to its original, which counts as 100. */
  mean(group) {
    const start = this.start[group - 1];
    const end = start + this.size[group - 1];
    return (
      this.similarity.subarray(start, end).reduce((sum, percent) => sum + percent) / (end - start)
    );
  }

  /** Whether the images of a group have different codes; below 0 there is none. */
  differ(group, codes) {
    const known = this.rows(group)
      .map((row) => codes[this.image[row]])
      .filter((code) => code >= 0);
    return new Set(known).size > 1;
  }

  /** The group of each of n images, 0 for none. */
  byImage(n) {
    const group = new Int32Array(n);
    this.image.forEach((image, row) => (group[image] = this.group[row]));
    return group;
  }

  /** The numbers of the groups in an order of the explorer; equal ones stay as they are. */
  ordered(order) {
    const orZero = (value) => (Number.isNaN(value) ? -1 : value);
    const keys = {
      size: (group) => -this.size[group - 1],
      score: (group) => -orZero(this.mean(group)),
      risk: (group) => orZero(this.weakest[group - 1]),
    };
    const groups = this.size.map((_, place) => place + 1);
    const key = groups.map(keys[order]);
    return groups.sort((a, b) => key[a - 1] - key[b - 1] || a - b);
  }
}

/** By image its similarity to the first of its group; by first image the weakest pair and size. */
function scoreMembers({ first, second, similarity, copies, n }, owner) {
  const toFirst = new Float64Array(n).fill(Number.NaN);
  const weakest = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const met = new Float64Array(n);
  const size = new Int32Array(n);
  for (let image = 0; image < n; image++) {
    if (owner[image] === image) toFirst[image] = 100;
    met[owner[image]] += (copies[image] * (copies[image] - 1)) / 2;
    size[owner[image]]++;
  }
  for (let pair = 0; pair < first.length; pair++) {
    const a = first[pair];
    const b = second[pair];
    const head = owner[a];
    if (head !== owner[b]) continue;
    if (head === a) toFirst[b] = similarity[pair];
    else if (head === b) toFirst[a] = similarity[pair]; // in a star a later original may own it
    weakest[head] = Math.min(weakest[head], similarity[pair]);
    met[head] += 1 + copies[a] * copies[b];
  }
  size.forEach((count, image) => {
    if (met[image] < (count * (count - 1)) / 2) weakest[image] = Number.NaN; // below the floor
  });
  return { toFirst, weakest, size };
}

/**
 * What became of each group, as its place in CHANGES: same, born, grown, merged, regrouped.
 * @param {GroupTable} now - groups at a looser threshold
 * @param {GroupTable} before
 * @param {number} n - images
 */
function changeKinds(now, before, n) {
  const source = before.byImage(n);
  return now.size.map((size, place) => {
    const sources = new Set();
    let added = 0;
    for (const row of now.rows(place + 1)) {
      const group = source[now.image[row]];
      if (group) sources.add(group);
      else added++;
    }
    let inSources = 0;
    for (const group of sources) inSources += before.size[group - 1];
    if (size - added < inSources) return 4;
    if (sources.size === 1 && !added) return 0;
    return Math.min(sources.size, 2) + 1;
  });
}

/**
 * How the groups of now differ from those at another threshold: kind of each group, rows of images
 * that were not with the original before, and the kinds of all groups at the looser threshold.
 * @param {GroupTable} now
 * @param {GroupTable} other
 * @param {number} n - images
 * @param {boolean} isLooser - whether the groups of now are those of the looser threshold
 */
function compareGroups(now, other, n, isLooser) {
  if (!isLooser) {
    const all = changeKinds(other, now, n);
    const becomes = other.byImage(n);
    const kinds = now.start.map((row) => all[becomes[now.image[row]] - 1] ?? 4);
    return { kinds, all, newRows: new Set() };
  }
  const kinds = changeKinds(now, other, n);
  const source = other.byImage(n);
  const newRows = new Set();
  now.image.forEach((image, row) => {
    const group = now.group[row];
    const first = now.image[now.start[group - 1]];
    if (kinds[group - 1] !== 1 && source[image] !== source[first]) newRows.add(row);
  });
  return { kinds, all: kinds, newRows };
}

/**
 * The pairs that connect two images of a group: of all chains at or above a threshold one whose
 * weakest pair is as similar as can be, and of those a shortest one.
 * @param {PairArrays} pairs
 * @param {number} threshold - percent, inclusive
 * @param {number[]} members - of the group
 * @param {number} one
 * @param {number} other
 * @returns {[left: number, right: number, similarity: number][]} from `one` to `other`
 */
function strongestChain(pairs, threshold, members, one, other) {
  const links = linksAmong(pairs, threshold, new Set(members)); // from the strongest one on
  const parent = new Map(members.map((image) => [image, image]));
  const root = (image) => {
    while (parent.get(image) !== image) image = parent.get(image);
    return image;
  };
  const last = links.findIndex(([a, b]) => {
    parent.set(root(b), root(a));
    return root(one) === root(other);
  });
  if (last < 0) return [];
  const weakest = links[last][2];
  const next = new Map(members.map((image) => [image, []]));
  for (const [a, b, similarity] of links.filter(([, , value]) => value >= weakest)) {
    next.get(a).push([b, similarity]);
    next.get(b).push([a, similarity]);
  }
  const from = new Map([[one, null]]);
  for (const image of from.keys()) // which grows in the loop
    for (const [near, similarity] of next.get(image))
      if (!from.has(near)) from.set(near, [image, near, similarity]);
  const steps = [];
  for (let step = from.get(other); step; step = from.get(step[0])) steps.unshift(step);
  return steps;
}

function linksAmong({ first, second, similarity, like }, threshold, members) {
  const links = [];
  for (const image of like ? members : [])
    if (like[image] !== image && members.has(like[image])) links.push([like[image], image, 100]);
  for (let pair = 0; pair < first.length && similarity[pair] >= threshold - TOLERANCE; pair++)
    if (members.has(first[pair]) && members.has(second[pair]))
      links.push([first[pair], second[pair], similarity[pair]]);
  return links;
}
