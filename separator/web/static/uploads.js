// Taking recordings in: dropped, chosen or recorded here; each is sent to the server as it is, with a bar meanwhile.
import { element, sizeText } from "./words.js";
import { refresh, say, tab } from "./page.js";

const underWay = new Set();

export async function ended() { // when all that is on its way has come
  while (underWay.size) await Promise.all(underWay);
}

export function wireUploads(section) {
  const input = section.querySelector("input[type=file]");
  const drop = section.querySelector(".drop");
  const take = () => {
    sendAll(section, [...input.files]);
    input.value = "";
  };
  input.addEventListener("change", take);
  take(); // what was chosen while the page was being built
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    sendAll(section, [...event.dataTransfer.files]);
  });
  wireRecorder(section, section.querySelector("#record"));
}

function sendAll(section, files) {
  say("");
  for (const file of files) send(section, document.getElementById("recordings"), file, file.name);
}

export function send(section, list, blob, name, kind = "", taken = () => {}) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": `upload of ${name}` });
  const text = element("span", { class: "state" }, "uploading");
  const cancel = element("button", { type: "button", class: "plain" }, "Cancel");
  const head = element("div", { class: "card-head" }, element("h2", {}, name), text, cancel);
  const card = element("article", { class: "card upload", "aria-label": name }, head, bar);
  list.append(card);

  const refuse = (message) => {
    card.classList.add("failed");
    text.textContent = "not taken";
    bar.replaceWith(element("p", { class: "message", role: "alert" }, message));
    cancel.textContent = "Remove";
    cancel.onclick = () => card.remove();
  };
  if (blob.size > Number(section.dataset.maxBytes)) {
    refuse(`${name}: expected at most ${section.dataset.maxSize}, found ${sizeText(blob.size)}`);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("POST", `recordings?tab=${tab}&name=${encodeURIComponent(name.toWellFormed?.() ?? name)}${kind}`);
  request.upload.onprogress = (event) => {
    bar.value = event.loaded / event.total;
    text.textContent = event.loaded < event.total ? `uploading, ${Math.floor(100 * bar.value)} %` : "looking into it";
  };
  request.onload = async () => {
    if (request.status !== 200) return refuse(errorOf(request.responseText, request.status));
    taken(JSON.parse(request.responseText));
    await refresh();
    card.remove();
  };
  request.onerror = () => refuse(`${name}: the server cannot be reached, or does not take this file`);
  cancel.onclick = () => {
    request.abort();
    card.remove();
  };
  const end = new Promise((resolve) => request.addEventListener("loadend", resolve)).then(() => underWay.delete(end));
  underWay.add(end);
  request.send(blob);
}

export function errorOf(text, status) { // in an answer of the server
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text || `the server answered ${status}`;
  }
}

function wireRecorder(section, button) {
  let recorder = null;
  if (!navigator.mediaDevices || !window.MediaRecorder) { // a browser gives the microphone to this machine and https alone
    button.hidden = true;
    return;
  }
  button.onclick = async () => {
    if (recorder) return recorder.stop();
    try {
      const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      const stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
      const parts = [];
      recorder = new MediaRecorder(stream);
      const started = new Date();
      const counting = setInterval(() => {
        button.textContent = `Stop recording (${Math.floor((new Date() - started) / 1000)} s)`;
      }, 250);
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = () => {
        clearInterval(counting);
        stream.getTracks().forEach((each) => each.stop());
        const suffix = /ogg|mp4/.exec(recorder.mimeType)?.[0] ?? "webm";
        const at = started.toTimeString().slice(0, 8).replaceAll(":", "-");
        recorder = null;
        button.textContent = "Record";
        button.classList.remove("recording");
        send(section, document.getElementById("recordings"), new Blob(parts), `recording ${at}.${suffix}`);
      };
      recorder.start(1000);
      button.classList.add("recording");
      button.textContent = "Stop recording (0 s)";
      say("");
    } catch (error) {
      recorder = null;
      say(`The microphone cannot be used: ${error.message}`);
    }
  };
}
