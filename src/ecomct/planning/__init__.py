"""What a training will need before it runs: memory, micro-batch, time, disk, and what to change where it does not fit."""
