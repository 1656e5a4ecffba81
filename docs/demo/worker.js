// The network in a thread of its own, so that the page stays responsive.
//
// in:  {load: {device}}                           out: {ready: metadata, threads, device}
// in:  {id, width, height, pixels, box}           out: {id, joints, confidence, region, beliefs, ms}
//   pixels: RGBA bytes of an image; box: [x, y, width, height] of the person, or null = anywhere
//   joints: x and y of each joint in turn, pixels; region: center x, y and side of what was looked
//   at; beliefs: {values, dims: [stages, h, w, maps]}
// Both may answer {error} instead.

const SESSIONS = {};
let runtime = null;
let options = null;

async function load(device) {
  // Two builds of the runtime: the one that knows graphics cards is twice as large.
  runtime = await import(
    device === "webgpu" ? "./vendor/ort.webgpu.min.mjs" : "./vendor/ort.wasm.min.mjs");
  runtime.env.wasm.wasmPaths = new URL("./vendor/", self.location.href).href;
  // Several threads need a page that is isolated from others (see the headers in cpm/cli/demo.py).
  const threads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
  runtime.env.wasm.numThreads = threads;
  // One name: of several, the runtime leaves out those that fail and says nothing. What a graphics
  // card has no operation for is computed by the processor all the same.
  options = { executionProviders: [device] };
  for (const name of Object.keys(SESSIONS)) delete SESSIONS[name];
  await session("image");
  const metadata = await (await fetch("./model/pose.json")).json();
  return { ready: metadata, threads, device };
}

async function session(name) {
  if (!SESSIONS[name]) {
    const file = name === "image" ? "pose.onnx" : `pose_${name}.onnx`;
    SESSIONS[name] = runtime.InferenceSession.create(`./model/${file}`, options);
  }
  return SESSIONS[name];
}

function rgb(pixels) {
  const found = new Uint8Array((pixels.length / 4) * 3);
  for (let i = 0, k = 0; i < pixels.length; i += 4) {
    found[k++] = pixels[i];
    found[k++] = pixels[i + 1];
    found[k++] = pixels[i + 2];
  }
  return found;
}

async function find({ id, width, height, pixels, box }) {
  const began = performance.now();
  const inputs = { image: new runtime.Tensor("uint8", rgb(pixels), [height, width, 3]) };
  if (box) inputs.box = new runtime.Tensor("float32", Float32Array.from(box), [4]);
  const network = await session(box ? "box" : "image");
  const found = await network.run(inputs);
  return {
    id,
    joints: found.joints_px.data,
    confidence: found.confidence.data,
    region: found.region.data,
    beliefs: { values: found.beliefs.data, dims: found.beliefs.dims },
    ms: performance.now() - began,
  };
}

self.onmessage = async ({ data }) => {
  try {
    self.postMessage(data.load ? await load(data.load.device) : await find(data));
  } catch (error) {
    // A number is the address of an exception inside of the runtime.
    const reason = typeof error === "number" ? "the runtime gives no reason" : error.message;
    self.postMessage({ id: data.id, error: String(reason || error) });
  }
};
