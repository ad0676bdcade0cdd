"""The one exception that means: the input, not the program, is wrong."""


class InputError(ValueError):
    """What a user gave (a file, a config, an option) cannot be used.

    The message is one line: what was wrong, what was expected, what was found, and in which file.
    The command line prints it as it is, without a traceback.
    """

    def __init__(self, message: str = "") -> None:
        # A loader process hands its error on inside of a traceback, whose last line is the error itself.
        if message.startswith("Caught ") and "\nOriginal Traceback" in message:
            message = message.strip().splitlines()[-1].partition(": ")[2]
        super().__init__(message)
