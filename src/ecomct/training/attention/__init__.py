"""BLOOM attention that is exact for packed, padded and cached input, in every precision."""

from ecomct.training.attention.bloom import apply_exact_attention
from ecomct.training.attention.kernels import Kernel

__all__ = ["Kernel", "apply_exact_attention"]
