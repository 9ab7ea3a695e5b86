"""A policy for the gateway a company already runs: a LiteLLM proxy config, OpenRouter request fields, plain YAML.

What a gateway cannot express is listed in `notes`, never dropped in silence. Keys are named as
environment variables in every form.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import yaml

from data.calendar import MILLION
from data.console import Commands, emit_json, say, write_file
from data.errors import BadInput
from data.facts.models import Catalog, current
from data.state import State
from data.version import BATON, sign
from routing.calling.declarations import Offer, Provider, canonical, read_providers, saved_providers
from routing.policies.choice import resolve
from routing.policies.policy import CURRENT, Policy, Rule
from routing.policies.table import score_words
from routing.policies.text import examples, read_policy_file, write_policy

FORMS = ("litellm", "openrouter", "yaml")
FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
PREFIX = {"openai": "openai", "anthropic": "anthropic", "gemini": "gemini"}


def register(commands: Commands) -> None:
    """Add `export`."""
    export = commands.add("export", _export)
    export.add_argument("policy", metavar="P.yaml", help="a policy file or the name of an example")
    export.add_argument("--to", choices=FORMS, default="litellm")
    export.add_argument("--providers", metavar="P.toml", help="provider declarations; default: those saved in the app")
    export.add_argument("--out", metavar="FILE", help="where to write; default: the terminal")


def export_policy(policy: Policy, form: str, providers: Sequence[Provider], catalog: Catalog) -> tuple[str, list[str]]:
    """(text of the config, notes on what it cannot express)."""
    if form == "yaml":
        return sign(write_policy(policy)), []
    body, notes = (
        litellm_config(policy, providers, catalog) if form == "litellm" else openrouter_fields(policy, catalog)
    )
    head = "".join(f"# {note}\n" for note in [f"Made by {BATON} from the policy {policy.name}.", *notes])
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110), notes


def litellm_config(policy: Policy, providers: Sequence[Provider], catalog: Catalog) -> tuple[dict[str, Any], list[str]]:
    """A LiteLLM proxy config: every target a model group, each rule an alias group, fallbacks, retries, budget."""
    providers = canonical(providers, catalog)
    models, seen = [], set()
    for target in _groups(policy, providers):
        deployments = _deployments(target, providers, catalog)
        if not deployments:
            raise BadInput(
                f"No declared provider offers `{target}`, so a gateway could not reach it; declare one first."
            )
        models += [
            _litellm_model(target, provider, offer)
            for provider, offer in deployments
            if (target, provider.name) not in seen
        ]
        seen |= {(target, provider.name) for provider, _ in deployments}
    reserve = [target for target in policy.fallback if target != CURRENT]
    fallbacks = [
        {target: [f for f in reserve if f != target]}
        for target in dict.fromkeys(t for rule in policy.rules for t in rule.targets)
        if target != CURRENT and set(reserve) - {target}
    ]
    for index, rule in enumerate(policy.rules):
        if set(rule.targets) == {CURRENT}:
            continue  # the model a request asks for is a group of its own
        models += _litellm_rule(index, rule, providers, catalog)
        if reserve:
            fallbacks.append({_rule_name(index, rule): reserve})
    router: dict[str, Any] = {
        "routing_strategy": "simple-shuffle",
        "num_retries": policy.limits.max_attempts - 1,
        "allowed_fails": 3,
        "cooldown_time": 30,
        "enable_pre_call_checks": True,
    }
    if fallbacks:
        # A list of its own each: one that is shared is written as a reference, and changed by hand it changes all.
        router |= {kind: deepcopy(fallbacks) for kind in FALLBACKS}
    config: dict[str, Any] = {
        "model_list": models,
        "router_settings": router,
        "litellm_settings": {"drop_params": True},
    }
    if policy.limits.max_usd is not None:
        config["litellm_settings"] |= {"max_budget": policy.limits.max_usd, "budget_duration": "30d"}
    return config, _litellm_notes(policy)


def _groups(policy: Policy, providers: Sequence[Provider]) -> list[str]:
    """The targets that are groups: those the policy names and, where it keeps the model a request asks for, all that
    are declared."""
    named = [t for t in dict.fromkeys([*policy.targets, *policy.shadow]) if t != CURRENT]
    offered = [offer.model for provider in providers for offer in provider.models] if _keeps_the_asked(policy) else []
    return list(dict.fromkeys([*named, *offered]))


def _keeps_the_asked(policy: Policy) -> bool:
    return any(CURRENT in rule.targets for rule in policy.rules)


def openrouter_fields(policy: Policy, catalog: Catalog) -> tuple[dict[str, Any], list[str]]:
    """Per rule, the fields of an OpenRouter request: `models` in order of fallback and `provider` preferences."""
    notes = [
        "OpenRouter decides per request: your code must match `when` and send the fields of the first rule that fits."
    ]
    fields = []
    for rule in policy.rules:
        # A self-hosted target stays at home: the same name over an API would be another data path.
        targets = [t for t in dict.fromkeys([*rule.targets, *policy.fallback]) if not t.endswith("@self")]
        entry: dict[str, Any] = {
            "when": rule.model_dump(mode="json")["when"],
            "request": {
                "models": [_openrouter_name(t, catalog) for t in targets],
                "provider": {"allow_fallbacks": True, "require_parameters": True},
            },
        }
        if policy.constraints:
            entry["request"]["provider"]["data_collection"] = "deny"
        fields.append(entry)
        if rule.way in ("split", "cascade", "cross_check", "vote"):
            notes.append(
                f"{rule.way} of `{', '.join(rule.targets)}` is a list of fallbacks there: OpenRouter moves on when "
                "a model fails, not when it is unsure."
            )
    if policy.constraints:
        notes.append(
            "Constraints by origin, HIPAA or residency are not known to OpenRouter; `data_collection: deny` is the "
            "nearest, your code must keep the rest."
        )
    if any(t.endswith("@self") for t in policy.targets):
        notes.append("Self-hosted targets (`@self`) are left out: OpenRouter would send the data to somebody's API.")
    return {"rules": fields}, [*dict.fromkeys(notes), *_common_notes(policy)]


def _deployments(target: str, providers: Sequence[Provider], catalog: Catalog) -> list[tuple[Provider, Offer]]:
    model, hosting = resolve(target, {}, catalog).model.lower(), target.partition("@")[2]
    return [(p, o) for p in providers for o in p.models if o.model.lower() == model and hosting in ("", p.hosting)]


def _litellm_model(name: str, provider: Provider, offer: Offer, weight: float | None = None) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "model": f"{PREFIX[provider.protocol]}/{offer.upstream}",
        "timeout": provider.timeout_s,
    }
    if provider.protocol != "gemini":
        parameters["api_base"] = provider.base_url
    # LiteLLM wants some key even where the server asks for none.
    parameters["api_key"] = f"os.environ/{provider.key_env}" if provider.key_env else "none"
    for field, value in (("rpm", provider.requests_per_minute), ("tpm", provider.tokens_per_minute)):
        if value is not None:
            parameters[field] = int(value)
    if weight is not None:
        parameters["weight"] = weight
    info: dict[str, Any] = {"mode": "chat"}
    price = offer.price
    if price.input is not None and price.output is not None:
        parameters |= {
            "input_cost_per_token": float(price.input / MILLION),
            "output_cost_per_token": float(price.output / MILLION),
        }
    if offer.context_window:
        info["max_input_tokens"] = offer.context_window
    return {"model_name": name, "litellm_params": parameters, "model_info": info}


def _litellm_rule(index: int, rule: Rule, providers: Sequence[Provider], catalog: Catalog) -> list[dict[str, Any]]:
    """The group a request of this rule asks for; a split becomes weights, everything else its first target."""
    shares: Mapping[str, float | None] = rule.split or {rule.targets[0]: None}
    return [
        _litellm_model(_rule_name(index, rule), provider, offer, weight)
        for target, weight in shares.items()
        if weight is None or weight > 0
        for provider, offer in _deployments(target, providers, catalog)
    ]


def _rule_name(index: int, rule: Rule) -> str:
    return rule.name or f"rule-{index + 1}"


def _litellm_notes(policy: Policy) -> list[str]:
    notes = [
        f"Rule {index + 1}: send requests with {rule.model_dump(mode='json')['when'] or 'no other rule'} to "
        + (
            "the model they ask for."
            if set(rule.targets) == {CURRENT}
            else f"the model group `{_rule_name(index, rule)}`."
        )
        for index, rule in enumerate(policy.rules)
    ]
    if _keeps_the_asked(policy):
        notes.append(
            "`current` keeps the model a request asks for: such requests go to that model's own group; this config "
            "holds one for every declared model."
        )
    if CURRENT in policy.fallback:
        notes.append(
            "`current` as a fallback is left out: once a request asks for a group, the gateway does not know what it "
            "asked for before."
        )
    if policy.constraints:
        notes.append(
            "LiteLLM cannot enforce this policy's constraints per request: give sensitive work keys that may only "
            "use the groups it may use."
        )
    for index, rule in enumerate(policy.rules):
        if rule.way in ("cascade", "cross_check", "vote"):
            notes.append(
                f"Rule {index + 1}: {rule.way} needs code in front of the gateway; the group holds its first model "
                "only."
            )
    return notes + _common_notes(policy)


def _difficulty_notes(policy: Policy) -> list[str]:
    """The score as code before the gateway has to add it up; a gateway cannot."""
    if policy.difficulty is None:
        return []
    needs = ", ".join(policy.difficulty.words_needed)
    return [
        f"A gateway cannot add up {score_words(policy.difficulty)}: code in front of it does, and asks for the group "
        "of the first rule that fits."
        + (f" {needs} come from the prompt, as routing/policies/prompt_features.py counts them." if needs else "")
    ]


def _common_notes(policy: Policy) -> list[str]:
    parts = (
        (policy.review, "review by people"),
        (policy.explore, "exploration with logged propensities"),
        (policy.shadow, "shadow calls"),
        (policy.limits.checkpoints or policy.limits.checkpoint_shares, "checkpoints"),
        (policy.limits.halt_below_confidence, "halt below a confidence"),
        (policy.guardrails != type(policy.guardrails)(), "guardrails"),
    )
    missing = [name for present, name in parts if present]
    return _difficulty_notes(policy) + ([f"Not expressible there: {', '.join(missing)}."] if missing else [])


def _openrouter_name(target: str, catalog: Catalog) -> str:
    """`vendor/model`, as OpenRouter spells most; the vendor is the catalogue's."""
    model = resolve(target, {}, catalog).model
    facts = catalog.get(model)
    vendor = (facts.provider or facts.vendor or "").lower().replace(" ", "") if facts else ""
    return f"{vendor}/{model}" if vendor and "/" not in model else model


def _export(args: argparse.Namespace) -> None:
    state = State.open(args.home)
    shipped = examples()
    policy = shipped[args.policy] if args.policy in shipped else read_policy_file(args.policy)
    providers = read_providers(args.providers) if args.providers else saved_providers(state)
    text, notes = export_policy(policy, args.to, providers, current(state))
    if args.out:
        write_file(args.out, text)
    if args.json:
        emit_json(
            {"to": args.to, "policy": policy.name, "config": yaml.safe_load(text), "notes": notes, "out": args.out}
        )
    elif args.out:
        say(f"Written to {args.out}; {len(notes)} notes are at its head.")
    else:
        print(text, end="")
