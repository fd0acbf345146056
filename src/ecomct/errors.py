"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class InputError(Exception):
    """A fault in what the user gave: a recipe, a table, a tokenizer, a model.

    The message is one line that names the place (file, row, field or recipe path) and what to do.
    The command line prints it after ``error:`` and exits with code 2; nothing else in the package
    is caught there, so a traceback always means a bug in ecomct.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
