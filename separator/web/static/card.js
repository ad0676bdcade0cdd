// The card of a recording: what is happening to it, what can be done about it, and its tracks when it has some.
import { Tracks } from "./tracks.js";
import { element, leftText, timeText } from "./words.js";

const cards = new Map();

export const cardIds = () => [...cards.keys()];

export function removeCard(id) {
  const card = cards.get(id);
  card?.tracks?.close();
  card?.root.remove();
  cards.delete(id);
}

export function showCard(list, recording, refresh) {
  let card = cards.get(recording.id);
  if (!card) {
    card = makeCard(recording, refresh);
    cards.set(recording.id, card);
    list.append(card.root);
  }
  const { state } = recording;
  const busy = ["waiting", "working"].includes(state);
  if (card.root.dataset.state !== state) tell(`${recording.name}: ${state}`);
  card.root.dataset.state = state;
  card.state.textContent = stateText(recording);
  card.bar.hidden = !busy;
  if (recording.step === "separating") card.bar.value = recording.share;
  else card.bar.removeAttribute("value");
  card.remove.textContent = busy ? "Cancel" : "Remove";
  card.message.textContent = recording.message;
  card.message.hidden = !recording.message;
  card.zip.hidden = state !== "done";
  card.foot.hidden = state !== "done";
  card.command.textContent = recording.command;
  const minutes = recording.removed_in_seconds / 60;
  card.kept.textContent = `Kept for ${minutes < 1 ? "less than a minute" : `${Math.round(minutes)} min`} more.`;
  const names = recording.tracks.map((each) => each.file).join();
  if (names && names !== card.shown) {
    card.shown = names;
    const before = card.tracks?.close();
    card.tracks = new Tracks(card.place, recording, before);
  }
}

function tell(text) { // to those who do not see it
  document.getElementById("news").textContent = text;
}

function makeCard({ id, name }, refresh) {
  const state = element("span", { class: "state" });
  const zip = element("a", { class: "button", href: `recordings/${id}/sources.zip`, download: "" }, "All as ZIP");
  const remove = element("button", { type: "button", class: "plain", "aria-label": `Cancel or remove ${name}` });
  const head = element("div", { class: "card-head" }, element("h2", {}, name), state, zip, remove);
  const bar = element("progress", { max: 1, "aria-label": `separation of ${name}` });
  const message = element("p", { class: "message" });
  const place = element("div");
  const command = element("code"), kept = element("span");
  const foot = element("p", { class: "foot" }, element("span", {}, "The same in a terminal: ", command), kept);
  const root = element("article", { class: "card", "aria-label": name }, head, bar, message, place, foot);
  remove.onclick = async () => {
    remove.disabled = true;
    await fetch(`recordings/${id}`, { method: "DELETE" }).catch(() => {});
    removeCard(id);
    refresh();
  };
  return { root, state, zip, remove, bar, message, place, command, kept, foot, tracks: null, shown: "" };
}

function stateText({ state, step, seconds, share, seconds_left: left, before }) {
  const length = seconds ? `${timeText(seconds)}, ` : "";
  if (state === "uploaded") return `${length}ready`;
  if (state === "waiting") return before ? `${length}waiting, ${before} before it` : `${length}waiting`;
  if (state === "failed") return "failed";
  if (state === "done") return timeText(seconds);
  if (step !== "separating") return `${length}${step}`;
  return `${length}${Math.floor(100 * share)} %${left === null ? "" : `, ${leftText(left)}`}`;
}
