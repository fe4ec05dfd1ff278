"""Prime fields on arrays and on integers, uniform elements from a seed, Shamir's sharing of a secret.

Assumes: research code. Nothing here takes constant time, so whoever can time it may learn secrets.

Source: Shamir (1979) for the sharing; Field64 is the field of that name in the VDAF draft of the IRTF.
"""

from dti_core.bridges.fields.expansion import SEED_BYTES, derive_key, expand_elements, expand_words, keystream
from dti_core.bridges.fields.field64 import Field64
from dti_core.bridges.fields.prime import SECRET_FIELD, PrimeField
from dti_core.bridges.fields.shamir import Share, recover_secret, share_secret

__all__ = [
    "SECRET_FIELD", "SEED_BYTES", "Field64", "PrimeField", "Share", "derive_key", "expand_elements",
    "expand_words", "keystream", "recover_secret", "share_secret",
]  # fmt: skip
