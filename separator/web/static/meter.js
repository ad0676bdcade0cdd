// The level of what is heard of a track, in dB of full scale.
import { element } from "./words.js";

const LOWEST_DB = -60, FALL_DB = 1.5; // a frame
let context = null;

export class Meter {
  constructor(name) {
    this.bar = element("div", { class: "meter-bar" });
    this.root = element("div", { class: "meter", role: "meter", "aria-label": `level of ${name} in dB` }, this.bar);
    this.root.setAttribute("aria-valuemin", LOWEST_DB);
    this.root.setAttribute("aria-valuemax", 0);
    this.level = LOWEST_DB;
    this.show(false);
  }

  connect(audio) { // at the first play: a browser makes no sound before somebody has pressed something
    if (this.analyser || !window.AudioContext) return;
    context ??= new AudioContext();
    context.resume();
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.samples = new Float32Array(this.analyser.fftSize);
    context.createMediaElementSource(audio).connect(this.analyser).connect(context.destination);
  }

  show(playing) {
    let level = LOWEST_DB;
    if (playing && this.analyser) {
      this.analyser.getFloatTimeDomainData(this.samples);
      const power = this.samples.reduce((sum, each) => sum + each * each, 0) / this.samples.length;
      level = Math.max(LOWEST_DB, 10 * Math.log10(power + 1e-12), this.level - FALL_DB);
    }
    this.level = Math.min(0, level);
    this.bar.style.width = `${100 * (1 - this.level / LOWEST_DB)}%`;
    this.root.setAttribute("aria-valuenow", Math.round(this.level));
  }
}
