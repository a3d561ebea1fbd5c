// What somebody decides in a page without a kernel: marks on images, answers about pairs. Both are
// saved as files that Python reads: `choose_keepers(keep="marks.json")`, `Labels("labels.csv")`.

const MARKS_FORMAT = "imgdup_nb marks";
const AIM = ""; // of answers given here: about no threshold in particular, as in the explorer

/** The time now as Python writes it, to the second. */
function secondsNow() {
  return `${new Date().toISOString().slice(0, 19)}+00:00`;
}

/** Marks and answers, kept in this browser until they are saved. */
class Marks {
  /**
   * @param {string} key - of the page, so that another page does not read them
   * @param {[left: number, right: number, label: string, when: string, aim: string][]} given -
   *   answers that came with the page
   * @param {() => void} onChange
   */
  constructor(key, given, onChange) {
    this.given = new Map(given.map((row) => [this.pairKey(row[0], row[1]), row]));
    this.key = `imgdup_nb ${key}`;
    this.onChange = onChange;
    this.verdicts = new Map(); // image -> ["keep" or "remove", when]
    // "image image" -> [left, right, "same", "different" or "skip", when, aim]
    this.answers = new Map(this.given);
    this.load();
  }

  verdict(image) {
    return this.verdicts.get(image)?.[0] ?? null;
  }

  answer(left, right) {
    return this.answers.get(this.pairKey(left, right))?.[2] ?? null;
  }

  /** Mark an image; the same mark again takes it back. */
  mark(image, verdict) {
    if (this.verdict(image) === verdict) this.verdicts.delete(image);
    else this.verdicts.set(image, [verdict, secondsNow()]);
    this.keep();
  }

  /** Answer about a pair; the same answer again takes it back. */
  label(left, right, label) {
    const key = this.pairKey(left, right);
    const isSame = this.answer(left, right) === label;
    this.answers.delete(key); // so that the last answer is the last line
    if (!isSame) this.answers.set(key, [left, right, label, secondsNow(), AIM]);
    this.keep();
  }

  /** Keep an answer about a pair, whatever it was before. */
  setLabel(left, right, label) {
    const key = this.pairKey(left, right);
    this.answers.delete(key);
    this.answers.set(key, [left, right, label, secondsNow(), AIM]);
    this.keep();
  }

  /** Take the last answer back. */
  undoLabel() {
    this.answers.delete([...this.answers.keys()].at(-1));
    this.keep();
  }

  pairKey(left, right) {
    return `${Math.min(left, right)} ${Math.max(left, right)}`;
  }

  /** Whether nothing was decided in this page. */
  get isEmpty() {
    const isGiven = [...this.answers].every(([key, answer]) => this.given.get(key) === answer);
    return !this.verdicts.size && isGiven && this.answers.size === this.given.size;
  }

  clear() {
    this.verdicts.clear();
    this.answers = new Map(this.given);
    this.keep();
  }

  /** A frame of a notebook and some browsers refuse to keep anything: then nothing is kept. */
  keep() {
    this.onChange();
    try {
      const kept = { verdicts: [...this.verdicts], answers: [...this.answers] };
      if (this.isEmpty) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      this.isLost = true;
    }
  }

  load() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
      if (!kept) return;
      this.verdicts = new Map(kept.verdicts);
      this.answers = new Map(kept.answers);
    } catch {
      this.isLost = true;
    }
  }

  /** The marks as the JSON that `choose_keepers` reads. */
  toJson(names, state) {
    const { method, threshold, linkage } = state;
    const marks = [...this.verdicts].map(([image, [mark, when]]) => ({
      image: names[image],
      mark,
      when,
    }));
    const file = { format: MARKS_FORMAT, version: 1, method, threshold, linkage, marks };
    return `${JSON.stringify(file, null, 1)}\n`;
  }

  /** The answers as the CSV that `Labels` reads. */
  toLabels(names) {
    const rows = [...this.answers.values()].map(([left, right, ...rest]) => [
      names[left],
      names[right],
      ...rest,
    ]);
    return csvText([["left", "right", "label", "when", "aim"], ...rows]);
  }
}

/** Rows as CSV; a value with a comma, a quote or a line break stands in quotes. */
function csvText(rows) {
  const field = (value) =>
    /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  return rows.map((row) => `${row.map(field).join(",")}\n`).join("");
}

/**
 * UTF-8. Half of a surrogate pair, as in a file name that is not UTF-8, keeps its number, as with
 * Python's "surrogatepass"; TextEncoder would replace it.
 */
function utf8(text) {
  if (!/\p{Surrogate}/u.test(text)) return new TextEncoder().encode(text);
  const encoder = new TextEncoder();
  const bytes = [...text].flatMap((character) => {
    const code = character.codePointAt(0);
    if (code < 0xd800 || code > 0xdfff) return [...encoder.encode(character)];
    return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  });
  return Uint8Array.from(bytes);
}

/** Give a text to the reader as a file. */
function saveText(name, text, type) {
  const url = URL.createObjectURL(new Blob([utf8(text)], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
