// Trends over hours, drawn by uPlot.

import { clock, colourAt, el } from "./dom.js";
import { settings } from "./settings.js";

const HOURS = [0.25, 1, 4, 24];
const HEIGHT = 118;

const KINDS = [
  { column: 1, title: "Heart rate", unit: "/min", colour: "--rate", least: [40, 120], when: (bed) => bed.card.beats },
  { column: 2, title: "Ectopic beats", unit: "/min", colour: "--ectopic", least: [0, 10], when: (bed) => bed.card.beats },
  { column: 3, title: "Anomaly", unit: "", colour: "--anomaly", least: [0, 1], when: (bed) => bed.scores },
  { column: 4, title: "Usable signal", unit: "%", colour: "--quality", least: [0, 100], times: 100 },
];

export class Trends {
  constructor(bed) {
    this.bed = bed;
    this.plots = [];
    this.host = el("div", { class: "plots" });
    const choose = HOURS.map((hours) =>
      el("button", { type: "button", "aria-pressed": String(hours === settings.hours), onclick: (event) => this.#choose(hours, event) },
        hours < 1 ? `${hours * 60} min` : `${hours} h`));
    this.buttons = el("div", { class: "choice", role: "group", "aria-label": "Time shown" }, ...choose);
    this.element = el("section", { class: "trends", "aria-label": "Trends" },
      el("div", { class: "heading" }, el("h3", {}, "Trends"), this.buttons), this.host);
    this.resized = new ResizeObserver(() => this.#fit());
    this.resized.observe(this.host);
  }

  #choose(hours, event) {
    settings.hours = hours;
    for (const button of this.buttons.children) button.setAttribute("aria-pressed", String(button === event.target));
    this.update();
  }

  #make() {
    const colour = colourAt(this.element);
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false }, font: `12px ${getComputedStyle(this.element).fontFamily}` };
    this.kinds = KINDS.filter((kind) => kind.when?.(this.bed) ?? true);
    this.host.style.setProperty("--plots", this.kinds.length);
    this.plots = this.kinds.map((kind) => {
      const place = el("figure", {}, el("figcaption", {}, kind.title, el("small", {}, kind.unit)));
      this.host.append(place);
      return new uPlot(
        {
          width: 200,
          height: HEIGHT,
          legend: { show: false },
          cursor: { y: false, points: { size: 6 }, sync: { key: "trends" } },
          padding: [8, 18, 0, 0],
          scales: {
            x: { time: false, range: () => this.#range() },
            y: { range: (_, low, high) => [Math.min(kind.least[0], low ?? Infinity), Math.max(kind.least[1], kind.times ? 0 : 1.1 * (high ?? -Infinity))] },
          },
          axes: [
            { ...axis, size: 22, space: 60, incrs: [60, 120, 300, 600, 1800, 3600, 7200, 14400], values: (_, ticks) => ticks.map((tick) => clock(tick).slice(0, -3)) },
            { ...axis, size: 38, space: 28 },
          ],
          series: [{}, { stroke: colour(kind.colour), width: 2, points: { size: 4, show: (_, __, first, last) => last - first < 4 }, spanGaps: false }],
        },
        [[], []],
        place,
      );
    });
    this.#fit();
  }

  #range() {
    const now = this.bed.status?.time_s ?? 0;
    const span = Math.max(60, Math.min(settings.hours * 3600, now));
    return [Math.max(0, now - span), Math.max(60, now)];
  }

  #fit() {
    for (const plot of this.plots) {
      const width = Math.floor(plot.root.parentElement.clientWidth);
      if (width > 0 && plot.width !== width) plot.setSize({ width, height: HEIGHT });
    }
  }

  update() {
    const wanted = KINDS.filter((kind) => kind.when?.(this.bed) ?? true).length;
    if (this.plots.length !== wanted) {
      this.#clear();
      this.#make();
    }
    const columns = this.bed.trends();
    for (const [number, kind] of this.kinds.entries()) {
      const values = columns[kind.column].map((value) => (value == null ? null : value * (kind.times ?? 1)));
      this.plots[number].setData([columns[0], values]);
    }
  }

  #clear() {
    for (const plot of this.plots) plot.destroy();
    this.plots = [];
    this.host.replaceChildren();
  }

  close() {
    this.resized.disconnect();
    this.#clear();
  }
}
