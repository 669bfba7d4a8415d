// Everything known of the ward, as the monitor tells it.

import { mostAnomaly } from "./paper.js";
import { Ring } from "./ring.js";

const KEEP_MARKS_S = 75;
const LOG_LENGTH = 1000;
const COLUMNS = 5;

export class Ward extends EventTarget {
  beds = new Map();
  log = [];
  trouble = "";
  refused = [];
  idle = null;
  lost = 0;

  /** Take in a message; tells of it by an event of the same name, with the patient where it is about one. */
  hear(header, samples) {
    this[`_${header.kind}`]?.(header, samples);
    this.dispatchEvent(new CustomEvent(header.kind, { detail: header }));
  }

  _hello({ beds, log }) {
    this.log = log;
    this.lost = 0;
    const names = new Set(beds.map((card) => card.patient));
    for (const name of this.beds.keys()) if (!names.has(name)) this.beds.delete(name);
    for (const card of beds) this._bed(card);
  }

  _bed(card) {
    if (!this.beds.has(card.patient)) this.beds.set(card.patient, new Bed(card));
  }

  _status(header) {
    this.beds.get(header.patient)?.look(header);
  }

  _wave(header, samples) {
    this.beds.get(header.patient)?.write(header, samples);
  }

  _history(header, samples) {
    this.beds.get(header.patient)?.remember(header, samples);
  }

  _alarm(header) {
    this.log.push(header);
    if (this.log.length > LOG_LENGTH) this.log.shift();
  }

  _notice(header) {
    this._alarm(header);
  }

  _ward({ trouble, refused, idle_s: idle }) {
    Object.assign(this, { trouble, refused, idle });
  }

  _lost({ frames }) {
    this.lost = frames;
  }
}

class Bed {
  status = null;
  marks = [];
  markCount = 0;
  scores = false;
  highest = 0;
  ectopics = NaN;
  #points = new Map();

  constructor(card) {
    this.card = card;
    this.name = card.patient;
    this.threshold = card.threshold;
    this.scores = card.threshold != null;
    this.ring = new Ring(card);
  }

  look(status) {
    this.status = status;
    for (const point of status.trend) this.#points.set(Math.round(point[0]), point);
    if (status.trend.length) this.ectopics = status.trend.at(-1)[2] ?? NaN;
  }

  write(header, samples) {
    if (header.reset) this.marks = [];
    this.ring.add(header, samples);
    for (const [time, label, usable] of header.beats) this.#mark({ kind: "beat", time, label, usable });
    for (const [time, score, usable] of header.scores) {
      this.scores = true;
      if (usable) this.highest = Math.max(this.highest, score);
      this.#mark({ kind: "score", time, score, usable, over: score >= (this.threshold ?? Infinity), most: mostAnomaly(this) });
    }
    const since = header.start_s - KEEP_MARKS_S;
    while (this.marks.length && this.marks[0].time < since) this.marks.shift();
  }

  #mark(mark) {
    mark.number = this.markCount++;
    this.marks.push(mark);
  }

  remember({ shape: [rows, n] }, samples) {
    for (let i = 0; i < n; i++) {
      const point = Array.from({ length: rows }, (_, row) => samples[row * n + i]);
      this.#points.set(Math.round(point[0]), point.map((value) => (Number.isNaN(value) ? null : value)));
    }
  }

  /** Trends as columns, oldest first. */
  trends() {
    const points = [...this.#points.values()].sort((one, other) => one[0] - other[0]);
    return Array.from({ length: COLUMNS }, (_, column) => points.map((point) => point[column]));
  }

  /** What each bundle of windows says now, and since when. */
  get answers() {
    return (this.status?.windows ?? []).map(([bundle, label, since]) => ({ bundle, label: label === "?" ? "not known" : label, since }));
  }

  /** Alarms of the patient, or of the equipment, the most urgent and not yet seen first. */
  alarms(technical) {
    const rank = { high: 0, medium: 1, low: 2 };
    return (this.status?.alarms ?? [])
      .filter((alarm) => alarm.technical === technical)
      .sort((a, b) => silent(a) - silent(b) || rank[a.priority] - rank[b.priority] || b.since_s - a.since_s);
  }
}

/** Whether an alarm asks for nobody any more: seen, or paused. */
export function silent(alarm) {
  return alarm.acknowledged || alarm.shown === "paused";
}
