// The page: which tab this is, what the server knows of its recordings, and their cards.
import { showCard, removeCard, cardIds } from "./card.js";
import { ended, errorOf, wireUploads } from "./uploads.js";
import { enrolled, showVoices, wireVoices } from "./voices.js";

const BUSY_MS = 400, IDLE_MS = 10000;

function thisTab() {
  const kept = sessionStorage.getItem("separator-tab");
  const tab = kept ?? Array.from(crypto.getRandomValues(new Uint8Array(12)), (each) => each.toString(16)).join("");
  sessionStorage.setItem("separator-tab", tab);
  return tab;
}

export const tab = thisTab();
let timer, asked = 0;

export async function refresh() {
  clearTimeout(timer);
  const question = ++asked;
  let all = [], failed = false;
  try {
    const answer = await fetch(`recordings?tab=${tab}`);
    if (answer.status === 403) say("This page needs its cookie: allow cookies, then reload it.");
    failed = !answer.ok;
    all = failed ? [] : await answer.json();
  } catch {
    failed = true; // the server was stopped, or the network is gone: what is shown stays
  }
  const recordings = all.filter((each) => !each.is_clip && each.state !== "uploading"); // these have a card of the upload
  if (question !== asked) return; // a later answer is on its way, and this one may show what has been removed
  if (!failed) {
    const list = document.getElementById("recordings");
    const known = new Set(recordings.map((each) => each.id));
    cardIds().filter((id) => !known.has(id)).forEach(removeCard);
    showVoices(all.filter((each) => each.is_clip));
    recordings.forEach((each) => showCard(list, each, refresh));
    showAllAsZip(list, recordings.filter((each) => each.state === "done").length);
    const uploaded = recordings.filter((each) => each.state === "uploaded").length;
    const button = document.getElementById("separate");
    if (button) button.textContent = uploaded > 1 ? `Separate ${uploaded} recordings` : "Separate";
  }
  const busy = recordings.some((each) => ["waiting", "working"].includes(each.state));
  timer = setTimeout(refresh, busy ? BUSY_MS : IDLE_MS);
}

export function say(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.hidden = !text;
  if (text) notice.scrollIntoView({ block: "nearest" });
}

function showAllAsZip(list, done) {
  let link = document.getElementById("all-as-zip");
  if (!link && done > 1) {
    link = document.createElement("a");
    link.id = "all-as-zip";
    link.href = `recordings.zip?tab=${tab}`;
    link.setAttribute("download", "");
  }
  if (!link) return;
  link.textContent = `Download all ${done} recordings as a ZIP`;
  link.hidden = done < 2;
  if (link !== list.firstChild) list.prepend(link);
}

function start() {
  if (!document.getElementById("uploads") || !document.getElementById("recordings")) {
    setTimeout(start, 50); // gradio is still building the page
    return;
  }
  wireUploads(document.getElementById("uploads"));
  wireVoices(document.getElementById("uploads"));
  refresh();
}

async function separate(names, values) { // of gradio's controls
  await ended();
  const options = Object.fromEntries(names.map((name, number) => [name, values[number]]));
  options.enrol = enrolled();
  try {
    const answer = await fetch(`separations?tab=${tab}`, { method: "POST", body: JSON.stringify(options) });
    say(answer.ok ? "" : errorOf(await answer.text(), answer.status));
  } catch {
    say("The server cannot be reached.");
  }
  await refresh();
}

window.separatorPage = { separate };
start();
