"""How a process takes memory from the system."""

from __future__ import annotations

import ctypes

#: Parameters of `mallopt` in the C library of GNU, from its header malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Keep the memory of freed arrays for the next ones, where the C library is that of GNU.

    It would give the memory of each large array back at once, and the system would have to clear
    all pages of the next one: for models that make many arrays of the same sizes, that takes a good
    part of the time. Elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # Arrays lie side by side, not in mappings of their own, and are never given back.
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)
        mallopt(_TOP_PAD, 1 << 26)
