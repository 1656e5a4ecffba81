// The page: an image from a file, the clipboard or the camera, to the worker and back.

import { drawBeliefs, drawSkeleton } from "./drawing.js";
import { shrink } from "./shrinking.js";

const LONGEST_PX = 1280; // larger photographs are shrunk: the network sees less than that anyway
const CAMERA_PX = 640;
const SURE = 0.35; // mean confidence of a camera image from which on the next one is searched there
const at = (id) => document.getElementById(id);
const view = at("view");
const context = view.getContext("2d", { willReadFrequently: true });

let worker = null;
let model = null; // metadata of the network
// What is on the canvas: {image, found, original, box}; the source's size, where it was searched.
let shown = null;
let stream = null; // of the camera
let waiting = new Map(); // id → {resolve, reject}
let count = 0;

function say(text) {
  at("status").textContent = text;
}

function start(device) {
  if (worker) worker.terminate();
  waiting.forEach(({ reject }) => reject(new Error("stopped")));
  waiting.clear();
  worker = new Worker("worker.js", { type: "module" });
  const loaded = new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || "the worker did not start"));
    worker.onmessage = ({ data }) => {
      if (data.ready) return resolve(data);
      if (data.id === undefined) return reject(new Error(data.error));
      const call = waiting.get(data.id);
      waiting.delete(data.id);
      if (call) data.error ? call.reject(new Error(data.error)) : call.resolve(data);
    };
  });
  worker.postMessage({ load: { device } });
  return loaded.then(describe);
}

function describe({ ready, threads, device }) {
  model = ready;
  fill(at("stages"), Array.from({ length: model.stages }, (_, t) => [t, `${t + 1}`]));
  at("stages").value = model.stages - 1;
  fill(at("joint"), [[-1, "all joints"], ...model.joints.map((name, p) => [p, words(name)])]);
  at("threshold").value = model.threshold;
  at("least").value = model.threshold.toFixed(2);
  const how = device === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} thread(s)`;
  at("about").textContent =
    `${model.joints.length} joints, ${model.stages} stages, weights in ${model.precision}; ${how}.`;
  at("terms").textContent = `Terms of the weights: ${model.terms}`;
  say("Ready. Choose a photograph, or start the camera.");
  document.documentElement.dataset.ready = device;
}

function fill(select, rows) {
  select.replaceChildren(...rows.map(([value, text]) => new Option(text, value)));
  select.disabled = false;
}

const words = (name) => name.replaceAll("_", " ");

function find(image, box = null) {
  const id = ++count;
  const pixels = image.data.slice(); // the worker gets a copy; the image is drawn again
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage(
      { id, width: image.width, height: image.height, pixels, box }, [pixels.buffer]);
  });
}

/** A source's pixels, its longer side at most `longest`. */
function pixelsOf(source, width, height, longest) {
  const scale = Math.min(1, longest / Math.max(width, height));
  const size = {
    width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)),
  };
  let canvas = null;
  let drawing = null;
  const rowsAt = (first, count) => {
    if (canvas?.height !== count) {
      canvas = new OffscreenCanvas(width, count);
      drawing = canvas.getContext("2d", { willReadFrequently: true });
    }
    drawing.fillStyle = "#808080"; // behind what is transparent
    drawing.fillRect(0, 0, width, count);
    drawing.drawImage(source, 0, first, width, count, 0, 0, width, count);
    return drawing.getImageData(0, 0, width, count).data;
  };
  const pixels = scale < 1 ? shrink(rowsAt, width, height, size) : rowsAt(0, height);
  return new ImageData(pixels, size.width, size.height);
}

/** Joint p in pixels of the source: the center of its first pixel is (0, 0), as in the network. */
function inOriginal({ image, found, original }, p) {
  const [x, y] = [found.joints[2 * p], found.joints[2 * p + 1]];
  return [(x + 0.5) * (original.width / image.width) - 0.5,
    (y + 0.5) * (original.height / image.height) - 0.5];
}

function draw() {
  if (!shown) return;
  const { image, found, box } = shown;
  document.documentElement.dataset.searched = box ? box.join(" ") : "image";
  if (view.width !== image.width || view.height !== image.height) {
    view.width = image.width;
    view.height = image.height;
  }
  context.putImageData(image, 0, 0);
  const threshold = Number(at("threshold").value);
  if (at("maps").checked) {
    drawBeliefs(context, model, found, Number(at("stages").value), Number(at("joint").value));
  }
  drawSkeleton(context, model, found, threshold);
}

/** The table of joints, and the sentence that a screen reader hears. */
function tell() {
  const { image, found, original } = shown;
  const threshold = Number(at("threshold").value);
  const rows = model.joints.map((name, p) => {
    const row = document.createElement("tr");
    row.className = found.confidence[p] < threshold ? "unsure" : "";
    const numbers = [...inOriginal(shown, p).map((value) => value.toFixed(2)),
      found.confidence[p].toFixed(3)];
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = words(name);
    row.append(head, ...numbers.map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return row;
  });
  at("joints").replaceChildren(...rows);
  at("sizes").textContent = original.width === image.width ? ""
    : `Shrunk from ${original.width} × ${original.height} to ${image.width} × ${image.height} `
      + "pixels for the network. The coordinates are those of the original.";
  const sure = found.confidence.filter((value) => value >= threshold).length;
  view.setAttribute("aria-label",
    `Image with ${sure} of ${model.joints.length} joints found; the table below has them`);
  return `${sure} of ${model.joints.length} joints found`;
}

async function showFile(blob) {
  if (!blob) return;
  if (!model) return say("The network is still loading; try again in a moment.");
  stopCamera();
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob); // turned upright as its EXIF says
  } catch {
    return say("This file is no image that the browser can read. Choose another one.");
  }
  say("Looking …");
  const original = { width: bitmap.width, height: bitmap.height };
  const image = pixelsOf(bitmap, original.width, original.height, LONGEST_PX);
  bitmap.close();
  try {
    const found = await find(image);
    shown = { image, found, original, box: null };
    draw();
    say(`${tell()} in ${Math.round(found.ms)} ms.`);
    document.documentElement.dataset.done = String(count);
  } catch (error) {
    say(`The network failed on this image: ${error.message}`);
  }
}

/** The box around what was found, as the next camera image is searched; null = anywhere. */
function nextBox({ joints, confidence }) {
  const sure = [...confidence.keys()].filter((p) => confidence[p] >= 0.25);
  const mean = confidence.reduce((sum, value) => sum + value, 0) / confidence.length;
  if (mean < SURE || sure.length < 4) return null;
  const xs = sure.map((p) => joints[2 * p]);
  const ys = sure.map((p) => joints[2 * p + 1]);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  const side = Math.max(Math.max(...xs) - x, Math.max(...ys) - y, 16);
  const center = [(x + Math.max(...xs)) / 2, (y + Math.max(...ys)) / 2];
  const slack = 1.15 * side; // joints that were not found, and movement
  return [center[0] - slack / 2, center[1] - slack / 2, slack, slack];
}

async function startCamera() {
  const video = at("video");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  } catch (error) {
    return say(`No camera: ${error.message}. You can choose a photograph instead.`);
  }
  video.srcObject = stream;
  await video.play();
  at("camera").textContent = "Stop the camera";
  at("camera").setAttribute("aria-pressed", "true");
  let box = null;
  let times = [];
  let told = 0;
  const own = stream;
  while (stream === own) {
    const frame = await createImageBitmap(video); // the video goes on while its bands are read
    const original = { width: frame.width, height: frame.height };
    const image = pixelsOf(frame, frame.width, frame.height, CAMERA_PX);
    frame.close();
    let found;
    try {
      found = await find(image, box);
    } catch (error) {
      if (stream === own) say(`The network failed: ${error.message}`);
      break;
    }
    if (stream !== own) break;
    shown = { image, found, original, box };
    draw();
    box = nextBox(found);
    times = [...times, performance.now()].slice(-20);
    const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
    document.documentElement.dataset.rate = rate.toFixed(2);
    if (performance.now() - told > 2000) { // a screen reader should be able to follow
      told = performance.now();
      say(`${tell()}; ${rate.toFixed(1)} images a second.`);
    }
    await new Promise(requestAnimationFrame);
  }
}

function stopCamera() {
  if (!stream) return;
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  at("camera").textContent = "Start the camera";
  at("camera").setAttribute("aria-pressed", "false");
}

at("file").addEventListener("change", (event) => {
  showFile(event.target.files[0]);
  event.target.value = ""; // the same file may be chosen again
});
at("camera").addEventListener("click", () => {
  if (stream) {
    stopCamera();
    say("The camera is off.");
  } else if (model) startCamera();
});
for (const id of ["maps", "stages", "joint"]) at(id).addEventListener("change", draw);
at("threshold").addEventListener("input", () => {
  at("least").value = Number(at("threshold").value).toFixed(2);
  draw();
  if (shown) tell();
});
at("device").addEventListener("change", async (event) => {
  const device = event.target.value;
  stopCamera();
  say("Loading the network …");
  try {
    await start(device);
  } catch (error) {
    at("device").value = "wasm";
    await start("wasm");
    say(`WebGPU cannot run this network here (${error.message}); the processor does.`);
  }
});
document.addEventListener("paste", (event) => {
  const items = [...(event.clipboardData?.items || [])];
  const item = items.find(({ type }) => type.startsWith("image/"));
  if (item) showFile(item.getAsFile());
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  at("stage").classList.add("over");
});
document.addEventListener("dragleave", () => at("stage").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("stage").classList.remove("over");
  showFile([...event.dataTransfer.files].find(({ type }) => type.startsWith("image/"))
    || event.dataTransfer.files[0]);
});

navigator.gpu?.requestAdapter().then((adapter) => {
  at("device").querySelector("[value=webgpu]").disabled = !adapter;
});
start("wasm").catch((error) => say(`The network cannot be loaded: ${error.message}. Build the `
  + "page with: make demo"));
