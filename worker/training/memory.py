"""Telling lack of memory from other errors: PyTorch has no one way to say it."""

WORDS = ("can't allocate memory", "not enough memory", "bad_alloc")


def is_lacking(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, of the machine or of the GPU."""
    return is_lacking_on_gpu(error) or (
        isinstance(error, MemoryError) or any(word in str(error) for word in WORDS)
    )


def is_lacking_on_gpu(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError"
