// EEG: channels under each other at 30 mm/s, a line per second, a montage, and a bar that says how much 100 µV are.
// Paper speed and sensitivity: ACNS guideline 1 (2016), doi:10.1097/WNP.0000000000000308, which asks for 30 mm/s and
// 5 to 10 µV/mm.

import { settings } from "./settings.js";

const MM_PER_S = 30;
const UV_PER_MM = 7;
const UV_PER_MM_SMALL = 20; // in a tile, without scale
const MARGIN_MM = 15;
const LEAST_MM = 4;
const MOST_MM = 14;
const BAR_UV = 100;
const FOOT_MM = 7;

/** Chains of the longitudinal bipolar montage ("double banana"); newer names of the same places stand behind them. */
const CHAINS = [
  ["Fp1", "F7", "T3", "T5", "O1"],
  ["Fp1", "F3", "C3", "P3", "O1"],
  ["Fz", "Cz", "Pz"],
  ["Fp2", "F4", "C4", "P4", "O2"],
  ["Fp2", "F8", "T4", "T6", "O2"],
];
const NEWER = { T3: "T7", T4: "T8", T5: "P7", T6: "P8" };

export const MONTAGES = { recorded: "as recorded", average: "against the average", bipolar: "bipolar, front to back" };

/** Rows of a montage: name, channel, and the channel that is taken from it ("average", or null). */
function rowsOf(channels, montage) {
  const recorded = channels.map((name, channel) => ({ name, channel, minus: null }));
  if (montage === "average") return recorded.map((row) => ({ ...row, name: `${row.name}-avg`, minus: "average" }));
  if (montage !== "bipolar") return recorded;
  const find = (name) => [channels.indexOf(name), channels.indexOf(NEWER[name] ?? name)].find((at) => at >= 0) ?? -1;
  const pairs = CHAINS.flatMap((chain) => chain.slice(1).map((name, i) => [chain[i], name]));
  const there = pairs.map((pair) => pair.map(find)).filter(([plus, minus]) => plus >= 0 && minus >= 0);
  return there.map(([plus, minus]) => ({ name: `${channels[plus]}-${channels[minus]}`, channel: plus, minus }));
}

/** Whether a montage has any row of these channels. */
export const hasMontage = (channels, montage) => rowsOf(channels, montage).length > 0;

/** The look of an EEG. `heightMm` of all channels together; `margin` for their names. */
export function montageLook({ heightMm, margin = true }) {
  return {
    label: (card) => `EEG of ${card.patient}, ${card.channels.length} channels, ${MM_PER_S} millimetres per second, ${UV_PER_MM} microvolts per millimetre`,

    layout(width, bed) {
      const mm = settings.pixelsPerMm * settings.zoom;
      const wanted = rowsOf(bed.card.channels, settings.montage);
      const rows = wanted.length ? wanted : rowsOf(bed.card.channels, "recorded");
      const foot = margin ? FOOT_MM : 0;
      const rowMm = margin ? Math.max(LEAST_MM, Math.min(MOST_MM, heightMm / rows.length)) : heightMm / rows.length;
      const left = margin ? MARGIN_MM * mm : 0;
      const lineMm = rows.length * rowMm + foot;
      return {
        width,
        height: Math.round(lineMm * mm),
        mm,
        left,
        secondPx: MM_PER_S * mm,
        lineSeconds: (width - left) / (MM_PER_S * mm),
        penPx: Math.max(1, 0.22 * mm),
        lines: [{ top: 0, height: lineMm * mm }],
        tracks: rows.map(({ name, channel, minus }, row) => ({
          name,
          channel,
          minus,
          perMillivolt: (1000 / (margin ? UV_PER_MM : UV_PER_MM_SMALL)) * mm,
          baseline: (row + 0.5) * rowMm * mm,
          low: Math.max(1, (row - 0.6) * rowMm * mm), // neighbours may overlap a little, as pens do
          high: Math.min((row + 1.6) * rowMm, lineMm) * mm,
        })),
      };
    },

    paper(context, geometry, colours) {
      const { width, height, left, secondPx, mm } = geometry;
      context.clearRect(0, 0, width, height);
      for (let second = 0; left + second * secondPx <= width; second += 0.2) {
        const whole = Math.abs(second - Math.round(second)) < 0.01;
        context.fillStyle = whole ? colours.coarse : colours.fine;
        context.fillRect(Math.round(left + second * secondPx), 0, 1, height);
      }
      if (!left) return;
      context.fillStyle = colours.text;
      context.textBaseline = "middle";
      context.textAlign = "left";
      const rowPx = geometry.tracks.length > 1 ? geometry.tracks[1].baseline - geometry.tracks[0].baseline : 20;
      context.font = `600 ${Math.max(9, Math.min(14, 0.85 * rowPx))}px ${colours.font}`;
      for (const track of geometry.tracks) context.fillText(track.name, 1.5 * mm, track.baseline);
      const foot = height - (FOOT_MM * mm) / 2;
      context.font = `500 ${Math.max(10, 2.7 * mm)}px ${colours.font}`;
      const bar = (BAR_UV / UV_PER_MM) * mm;
      context.fillText(`${MM_PER_S} mm/s   ${UV_PER_MM} µV/mm   shown from 0.5 Hz   the bar is ${BAR_UV} µV`, left, foot);
      context.fillRect(left - 2.5 * mm, height - 1.5 * mm - bar, Math.max(2, 0.5 * mm), bar);
    },

    mark() {},
  };
}
