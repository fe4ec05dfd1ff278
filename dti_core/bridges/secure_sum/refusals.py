"""The two ways in which a secure sum ends without a sum."""


class SecureSumError(RuntimeError):
    """A secure sum that gives nothing, rather than something it must not."""


class RoundAborted(SecureSumError):
    """A server has too little, or what does not belong together: no sum, and no client's vector either."""


class ClientRefusal(SecureSumError):
    """A client is asked for what would uncover its own vector or another's."""
