"""Settings of the C allocator that keep the process small."""

import ctypes

M_MMAP_THRESHOLD = -3
THRESHOLD = 1 << 20


def tame_allocator() -> None:
    """Lets every block of 1 MiB or more go back to the system when it is freed.

    glibc raises that threshold by itself after the first large free; 19 MiB Argon2 blocks then stay in the heap for
    ever (19–38 MB measured).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(M_MMAP_THRESHOLD, THRESHOLD)


def give_back() -> None:
    """Returns to the system what the allocator holds and nothing uses: half a megabyte after the start."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
