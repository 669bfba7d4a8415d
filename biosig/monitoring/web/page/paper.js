// ECG on paper: 25 mm/s and 10 mm/mV, squares of 1 and 5 mm, a pulse of 1 mV before each line.

import { settings } from "./settings.js";

const MM_PER_S = 25;
const MM_PER_MV = 10;
const MARGIN_MM = 9; // for the calibration pulse
const ANOMALY_MM = 11;
const LETTERS_MM = 5.5; // kept free above the first lead for the beats
const PULSE_MM = [2, 3, 6, 7]; // foot, rise, fall, foot

/** The look of an ECG. `heightMm` of one line, `most` lines, `margin` for the pulse. */
export function paperLook({ heightMm, most = 1, margin = true, anomaly = true }) {
  return {
    label: (card) => `ECG of ${card.patient}, lead ${card.channels.join(", ")}, ${MM_PER_S} millimetres per second, ${MM_PER_MV} millimetres per millivolt`,

    layout(width, bed) {
      const mm = settings.pixelsPerMm * settings.zoom;
      const leads = bed.card.channels.length;
      const left = margin ? MARGIN_MM * mm : 0;
      const tracksMm = heightMm * leads;
      const anomalyMm = anomaly && bed.scores ? ANOMALY_MM : 0;
      const lineMm = tracksMm + anomalyMm;
      const count = leads > 1 ? 1 : most;
      const lineSeconds = (width - left) / (MM_PER_S * mm);
      return {
        width,
        height: Math.round(count * lineMm * mm),
        mm,
        left,
        secondPx: MM_PER_S * mm,
        lineSeconds,
        penPx: Math.max(1.25, 0.3 * mm),
        lines: Array.from({ length: count }, (_, i) => ({ top: i * lineMm * mm, height: lineMm * mm })),
        tracks: bed.card.channels.map((name, channel) => ({
          name,
          channel,
          perMillivolt: MM_PER_MV * mm,
          baseline: (channel * heightMm + LETTERS_MM + 0.6 * (heightMm - LETTERS_MM)) * mm,
          low: (channel * heightMm + LETTERS_MM) * mm,
          high: (channel + 1) * heightMm * mm - 1,
        })),
        anomaly: anomalyMm ? { top: tracksMm * mm, height: anomalyMm * mm } : null,
      };
    },

    paper(context, geometry, colours, bed) {
      const { width, height, mm } = geometry;
      context.clearRect(0, 0, width, height);
      for (const [step, colour, line] of [[1, colours.fine, 0.5], [5, colours.coarse, 1]]) {
        if (step * mm < 2.5) continue;
        context.strokeStyle = colour;
        context.lineWidth = line;
        context.beginPath();
        for (let i = 0; i * step * mm <= width; i++) ruled(context, i * step * mm, 0, 0, height);
        for (let i = 0; i * step * mm <= height; i++) ruled(context, 0, i * step * mm, width, 0);
        context.stroke();
      }
      for (const [number, line] of geometry.lines.entries()) {
        for (const track of geometry.tracks) {
          if (geometry.left) pulse(context, line.top + track.baseline, geometry, colours);
          caption(context, track, line, number, geometry, colours);
        }
        if (geometry.anomaly) anomalyPaper(context, line, geometry, colours, bed);
      }
    },

    mark(context, mark, x, line, geometry, colours) {
      if (mark.kind === "beat") beat(context, mark, x, line, geometry, colours);
      else if (geometry.anomaly) score(context, mark, x, line, geometry, colours);
    },
  };
}

function ruled(context, x, y, width, height) {
  context.moveTo(Math.round(x) + 0.5, Math.round(y) + 0.5);
  context.lineTo(Math.round(x + width) + 0.5, Math.round(y + height) + 0.5);
}

function pulse(context, y, { mm, penPx }, colours) {
  const [foot, rise, fall, end] = PULSE_MM;
  context.strokeStyle = colours.ink;
  context.lineWidth = penPx;
  context.beginPath();
  for (const [x, up] of [[foot, 0], [rise, 0], [rise, 1], [fall, 1], [fall, 0], [end, 0]]) {
    context.lineTo(x * mm, y - up * MM_PER_MV * mm);
  }
  context.stroke();
}

function caption(context, track, line, number, { mm, left }, colours) {
  const size = Math.max(11, 3.2 * mm);
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.fillStyle = colours.text;
  context.font = `700 ${size}px ${colours.font}`;
  const y = line.top + track.high - 0.6 * mm;
  context.fillText(track.name, 1.5 * mm, y);
  if (number || !left) return;
  const inset = 1.5 * mm + context.measureText(track.name).width + 2 * mm;
  context.font = `500 ${Math.max(10, 2.7 * mm)}px ${colours.font}`;
  context.fillText(`${MM_PER_S} mm/s   ${MM_PER_MV} mm/mV   shown from 0.5 Hz`, Math.max(inset, left), y);
}

/** A beat's letter: a plain one where it is normal, on a chip where it is not, so that no colour is needed to tell. */
function beat(context, mark, x, line, { mm }, colours) {
  const size = Math.max(11, 3 * mm);
  context.font = `700 ${size}px ${colours.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const y = line.top + 3.2 * mm;
  if (mark.label === "N" || mark.label === "?") {
    context.fillStyle = colours.text;
    context.fillText(mark.label, x, y);
    return;
  }
  const width = size * 1.25;
  context.fillStyle = colours.chip;
  context.beginPath();
  context.roundRect(x - width / 2, y - size * 0.68, width, size * 1.36, size * 0.25);
  context.fill();
  context.fillStyle = colours.chipText;
  context.fillText(mark.label, x, y + size * 0.04);
}

/** Highest score that the strip shows: twice the threshold. */
function most(bed) {
  return 2 * (bed.threshold ?? (bed.highest || 1));
}

function anomalyPaper(context, line, { width, mm, anomaly, left }, colours, bed) {
  const top = line.top + anomaly.top;
  context.fillStyle = colours.fine;
  context.fillRect(0, top, width, 1);
  const share = (bed.threshold ?? NaN) / most(bed);
  context.fillStyle = colours.text;
  context.font = `500 ${Math.max(10, 2.5 * mm)}px ${colours.font}`;
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.fillText("anomaly", 1.5 * mm, top + anomaly.height - 0.4 * mm);
  if (Number.isNaN(share)) return;
  const y = top + anomaly.height * (1 - share);
  context.strokeStyle = colours.text;
  context.lineWidth = 1;
  context.setLineDash([4, 3]);
  context.beginPath();
  ruled(context, left, y, width - left, 0);
  context.stroke();
  context.setLineDash([]);
}

function score(context, mark, x, line, { mm, anomaly }, colours) {
  const share = Math.max(0.02, Math.min(1, mark.score / mark.most));
  const bottom = line.top + anomaly.top + anomaly.height;
  const height = share * (anomaly.height - 2);
  const width = Math.max(3, 1.6 * mm);
  context.fillStyle = mark.usable ? (mark.over ? colours.chip : colours.missing) : "transparent";
  context.fillRect(x - width / 2, bottom - height, width, height);
  context.strokeStyle = mark.usable ? "transparent" : colours.missing;
  context.lineWidth = 1;
  context.strokeRect(x - width / 2, bottom - height, width, height);
}

export { most as mostAnomaly };
