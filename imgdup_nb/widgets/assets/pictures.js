// Names and pictures, asked for when they are seen, a few at a time, and the last ones kept.

const PICTURES_AT_ONCE = 24; // about one screen; Python sends those made in a tenth of a second
const PICTURES_KEPT = 800;
const BYTES_KEPT = 64e6;

class Pictures {
  constructor(send, onChange) {
    this.send = send;
    this.onChange = onChange;
    this.known = new Map(); // "id side" -> { url, problem, facts, size }
    this.wanted = new Map(); // place -> [id, side] of what is seen there
    this.size = 0;
    this.isAsking = false;
    this.of = null; // which list the ids are of; answers about another one come too late
  }

  get(id, side) {
    return this.known.get(`${id} ${side}`);
  }

  /** Tell which pictures are on the screen now; earlier wishes for this place end. */
  want(place, ids, side) {
    this.wanted.set(
      place,
      ids.map((id) => [id, side]),
    );
    this.ask();
  }

  allWanted() {
    return [...this.wanted.values()].flat();
  }

  ask() {
    const missing = this.allWanted().filter(([id, side]) => !this.get(id, side));
    if (this.isAsking || !missing.length) return;
    this.isAsking = true;
    const [, side] = missing[0];
    const ids = new Set(missing.filter(([, other]) => other === side).map(([id]) => id));
    this.send({ type: "pictures", ids: [...ids].slice(0, PICTURES_AT_ONCE), side, of: this.of });
  }

  take({ pictures, side, of }, buffers) {
    if (of !== this.of) return;
    pictures.forEach(([id, problem, ...facts], place) =>
      this.keep(`${id} ${side}`, { problem, facts }, buffers[place]),
    );
    this.isAsking = false;
    this.onChange(pictures.map(([id]) => id));
    this.ask();
  }

  keep(key, picture, jpeg) {
    this.forget(key);
    picture.size = jpeg?.byteLength ?? 0;
    if (picture.size) picture.url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    this.size += picture.size;
    this.known.set(key, picture);
    if (this.isFull) this.forgetOldest();
  }

  get isFull() {
    return this.known.size > PICTURES_KEPT || this.size > BYTES_KEPT;
  }

  forgetOldest() {
    const seen = new Set(this.allWanted().map(([id, side]) => `${id} ${side}`));
    for (const key of this.known.keys()) {
      if (!this.isFull) return;
      if (!seen.has(key)) this.forget(key);
    }
  }

  forget(key) {
    const picture = this.known.get(key);
    if (!picture) return;
    if (picture.url) URL.revokeObjectURL(picture.url);
    this.size -= picture.size;
    this.known.delete(key);
  }

  /** Forget all; what comes from now on is of another list. */
  clear(of = this.of) {
    for (const key of [...this.known.keys()]) this.forget(key);
    this.isAsking = false;
    this.of = of;
  }
}
