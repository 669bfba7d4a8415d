// Which look a bed's signals have, by what they are measured in.

import { montageLook } from "./montage.js";
import { paperLook } from "./paper.js";

const MICROVOLTS = new Set(["uV", "µV", "μV", "nV"]);

/** Whether a bed's signals are those of a brain: several channels, in microvolts. */
export function isEeg(card) {
  return card.channels.length > 1 && card.units.every((unit) => MICROVOLTS.has(unit));
}

/** The look of a bed; `options` say how large it is, and what of an ECG is shown. */
export function lookOf(card, options) {
  return isEeg(card) ? montageLook(options) : paperLook(options);
}
