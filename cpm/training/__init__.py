"""From belief maps to better weights: targets, loss, optimisers, the step, the loop."""
