"""Convolutional Pose Machines in one file: read in ten minutes, trained in about two.

    python bin/minimal.py     # PCKh@0.5: about 51 % after stage 1, 57 % after stage 2

The paper: Wei, Ramakrishna, Kanade, Sheikh, "Convolutional Pose Machines", CVPR 2016. Its idea:

  A network draws one map for each joint, high where it believes the joint to be: a belief map.
  Stage 1 judges each place by a patch of the image around it (Eq. 1). That is enough for a head,
  but a left wrist looks like a right one. Stage 2 sees the features of the image again, and beside
  them stage 1's maps of *all* joints over a wider area (Eq. 3): from where the elbows and shoulders
  seem to be, it learns where a wrist can be. The loss compares every stage's maps with ideal ones
  (Eq. 4) and adds the stages up (Eq. 5): early layers get a strong gradient at any depth.

Three things are not in the paper; they make two minutes enough: a batch norm after each hidden
convolution, a loss in which peaks weigh more than empty cells, and Adam instead of plain momentum.
It needs TensorFlow, NumPy and the project's synthetic people, and nothing else.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from cpm.synthetic import make_person  # (seed, number, split) → an image and its joints

SIZE = 96  # side of the square crops the network sees, pixels
STRIDE = 8  # pixels per cell of a belief map; a map has 12 × 12 cells
SHIFT = 6  # training crops are moved by up to so many pixels
SIGMA = 5.0  # deviation of an ideal peak, pixels; the neighboring cell must still see it
BATCH = 16  # people per step
RATE = 0.004  # the learning rate at its highest
PEAK_WEIGHT = 5.0  # a cell counts 1 + 5 × its ideal belief in the loss; 0 is the paper's loss
NOBODY = -1000.0  # where the joints of a second person are if there is none


# ------------------------------------------------------------------ 1. people → crops and joints
def cut_out(person):
    """The square around a person and SHIFT pixels more: crop, joints `[2, P, 2]`, head size."""
    joints = person.pose.joints_px  # [P, 2], (x, y) in the image
    low, high = joints.min(axis=0), joints.max(axis=0)
    scale = 1.15 * (high - low).max() / SIZE  # image pixels per crop pixel
    side = SIZE + 2 * SHIFT
    first = (low + high) / 2 - scale * (side - 1) / 2  # where the crop's pixel (0, 0) lies
    last = first + scale * (side - 1)
    box = np.stack([first[::-1], last[::-1]]) / np.subtract(person.image.shape[:2], 1)  # 0 … 1
    image = person.image[np.newaxis].astype(np.float32)
    crop = tf.image.crop_and_resize(image, [box.ravel()], [0], [side, side], "bilinear", 128.0)[0]
    people = np.full([2, *joints.shape], NOBODY, np.float32)
    for n, pose in enumerate((person.pose, *person.others)[:2]):
        people[n] = (pose.joints_px - first) / scale
    return np.rint(crop).astype(np.uint8), people, person.head_size_px / scale


def random_batch(crops, joints, mirror, rng):
    """BATCH people, moved and half of them mirrored: `[B, SIZE, SIZE, 3]` and `[B, 2, P, 2]`."""
    chosen = rng.integers(len(crops), size=BATCH)
    x, y = rng.integers(2 * SHIFT + 1, size=2)
    images, people = crops[chosen, y : y + SIZE, x : x + SIZE], joints[chosen] - np.float32([x, y])
    flip = rng.random(BATCH) < 0.5
    images[flip] = images[flip, :, ::-1]
    people[flip] = [SIZE - 1, 0] + [-1, 1] * people[flip][:, :, mirror]  # left becomes right
    return images, people


# ------------------------------------------------------------------ 2. joints → ideal belief maps
def ideal_maps(joints):
    """Section 3.3: a Gaussian at every joint. `[B, 2, P, 2]` → two times `[B, h, w, P]`.

    Stage 1 sees too little to tell two people apart: its target has both, that of stage 2 the first
    alone, the primary person. The paper helps stage 2 with a center map: one more channel, with a
    Gaussian at the primary person. Here that is always the one in the middle of the crop, so the
    channel would hardly change; the zeros beyond the crop's edges show where the middle is.
    """
    centers = tf.range(SIZE // STRIDE, dtype=tf.float32) * STRIDE + (STRIDE - 1) / 2  # 3.5, 11.5, …
    distances = centers - joints[..., tf.newaxis]  # [B, 2, P, 2, cells]
    x, y = tf.unstack(tf.exp(-(distances**2) / (2 * SIGMA**2)), axis=3)
    maps = tf.einsum("nmpy,nmpx->nmyxp", y, x)  # a Gaussian is a column times a row
    return tf.minimum(maps[:, 0] + maps[:, 1], 1.0), maps[:, 0]


# ------------------------------------------------------------------ 3. the network
# Every hidden layer's (side of the kernel, channels, stride).
FEATURES = [(7, 16, 2), (3, 32, 2), (3, 64, 1), (3, 96, 2), (3, 96, 1), (3, 64, 1)]
STAGE_1 = [(1, 128, 1)]  # with the features, a cell sees 59 of the 96 pixels
STAGE_2 = [(7, 64, 1), (7, 64, 1), (1, 64, 1)]  # two 7 × 7 layers of 8 px cells: 96 px more


class Convolution(tf.Module):
    """A convolution, and, unless it draws the belief maps, a batch norm and a ReLU."""

    def __init__(self, rng, inputs, kernel, outputs, stride=1, last=False):
        super().__init__()
        deviation = 0.01 if last else math.sqrt(2 / (kernel**2 * inputs))  # He et al. 2015
        weights = rng.normal(0, deviation, [kernel, kernel, inputs, outputs])
        self.kernel = tf.Variable(weights, dtype=tf.float32)
        self.offset = tf.Variable(tf.zeros(outputs))
        self.scale = tf.Variable(tf.ones(outputs), trainable=not last)
        self.mean = tf.Variable(tf.zeros(outputs), trainable=False)
        self.variance = tf.Variable(tf.ones(outputs), trainable=False)
        self.stride, self.last = stride, last

    def __call__(self, x, training):
        x = tf.nn.conv2d(x, self.kernel, self.stride, "SAME")
        if self.last:
            return x + self.offset
        mean, variance = self.mean, self.variance
        if training:  # the batch's own; their moving averages are for later
            mean, variance = tf.nn.moments(x, [0, 1, 2])
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
            self.variance.assign(0.9 * self.variance + 0.1 * variance)
        x = tf.nn.batch_normalization(x, mean, variance, self.offset, self.scale, 1e-5)
        return tf.nn.relu(x)


class PoseMachine(tf.Module):
    """Images `[B, H, W, 3]`, 0 … 255 → belief maps of both stages, `[B, h, w, P]` each."""

    def __init__(self, joints, rng):
        super().__init__()

        def layers(inputs, plan, maps=0):
            made = []
            for kernel, outputs, stride in plan:
                made.append(Convolution(rng, inputs, kernel, outputs, stride))
                inputs = outputs
            return [*made, Convolution(rng, inputs, 1, maps, last=True)] if maps else made

        channels = FEATURES[-1][1]
        self.features = layers(3, FEATURES)
        self.g_1 = layers(channels, STAGE_1, maps=joints)
        self.g_2 = layers(joints + channels, STAGE_2, maps=joints)

    def __call__(self, images, training=False):
        def run(layers, x):
            for layer in layers:
                x = layer(x, training)
            return x

        x = run(self.features, (tf.cast(images, tf.float32) - 128.0) / 256.0)  # [B, h, w, 64]
        b_1 = run(self.g_1, x)  # Eq. 1: b_1 = g_1(x)
        context = tf.concat([b_1, x], axis=-1)  # [B, h, w, P + 64], psi(b_1) beside the features
        b_2 = run(self.g_2, context)  # Eq. 3: b_2 = g_2(x, psi(b_1)); a third stage likewise
        return b_1, b_2


# ------------------------------------------------------------------ 4. the loss and the update
def stage_losses(beliefs, ideal):
    """Eq. 4 of each stage: squared differences, summed over joints and cells, halved, per person.

    A peak is a few cells of 144: unless it counts more, the loss long says little but "be zero".
    """
    losses = []
    for b_t, b_ideal in zip(beliefs, ideal, strict=True):
        errors = (1 + PEAK_WEIGHT * b_ideal) * (b_t - b_ideal) ** 2  # [B, h, w, P]
        losses.append(tf.reduce_sum(errors) / (2 * b_t.shape[0]))
    return losses


def train(network, crops, joints, mirror, steps, rng):
    """`steps` updates by Adam (Kingma & Ba 2015), with a line of progress now and then."""
    weights = network.trainable_variables
    means, squares = ([tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2))

    @tf.function  # a graph: Python runs this once, TensorFlow the operations in every step
    def update(images, joints, rate, step):
        with tf.GradientTape() as tape:
            losses = stage_losses(network(images, training=True), ideal_maps(joints))
            loss = tf.add_n(losses)  # Eq. 5
        gradients = tape.gradient(loss, weights)
        for w, g, m, v in zip(weights, gradients, means, squares, strict=True):
            m.assign(0.9 * m + 0.1 * g)
            v.assign(0.999 * v + 0.001 * g**2)
            w.assign_sub(rate * m / (1 - 0.9**step) / (tf.sqrt(v / (1 - 0.999**step)) + 1e-8))
        return losses

    start, shown = time.time(), 0.0
    for step in range(1, steps + 1):
        rate = RATE * min(1, step / 50) * (1 + math.cos(math.pi * (step - 1) / steps)) / 2
        batch = random_batch(crops, joints, mirror, rng)
        losses = np.array(update(*batch, tf.constant(rate), tf.constant(step, tf.float32)))
        shown += (losses - shown) * max(0.02, 1 / step)  # a moving average
        if step % 100 == 0 or step == steps:
            speed = step / (time.time() - start)
            text = f"step {step} of {steps}: loss {shown[0]:.1f} + {shown[1]:.1f} of stages 1 + 2"
            print(f"{text}, {speed * BATCH:.0f} people/s, {(steps - step) / speed:.0f} s left")


# ------------------------------------------------------------------ 5. belief maps → joints, score
def find_joints(beliefs):
    """The highest point of every map: `[N, h, w, P]` → `[N, P, 2]`, (x, y) in pixels.

    The highest cell alone would be wrong by up to 4 px. The logarithm of a Gaussian is a parabola,
    so three cells of a row, and three of a column, say where between the cells its top lies.
    """

    def top(cells, k):
        if not 0 < k < len(cells) - 1:
            return 0.0
        before, here, after = np.log(np.maximum(cells[k - 1 : k + 2], 1e-3))
        curve = before - 2 * here + after
        return np.clip((before - after) / (2 * curve), -0.5, 0.5) if curve < -1e-6 else 0.0

    found = np.zeros([len(beliefs), beliefs.shape[-1], 2])
    for n, p in np.ndindex(found.shape[:2]):
        b = beliefs[n, :, :, p]
        row, column = np.unravel_index(b.argmax(), b.shape)
        found[n, p] = column + top(b[row], column), row + top(b[:, column], row)
    return found * STRIDE + (STRIDE - 1) / 2


def score(found, truth, head_sizes, chosen):
    """PCKh@0.5: percent of these joints within half a head size (0.6 × the head's diagonal)."""
    errors = np.linalg.norm(found - truth, axis=-1) / head_sizes[:, np.newaxis]  # [N, P]
    return 100 * (errors[:, chosen] <= 0.5).mean()


# ------------------------------------------------------------------ 6. a figure
def draw(images, beliefs, found, skeleton, zoom=2):
    """A row for each person: the joints found, then two joints' maps of stage 1 and of stage 2."""
    rows = []
    for n, image in enumerate(images):
        large = tf.image.resize(image, [zoom * SIZE, zoom * SIZE], "bicubic").numpy()
        row = [draw_limbs(large, (found[n] + 0.5) * zoom - 0.5, skeleton)]
        for joint in ("right_wrist", "left_ankle"):
            for b_t in beliefs:
                belief = b_t[n, :, :, skeleton.joints.index(joint), np.newaxis]
                belief = np.clip(tf.image.resize(belief, large.shape[:2], "bicubic"), 0, 1)
                heat = np.concatenate([80 + 175 * belief, 230 * belief, 90 * belief**2], axis=-1)
                dark = 0.6 * large.mean(axis=-1, keepdims=True)
                row.append(dark + np.minimum(2.5 * belief, 0.9) * (heat - dark))
        rows.append(np.concatenate([np.pad(tile, [(2, 2), (2, 2), (0, 0)]) for tile in row], 1))
    return np.rint(np.clip(np.concatenate(rows), 0, 255)).astype(np.uint8)


def draw_limbs(image, joints, skeleton):
    """Lines between joints: the person's right side orange, left side blue, the middle yellow."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    for a, b in skeleton.limb_indices:
        limb = skeleton.joints[a] + skeleton.joints[b]
        color = [255, 125, 15] if "right" in limb else [45, 140, 255]
        color = color if "right" in limb or "left" in limb else [255, 225, 80]
        (a_x, a_y), (d_x, d_y) = joints[a], joints[b] - joints[a]
        along = np.clip(((x - a_x) * d_x + (y - a_y) * d_y) / max(d_x**2 + d_y**2, 1e-6), 0, 1)
        distance = np.hypot(x - a_x - along * d_x, y - a_y - along * d_y)[..., np.newaxis]
        for radius, paint in ((3.0, [15, 15, 15]), (1.7, color)):
            image = image + np.clip(radius + 0.5 - distance, 0, 1) * (np.array(paint) - image)
    return image


# ------------------------------------------------------------------ 7. all of it
def parse_arguments():
    """What was asked for; a sentence and status 2 for what cannot be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.error = lambda message: parser.exit(2, f"error: {message}; see --help\n")
    add = parser.add_argument
    add("--steps", type=int, default=1300, help="Number of updates. Default: %(default)s.")
    add("--people", type=int, default=1300, help="People to train on. Default: %(default)s.")
    add("--tested", type=int, default=200, help="People to score on. Default: %(default)s.")
    add("--seed", type=int, default=0, help="Seed of everything random. Default: %(default)s.")
    add("--out", type=Path, default="minimal.png", help="Figure to write. Default: %(default)s.")
    asked = parser.parse_args()
    if min(n := (asked.steps, asked.people, asked.tested, asked.seed + 1)) < 1 or max(n) > 2**31:
        parser.error("--steps, --people, --tested: at least 1, --seed at least 0; all below 2^31")
    if (out := asked.out).suffix not in (".png", ".jpg") or out.is_dir() or not out.parent.is_dir():
        parser.error(f"{str(out)!r} should be a .png or .jpg file in a folder that exists")
    return asked


def main():
    asked = parse_arguments()
    rng = np.random.default_rng(asked.seed)
    print(f"drawing {asked.people} people to train on and {asked.tested} to test")
    people = [make_person(asked.seed, n) for n in range(asked.people)]
    skeleton = people[0].skeleton  # names of the joints, pairs of left and right, limbs
    crops, joints, _ = map(np.stack, zip(*map(cut_out, people), strict=True))
    network = PoseMachine(len(skeleton), rng)
    train(network, crops, joints, skeleton.mirror, asked.steps, rng)
    people = [make_person(asked.seed, n, split="validation") for n in range(asked.tested)]
    crops, joints, head_sizes = map(np.stack, zip(*map(cut_out, people), strict=True))
    images, truth = crops[:, SHIFT:-SHIFT, SHIFT:-SHIFT], joints[:, 0] - SHIFT
    beliefs = [b_t.numpy() for b_t in network(images)]
    found = [find_joints(b_t) for b_t in beliefs]
    kinds = "head neck shoulder elbow wrist hip knee ankle".split()
    chosen = {kind: [kind in name for name in skeleton.joints] for kind in kinds}
    chosen["all"] = np.any(list(chosen.values()), axis=0)  # MPII's 14: no pelvis, no thorax
    print(f"PCKh@0.5 of {len(images)} people the network has never seen, %")
    print("        " + "".join(f"{kind:>9}" for kind in chosen))
    for t, joints in enumerate(found, start=1):
        scores = [score(joints, truth, head_sizes, which) for which in chosen.values()]
        print(f"stage {t} " + "".join(f"{percent:9.1f}" for percent in scores))
    encode = {".png": tf.io.encode_png, ".jpg": tf.io.encode_jpeg}[asked.out.suffix]
    asked.out.write_bytes(encode(draw(images[:5], beliefs, found[-1], skeleton)).numpy())
    print(f"wrote {asked.out}: joints; right wrist and left ankle after stages 1 and 2")


if __name__ == "__main__":
    main()
