"""The browser demo in a headless Chromium: its joints are Python's, with a fake camera, too."""

import importlib.util
import json
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from cpm.cli import demo
from cpm.errors import UsageError
from cpm.inference import Predictor
from cpm.interchange.exporting import Exporter, Target
from cpm.synthetic.people import make_person
from tests.helpers.chromium import Chromium, find_chromium

LIMIT_PX = 0.5  # what is promised; the weights are rounded to half precision
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
def site(tmp_path_factory, image):
    """Address of the built page."""
    require()
    folder = tmp_path_factory.mktemp("site")
    for name in demo.SOURCES:
        shutil.copyfile(demo.PAGE / name, folder / name)
    try:
        demo.vendor_runtime(folder / "vendor")
    except UsageError as error:
        pytest.skip(str(error))
    exporter = Exporter("pretrained")
    target = Target(str(folder / "model" / "pose.onnx"), "onnx", "float16", ("image", "box"))
    exporter.export(target, [image])
    (folder / "model" / "pose.json").write_text(json.dumps(exporter.metadata(target)))
    with demo.server(folder, 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def joints_on(page):
    """`[P, 3]` of the page's table: x, y, confidence."""
    rows = page.value(
        "[...document.querySelectorAll('#joints tr')].map("
        "row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent)))"
    )
    return np.array(rows)


@pytest.mark.slow
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
        expected = Predictor("pretrained")(image).people[0]
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
        assert "of 14 joints" in page.value("document.getElementById('view').ariaLabel")
        # On a phone nothing is wider than the screen.
        page.screen(360, 740)
        assert page.value("document.documentElement.scrollWidth") <= 360


@pytest.mark.slow
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
        assert page.value("document.getElementById('camera').ariaPressed") == "true"
        assert "images a second" in page.wait(
            "document.getElementById('status').textContent.includes('a second') && "
            "document.getElementById('status').textContent",
            30,
        )


@pytest.mark.slow
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
