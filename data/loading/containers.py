"""Files as records: JSON lines, JSON documents, CSV and Parquet, plain, gzip or zstd.

A container is told from its content, never from its name. Reading stays in the engine: `records` is SQL
that yields `file_no, raw` in the order of the files, where `raw` is the JSON text of one record.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import BadInput, UnknownFormat, Unreadable
from data.json_text import value_of
from data.loading import foreign_files, python_literals
from data.loading.long_lines import LONGEST_LINE, without_long_lines
from data.loading.named_files import CHUNK, SEPARATOR, Text, compression_of, encoding_of, open_compressed
from data.sql_text import literal

SAMPLE = 50  # records looked at to recognise a format
GROUP_BYTES, GROUP_FILES = 256 * 2**20, 2000  # files of one kind that are ingested in one transaction
LINES = (
    "columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, delim = '\x1f\x1e\x1f\x1e', quote = '', escape"
    " = '', strict_mode = false"
)
LONGEST_DOCUMENT = 2**30
# Where a collector says when it took a line, and what a record's own time is called.
COLLECTED_AT = (
    "timestamp",
    "@timestamp",
    "time",
    "_time",
    "result._time",
    "__REALTIME_TIMESTAMP",
    "attributes.timestamp",
)
CREATED = r'"create(d|d_at|Time)"\s*:'  # an answer's own
LIKE_A_TIME = "(?i)time|date|created|_at|At\\b|\\bts\\b"
# CloudWatch's export to S3 puts the time of its event before each line.
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z ")
LOKI = "data.result"  # the path of Loki's streams, whose lines are the records
NOT_BLANK = "(starts_with(raw, '{') OR trim(raw) <> '')"


@dataclass(frozen=True)
class File:
    """One file as found: its container kind, compression, size and digest."""

    path: Path  # what the user named
    content: Path  # what is read: the same, or a cleaned copy
    kind: str  # lines, array, wrapped, document, csv, parquet
    compression: str  # none, gzip, zstd
    wrapper: str = ""  # path of the list that the records are in
    envelope: str = ""  # path within each record of the record proper
    long_lines: bool = False
    stamped: bool = False  # each line begins with a time of whoever wrote it down
    mixed_lines: bool = False  # a table whose lines end in more than one way
    semicolons: bool = False  # a table whose cells these separate
    literals: tuple[str, ...] = ()  # columns of a table with objects as Python writes them
    projection: str = "*"  # SQL: the cells of a table as its format reads them; see data/loading/table_cells.py
    length: int = LONGEST_DOCUMENT  # of the text, uncompressed; the engine's buffers for a document are as large

    @property
    def size(self) -> int:
        return self.content.stat().st_size


def inspect(
    cursor, path: Path, scratch: Path, text: Text | None = None, lines: int = SAMPLE
) -> tuple[File, list[dict]]:
    """Tell the container of a file and read up to `SAMPLE` records of it; `text` as `digest` found it. Of lines so many
    are taken, spread over those of the sample.

    Raises Unreadable when the content is no text, no table and no JSON.
    """
    with open(path, "rb") as stream:
        start = stream.read(1024)
    if start.startswith(b"PAR1"):
        return _table(cursor, File(path, path, "parquet", "none"))
    if refusal := foreign_files.what_it_is(path.name, start):
        raise Unreadable(refusal)
    file = File(path, path, "lines", compression_of(path), length=text.length if text else LONGEST_DOCUMENT)
    if file.compression != "none":
        with open_compressed(path, file.compression) as stream:
            start = stream.read(1024)
        if refusal := foreign_files.what_is_packed(path.name, start):
            raise Unreadable(refusal)
    if text and not text.plain:
        clean = _cleaned(file, scratch)
        without_long_lines(clean)
        file = File(path, clean, "lines", "none", long_lines=True, length=clean.stat().st_size)
    try:
        head = _head(cursor, file)
    except Exception as error:
        _refuse_for_memory(path, error)
        raise Unreadable(
            f"{path.name} cannot be read as text ({str(error).splitlines()[0][:120]}); is it a log file?"
        ) from error
    if not head:
        raise Unreadable(f"{path.name} holds only blank lines; there is nothing to load.")
    spread = head[:: max(len(head) // lines, 1)]
    if 2 * sum(bool(STAMP.match(line)) for line in head) > len(head):
        return replace(file, stamped=True), _parsed(STAMP.sub("", line) for line in spread)
    file = _kind(file, head)
    if file.kind == "lines":
        return file, _parsed(spread)
    try:
        return _table(cursor, file)
    except Unreadable:
        if file.kind != "csv":
            raise
        return _table(cursor, replace(file, mixed_lines=True))


def _table(cursor, file: File) -> tuple[File, list[dict]]:
    """A file that is no lines, and its sample, in which objects as Python writes them are JSON."""
    sample = _sample(cursor, file)
    literals = python_literals.columns(sample) if file.kind in ("csv", "parquet") else ()
    if not literals:
        return file, sample
    file = replace(file, literals=literals)
    return file, _sample(cursor, file)


def _cleaned(file: File, scratch: Path) -> Path:
    """A copy in UTF-8: other encodings are converted, what cannot be decoded is replaced, separators are left out."""
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / f"{hashlib.sha256(str(file.path).encode()).hexdigest()[:16]}.clean"
    with open_compressed(file.path, file.compression) as source, open(target, "wb") as clean:
        chunk = source.read(CHUNK)
        encoding = encoding_of(chunk)
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        while chunk:
            clean.write(decoder.decode(chunk).encode().replace(SEPARATOR, b""))
            chunk = source.read(CHUNK)
        clean.write(decoder.decode(b"", final=True).encode())
    return target


def _head(cursor, file: File) -> list[str]:
    """The first lines that are not blank; asks the engine only where they are longer than a chunk."""
    with open_compressed(file.content, file.compression) as stream:
        chunk = stream.read(CHUNK)
    lines = chunk.decode("utf-8", "replace").split("\n")
    lines = _filled(lines if len(chunk) < CHUNK else lines[:-1])
    if len(chunk) == CHUNK and len(lines) < SAMPLE:
        lines = _filled(
            line
            for (line,) in cursor.execute(
                f"SELECT line FROM {_lines(file)} WHERE trim(line) <> '' LIMIT {SAMPLE}"
            ).fetchall()
        )
    return lines[:SAMPLE]


def _filled(lines: Iterable[str]) -> list[str]:
    return [text for line in lines if (text := line.strip("\ufeff \t\r"))]


def _kind(file: File, lines: list[str]) -> File:
    first = lines[0]
    start = first[0]
    if start not in "{[":
        # A record cut in the first line must not make the rest of a JSON log a CSV.
        json_like = sum(line.startswith("{") for line in lines) > len(lines) / 2
        return file if json_like else replace(file, kind="csv", semicolons=first.count(";") > first.count(","))
    # An empty object alone on a line of an indented document is no record of a log.
    indented = first in ("{", "[")
    if len(lines) > 1 and _is_object(first) or not indented and sum(map(_is_object, lines)) > 1:
        return file
    if sum(map(_is_array, lines)) > 1:
        raise UnknownFormat(
            f"{file.path.name} holds a JSON array in each line, where a log holds an object with named fields; "
            "write each record as an object, or as a CSV file with a header, and load that."
        )
    if start == "[":
        return replace(file, kind="array")
    return replace(file, kind="document")


def _is_object(text: str) -> bool:
    return isinstance(value_of(text), dict)


def _is_array(text: str) -> bool:
    value = value_of(text)
    return isinstance(value, list) and not all(isinstance(item, dict) for item in value)


def _json_path(path: str) -> str:
    return "$" + "".join(f'."{name}"' for name in path.split("."))


def _sample(cursor, file: File) -> list[dict]:
    try:
        rows = cursor.execute(f"SELECT raw FROM ({records([file])}) WHERE {NOT_BLANK} LIMIT {SAMPLE}").fetchall()
    except Exception as error:
        _refuse_for_memory(file.path, error)
        if file.kind == "csv":
            raise Unreadable(
                f"{file.path.name} is neither JSON nor a table with a header row; is it a log file?"
            ) from error
        like = "is a Parquet file" if file.kind == "parquet" else "looks like JSON"
        raise Unreadable(f"{file.path.name} {like} but is damaged ({_first_line(error)}); fetch it again.") from error
    return _parsed(raw for (raw,) in rows)


def _refuse_for_memory(path: Path, error: Exception) -> None:
    if type(error).__name__ == "OutOfMemoryException":
        raise Unreadable(
            f"{path.name} has a line that needs more memory than allowed; set BATON_MEMORY (for example 8GB) and load "
            "it again."
        ) from error


def _parsed(texts: Iterable[str | None]) -> list[dict]:
    return [record for raw in texts if raw and isinstance(record := value_of(raw), dict)]


def _first_line(error: Exception) -> str:
    return re.sub(r'in file ".*?", ', "", str(error).splitlines()[0])[:160]


def _path(file: File) -> str:
    # DuckDB globs what it is given; brackets keep a strange file name from being a pattern.
    return literal(re.sub(r"([*?\[])", r"[\1]", str(file.content)))


def _lines(file: File, paths: str | None = None) -> str:
    long = (
        f", max_line_size = {LONGEST_LINE}, buffer_size = {LONGEST_LINE}, parallel = false" if file.long_lines else ""
    )
    return f"read_csv({paths or _path(file)}, {LINES}, compression = '{file.compression}'{long})"


def _paged(raw: str, wrapper: str) -> str:
    """SQL: the records of a line or element that is a page of them; what is no page stays as it is."""
    page = f"TRY_CAST({raw} AS JSON)"
    listed = f"json_type({page}, '$.{wrapper}') = 'ARRAY'"
    inner = f"json_extract({page}, '$.{wrapper}[*]')::VARCHAR[]"
    if wrapper == LOKI:
        inner = f"json_extract_string({page}, '$.{LOKI}[*].values[*][1]')"
    return f"unnest(CASE WHEN {listed} THEN {inner} ELSE [{raw}::VARCHAR] END)"


def records(files: list[File], rejects: str = "") -> str:
    """SQL over files of one kind that yields `file_no, raw`, in order; a blank line is a row too (see NOT_BLANK).

    `rejects` names the table that takes CSV lines that do not fit the header.
    """
    if path := files[0].envelope:
        outer = records([replace(f, envelope="") for f in files], rejects)
        places = ", ".join(literal(_json_path(time)) for time in COLLECTED_AT)
        times = f"json_extract_string(outside, [{places}])"
        # What a program logged without a time was said when the collector took it.
        held = f"""CASE WHEN json_valid(held) AND NOT regexp_matches(json_keys(held)::VARCHAR, '{LIKE_A_TIME}')
                AND NOT regexp_matches(held, '{CREATED}')
            THEN json_merge_patch(json_object('timestamp', list_filter({times}, lambda t: t <> '')[1]), held)::VARCHAR
            ELSE trim(held) END"""
        return f"""SELECT file_no, CASE WHEN starts_with(ltrim(held), '{{') THEN {held} ELSE raw END AS raw
            FROM (SELECT *, outside ->> {literal(_json_path(path))} AS held
            FROM (SELECT *, CASE WHEN json_valid(raw) THEN raw::JSON END AS outside FROM ({outer})))"""
    file = files[0]
    paths = "[" + ", ".join(_path(f) for f in files) + "]"
    number = "(file_index + 1)::INTEGER AS file_no" if len(files) > 1 else "1 AS file_no"
    if file.kind == "lines":
        unmarked = "CASE WHEN starts_with(line, chr(65279)) THEN ltrim(line, chr(65279)) ELSE line END"
        bare = f"regexp_replace({unmarked}, {literal(STAMP.pattern)}, '')" if file.stamped else unmarked
        lines = f"SELECT {number}, {bare} AS raw FROM {_lines(file, paths)}"
        return f"SELECT file_no, {_paged('raw', file.wrapper)} AS raw FROM ({lines})" if file.wrapper else lines
    if file.kind in ("array", "document", "wrapped"):
        shape = "array" if file.kind == "array" else "unstructured"
        value = _paged("json", file.wrapper) if file.wrapper else "json"
        compression = "uncompressed" if file.compression == "none" else file.compression
        longest = min(max(f.length for f in files) + 2**24, LONGEST_DOCUMENT)
        source = (
            f"read_json_objects({paths}, format = '{shape}', compression = '{compression}', maximum_object_size ="
            f" {longest})"
        )
        return f"SELECT {number}, ({value})::VARCHAR AS raw FROM {source}"
    if len(files) > 1:
        raise BadInput("CSV and Parquet files are read one at a time.")
    if file.kind == "csv":
        keep = (
            f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan', rejects_limit = 0"
            if rejects
            else "ignore_errors = true"
        )
        keep += f", compression = '{file.compression}'" + ", strict_mode = false" * file.mixed_lines
        source = f"read_csv({_path(file)}, all_varchar = true, header = true, {keep})"
    else:
        source = f"read_parquet({_path(file)})"
    cells = f"SELECT {file.projection} FROM {python_literals.with_json(source, file.literals)}"
    return f"SELECT 1 AS file_no, to_json(t)::VARCHAR AS raw FROM ({cells}) AS t"
