// Which look a bed's signals have, by what they are measured in.

import { paperLook } from "./paper.js";

/** The look of a bed; `options` are the paper's. */
export function lookOf(card, options) {
  return paperLook(options);
}
