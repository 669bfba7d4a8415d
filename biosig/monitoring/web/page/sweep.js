// Signal on a screen as a pen writes it: from left to right, an erased bar ahead of the pen, line after line.
//
// A Look says how it is arranged: `layout(width, card)` gives the geometry, `paper(context, geometry, colours)` paints
// what stands still, `marks(...)` what belongs to single beats or windows. See paper.js for the ECG.

import { colourAt } from "./dom.js";

const ERASED_S = 0.4;
const BEHIND_S = 0.3; // marks are put behind the pen, where the erased bar does not cut them
const MISSING_DOTS_PX = 5;

/** What a host's style sheet has for signal and paper. */
function coloursOf(host) {
  const colour = colourAt(host);
  return {
    ink: colour("--ink"),
    missing: colour("--missing"),
    fine: colour("--fine"),
    coarse: colour("--coarse"),
    text: colour("--paper-text"),
    chip: colour("--chip"),
    chipText: colour("--chip-text"),
    font: getComputedStyle(host).fontFamily,
  };
}

export class Sweep {
  #paper = document.createElement("canvas");
  #trace = document.createElement("canvas");
  #drawn = NaN;
  #marked = 0;
  #markedTo = -Infinity;
  #version = -1;
  #resized;

  /** @param host element that takes the canvases; @param bed of the ward; @param look how it is drawn. */
  constructor(host, bed, look) {
    this.host = host;
    this.bed = bed;
    this.look = look;
    this.#paper.className = "paper";
    this.#trace.className = "trace";
    this.#trace.setAttribute("role", "img");
    this.#trace.setAttribute("aria-label", look.label(bed.card));
    host.replaceChildren(this.#paper, this.#trace);
    this.#resized = new ResizeObserver(() => this.arrange());
    this.#resized.observe(host);
    this.arrange();
  }

  close() {
    this.#resized.disconnect();
  }

  /** Lay everything out anew: another width, zoom, or look. */
  arrange() {
    const width = Math.floor(this.host.clientWidth);
    if (!width) return;
    this.colours = coloursOf(this.host);
    this.geometry = this.look.layout(width, this.bed);
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.#paper, this.#trace]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(this.geometry.height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${this.geometry.height}px`;
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.host.style.height = `${this.geometry.height}px`;
    this.look.paper(this.#paper.getContext("2d"), this.geometry, this.colours, this.bed);
    this.#drawn = NaN;
  }

  /** Seconds that all lines hold. */
  get #span() {
    return this.geometry.lines.length * this.geometry.lineSeconds;
  }

  /** Line and x of a moment. */
  #place(time) {
    const { lines, lineSeconds, left, secondPx } = this.geometry;
    const within = ((time % this.#span) + this.#span) % this.#span;
    const line = Math.min(lines.length - 1, Math.floor(within / lineSeconds));
    return [line, left + (within - line * lineSeconds) * secondPx];
  }

  draw(head) {
    const { ring } = this.bed;
    if (!this.geometry || ring.end === null || Number.isNaN(head)) return;
    const context = this.#trace.getContext("2d");
    const begin = Math.max(ring.first / ring.fs, head - this.#span + ERASED_S);
    if (ring.version !== this.#version || !(this.#drawn >= begin) || head < this.#drawn) {
      this.#version = ring.version;
      context.clearRect(0, 0, this.geometry.width, this.geometry.height);
      this.#drawn = begin;
      this.#marked = 0;
      this.#markedTo = -Infinity;
    }
    if (head <= this.#drawn && this.#marked === this.bed.markCount) return;
    this.#erase(context, this.#drawn, head + ERASED_S);
    this.#write(context, this.#drawn, head);
    this.#mark(context, begin, head);
    this.#drawn = head;
  }

  #erase(context, from, to) {
    const { lines, lineSeconds, left, secondPx } = this.geometry;
    for (let time = from; time < to; ) {
      const [line, x] = this.#place(time);
      const end = Math.min(to, time + lineSeconds - (x - left) / secondPx + 1e-6);
      const width = (end - time) * secondPx;
      context.clearRect(x + (time === from ? 1 : 0), lines[line].top, width + 1, lines[line].height);
      time = Math.max(end, time + 1e-3);
    }
  }

  #write(context, from, to) {
    const { ring } = this.bed;
    const first = Math.max(ring.first, Math.floor(from * ring.fs) - 1);
    const last = Math.min(ring.end - 1, Math.ceil(to * ring.fs) - 1);
    for (const [number, track] of this.geometry.tracks.entries()) {
      this.#line(context, ring.reader(track.channel, track.minus), number, first, last);
    }
  }

  #line(context, read, number, first, last) {
    const { ring } = this.bed;
    const { lines } = this.geometry;
    const { perMillivolt, low, high, baseline } = this.geometry.tracks[number];
    context.lineWidth = this.geometry.penPx;
    context.lineJoin = "round";
    context.strokeStyle = this.colours.ink;
    let before = null; // line of the last sample, null = pen up
    let beforeX = 0;
    context.beginPath();
    for (let i = first; i <= last; i++) {
      const value = read(i);
      const [line, x] = this.#place(i / ring.fs);
      if (Number.isNaN(value)) {
        if (i % Math.max(1, Math.round((MISSING_DOTS_PX / this.geometry.secondPx) * ring.fs)) === 0) {
          context.fillStyle = this.colours.missing;
          context.fillRect(x, lines[line].top + baseline - 1, 2, 2);
        }
        before = null;
        continue;
      }
      const y = lines[line].top + Math.max(low, Math.min(high, baseline - value * perMillivolt));
      if (line === before && x > beforeX) context.lineTo(x, y);
      else context.moveTo(x, y);
      [before, beforeX] = [line, x];
    }
    context.stroke();
  }

  /** Marks known since the last time, and those that the pen had not passed then. */
  #mark(context, begin, head) {
    const { bed } = this;
    const [oldNumber, oldTime] = [this.#marked, this.#markedTo];
    this.#marked = bed.markCount;
    this.#markedTo = head - BEHIND_S;
    for (const mark of bed.marks) {
      const fresh = mark.number >= oldNumber || mark.time > oldTime;
      if (!fresh || mark.time > this.#markedTo || mark.time < begin) continue;
      const [line, x] = this.#place(mark.time);
      this.look.mark(context, mark, x, this.geometry.lines[line], this.geometry, this.colours);
    }
  }
}
