"""What an exit record of the API tells about the respawn that its worker came by."""


def had_spare(record):
    """Whether the worker was held and ready before the one before it in its slot had ended.

    None: it followed nobody, or the daemon did not see all of it.
    """
    if None in (record["gap_us"], record["hold_us"], record["gap_decide_us"]):
        return None
    return record["hold_us"] >= record["gap_decide_us"]
