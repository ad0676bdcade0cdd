// Waveforms and spectrograms on canvases, and the ticks of their time axis.
import { element, timeText } from "./words.js";

const RANGE_DB = 70; // below the loudest band of all tracks everything is black
const COLORS = [[4, 4, 20], [51, 16, 104], [122, 30, 123], [192, 54, 104], [243, 106, 82], [253, 190, 110], [252, 253, 210]];
const FREQUENCIES_HZ = [500, 2000, 8000];
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];

function fitted(canvas) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale));
  return [canvas.getContext("2d"), canvas.width, canvas.height, scale];
}

export function drawWaveform(canvas, { low, high }, peak) {
  const [context, width, height, scale] = fitted(canvas);
  context.fillStyle = getComputedStyle(canvas).color;
  const middle = height / 2, column = width / low.length;
  for (let index = 0; index < low.length; index++) {
    const top = middle - (high[index] / peak) * middle, bottom = middle - (low[index] / peak) * middle;
    context.fillRect(index * column, top, Math.max(column, 1), Math.max(bottom - top, scale));
  }
}

export function drawSegments(canvas, segments, seconds) {
  const [context, width, height, scale] = fitted(canvas);
  context.fillStyle = getComputedStyle(canvas).color;
  for (const { start_seconds: start, end_seconds: end } of segments) {
    context.fillRect((start / seconds) * width, 0, Math.max(scale, ((end - start) / seconds) * width), height);
  }
}

function levelsOf(picture) {
  picture.bytes ??= Uint8Array.from(atob(picture.levels), (each) => each.charCodeAt(0));
  return picture.bytes;
}

export function highestLevel(picture) {
  return -levelsOf(picture).reduce((least, each) => Math.min(least, each), 255) / 2;
}

function color(share) {
  const place = Math.min(Math.max(share, 0), 1) * (COLORS.length - 1);
  const index = Math.min(Math.floor(place), COLORS.length - 2);
  return COLORS[index].map((from, part) => from + (COLORS[index + 1][part] - from) * (place - index));
}

export function drawSpectrogram(canvas, picture, top) {
  const [context, width, height, scale] = fitted(canvas);
  const columns = picture.low.length, bands = picture.frequencies.length - 1, levels = levelsOf(picture);
  const image = new ImageData(columns, bands);
  const palette = Array.from({ length: 256 }, (_, byte) => color(1 - (top + byte / 2) / RANGE_DB));
  for (let column = 0; column < columns; column++) {
    for (let band = 0; band < bands; band++) {
      image.data.set([...palette[levels[column * bands + band]], 255], 4 * ((bands - 1 - band) * columns + column));
    }
  }
  const small = new OffscreenCanvas(columns, bands);
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, width, height);
  context.font = `${10 * scale}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.fillStyle = "rgb(255 255 255 / 85%)";
  context.shadowColor = "#000";
  context.shadowBlur = 3 * scale;
  for (const hertz of FREQUENCIES_HZ) {
    const above = picture.frequencies.findIndex((each) => each > hertz);
    const at = height * (1 - above / bands);
    if (above < 0 || at < 8 * scale) continue;
    context.fillRect(0, at, 4 * scale, scale);
    context.fillText(hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`, 7 * scale, at);
  }
}

export function timeTicks(place, seconds) {
  const step = STEPS.find((each) => (seconds / each) * 56 <= place.clientWidth) ?? STEPS.at(-1);
  const ticks = [];
  for (let number = 0; number * step <= seconds; number++) {
    const time = number * step;
    const text = step < 1 ? time.toFixed(1) : timeText(time);
    const atEnd = time > 0.98 * seconds ? "end" : "";
    ticks.push(element("span", { class: atEnd, style: `left: ${(100 * time) / seconds}%` }, text));
  }
  place.replaceChildren(...ticks);
}
