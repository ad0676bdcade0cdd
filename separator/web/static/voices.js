// Known voices: clips, and the names that their outputs get.
import { send } from "./uploads.js";
import { element } from "./words.js";

const rows = new Map(); // by the clip's identity

export function wireVoices(section) {
  const input = section.querySelector("#clips");
  input.onchange = () => {
    for (const file of input.files) send(section, place(), file, file.name, "&clip", (clip) => showVoice(clip));
    input.value = "";
  };
}

export function showVoices(clips) { // those that the server has: the others are gone
  const known = new Set(clips.map((each) => each.id));
  for (const [id, { row }] of rows) {
    if (known.has(id)) continue;
    row.remove();
    rows.delete(id);
  }
  clips.filter((each) => each.state === "uploaded").forEach(showVoice);
  count();
}

export function enrolled() { // as the command line takes them
  return [...rows.values()].map(({ name, file }) => `${name.value.trim()}=${file}`);
}

const place = () => document.querySelector("#voices .clips");

function count() {
  document.querySelector("#voices summary").textContent = rows.size ? `Known voices: ${rows.size}` : "Known voices";
}

function showVoice({ id, name: file }) {
  if (rows.has(id)) return;
  const name = element("input", { type: "text", value: nameOf(file), "aria-label": `name of the voice in ${file}` });
  const remove = element("button", { type: "button", class: "plain", "aria-label": `Remove ${file}` }, "Remove");
  const row = element("div", { class: "clip" }, name, element("span", {}, file), remove);
  remove.onclick = async () => {
    rows.delete(id);
    row.remove();
    count();
    await fetch(`recordings/${id}`, { method: "DELETE" }).catch(() => {});
  };
  rows.set(id, { row, name, file });
  place().append(row);
  count();
}

function nameOf(file) { // a name that the server takes
  const stem = file.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_ .'-]/gu, "_");
  return stem.replace(/^[^\p{L}\p{N}_]+|[ .]+$/gu, "") || "voice";
}
