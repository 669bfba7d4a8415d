// One bed, large: signal, rate, alarms in force and their log, trends, quality and delays.

import { AlarmBar, MARKS, light, named, pausedFor, pauseText, restOf, stateOf } from "./alarms.js";
import { clock, el, fixed, say } from "./dom.js";
import { isEeg, lookOf } from "./looks.js";
import { MONTAGES, hasMontage } from "./montage.js";
import { settings } from "./settings.js";
import { Spectra } from "./spectra.js";
import { Sweep } from "./sweep.js";
import { Trends } from "./trends.js";

const LINE_MM = 42;
const EEG_MM = 125;
const PAUSE_S = 120;
const LOG_ROWS = 60;

export class BedView {
  constructor(ward, bed, actions) {
    Object.assign(this, { ward, bed, actions, link: actions.link });
    this.patient = new AlarmBar("patient");
    this.technical = new AlarmBar("technical");
    this.digits = el("span", { class: "digits" });
    this.time = el("span", { class: "time" });
    this.strip = el("div", { class: "strip" });
    this.trends = new Trends(bed);
    this.spectra = isEeg(bed.card) ? new Spectra(bed) : null;
    this.element = el("section", { class: "bed", "data-patient": bed.name, "aria-label": `Bed ${bed.name}` },
      this.#head(),
      el("div", { class: "bars" }, this.patient.element, this.technical.element),
      el("div", { class: "left" }, ...[this.#paper(), this.spectra?.element, this.trends.element].filter(Boolean)),
      el("div", { class: "right" }, this.#numbers(), this.#inForce(), this.#history()),
    );
  }

  /** Once the element is in the page: styles and sizes are known only then. */
  mount() {
    this.arrange();
    this.update();
    this.log();
    this.actions.show([this.bed.name], true);
    this.heading.focus({ preventScroll: true });
  }

  #head() {
    this.acknowledge = el("button", { class: "primary", type: "button", onclick: () => this.actions.acknowledge(this.bed.name) }, "Acknowledge all", el("kbd", {}, "A"));
    this.pause = el("button", { type: "button", onclick: () => this.togglePause() });
    this.heading = el("h1", { tabindex: "-1" }, this.bed.name);
    return el("div", { class: "head" },
      el("a", { class: "button back", href: "#/" }, "‹ Wall"), this.heading, this.time,
      el("div", { class: "buttons" }, this.acknowledge, this.pause));
  }

  #paper() {
    const button = (text, label, act) => el("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.scale = el("output", { class: "scale" });
    const tools = el("div", { class: "tools" },
      button("−", "Smaller (key −)", () => settings.zoomBy(-1)), this.scale, button("+", "Larger (key +)", () => settings.zoomBy(1)),
      button("Paper / night", "Light paper or dark (key N)", () => (settings.paper = !settings.paper)),
      button("Ruler", "Measure this screen", () => this.actions.calibrate()));
    if (isEeg(this.bed.card)) tools.append(this.#montages());
    return el("section", { class: "signal", "aria-label": "Signal" }, this.strip, tools);
  }

  #montages() {
    const there = Object.keys(MONTAGES).filter((name) => hasMontage(this.bed.card.channels, name));
    const choose = el("select", { "aria-label": "Montage", onchange: () => (settings.montage = choose.value) },
      ...there.map((name) => el("option", { value: name, selected: name === settings.montage }, MONTAGES[name])));
    return choose;
  }

  #numbers() {
    const box = (name, title, unit) => {
      this[name] = el("span", { class: "value" });
      return el("div", { class: "box" }, el("span", { class: "title" }, title), this[name], el("span", { class: "unit" }, unit));
    };
    this.good = el("div", { class: "meter", role: "meter", "aria-label": "Usable signal", "aria-valuemin": "0", "aria-valuemax": "100" }, el("i"));
    this.delays = el("p", { class: "delays" });
    const { beats } = this.bed.card;
    this.rate = beats
      ? el("div", { class: "rate" }, el("span", { class: "title" }, "Heart rate"), this.digits, el("span", { class: "unit" }, "/min"))
      : el("div", { class: "answer" }, this.digits);
    const ectopic = box("ectopics", "Ectopic", "/min");
    return el("section", { class: "numbers", "aria-label": "Values" }, this.rate,
      el("div", { class: "boxes" }, beats ? ectopic : null, box("anomaly", "Anomaly", ""), box("quality", "Signal", "%")),
      this.good, this.delays);
  }

  #inForce() {
    this.list = el("ul", { class: "alarms" });
    this.rows = new Map();
    return el("section", { class: "inforce", "aria-label": "Alarms in force" }, el("h3", {}, "Alarms in force"), this.list);
  }

  #history() {
    this.entries = el("ol", { class: "log", tabindex: "0", "aria-label": "Alarm log, newest first" });
    return el("section", { class: "history" }, el("h3", {}, "Alarm log"), this.entries);
  }

  togglePause(alarm = "") {
    const { status } = this.bed;
    const until = status?.paused[alarm] ?? 0;
    this.actions.pause(this.bed.name, alarm, until > (status?.time_s ?? 0) ? 0 : PAUSE_S);
  }

  arrange() {
    this.sweep?.close();
    this.strip.classList.toggle("night", !settings.paper);
    this.scores = this.bed.scores;
    const most = window.innerHeight >= 850 && window.innerWidth >= 900 && settings.zoom <= 1.25 ? 2 : 1;
    this.sweep = new Sweep(this.strip, this.bed, lookOf(this.bed.card, { heightMm: this.spectra ? EEG_MM : LINE_MM, most }));
    say(this.scale, `${Math.round(settings.zoom * 100)} %`);
  }

  update() {
    const { status } = this.bed;
    if (!status) return;
    const patient = this.bed.alarms(false);
    const technical = this.bed.alarms(true);
    const paused = pausedFor(status);
    this.patient.show(patient, paused ? pauseText(status) : restOf(this.bed));
    this.patient.element.classList.toggle("ispaused", paused > 0);
    this.technical.show(technical, status.ended ? "source ended" : `signal ${fixed(100 * status.good)} %`);
    light(this.rate, patient[0]);
    say(this.time, `${clock(status.time_s)} of signal`);
    const answers = this.bed.answers.map(({ bundle, label, since }) => `${label} (${bundle}, since ${clock(since)})`);
    say(this.digits, this.bed.card.beats ? fixed(status.heart_rate) : answers.join("\n") || "--");
    say(this.ectopics, status.ended ? "--" : fixed(this.bed.ectopics));
    say(this.anomaly, this.bed.scores ? fixed(status.anomaly, 2) : "off");
    say(this.quality, fixed(100 * status.good));
    this.good.firstChild.style.width = `${100 * status.good}%`;
    this.good.setAttribute("aria-valuenow", fixed(100 * status.good));
    this.good.classList.toggle("bad", status.good < 0.5);
    const waiting = [...patient, ...technical].some((alarm) => !alarm.acknowledged);
    this.acknowledge.disabled = !waiting;
    this.pause.replaceChildren(paused ? `End pause (${clock(paused).slice(2)})` : "Pause 2 min", el("kbd", {}, "P"));
    this.#rows([...patient, ...technical]);
    this.#tellDelays();
    if (status.trend.length || !this.trends.plots.length) this.trends.update();
    if (this.scores !== this.bed.scores) this.arrange();
  }

  #tellDelays() {
    const { status, ring, card } = this.bed;
    const parts = [
      card.beats ? `beats known within ${fixed(card.latency_s, 1)} s, the last after ${fixed(status.delay_s, 1)} s` : `answers ${fixed(status.delay_s, 1)} s after their windows begin`,
      `screen ${fixed(ring.pen.waiting, 1)} s behind`,
      `link ${fixed(this.link.roundTripMs)} ms`,
      `${this.ward.lost} frames lost`,
    ];
    if (status.drift_ppm != null) parts.push(`source clock ${fixed(status.drift_ppm)} ppm`);
    if (Math.abs(ring.pen.rate - 1) > 0.15) parts.push(`${fixed(ring.pen.rate, ring.pen.rate < 10 ? 1 : 0)} × real time`);
    say(this.delays, parts.join(" · "));
  }

  #rows(alarms) {
    const names = new Set(alarms.map((alarm) => alarm.alarm));
    for (const [name, row] of this.rows) {
      if (names.has(name)) continue;
      row.element.remove();
      this.rows.delete(name);
    }
    for (const alarm of alarms) {
      if (!this.rows.has(alarm.alarm)) this.rows.set(alarm.alarm, new AlarmRow(this, alarm.alarm));
      const row = this.rows.get(alarm.alarm);
      row.show(alarm, this.bed.status);
    }
    const order = alarms.map((alarm) => this.rows.get(alarm.alarm).element);
    if (order.some((element, i) => this.list.children[i] !== element)) this.list.replaceChildren(...order);
    this.list.classList.toggle("none", !alarms.length);
  }

  /** The newest entries of this bed, newest first. */
  log() {
    const own = this.ward.log.filter((entry) => entry.patient === this.bed.name && entry.event !== "suppressed");
    this.entries.replaceChildren(...own.slice(-LOG_ROWS).reverse().map(entryRow));
  }

  draw() {
    const head = this.bed.ring.pen.head();
    this.sweep.draw(head);
    this.spectra?.draw(head);
  }

  key(event) {
    if (event.key === "Escape") location.hash = "#/";
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.#step(event.key === "ArrowRight" ? 1 : -1);
    else return false;
    return true;
  }

  #step(by) {
    const names = [...this.ward.beds.keys()];
    const next = names[(names.indexOf(this.bed.name) + by + names.length) % names.length];
    location.hash = `#/bed/${encodeURIComponent(next)}`;
  }

  get chosen() {
    return this.bed.name;
  }

  close() {
    this.sweep.close();
    this.trends.close();
  }
}

class AlarmRow {
  constructor(view, name) {
    const { actions, bed } = view;
    this.mark = el("span", { class: "mark", "aria-hidden": "true" });
    this.words = el("strong");
    this.detail = el("span", { class: "detail" });
    this.ack = el("button", { type: "button", "aria-label": `Acknowledge ${named(name)}`, onclick: () => actions.acknowledge(bed.name, name) }, "Ack");
    this.pause = el("button", { type: "button", "aria-label": `Pause ${named(name)} for 2 minutes`, onclick: () => view.togglePause(name) }, "Pause");
    this.element = el("li", {}, this.mark, el("div", { class: "text" }, this.words, this.detail), el("div", { class: "do" }, this.ack, this.pause));
  }

  show(alarm, status) {
    light(this.element, alarm);
    say(this.mark, MARKS[alarm.priority]);
    say(this.words, named(alarm.alarm));
    const left = (status.paused[alarm.alarm] ?? 0) - status.time_s;
    const state = [alarm.technical ? "technical" : "", left > 0 ? `paused ${clock(left).slice(2)}` : stateOf(alarm)].filter(Boolean).join(", ");
    say(this.detail, [`since ${clock(alarm.since_s)}`, alarm.detail, state].filter(Boolean).join(" · "));
    this.element.dataset.technical = alarm.technical;
    this.ack.disabled = alarm.acknowledged;
    say(this.pause, left > 0 ? "Resume" : "Pause");
  }
}

function entryRow(entry) {
  const what = entry.kind === "notice" ? `source ${entry.event}` : `${named(entry.alarm)} ${entry.event}`;
  return el("li", { "data-priority": entry.priority ?? "" },
    el("time", {}, clock(entry.time_s)), el("span", { class: "mark" }, entry.event === "raised" ? MARKS[entry.priority] : ""),
    el("span", {}, what, entry.detail ? el("small", {}, ` ${entry.detail}`) : null));
}
