"""The errors that end a test of a learner's code."""


class Wrong(AssertionError):
    """What is wrong with the learner's code, in words for the learner."""


class NotRefused(Wrong):
    """What should have been refused was not."""


class Replaced(Wrong):
    """Functions that all code shares were replaced, the checks' own or PyTorch's."""


class Missing(Wrong, AttributeError):
    """A name that the learner's file should have is not there."""


class DoesNotLoad(Exception):
    """The learner's file cannot even be loaded; the cause is the error that it raised, if it raised one."""


class StillRunning(BaseException):
    """The time is up. No Exception, so that neither the code that runs nor hypothesis takes it for one of theirs."""


class NoTime(StillRunning):
    """The time is up, but the machine gave none: that says nothing of the code."""
