"""No secret that a log lets through is kept, whether it is known by its look or by the key it stands under."""

from __future__ import annotations

import json

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.loading import masking

CANARY = "CANARYpwREJ-55443322"
SECRETS = [
    json.dumps({"password": CANARY}),
    json.dumps({"client_secret": CANARY, "n": 1}),
    json.dumps({"DB_PASSWORD": CANARY}),
    json.dumps({"headers": {"Authorization": CANARY, "Cookie": CANARY}}),
    json.dumps({"inner": json.dumps({"access_token": CANARY})}),
    json.dumps({"inner": json.dumps({"deeper": json.dumps({"apiKey": CANARY})})}),
    f"https://host/path?token={CANARY}&x=1",
    f"AccountName=a;AccountKey={CANARY};x",
    f"postgres://admin:{CANARY}@db.example.org/x",
    f"Authorization: Bearer {CANARY}",
    f"key sk-{CANARY}",
    f"-----BEGIN RSA PRIVATE KEY-----\\nMII{CANARY.replace('-', '+')}\\n",
    f"gsk_{CANARY}",
    f"xoxe-{CANARY}",
]
HARMLESS = [
    json.dumps({"prompt_tokens": 12, "max_token": 4, "token_semantics": "reported", "author": "ann"}),
    json.dumps({"key_alias": "bot-checkout", "secretary": "zoe", "total_tokens": "1100"}),
    "https://host:8443/path?tokens=5",
    "password",
]


@pytest.fixture(scope="module")
def mask():
    engine = duckdb.connect()
    engine.execute(masking.macro())
    return lambda text: engine.execute("SELECT masked(?)", [text]).fetchall()[0][0]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_masked_and_what_is_around_it_stays(mask, text):
    found = mask(text)
    assert CANARY not in found and CANARY.replace("-", "+") not in found and "[masked]" in found
    if text.startswith("{"):
        json.loads(found)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays_as_it_is(mask, text):
    assert mask(text) == text


@pytest.mark.heavy
@given(st.text(max_size=40))
def test_masking_never_fails_and_leaves_json_json(text):
    engine = duckdb.connect()
    engine.execute(masking.macro())
    record = json.dumps({"password": text, "note": text})
    json.loads(engine.execute("SELECT masked(?)", [record]).fetchall()[0][0])
