// Who speaks when: a lane for each talker, on the time axis of the tracks.
import { drawSegments } from "./picture.js";
import { element } from "./words.js";

const FORMATS = ["rttm", "json", "csv"];

export class Timeline {
  constructor(id, talkers, makePictures) {
    this.address = (format) => `recordings/${id}/timeline.${format}`;
    const links = FORMATS.map((format) =>
      element("a", { class: "small", href: this.address(format), download: "", "aria-label": `Download timeline.${format}` }, format),
    );
    const head = element("div", { class: "timeline-head" }, element("strong", {}, "timeline"), ...links);
    this.lanes = talkers.map(({ name, number }) => {
      const canvas = element("canvas", { class: "lane-segments" });
      const pictures = makePictures(`when ${name} speaks`, canvas);
      const row = element("div", { class: "lane", "data-talker": number }, element("span", { class: "lane-name" }, name), pictures);
      return { name, canvas, row, pictures, segments: [] };
    });
    this.root = element("div", { class: "timeline" }, head, ...this.lanes.map((each) => each.row));
  }

  async load() {
    const answer = await fetch(this.address("json")).catch(() => null);
    if (!answer?.ok) return;
    const { segments } = await answer.json();
    for (const lane of this.lanes) {
      lane.segments = segments.filter((each) => each.talker === lane.name);
      const seconds = lane.segments.reduce((sum, each) => sum + each.end_seconds - each.start_seconds, 0);
      lane.pictures.setAttribute("aria-label", `when ${lane.name} speaks: ${lane.segments.length} times, ${seconds.toFixed(1)} s in all`);
    }
  }

  draw(seconds) {
    this.lanes.forEach(({ canvas, segments }) => drawSegments(canvas, segments, seconds));
  }
}
