"""The one exception that means: the input, not the program, is wrong."""


class InputError(ValueError):
    """What a user gave (a file, a config, an option) cannot be used.

    The message is one line: what was wrong, what was expected, what was found, and in which file.
    The command line prints it as it is, without a traceback.
    """
