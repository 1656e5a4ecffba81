"""The browser demo in a headless Chromium: its joints are Python's, with a fake camera, too.

The images a second of the fake camera are printed:

    python -m pytest -s -m thorough tests/demo/test_page.py
"""

import base64
import contextlib
import importlib.util
import io
import json
import re
import runpy
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from cpm.cli import demo
from cpm.checkpoints import pretrained
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.interchange.exporting import Exporter, Target
from cpm.skeleton import own_skeleton
from cpm.synthetic.people import make_person
from tests.helpers.chromium import Chromium, find_chromium
from tests.helpers.in_process import caller
from tests.helpers.tiny_networks import tiny_config, tiny_weights

# What is promised, of the pixels that the network sees; its weights are rounded to half precision.
LIMIT_PX = 0.5
LONGEST_PX = 1280  # of docs/demo/page.js
SURE = 0.35  # of docs/demo/page.js: mean confidence from which on a person is followed
CKPT = pretrained.SMALL  # the page's own default
CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


def require():
    """Skips where a piece is missing, saying which."""
    if not find_chromium():
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    if not shutil.which("npm"):
        pytest.skip("no npm, which fetches ONNX Runtime Web (Debian: apt-get install npm)")
    for package in ("onnx", "tf2onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"no {package} (requirements-export.txt)")


@pytest.fixture(scope="module")
def image():
    """A synthetic person, 300 × 400 at most."""
    return np.ascontiguousarray(make_person(0, 3, split="test").image[:300, :400])


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """Folder of ONNX Runtime Web."""
    require()
    folder = tmp_path_factory.mktemp("vendor")
    try:
        demo.vendor_runtime(folder)
    except UsageError as error:
        pytest.skip(str(error))
    return folder


@contextlib.contextmanager
def built(folder, vendor, ckpt, image):
    """Builds the page of a network in an empty folder and serves it; its address."""
    for name in demo.SOURCES:
        shutil.copyfile(demo.PAGE / name, folder / name)
    shutil.copytree(vendor, folder / "vendor")
    exporter = Exporter(ckpt)
    target = Target(str(folder / "model" / "pose.onnx"), "onnx", "float16", ("image", "box"))
    exporter.export(target, [image])
    (folder / "model" / "pose.json").write_text(json.dumps(exporter.metadata(target)))
    with demo.server(folder, 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What `site` serves."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder, vendor, image):
    """Address of the built page with the weights of bin/demo.py's default."""
    with built(folder, vendor, CKPT, image) as address:
        yield address


def joints_on(page):
    """`[P, 3]` of the page's table: x, y, confidence."""
    rows = page.value(
        "[...document.querySelectorAll('#joints tr')].map("
        "row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent)))"
    )
    return np.array(rows)


def chosen(stage, joint):
    """JavaScript that chooses both in the page as a person does; what is drawn then."""
    return f"""(() => {{
        for (const [id, value] of [["stages", {stage}], ["joint", {joint}]]) {{
            document.getElementById(id).value = value;
            document.getElementById(id).dispatchEvent(new Event("change"));
        }}
        return document.getElementById("view").toDataURL();
    }})()"""


@pytest.mark.thorough
def test_the_joints_of_an_image_are_pythons(site, image, tmp_path):
    path = tmp_path / "person.png"
    Image.fromarray(image).save(path)
    with Chromium() as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        assert page.value("crossOriginIsolated"), "threads need an isolated page"
        page.choose_file("#file", path)
        page.wait("document.documentElement.dataset.done", 60)
        found = joints_on(page)
        expected = Predictor(CKPT)(image).people[0]
        assert np.abs(found[:, :2] - expected.joints_px).max() < LIMIT_PX
        assert np.abs(found[:, 2] - expected.confidence).max() < 0.01
        # Nothing came from or went to another host.
        hosts = page.value(
            "[...new Set(performance.getEntriesByType('resource')"
            ".map(entry => new URL(entry.name).origin))]"
        )
        assert hosts == [site.rstrip("/")]
        # Belief maps are drawn on request, the view says what it shows, the table has all joints.
        before = page.value("document.getElementById('view').toDataURL().length")
        page.value("document.getElementById('maps').click()")
        assert page.value("document.getElementById('view').toDataURL().length") != before
        # Every choice of a stage and a joint draws another map.
        drawn = [page.value(chosen(stage, joint)) for stage in (0, 1) for joint in (-1, 0, 5)]
        assert len(set(drawn)) == len(drawn)
        assert page.value(chosen(0, -1)) == drawn[0]
        assert "of 14 joints" in page.value("document.getElementById('view').ariaLabel")
        # On a phone nothing is wider than the screen.
        page.screen(360, 740)
        assert page.value("document.documentElement.scrollWidth") <= 360


@pytest.fixture(scope="module")
def large():
    """A synthetic person, 2,000 × 1,900 pixels, under noise that a careless shrinking keeps."""
    person = Image.fromarray(make_person(0, 3, split="test").image[:190, :200])
    smooth = np.asarray(person.resize((2000, 1900), Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(0).normal(0, 40, [1900, 2000, 1])
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


@pytest.mark.thorough
def test_a_large_photograph_is_shrunk_and_its_joints_are_those_of_the_original(
    site, large, tmp_path
):
    path = tmp_path / "large.png"
    Image.fromarray(large).save(path)
    small = Image.fromarray(large).resize((1280, 1216), Image.Resampling.BILINEAR)
    factor = 2000 / LONGEST_PX
    predictor = Predictor(CKPT)
    of_small, of_large = (predictor(np.asarray(each)).people[0] for each in (small, large))
    with Chromium() as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        page.choose_file("#file", path)
        page.wait("document.documentElement.dataset.done", 120)
        found = joints_on(page)
        said = page.value("document.getElementById('sizes').textContent")
        view = page.value("[view.width, view.height]")
    to_small, to_large = distance_px(found, of_small, factor), distance_px(found, of_large)
    print(
        f"\nto Python, pixels of the original: of the shrunk image at most {to_small.max():.3f}, "
        f"of the original itself {np.median(to_large):.2f} (median), {to_large.max():.2f} (largest)"
    )
    # The same pixels, but for roundings to whole gray levels.
    assert to_small.max() < LIMIT_PX * factor
    assert np.abs(found[:, 2] - of_small.confidence).max() < 0.02
    # In the original Python sees other pixels, and nothing is promised: a joint may be taken for
    # its partner. Most are within a pixel of the network's crop, which is 10 or more of these.
    assert np.median(to_large) < 10
    assert view == [1280, 1216]
    assert "from 2000 × 1900 to 1280 × 1216 pixels" in said


def distance_px(found, person, factor=1.0):
    """How far joints of the page are from those of Python `[P]`, pixels of the original.

    Args:
      found: `joints_on` the page.
      person: `PersonPose` in an image that was shrunk by `factor`.
      factor: pixels of the original for each pixel of that image.
    """
    expected = (person.joints_px + 0.5) * factor - 0.5
    return np.abs(found[:, :2] - expected).max(-1)


@pytest.mark.thorough
def test_shrinking_is_pillows(site):
    # Pillow rounds between the axes, so values differ by one gray level, and half of another.
    image = np.random.default_rng(0).integers(0, 256, [37, 41, 3], np.uint8)
    for width, height in ((40, 37), (23, 20), (7, 5), (1, 1)):
        expected = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        rgba = np.dstack([image, np.full([37, 41], 255, np.uint8)])
        with Chromium() as page:
            page.open(site)
            page.wait("document.readyState === 'complete'", 60)
            found = page.value(
                f"""import("./shrinking.js").then(({{ shrink }}) => {{
                    const rgba = Uint8Array.from(atob("{base64.b64encode(rgba).decode()}"),
                        (letter) => letter.charCodeAt(0));
                    const rowsAt = (y, count) => rgba.subarray(4 * 41 * y, 4 * 41 * (y + count));
                    return [...shrink(rowsAt, 41, 37, {{ width: {width}, height: {height} }})];
                }})"""
            )
        found = np.reshape(found, [height, width, 4])[..., :3]
        assert np.abs(found - np.asarray(expected, int)).max() <= 2


@pytest.mark.thorough
def test_a_keyboard_starts_a_fake_camera(site):
    with Chromium(*CAMERA) as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        page.press("Tab", 9)  # the file
        page.press("Tab", 9)  # the camera
        assert page.value("document.activeElement.id") == "camera"
        page.press("Enter", 13)
        rate = page.wait("Number(document.documentElement.dataset.rate)", 60)
        assert rate > 0
        print(f"\n{rate} images a second, in which nobody is found")
        assert page.value("document.getElementById('camera').ariaPressed") == "true"
        assert "images a second" in page.wait(
            "document.getElementById('status').textContent.includes('a second') && "
            "document.getElementById('status').textContent",
            30,
        )


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """A video of 640 × 480 pixels of a synthetic person that the network is sure of."""
    predictor = Predictor(CKPT)
    people = (make_person(0, n, split="test").image for n in range(50))
    images = (np.asarray(Image.fromarray(image).resize((480, 480))) for image in people)
    image = next(
        i for i in images for p in predictor(i).people if p.confidence.mean() > SURE + 0.15
    )
    path = tmp_path_factory.mktemp("camera") / "person.mjpeg"
    frame = Image.fromarray(np.pad(image, [(0, 0), (80, 80), (0, 0)], constant_values=128))
    frame.save(path, "JPEG", quality=95)
    path.write_bytes(10 * path.read_bytes())
    return path


@pytest.mark.thorough
def test_a_person_before_the_camera_is_followed(site, filmed):
    with Chromium(*CAMERA, f"--use-file-for-fake-video-capture={filmed}") as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        page.value("document.getElementById('camera').click()")
        # The first image is searched as a whole, the next ones around the person.
        page.wait("document.documentElement.dataset.searched.includes(' ')", 120)
        page.value("document.getElementById('camera').click()")
        # With no joint drawn over it the canvas shows what the network saw.
        page.value(
            "(() => { const range = document.getElementById('threshold'); range.value = 1;"
            " range.dispatchEvent(new Event('input')); })()"
        )
        found = joints_on(page)
        png = base64.b64decode(page.value("view.toDataURL()").split(",")[1])
        box = [float(n) for n in page.value("document.documentElement.dataset.searched").split()]
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert image.shape == (480, 640, 3) and found[:, 2].mean() > SURE
    expected = Predictor(CKPT)(image, box).people[0]
    assert np.abs(found[:, :2] - expected.joints_px).max() < LIMIT_PX
    assert np.abs(found[:, 2] - expected.confidence).max() < 0.01


# An image that arrives without a file dialog: events as of a person who drops or pastes it.
ARRIVES = """(() => {{
    const bytes = Uint8Array.from(atob("{png}"), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], "cat.png", {{ type: "image/png" }}));
    delete document.documentElement.dataset.done;
    document.dispatchEvent({event});
}})()"""
EVENTS = {
    "drop": 'new DragEvent("drop", { dataTransfer: carried, cancelable: true })',
    "paste": 'new ClipboardEvent("paste", { clipboardData: carried })',
}


@pytest.mark.thorough
def test_a_network_of_own_keypoints(tmp_path, vendor):
    # Names that say nothing of sides, so that the pairs are its own, too; 12 × 16 cells.
    joints = ("nose", "one_ear", "other_ear", "one_paw", "other_paw", "tail")
    limbs = [("nose", name) for name in joints[1:5]]
    pairs = [("one_ear", "other_ear"), ("one_paw", "other_paw")]
    skeleton = own_skeleton(joints, limbs, pairs).name
    config = tiny_config(skeleton=skeleton, stages=3, image_size=(96, 128))
    ckpt = tiny_weights(tmp_path / "tiny.npz", config, threshold=0.0)
    path = tmp_path / "cat.png"
    cats = runpy.run_path(str(demo.PAGE.parent / "howto" / "cats.py"))
    cats["draw_cat"](np.random.default_rng(0))[0].save(path)
    image = np.asarray(Image.open(path))
    predictor = Predictor(ckpt)
    assert predictor.decoding.flip, "the pairs are to be used"
    expected = predictor(image).people[0]
    (tmp_path / "site").mkdir()
    with built(tmp_path / "site", vendor, ckpt, image) as address, Chromium() as page:
        page.open(address)
        page.wait("document.documentElement.dataset.ready", 60)
        assert "6 joints, 3 stages" in page.value("document.getElementById('about').textContent")
        png = base64.b64encode(path.read_bytes()).decode()
        for event in EVENTS.values():
            page.value(ARRIVES.format(png=png, event=event))
            page.wait("document.documentElement.dataset.done", 60)
            found = joints_on(page)
            assert np.abs(found[:, :2] - expected.joints_px).max() < LIMIT_PX
            assert np.abs(found[:, 2] - expected.confidence).max() < 0.01
        names = "[...document.querySelectorAll('#joints th')].map(cell => cell.textContent)"
        assert page.value(names) == [name.replace("_", " ") for name in joints]
        options = "[...document.getElementById('joint').options].map(option => option.text)"
        assert page.value(options) == ["all joints", *page.value(names)]
        # Joints below the least confidence are neither drawn nor counted.
        confidence = np.sort(expected.confidence)
        gap = np.diff(confidence).argmax()
        least = round(float(confidence[gap : gap + 2].mean()), 2)
        before = page.value("document.getElementById('view').toDataURL()")
        page.value(
            f"(() => {{ const range = document.getElementById('threshold'); range.value = {least};"
            " range.dispatchEvent(new Event('input')); })()"
        )
        assert page.value("document.getElementById('view').toDataURL()") != before
        shown = (confidence >= least).sum()
        assert f"{shown} of 6 joints" in page.value("document.getElementById('view').ariaLabel")
        page.screen(360, 740)
        assert page.value("document.documentElement.scrollWidth") <= 360


@pytest.mark.thorough
def test_a_screen_reader_and_a_keyboard_find_every_control(site):
    with Chromium() as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        named = {(role, name.strip()) for role, name in page.controls()}  # Chromium 150: spaces
        assert all(name for _, name in named), named
        expected = {
            "button": {"Choose a photograph", "Start the camera"},
            "checkbox": {"Belief maps"},
            "combobox": {"Stage", "Joint", "Computed by"},
            "slider": {"Least confidence"},
        }
        for role, names in expected.items():
            assert names <= {name for other, name in named if other == role}, named
        reached = []
        for _ in range(8):
            page.press("Tab", 9)
            reached.append(
                page.value("document.activeElement.id || document.activeElement.tagName")
            )
        assert reached == [
            *("file", "camera", "maps", "stages", "joint", "threshold", "device", "SUMMARY")
        ]
        # What happens is said, not only shown.
        assert page.value("document.getElementById('status').getAttribute('role')") == "status"
        assert page.value("document.documentElement.lang") == "en"


# `navigator.gpu` of browsers without a graphics card that can be used.
NO_ADAPTER = "{ requestAdapter: async () => null }"
NO_DEVICE = """{ requestAdapter: async () => ({
    features: new Set(), limits: {}, info: {},
    requestDevice: () => Promise.reject(new Error("no device")),
}) }"""
CHOOSE_WEBGPU = """(() => {
    delete document.documentElement.dataset.ready;
    document.getElementById("device").value = "webgpu";
    document.getElementById("device").dispatchEvent(new Event("change"));
})()"""
# The page believes that there is one; the worker, which computes the network, has what {} says.
STUBBED_PAGE = """
Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => ({}) } });
const Plain = Worker;
globalThis.Worker = class extends Plain {
    constructor(path, options) { super("stubbed_" + path, options); }
};
"""
STUBBED_WORKER = """import "./worker.js";
Object.defineProperty(navigator, "gpu", {{ value: {} }});
"""


@pytest.mark.thorough
@pytest.mark.parametrize("gpu", [NO_ADAPTER, NO_DEVICE], ids=["no_adapter", "no_device"])
def test_the_processor_computes_where_the_graphics_card_fails(site, folder, image, tmp_path, gpu):
    """It said "WebGPU" while the runtime had silently taken the processor."""
    (folder / "stubbed_worker.js").write_text(STUBBED_WORKER.format(gpu))
    path = tmp_path / "person.png"
    Image.fromarray(image).save(path)
    about = "document.getElementById('about').textContent"
    with Chromium() as page:
        page.before_pages(STUBBED_PAGE)
        page.open(site)
        page.wait("document.documentElement.dataset.ready === 'wasm'", 60)
        page.wait("!document.querySelector('[value=webgpu]').disabled", 10)
        page.value(CHOOSE_WEBGPU)
        said = page.wait(
            "document.getElementById('status').textContent.includes('WebGPU') && "
            "document.getElementById('status').textContent",
            60,
        )
        assert re.fullmatch(
            r"WebGPU cannot run this network here \(.*(adapter|reason).*\); the processor does\.",
            said,
        )
        assert page.value("document.getElementById('device').value") == "wasm"
        assert page.value("document.documentElement.dataset.ready") == "wasm"
        assert "WebAssembly" in page.value(about) and "WebGPU" not in page.value(about)
        page.choose_file("#file", path)
        page.wait("document.documentElement.dataset.done", 60)
        found = joints_on(page)
    expected = Predictor(CKPT)(image).people[0]
    assert np.abs(found[:, :2] - expected.joints_px).max() < LIMIT_PX


@pytest.mark.thorough
def test_webgpu_finds_pythons_joints(tmp_path, vendor, image):
    """A small network, since the graphics card is Chromium's own, in software."""
    ckpt = tiny_weights(tmp_path / "tiny.npz", tiny_config(), threshold=0.0)
    path = tmp_path / "person.png"
    Image.fromarray(image).save(path)
    (tmp_path / "site").mkdir()
    with (
        built(tmp_path / "site", vendor, ckpt, image) as address,
        Chromium("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader") as page,
    ):
        page.open(address)
        page.wait("document.documentElement.dataset.ready === 'wasm'", 60)
        adapter = "navigator.gpu && navigator.gpu.requestAdapter().then(Boolean)"
        if not page.value(adapter):
            pytest.skip("this Chromium has no graphics card in software (SwiftShader)")
        page.wait("!document.querySelector('[value=webgpu]').disabled", 10)
        page.value(CHOOSE_WEBGPU)
        page.wait("document.documentElement.dataset.ready === 'webgpu'", 60)
        page.choose_file("#file", path)
        page.wait("document.documentElement.dataset.done", 120)
        found = joints_on(page)
        assert "WebGPU" in page.value("document.getElementById('about').textContent")
        assert page.value("document.documentElement.dataset.ready") == "webgpu"
    expected = Predictor(ckpt)(image).people[0]
    assert np.abs(found[:, :2] - expected.joints_px).max() < LIMIT_PX
    assert np.abs(found[:, 2] - expected.confidence).max() < 0.01


@pytest.mark.thorough
def test_a_browser_without_a_graphics_card_does_not_offer_it(site):
    with Chromium() as page:
        page.before_pages(f"Object.defineProperty(navigator, 'gpu', {{ value: {NO_ADAPTER} }});")
        page.open(site)
        page.wait("document.documentElement.dataset.ready === 'wasm'", 60)
        assert page.value("document.querySelector('[value=webgpu]').disabled")
        assert "WebAssembly" in page.value("document.getElementById('about').textContent")


@pytest.mark.thorough
def test_what_is_no_image_is_a_sentence(site, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    with Chromium() as page:
        page.open(site)
        page.wait("document.documentElement.dataset.ready", 60)
        page.choose_file("#file", path)
        page.wait("document.getElementById('status').textContent.includes('no image')", 10)


def test_the_server_isolates_the_page_and_stays_on_this_machine(tmp_path):
    with demo.server(tmp_path, 0) as running:
        assert running.server_address[0] == "127.0.0.1"
        with pytest.raises(UsageError, match="cannot be used"):
            demo.server(tmp_path, running.server_port)


def test_what_cannot_be_served_or_made_is_said_before_the_work(tmp_path, capfd):
    """A taken port was said after the export, and the index.html of another site was replaced."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    (tmp_path / "file").write_text("mine")
    call = caller(demo, capfd)
    with demo.server(tmp_path, 0) as running:
        taken = f"--port={running.server_port}"
        for arguments, words in (
            ([f"--out={tmp_path}/new", taken], f"{taken} cannot be used"),
            ([f"--out={tmp_path}/site", "--noserve"], "not of this page, and would be lost"),
            ([f"--out={tmp_path}/file", "--noserve"], "is a file; name a folder"),
        ):
            status, _, error = call(*arguments)
            assert status == 2 and words in error, error
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "site" / "index.html").read_text() == "mine"
