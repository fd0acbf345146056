"""The exceptions that are no bugs: wrong input, and a stop that was asked for."""

import signal


class InputError(Exception):
    """A fault in what the user gave: a recipe, a table, a tokenizer, a model.

    The message is one line that names the place (file, row, field or recipe path) and what to do.
    The command line prints it after ``error:`` and exits with code 2; nothing else in the package
    is caught there, so a traceback always means a bug in ecomct.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Stopped(Exception):
    """Training was asked to stop by a signal, has saved its state and can be continued.

    The command line prints the message and exits with 128 + `number`, as a shell does for a process that a signal ended.
    """

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name} after step {step}; run again to continue")
        self.number, self.step = number, step
