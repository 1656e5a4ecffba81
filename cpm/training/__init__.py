"""From belief maps to better weights.

targets.py     ideal belief maps
loss.py        how far the network's maps are from them
loss_scale.py  keeps float16's gradients above zero
optimizers.py  gradients → updates; orthogonalize.py the step of Muon
schedules.py   the learning rate of a step
ema.py         the average of past weights
step.py        one step, compiled: targets, forward, losses, gradients, update
exported_step.py  the step as a program for other machines, and what comes back
loop.py        the run: resume, step, record, evaluate, save; guarded_step.py its step
validation.py  what it asks for while it trains; event_file.py the numbers for TensorBoard
run_folder.py  the run on disk: run_place.py where it may be, run_lock.py one process at a time,
               run_config.py and metrics_file.py its files, run_traces.py what was there before,
               same_run.py whether it goes on with the same; progress.py on the screen
recipes.py     configurations by name

It knows checkpoints, and nothing of inference: a run is given a function that evaluates its
network.
"""
