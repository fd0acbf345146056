"""One of the processes that `launch` starts: `python -m ecomct.training.worker FD`.

The job comes as a line of JSON on standard input, which stays open as long as the launching process lives.
What there is to say goes as lines of JSON to the file descriptor FD: progress and facts (first process),
a fault of the input, what the disk refused, or the signal and step of a stop.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

from ecomct.errors import InputError, Stopped
from ecomct.training.signals import listening


def main(descriptor: int) -> int:
    """Train; return the exit code."""
    # Ctrl-C reaches the whole group; the launching process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(descriptor, "w", encoding="utf-8") as reports, listening():

        def report(**said: Any) -> None:
            reports.write(json.dumps(said) + "\n")
            reports.flush()

        line = sys.stdin.readline()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        from ecomct.training.launch import Job
        from ecomct.training.run import train_arm

        job = Job.from_json(line)

        def progress(step: int, steps: int) -> None:
            report(progress=[step, steps])

        try:
            facts = train_arm(job.recipe, job.arm, job.sequences, job.base, job.out, progress, job.logs)
        except InputError as error:
            report(error=str(error))
            return 2
        except Stopped as stop:
            report(stopped=[stop.number, stop.step])
            return 128 + stop.number
        except OSError as error:
            if error.errno is None:  # no refusal of the machine: a bug
                raise
            report(refused=[error.errno, os.strerror(error.errno), error.filename])
            return 2
        except SystemExit:
            return 1  # the first process says why
        except BaseException:
            traceback.print_exc()
            return 1
        if os.environ["RANK"] == "0":
            report(facts=facts)
    return 0


def _end_with_parent() -> None:
    """Stop at once when the launching process is gone, so that a rerun never meets an old writer."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without teardown: gloo's and DeepSpeed's threads have nothing left to do, and peers may be gone.
    os._exit(code)
