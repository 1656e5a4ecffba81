"""From annotated photographs to batches: readers, records, augmentation, input pipeline.

    reader (lsp, lspet, mpii, coco, flic) or cpm.synthetic -> Person
    Person -> records (TFRecord + manifest.json)
    records -> pipeline: order, decode, augment, crop, batch

It knows neither the network nor the loss.
"""
