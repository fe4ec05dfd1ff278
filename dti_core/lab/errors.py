"""Errors a user can act on. Each message says what was wrong, the value, what is allowed, what to do."""


class DtiError(Exception):
    """Base of every error that is shown to a user without a traceback."""


class ConfigError(DtiError):
    """A parameter, profile or experiment file that the lab refuses."""


class DataError(DtiError):
    """A data set that is missing, changed or unfit for the study."""


class RunError(DtiError):
    """A run that could not be started, found or finished."""


class ClaimError(DtiError):
    """A claim register that contradicts itself or names what does not exist."""


class BookError(DtiError):
    """A chapter that may not be published or a book that does not build."""
