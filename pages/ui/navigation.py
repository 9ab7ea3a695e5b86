"""The pages in their groups: file, name, icon, path."""

from __future__ import annotations

PAGES = {
    "Spend": (
        ("overview", "Overview", ":material/dashboard:", ""),
        ("explore", "Explore", ":material/bar_chart:", "explore"),
        ("weekly", "Weekly review", ":material/event_repeat:", "weekly"),
        ("plan", "Budget plan", ":material/savings:", "plan"),
        ("savings", "Savings", ":material/content_cut:", "savings"),
        ("alerts", "Alerts", ":material/notifications:", "alerts"),
    ),
    "What if": (
        ("mix", "Model mix", ":material/tune:", "mix"),
        ("policy_replay", "Routing", ":material/alt_route:", "routing"),
        ("self_host", "Self-host", ":material/dns:", "self-host"),
        ("vendors", "Vendors", ":material/storefront:", "vendors"),
        ("pipeline", "Pipeline", ":material/linear_scale:", "pipeline"),
        ("new_model", "New model", ":material/new_releases:", "new-model"),
    ),
    "Live": (
        ("lab", "Live lab", ":material/science:", "lab"),
        ("rollout", "Rollout", ":material/stairs:", "rollout"),
        ("review", "Review queue", ":material/rate_review:", "review"),
        ("decisions", "Decisions", ":material/history_edu:", "decisions"),
        ("governance", "Governance", ":material/gavel:", "governance"),
    ),
    "Data": (("data_and_prices", "Data and prices", ":material/database:", "data"),),
}
