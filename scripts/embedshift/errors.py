"""The one exception that tells users about a mistake they can mend themselves."""


class UserError(Exception):
    """A mistake in the config, the data or the surroundings, told without a traceback.

    The text says what was asked, what was found, what is allowed and what to do, and names the file, the key or
    the clip concerned.
    """
