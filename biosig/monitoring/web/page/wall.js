// The ward at a glance: a tile per bed, in the order of the beds, whatever happens.

import { AlarmBar, light, pauseText, pausedFor, restOf } from "./alarms.js";
import { el, fixed, say } from "./dom.js";
import { lookOf } from "./looks.js";
import { settings } from "./settings.js";
import { Sweep } from "./sweep.js";

const LEAST_MM = 30;
const MOST_MM = 60;
const REST_PX = 218; // of a tile: all but its strip

export class Wall {
  constructor(ward, actions) {
    this.ward = ward;
    this.actions = actions;
    this.tiles = new Map();
    this.seen = new Set();
    this.element = el("section", { class: "wall", "aria-label": "Wall of beds" });
    this.watcher = new IntersectionObserver((changes) => this.#see(changes), { rootMargin: "100px" });
    for (const bed of ward.beds.values()) this.#add(bed);
  }

  #add(bed) {
    const tile = new Tile(bed, this.actions);
    this.tiles.set(bed.name, tile);
    this.element.append(tile.element);
    this.watcher.observe(tile.element);
    tile.update();
  }

  #see(changes) {
    for (const change of changes) {
      if (change.isIntersecting) this.seen.add(change.target.dataset.patient);
      else this.seen.delete(change.target.dataset.patient);
    }
    this.actions.show([...this.seen]);
  }

  /** Beds have come or gone. */
  rearrange() {
    for (const [name, tile] of this.tiles) {
      if (this.ward.beds.get(name) === tile.bed) continue;
      tile.close();
      this.tiles.delete(name);
    }
    for (const bed of this.ward.beds.values()) if (!this.tiles.has(bed.name)) this.#add(bed);
    this.arrange();
  }

  update(name) {
    this.tiles.get(name)?.update();
  }

  draw() {
    for (const name of this.seen) this.tiles.get(name)?.draw();
  }

  /** Share the height of the window among the rows of tiles. */
  arrange() {
    const rows = Math.ceil(this.tiles.size / this.#columns());
    const { top } = this.element.getBoundingClientRect();
    const free = window.innerHeight - top - window.scrollY - 68;
    const mm = settings.pixelsPerMm * settings.zoom;
    const height = Math.max(LEAST_MM, Math.min(MOST_MM, Math.floor((free / rows - REST_PX) / mm)));
    for (const tile of this.tiles.values()) tile.arrange(height);
  }

  /** The bed that the keyboard is on. */
  get chosen() {
    return document.activeElement?.closest("[data-patient]")?.dataset.patient;
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns(), ArrowUp: -this.#columns() };
    const step = steps[event.key];
    if (!step) return false;
    const links = [...this.tiles.values()].map((tile) => tile.link);
    const at = links.findIndex((link) => link.closest("[data-patient]").dataset.patient === this.chosen);
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))]?.focus();
    return true;
  }

  #columns() {
    return getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
  }

  /** Once the element is in the page; the keyboard goes on at the bed it was on. */
  mount(chosen) {
    this.arrange();
    this.tiles.get(chosen)?.link.focus();
  }

  close() {
    this.watcher.disconnect();
    for (const tile of this.tiles.values()) tile.close();
  }
}

class Tile {
  constructor(bed, actions) {
    this.bed = bed;
    this.link = el("a", { href: `#/bed/${encodeURIComponent(bed.name)}` }, bed.name);
    this.note = el("span", { class: "note" });
    this.digits = el("span", { class: "digits" });
    this.alarm = new AlarmBar("patient", true);
    this.technical = new AlarmBar("technical");
    this.ack = el("button", { class: "ack", type: "button", onclick: () => actions.acknowledge(bed.name) }, "Acknowledge");
    this.ack.setAttribute("aria-label", `Acknowledge the alarms of ${bed.name}`);
    const strip = el("div", { class: "strip night" });
    this.element = el(
      "article",
      { class: "tile", "data-patient": bed.name },
      el("header", {}, el("h2", {}, this.link), this.note, el("div", { class: bed.card.beats ? "rate" : "answer" }, this.digits, el("span", { class: "unit" }, bed.card.beats ? "/min" : ""))),
      this.alarm.element,
      strip,
      el("footer", {}, this.technical.element, this.ack),
    );
    this.strip = strip;
  }

  /** Make the strip so many millimetres high. */
  arrange(heightMm) {
    this.sweep?.close();
    this.sweep = new Sweep(this.strip, this.bed, lookOf(this.bed.card, { heightMm, margin: false, anomaly: false }));
  }

  update() {
    const { status } = this.bed;
    if (!status) return;
    const patient = this.bed.alarms(false);
    const technical = this.bed.alarms(true);
    this.alarm.show(patient, restOf(this.bed));
    this.technical.show(technical, status.ended ? "source ended" : `signal ${fixed(100 * status.good)} %`);
    light(this.element, patient[0] ?? technical[0]);
    say(this.digits, this.bed.card.beats ? fixed(status.heart_rate) : (this.bed.answers[0]?.label ?? "--"));
    say(this.note, pausedFor(status) ? pauseText(status) : "");
    this.element.classList.toggle("ended", status.ended);
    this.ack.hidden = ![...patient, ...technical].some((alarm) => !alarm.acknowledged);
  }

  draw() {
    this.sweep?.draw(this.bed.ring.pen.head());
  }

  close() {
    this.sweep?.close();
    this.element.remove();
  }
}
