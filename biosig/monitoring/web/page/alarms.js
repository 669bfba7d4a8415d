// How alarms look and what they are called. Colours and flash rates are in style.css, by priority.

import { clock, el, say } from "./dom.js";
import { silent } from "./ward.js";

/** Marks of the priorities, IEC 60601-1-8, so that no colour is needed to tell them apart. */
export const MARKS = { high: "!!!", medium: "!!", low: "!" };

/** Names short enough for a tile, as bedside monitors have them. */
const SHORT = {
  "ventricular-fibrillation": "V-Fib",
  "ventricular-tachycardia": "V-Tach",
  "ventricular-run": "V-Run",
  "extreme-bradycardia": "Extreme brady",
  "extreme-tachycardia": "Extreme tachy",
};

export const named = (name) => (name === "all" ? "all patient alarms" : name.replaceAll("-", " "));

/** What is said of its state beside its name; empty while it simply signals. */
export function stateOf(alarm) {
  if (alarm.shown === "paused") return "paused";
  const was = alarm.shown === "latched" ? "over" : "";
  const seen = alarm.acknowledged ? "seen" : "";
  return [was, seen].filter(Boolean).join(", ");
}

/** A bar that shows the most urgent of some alarms, or `rest` where there is none. */
export class AlarmBar {
  /** @param kind patient, technical or ward; @param short whether names are shortened. */
  constructor(kind, short = false) {
    this.name = (alarm) => (short && SHORT[alarm.alarm]) || named(alarm.alarm);
    this.mark = el("span", { class: "mark", "aria-hidden": "true" });
    this.words = el("span", { class: "words" });
    this.state = el("span", { class: "state" });
    this.more = el("span", { class: "more" });
    this.element = el("div", { class: `bar ${kind}` }, this.mark, this.words, this.state, this.more);
  }

  show(alarms, rest) {
    const [first] = alarms;
    light(this.element, first);
    say(this.mark, first ? MARKS[first.priority] : "");
    say(this.words, first ? `${first.patient ? `${first.patient}  ` : ""}${this.name(first)}` : rest);
    say(this.state, first ? stateOf(first) : "");
    say(this.more, alarms.length > 1 ? `+${alarms.length - 1}` : "");
    this.element.title = first ? alarms.map((alarm) => `${named(alarm.alarm)} since ${clock(alarm.since_s)}`).join("\n") : "";
  }
}

/** Make an element look like an alarm, or like none. */
export function light(element, alarm) {
  const priority = alarm?.priority ?? "";
  const flashing = alarm && !silent(alarm) ? "on" : "";
  if (element.dataset.priority === priority && element.dataset.flashing === flashing) return;
  element.dataset.priority = priority;
  element.dataset.flashing = flashing;
}

/** Let all lamps of a priority flash together, as of one clock, whenever they were lit. */
export function inStep() {
  for (const lamp of document.getAnimations()) if (lamp.startTime) lamp.startTime = 0;
}

/** Seconds of signal for which the patient's alarms are paused yet; 0 = they are not. */
export function pausedFor(status) {
  return Math.max(0, (status?.paused[""] ?? 0) - (status?.time_s ?? 0));
}

export function pauseText(status) {
  const left = pausedFor(status);
  return left ? `alarms paused ${clock(left).slice(2)}` : "";
}

/** What stands where no alarm of the patient does: silence is not health. */
export function restOf({ status, card }) {
  if (status.ended) return "source ended";
  if (!card.beats) return "no alarms";
  return status.rhythm === "--" ? "rhythm not known" : status.rhythm;
}
