"""From annotated photographs to batches: readers, records, augmentation, input pipeline.

    reader (lsp, lspet, synthetic, ...) -> Person -> records (TFRecord + manifest.json)
    records -> pipeline: order, decode, augment, crop, batch

This room knows neither the network nor the loss.
"""
