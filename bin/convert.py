"""Converts a data set to TFRecords, or draws synthetic people.

    python bin/convert.py --dataset=coco --src=photos --out=data/photos
    python bin/convert.py --dataset=synthetic --count=2000 --seed=0 --out=data/synthetic

The first takes data of your own, as your labelling tool exports it: docs/howto/own_data.md. The
result is a folder with manifest.json for bin/train.py --data and bin/eval.py --data.
"""

from absl import flags

from cpm.cli import command_line, convert

flags.adopt_module_key_flags(convert)

if __name__ == "__main__":
    command_line.run(convert.main)
