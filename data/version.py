"""Baton's version, and how an export says what made it: `--version`, JSON answers, pages, files."""

VERSION = "2.0.0"
BATON = f"Baton {VERSION}"


def provenance(snapshot: int) -> str:
    """What a report was made by and from."""
    return f"{BATON}, data version {snapshot}"


def sign(text: str, snapshot: int | None = None) -> str:
    """A YAML document under a comment that says what wrote it; it reads back as the same document."""
    return f"# {BATON if snapshot is None else provenance(snapshot)}\n{text}"


def file_name(name: str, ending: str, snapshot: int | None = None) -> str:
    """The name of a file whose text has no place for its origin: a CSV holds rows and nothing else."""
    return f"baton-{VERSION}-{name}{'' if snapshot is None else f'-data-{snapshot}'}.{ending}"
