// The tracks of a recording: the mixture and its sources, played together on one time axis.
import { drawSpectrogram, drawWaveform, highestLevel, timeTicks } from "./picture.js";
import { Meter } from "./meter.js";
import { Timeline } from "./timeline.js";
import { element, timeText } from "./words.js";

const APART_SECONDS = 0.06; // from here on a player is brought back to the others
const NOT_TALKING = ["mixture", "noise", "residual"];

export class Tracks {
  constructor(place, recording, before = { time: 0, playing: false }) {
    this.seconds = recording.seconds;
    this.heads = [];
    const talkers = recording.tracks.filter((each) => !NOT_TALKING.includes(each.name));
    talkers.forEach((each, index) => (each.number = index + 1)); // of its colour
    this.tracks = recording.tracks.map((each) => this.makeTrack(recording.id, each));
    const makePictures = (label, ...canvases) => this.makePictures(label, ...canvases);
    this.timeline = recording.has_timeline ? new Timeline(recording.id, talkers, makePictures) : null;
    this.first = this.tracks[0];
    this.first.muted = this.tracks.length > 1; // the sources together are the mixture
    this.play = element("button", { type: "button", class: "play main", "aria-label": "Play" }, "Play");
    this.play.onclick = () => (this.playing ? this.pause() : this.start());
    this.clock = element("output", { class: "clock" });
    this.slider = element("input", { type: "range", min: 0, max: this.seconds, step: "any", "aria-label": "position" });
    this.slider.oninput = () => this.seek(Number(this.slider.value));
    this.ticks = element("div", { class: "ticks", "aria-hidden": "true" });
    const transport = element("div", { class: "transport" }, this.play, this.clock);
    const axis = element("div", { class: "axis" }, this.slider, this.ticks);
    const rows = [...this.tracks.map((each) => each.row), ...(this.timeline ? [this.timeline.root] : [])];
    this.root = element("div", { class: "tracks" }, ...rows, transport, axis);
    place.replaceChildren(this.root);
    this.first.audio.addEventListener("ended", () => this.pause());
    this.seek(before.time);
    this.listen();
    if (before.playing) this.start();
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.root);
    this.load(recording.id);
  }

  makePictures(label, ...canvases) { // on the time axis: pressed, they take the players there
    const head = element("div", { class: "playhead" });
    const root = element("div", { class: "pictures", role: "img", "aria-label": label }, ...canvases, head);
    root.onpointerdown = (event) => {
      root.setPointerCapture(event.pointerId);
      this.seekTo(event, root);
    };
    root.onpointermove = (event) => event.buttons && this.seekTo(event, root);
    this.heads.push(head);
    return root;
  }

  makeTrack(id, { name, file, number, level_db: level }) {
    const address = `recordings/${id}/tracks/${encodeURIComponent(name)}`;
    const audio = element("audio", { src: address, preload: "metadata", "aria-label": name, "data-track": name });
    const track = { name, audio, solo: false, muted: false, meter: new Meter(name) };
    const button = (text, label, action) => {
      const made = element("button", { type: "button", class: "small", "aria-label": `${label} ${name}` }, text);
      made.onclick = action;
      return made;
    };
    track.listen = button("▶", "Play only", () => this.playOnly(track));
    track.listen.classList.add("play");
    track.soloButton = button("Solo", "Solo", () => this.toggle(track, "solo"));
    track.muteButton = button("Mute", "Mute", () => this.toggle(track, "muted"));
    const words = element("div", { class: "track-name" }, element("strong", {}, name));
    if (name !== "mixture") words.append(element("small", {}, level === null ? "silent" : `${level.toFixed(1).replace("-", "−")} dB`));
    const buttons = element("div", { class: "buttons" }, track.listen, track.soloButton, track.muteButton);
    if (name !== "mixture") {
      const download = { class: "small", href: `${address}?download`, download: "", "aria-label": `Download ${file}` };
      buttons.append(element("a", download, "↓"));
    }
    track.waveform = element("canvas", { class: "waveform" });
    track.spectrogram = element("canvas", { class: "spectrogram" });
    const pictures = this.makePictures(`waveform and spectrogram of ${name}`, track.waveform, track.spectrogram);
    const controls = element("div", { class: "controls" }, words, buttons, track.meter.root);
    track.row = element("div", { class: "track undrawn", "data-talker": number ?? "" }, controls, pictures, audio);
    return track;
  }

  get playing() {
    return !this.first.audio.paused;
  }

  start() {
    if (this.first.audio.currentTime >= this.seconds - 0.05) this.seek(0);
    this.tracks.forEach((each) => each.meter.connect(each.audio));
    this.tracks.forEach((each) => each.audio.play().catch(() => {}));
    this.play.textContent = "Pause";
    this.follow();
  }

  pause() {
    this.tracks.forEach((each) => each.audio.pause());
    this.play.textContent = "Play";
    this.tracks.forEach((each) => each.meter.show(false));
    this.showTime();
    this.listen();
  }

  playOnly(track) {
    const alone = this.playing && track.solo && this.tracks.filter((each) => each.solo).length === 1;
    if (alone) return this.pause();
    this.tracks.forEach((each) => (each.solo = each === track));
    this.listen();
    if (!this.playing) this.start();
    this.listen();
  }

  toggle(track, what) {
    track[what] = !track[what];
    this.listen();
  }

  listen() { // to those that are soloed, else to those that are not muted
    const solo = this.tracks.some((each) => each.solo);
    for (const track of this.tracks) {
      const heard = solo ? track.solo : !track.muted;
      track.audio.muted = !heard;
      track.row.classList.toggle("silent", !heard);
      track.soloButton.setAttribute("aria-pressed", track.solo);
      track.muteButton.setAttribute("aria-pressed", track.muted);
      track.listen.textContent = this.playing && solo && track.solo ? "❚❚" : "▶";
    }
  }

  seek(seconds) {
    const time = Math.min(Math.max(0, seconds), this.seconds);
    this.tracks.forEach((each) => (each.audio.currentTime = time));
    this.showTime(time);
  }

  seekTo(event, pictures) {
    const box = pictures.getBoundingClientRect();
    this.seek(((event.clientX - box.left) / box.width) * this.seconds);
  }

  follow() {
    if (!this.playing) return;
    const time = this.first.audio.currentTime;
    for (const { audio, meter } of this.tracks) {
      if (!audio.seeking && !audio.ended && Math.abs(audio.currentTime - time) > APART_SECONDS) audio.currentTime = time;
      meter.show(true);
    }
    this.showTime(time);
    requestAnimationFrame(() => this.follow());
  }

  showTime(time = this.first.audio.currentTime) {
    this.clock.textContent = `${timeText(time)} / ${timeText(this.seconds)}`;
    this.slider.value = time;
    this.slider.setAttribute("aria-valuetext", this.clock.textContent);
    this.heads.forEach((each) => (each.style.left = `${this.seconds ? (100 * time) / this.seconds : 0}%`));
  }

  load(id) {
    this.timeline?.load().then(() => this.draw());
    this.tracks.forEach(async (track) => {
      const answer = await fetch(`recordings/${id}/pictures/${encodeURIComponent(track.name)}`).catch(() => null);
      if (answer?.ok) track.picture = await answer.json();
      track.row.classList.toggle("undrawn", !track.picture);
      this.draw();
    });
  }

  draw() {
    timeTicks(this.ticks, this.seconds);
    this.timeline?.draw(this.seconds);
    const drawn = this.tracks.filter((each) => each.picture);
    const peak = Math.max(0.01, ...drawn.flatMap(({ picture }) => [...picture.high, ...picture.low.map((low) => -low)]));
    const top = Math.max(...drawn.map((each) => highestLevel(each.picture)));
    for (const { waveform, spectrogram, picture } of drawn) {
      drawWaveform(waveform, picture, peak);
      drawSpectrogram(spectrogram, picture, top);
    }
  }

  close() { // and say where it was
    const before = { time: this.first.audio.currentTime, playing: this.playing };
    this.pause();
    this.resized.disconnect();
    for (const { audio } of this.tracks) {
      audio.removeAttribute("src");
      audio.load();
    }
    return before;
  }
}
