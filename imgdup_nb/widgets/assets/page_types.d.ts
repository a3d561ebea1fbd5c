// The data of a page without a kernel, for the checker only. `page.py` and `page_data.py` write it.

/** Of explorer.js, which is a module of its own for the checker: what page.js builds on. */
declare class Explorer extends View<ExplorerTraits> {
  details: Details;
  gallery: Gallery;
  setSelection(): void;
  markState(): void;
}

interface PageData {
  title: string;
  key: string;
  headings: {
    numbers?: [value: string, name: string][];
    sections?: [name: string, entries: Record<string, unknown>][];
  };
  methods: Record<string, PageMethodData>;
  state: Omit<ExplorerTraits, "scene" | "details">;
  names: string[];
  facts: string[];
  bytes: number[] | null;
  /** About pairs of images, given before the page was made. */
  answers?: [left: number, right: number, label: string, when: string, aim: string][];
  plan?: (PlannedImage | null)[];
  small: (number | null)[];
  large: (number | null)[];
  problems: Record<number, string>;
}

interface PageMethodData {
  scene: SceneData;
  images: number[];
  pairs?: PackedPairs;
  bursts: number[];
  /** Positions on the map, x and y of each image in steps; null where an image has none. */
  map?: { by: string; places: (number | null)[] };
  known: KnownPairs;
  taken: (number | null)[] | null;
  /** Split or label of each image as a number, -1 where it has none. */
  columns: Record<string, number[]>;
  /** Groups that no threshold changes: those of a plan. */
  groups?: {
    image: number[];
    similarity: (number | null)[];
    start: number[];
    weakest: (number | null)[];
    numbers: number[];
  };
}

/** By truth a digit for each pair; without truth the pairs of the same bytes or pixels. */
interface KnownPairs {
  verdicts?: string;
  below?: [left: number, right: number][];
  n_below?: number;
  certain?: number[];
  certainSet?: Set<number>;
}

interface PackedPairs {
  n: number;
  values: number[];
  counts: number[];
  first: number[];
  second: number[];
  like: number[] | null;
}

interface PlannedImage {
  action: string;
  words: string;
  reason?: string;
  loses?: string;
  flag?: string;
  note?: string;
}
