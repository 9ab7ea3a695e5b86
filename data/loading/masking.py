"""Secrets in what a log lets through, masked: by what they look like, by the key they stand under, and in addresses.

The patterns are RE2's, the engine's. A key's value is masked where it is a JSON string (also JSON within JSON), or
follows `=` as in a query or a connection string; numbers stay, so that counts of tokens do.
"""

from __future__ import annotations

from data.sql_text import literal

# What is known by its beginning, then at least twelve characters.
VALUES = (
    r"(bearer\s+|basic\s+|sk-|sk_live_|rk_live_|pk-lf-|xai-|gsk_|hf_|nvapi-|glpat-|r8_|api[_-]?key\W{1,4}|xox[abeprs]-"
    r"|gh[pousr]_|github_pat_|ya29\.|AKIA|ASIA|AIza|eyJ)[A-Za-z0-9_\-./+=]{12,}"
)
PRIVATE_KEY = r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[A-Za-z0-9+/=\\\s]+"
NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|authorization"
    r"|credentials?|cookie|token|connection[_-]?string|dsn)"
)
IN_JSON = rf'({NAMES}\\*"\s*:\s*\\*")[^"\\]+'
AFTER_EQUALS = rf"(\b[\w.-]*{NAMES}=)[^\s&;,\"'\\]+"
IN_ADDRESS = r"(://[^/\s:@\"]+:)[^@/\s\"]+@"
PATTERNS = {
    **dict.fromkeys((VALUES, PRIVATE_KEY, IN_JSON, AFTER_EQUALS), r"\1[masked]"),
    IN_ADDRESS: r"\1[masked]@",
}


def macro() -> str:
    """The engine's macro `masked(x)`; a text without a secret is looked at once."""
    text = "x"
    for pattern, masked in PATTERNS.items():
        text = f"regexp_replace({text}, {literal(pattern)}, '{masked}', 'gi')"
    either = "|".join(f"(?:{pattern})" for pattern in PATTERNS)
    return (
        f"CREATE OR REPLACE TEMP MACRO masked(x) AS CASE WHEN regexp_matches(x, {literal(either)}, 'i') THEN {text}"
        " ELSE x END"
    )
