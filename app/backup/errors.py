"""What may go wrong with archives; in files of their own process, so without a status of HTTP."""


class ArchiveError(Exception):
    """A backup, an export or a restore cannot be done; the text is a sentence for people."""


class BadArchive(ArchiveError):
    """A file is not what a backup must be."""
