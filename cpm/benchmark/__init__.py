"""How fast this code is, beside others that compute the same: a package of its own.

A comparison with other frameworks belongs into no other package: it joins network, training, data
and programs that are not ours, and nothing of the project may depend on those. So it stands above
the other packages, like cpm/experiments, and is imported by bin/benchmark.py alone.

    machine.py        the machine's own limits: matrix products, copying
    timing.py         medians, quartiles, taking turns
    exchange.py       the files by which two processes get the same weights, inputs and results
    workload.py       makes those files from a `TrainConfig`
    worker.py         the process of one side: builds, runs, reports its times and its peak memory
    processes.py      the other end of that pipe
    ours.py           our network forward, in training, and its convolutions one by one
    torch_network.py  the same network in PyTorch, from the same `Architecture`
    torch_sides.py    what of it is timed; ONNX files
    runtimes.py       ONNX Runtime and OpenVINO on such a file
    heatmap.py        our heatmap op, NumPy loops, and writing as much memory
    feeding.py        the input pipeline, the training step, and both together
    startup.py        bin/train.py from its launch to its first step
    predicting.py     bin/predict.py on one image and on many
    scaling.py        one step on one device, two devices, two hosts; a model of many GPUs
    scaling_worker.py one process of those
    sides.py          who can take part in what, and which of them are installed
    cases.py          what is measured, with the arithmetic it amounts to
    arithmetic.py     the operations that our own convolutions really take
    measure.py        runs them: processes, comparison, turns; results as values
    report.py         results as a table
    pages.py          tables of documents, of these results and of exported files

Rules of a measurement. Every side runs in a process of its own, so that its peak memory is its own
and no two thread pools meet. All sides of a case are alive at once and take turns, A B A B, so
that a machine that slows down slows all of them. Outputs are compared before anything is timed.
What comes first (building, tracing, compiling) is timed apart. A side that has several numbers has
all of them: median and quartiles over calls, peak memory, seconds of the first call.
"""
