// The data between Python and the browser, for the checker only. `join_module` writes the tables.

declare const BANDS: { low: number; high: number; name: string; meaning: string }[];
declare const PRESETS: number[];
declare const CURVES: CurveName[];
declare const CHANGES: string[];
declare const LINKAGES: Choice[];
declare const GROUP_ORDERS: Choice[];
declare const GROUP_COLORS: string[];
declare const ANSWERS: [key: string, label: string, text: string][];
declare const VERDICTS: Record<Verdict, string>;
declare const PLAN_ORDERS: Choice[];
declare const ACCEPT_FROM: number[];
declare const NEXT_LINES: string;

type Choice = [value: string, text: string];
type CurveName = "pairs" | "groups" | "images" | "redundant" | "largest";

/** The half of a widget that anywidget gives to the page. */
interface Model<Traits> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(content: object): void;
  on(name: string, callback: (message: unknown, buffers: DataView[]) => void): void;
  off(name: string, callback: (message: unknown, buffers: DataView[]) => void): void;
}

// -- pictures ---------------------------------------------------------------------------------

interface Picture {
  url?: string;
  problem: string;
  facts: string[];
  size?: number;
}

interface PicturesMessage {
  type: "pictures";
  side: number;
  of: string | null;
  pictures: [id: number, problem: string, ...facts: string[]][];
}

// -- the explorer -----------------------------------------------------------------------------

interface ExplorerTraits {
  method: string;
  threshold: number;
  linkage: string;
  upper: number | null;
  pinned: number | null;
  search: string;
  order: string;
  only_changed: boolean;
  across: string;
  without_bursts: boolean;
  lassoed: number[]; // images, by their numbers in the method
  shows_map: boolean;
  screen: number[]; // rows, images a row, pixels of a side, and the `asked` it is of
  scene: SceneData;
  details: GroupDetails;
  asked: number;
}

/** The counts at every level of a method, strictest first. */
interface SceneData extends Record<CurveName, number[]> {
  methods: string[];
  unit: string;
  bits: number;
  floor: number;
  n_images: number;
  levels: number[];
  bars: number[];
  widths: number[];
  below?: [level: number, width: number, count: number][]; // counted below the floor, not listed
  guards: { blank: number; unreadable?: number; animated?: number };
  bursts: number | null;
  tools: [percent: number, names: string][];
  pictures: boolean;
  columns: string[];
  hint?: string;
  judged: JudgedCounts;
  others?: string[]; // methods that can be combined with this one
  rule?: CombinedRule | null;
  map?: boolean; // false in a page that has no positions
}

interface GroupDetails {
  group?: number;
  size?: number;
  rows?: [id: number, name: string, similarity: number | null, facts: string][];
}

interface RowsMessage {
  type: "rows";
  revision: number;
  asked: number;
  total: number;
  rows: string;
  first?: number;
  changes?: Record<string, number>;
  bursts?: number;
  freed?: number; // bytes of the redundant images
  following?: number; // pictures of the first rows, sent after this
}

// -- the labeler ------------------------------------------------------------------------------

interface LabelerTraits {
  view: {
    question: number;
    pictures: boolean;
    similarity: number | null;
    images: { id: number; name: string; facts: string }[];
    group: { id: number; name: string; facts: string }[];
    groupPairs: number;
    threshold: number;
    edges: number[];
    counts: { same: number; different: number; skip: number };
    rows: ScoreRow[];
    sentence: string;
    done: boolean;
  };
}

type ScoreRow = [
  threshold: number,
  pairs: number,
  counted: number,
  low: number,
  high: number,
  span: string,
  estimate: number | null,
];

// -- the reviewer -----------------------------------------------------------------------------

type Verdict = "keep" | "remove" | "different";
type Decisions = Record<string, [verdict: Verdict, part: number]>;
type GroupHeadline = [
  number: number,
  images: number,
  lowest: number | null,
  isExact: boolean,
  isFlagged: boolean,
  isSafe: boolean,
];

interface ReviewerTraits {
  scene: { groups?: GroupHeadline[] };
  decisions: Decisions;
  reviewed: number[];
  totals: { remove?: number; bytes?: number; changed?: number[] };
}

interface PlanImage {
  id: number;
  name: string;
  action: Verdict;
  keeper: string;
  similarity: number | null;
  facts: [label: string, text: string, value: number | null][];
  flag: string;
  loses: string;
  reason: string;
  bytes: number;
  protected: boolean;
  digest: string;
}

/** What the overview asks of the reviewer that it is part of. */
interface OverviewHost {
  rows: Map<number, PlanImage[]>;
  reviewed: Set<number>;
  pictures: Pictures;
  ordered(): number[];
  headline(number: number): GroupHeadline;
  verdict(image: PlanImage): Verdict;
  freedText(images: PlanImage[]): string;
  openGroup(number: number): void;
  flip(number: number, image: PlanImage): void;
  paintSoon(): void;
}

interface GroupsMessage {
  type: "groups";
  groups: Record<string, PlanImage[]>;
}

// -- the pair viewer --------------------------------------------------------------------------

type Corner = [x: number, y: number];

interface ViewerTraits {
  index: number;
  view: {
    index: number;
    total: number;
    names: string[];
    facts: string[];
    found: [] | [similarity: number, method: string];
    sentence: string;
    problem: string;
    alone: string[];
    aligned: boolean;
    scores: [method: string, asIs: number, anyOrientation: number, meaning: string][];
  };
}

interface LayersMessage {
  type: "layers";
  index: number;
  sizes: [width: number, height: number][];
  areas: Corner[][];
  agree: Corner[][];
  differ: Corner[][];
  transform?: [number, number, number][]; // from pixels of left to pixels of right, if known
}

// -- pairs in the explorer --------------------------------------------------------------------

type PairRow = [
  left: number,
  right: number,
  similarity: number | null,
  verdict: number,
  label: string,
];

interface PairsMessage {
  type: "pairs";
  of: string | number;
  count: number;
  parts: [kind: string, total: number, pairs: PairRow[]][];
  precision: {
    right?: number;
    wrong?: number;
    precision?: number | null;
    threshold?: number;
    low?: number;
    high?: number;
    asked?: number;
    counted?: number;
    same?: number;
    different?: number;
  };
  answers: number;
}

/** Right, wrong and unknown pairs at each level; empty where nothing is known. */
interface JudgedCounts {
  right?: number[];
  wrong?: number[];
  unknown?: number[];
  all_right?: number;
  by_truth?: boolean;
}

/** A rule over two methods. */
interface CombinedRule {
  base: string;
  base_threshold: number;
  other: string;
  threshold: number;
  rule: string;
}
