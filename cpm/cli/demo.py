"""Builds the page that finds joints in the browser, and serves it on this machine.

    python bin/demo.py
    python bin/demo.py --ckpt=pretrained
    python bin/demo.py --ckpt=runs/cats --port=8080
    python bin/demo.py --out=site --noserve

The folder --out is a whole static site: the page (docs/demo), the network as ONNX, and ONNX Runtime
Web from the npm registry, in the version that this script names and checks. Any web server can hand
it out; the network is computed in the visitor's browser. docs/howto/browser.md says more.
"""

import base64
import functools
import hashlib
import http.server
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from typing import Any

from absl import flags

from cpm import files, output_files
from cpm.checkpoints import pretrained
from cpm.errors import UsageError
from cpm.interchange import deviations
from cpm.interchange.exporting import PRECISIONS, Exporter, Target, comparison_images

FLAGS = flags.FLAGS
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "demo"
MARK = "version.txt"  # in vendor/, of a site of ours
SOURCES = ("index.html", "style.css", "page.js", "drawing.js", "shrinking.js", "worker.js")
# The package of npm, its checksum there, and what the page needs of it: the runtime for processors,
# and the one that knows graphics cards, too.
RUNTIME = "onnxruntime-web@1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
VENDORED = (
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    *("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs"),
    "ort-wasm-simd-threaded.asyncify.wasm",
)
# Threads share memory, which browsers allow only to pages that are isolated from others.
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}


def define_flags() -> None:
    """Defines the flags of this script."""
    flags.DEFINE_string(
        "ckpt",
        pretrained.SMALL,
        "Network: run folder, checkpoint, .npz file, pretrained or pretrained-small.",
    )
    flags.DEFINE_string("out", "build/demo", "Folder of the site to make.")
    flags.DEFINE_enum("precision", "float16", PRECISIONS, "Width of the weights.")
    flags.DEFINE_bool("serve", True, "Serve the site until interrupted.")
    flags.DEFINE_integer("port", 8000, "Port on the loopback interface.", 0, 65535)


def main(_: Sequence[str]) -> None:
    """Builds the site, and serves it unless --noserve."""
    if not PAGE.is_dir():
        raise UsageError(f"the page is not installed ({PAGE} is missing); run this from a checkout")
    out = pathlib.Path(FLAGS.out)
    check_out(out)
    if FLAGS.serve:
        server(out, FLAGS.port).server_close()  # a port that is taken is said before the work
    vendor_runtime(out / "vendor")
    for name in SOURCES:
        shutil.copyfile(PAGE / name, out / name)
    exporter = Exporter(FLAGS.ckpt)
    path = str(out / "model" / "pose.onnx")
    target = Target(path, "onnx", FLAGS.precision, ("image", "box"))
    row = exporter.export(target, comparison_images())
    files.write_json(out / "model" / "pose.json", exporter.metadata(target))
    print(f"wrote {out}: {deviations.said(row)}")
    if FLAGS.serve:
        serve(out, FLAGS.port)


def check_out(out: pathlib.Path) -> None:
    """UsageError if no site can be made in a folder, or one of something else is there."""
    output_files.check_folder(out, "out")
    if (out / SOURCES[0]).exists() and not (out / "vendor" / MARK).is_file():
        raise UsageError(
            f"--out={out} has an {SOURCES[0]} that is not of this page, and would be lost; name "
            "another folder"
        )


def vendor_runtime(folder: pathlib.Path) -> None:
    """Puts ONNX Runtime Web into a folder, unless it is there.

    Raises:
      UsageError: if npm is missing or the package is not the one that was tested.
    """
    mark = folder / MARK
    if mark.is_file() and mark.read_text() == RUNTIME:
        return
    with tempfile.TemporaryDirectory() as scratch:
        try:
            subprocess.run(
                ["npm", "pack", "--silent", RUNTIME, "--pack-destination", scratch],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise UsageError(
                f"npm cannot fetch {RUNTIME} ({error}); install Node.js, and be online once"
            ) from None
        (package,) = pathlib.Path(scratch).glob("*.tgz")
        content = package.read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != SHA512:
        raise UsageError(f"{RUNTIME} from npm is not the file that was tested; do not use it")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name in VENDORED:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None  # a file, by the checksum
            (folder / name).write_bytes(member.read())
    mark.write_text(RUNTIME)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, with the headers that threads need."""

    extensions_map = {  # noqa: RUF012  the name and type are the library's
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        """Ends the headers of an answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing: nobody's visits are noted."""


class Server(http.server.ThreadingHTTPServer):
    """A server that does not mind visitors who leave in the middle of an answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong, unless the visitor is gone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def server(folder: str | os.PathLike, port: int) -> Server:
    """A server of a folder on the loopback interface; port 0 = any that is free.

    Raises:
      UsageError: if the port is taken.
    """
    handler = functools.partial(Handler, directory=os.fspath(folder))
    try:
        return Server(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(f"--port={port} cannot be used ({error}); name another one") from None


def serve(folder: str | os.PathLike, port: int) -> None:
    """Serves until interrupted."""
    with server(folder, port) as running:
        print(f"open http://127.0.0.1:{running.server_port}/ (Ctrl+C ends)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print("\nended")
