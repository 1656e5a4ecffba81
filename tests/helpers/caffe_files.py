"""Caffe's files for the tests, written without the code under test.

The networks are described once more, from the paper's tables and the deploy files' facts, as rows
(kind, name, inputs, channels, kernel, stride); from these come a `.prototxt`, random weights, and a
`.caffemodel` encoded byte by byte (https://protobuf.dev/programming-guides/encoding).
"""

import numpy as np


def network(arch, *, width=1.0, stages=6, maps=15):
    """Rows of a released network: `conv`, `linear` (no ReLU), `pool`, `concat`, `center`."""

    def channels(n):
        return int(n * width)

    rows = [("center", "pool_center_lower", ["center_map"], 1, 9, 8)]

    def chain(kind, name, size=0, kernel=1, *, after=None):
        stride = {"pool": 2}.get(kind, 1)
        rows.append((kind, name, [after or rows[-1][1]], size, kernel, stride))

    def paper_trunk(t):
        for i in (1, 2, 3):
            first = "image" if i == 1 else None
            chain("conv", f"conv{i}_stage{t}", channels(128), 9, after=first)
            chain("pool", f"pool{i}_stage{t}", kernel=3)

    if arch == "paper":
        paper_trunk(1)
        chain("conv", "conv4_stage1", channels(32), 5)
        chain("conv", "conv5_stage1", channels(512), 9)
        chain("conv", "conv6_stage1", channels(512))
        chain("linear", "conv7_stage1", maps)
        if stages > 1:
            paper_trunk(2)
        before = "conv7_stage1"
        for t in range(2, stages + 1):
            seen = "conv4_stage2" if t == 2 else f"conv1_stage{t}"
            chain("conv", seen, channels(32), 5, after="pool3_stage2")
            stacked = [seen, before, "pool_center_lower"]
            rows.append(("concat", f"concat_stage{t}", stacked, 0, 0, 0))
            for i in (1, 2, 3):
                chain("conv", f"Mconv{i}_stage{t}", channels(128), 11)
            chain("conv", f"Mconv4_stage{t}", channels(128))
            before = f"Mconv5_stage{t}"
            chain("linear", before, maps)
        return rows

    after = "image"
    for block, (convs, size) in enumerate([(2, 64), (2, 128), (4, 256), (2, 512)], 1):
        for i in range(1, convs + 1):
            chain("conv", f"conv{block}_{i}", channels(size), 3, after=after)
            after = None
        if block < 4:
            chain("pool", f"pool{block}_stage1", kernel=2)
    for i, size in zip(range(3, 8), (256, 256, 256, 256, 128), strict=True):
        chain("conv", f"conv4_{i}_CPM", channels(size), 3)
    chain("conv", "conv5_1_CPM", channels(512))
    chain("linear", "conv5_2_CPM", maps)
    before = "conv5_2_CPM"
    for t in range(2, stages + 1):
        stacked = [before, "conv4_7_CPM", "pool_center_lower"]
        rows.append(("concat", f"concat_stage{t}", stacked, 0, 0, 0))
        for i in range(1, 6):
            chain("conv", f"Mconv{i}_stage{t}", channels(128), 7)
        chain("conv", f"Mconv6_stage{t}", channels(128))
        before = f"Mconv7_stage{t}"
        chain("linear", before, maps)
    return rows


def belief_layers(rows):
    """Names of the layers that draw belief maps, stage 1 first."""
    return [name for kind, name, *_ in rows if kind == "linear"]


def random_weights(rows, generator):
    """{name: (kernel `[Cout, Cin, k, k]`, bias `[Cout]`)}; signals keep their size (He 2015)."""
    sizes = {"image": 3, "center_map": 1}
    weights = {}
    for kind, name, inputs, channels, kernel, _ in rows:
        taken = sum(sizes[n] for n in inputs)
        sizes[name] = channels or taken
        if kind in ("conv", "linear"):
            fan_in = taken * kernel**2
            scale = np.sqrt((2.0 if kind == "conv" else 1.0) / fan_in)
            shape = (channels, taken, kernel, kernel)
            weights[name] = (
                (scale * generator.standard_normal(shape)).astype(np.float32),
                generator.uniform(-0.1, 0.1, channels).astype(np.float32),
            )
    return weights


def prototxt(rows, height, width):
    """The description that Caffe reads: one input of BGR and the center map, cut apart."""
    lines = ['name: "test"', 'input: "data"']
    lines += [f"input_dim: {n}" for n in (1, 4, height, width)]
    lines.append(
        'layer { name: "cut" type: "Slice" bottom: "data" top: "image" top: "center_map" '
        "slice_param { axis: 1 slice_point: 3 } }"
    )
    for kind, name, inputs, channels, kernel, stride in rows:
        ends = "".join(f'bottom: "{n}" ' for n in inputs) + f'top: "{name}" '
        if kind in ("conv", "linear"):
            lines.append(
                f'layer {{ name: "{name}" type: "Convolution" {ends}convolution_param {{ '
                f"num_output: {channels} kernel_size: {kernel} pad: {kernel // 2} }} }}"
            )
        elif kind == "concat":
            lines.append(f'layer {{ name: "{name}" type: "Concat" {ends}}}')
        else:
            pool = "AVE" if kind == "center" else "MAX"
            lines.append(
                f'layer {{ name: "{name}" type: "Pooling" {ends}pooling_param {{ '
                f"pool: {pool} kernel_size: {kernel} stride: {stride} }} }}"
            )
        if kind == "conv":
            lines.append(
                f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}'
            )
    return "\n".join(lines)


def varint(number):
    """A whole number, seven bits a byte, the lowest first."""
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes(data + bytes([number]))


def field(number, payload):
    """Bytes, text, a message or packed numbers under a field number."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def integer(number, value):
    """A whole number under a field number."""
    return varint(number << 3) + varint(value)


def blob(array, *, legacy=False, packed=True, double=False):
    """A BlobProto: `shape` (7) or num, channels, height, width (1 … 4); data (5, 8 for doubles)."""
    kind, number, wire = ("<f8", 8, 1) if double else ("<f4", 5, 5)
    data = np.asarray(array).astype(kind)
    if packed:
        values = field(number, data.tobytes())
    else:
        tag = varint(number << 3 | wire)
        values = b"".join(tag + value.tobytes() for value in data.ravel())
    if legacy:
        shape = (1,) * (4 - data.ndim) + data.shape
        return b"".join(integer(k, n) for k, n in enumerate(shape, 1)) + values
    dims = b"".join(varint(n) for n in data.shape)
    return (
        field(7, field(1, dims) if packed else b"".join(integer(1, n) for n in data.shape)) + values
    )


def layer(name, blobs, *, old=False):
    """A LayerParameter, or a V1LayerParameter, of a convolution; blobs are serialized."""
    title = field(4, name.encode()) if old else field(1, name.encode())
    # V1 counts kinds (4 = convolution), later files name them.
    kind = integer(5, 4) if old else field(2, b"Convolution")
    return title + kind + b"".join(field(6 if old else 7, b) for b in blobs)


def caffemodel(weights, *, old=False, **form):
    """A NetParameter: its name (1), a layer without weights, and `weights`; `form` as in `blob`."""
    data = field(1, b"test")
    number = 2 if old else 100
    data += field(number, layer("relu", [], old=old))
    for name, arrays in weights.items():
        blobs = [blob(array, **form) for array in arrays]
        data += field(number, layer(name, blobs, old=old))
    return data
