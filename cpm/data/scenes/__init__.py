"""Test scenes made from validation photographs, with known truth (bin/make_scenes.py).

    gray       the same people, their images without colors
    neighbors  another person pasted at the side of each, who stays the one at the image's center
    alone      the images of `neighbors` before anybody was pasted in: what neighbors cost is the
               difference of the two scores
    groups     wide images of two to six people side by side, all of them known
    collages   whole photographs side by side, of one person each
    nobody     images without a person: strips beside people, textures of them, and people's
               surroundings with a hand or a foot at the edge

The first three become converted folders, the others folders of images in COCO's layout (folder.py);
making.py makes them. Whatever is drawn depends on the seed, the kind and the person's id or the
scene's number alone.
"""
