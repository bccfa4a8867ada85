"""Draws the chart of the README from what `bench suite` measured: chart.py BENCH.json OUT.svg.

Bars of one colour are MedVault's, grey ones the nearest Rust peer's published figures for the same work on two
cores (Helios HFS 0.2.7, SQLite). Standard library only; the same input draws the same bytes.
"""

import json
import sys

# label, workload, how to take the figure, the peer's best figure
ROWS = [
    ("import, SQLite (resources/s)", "import", "stored", 755),
    ("import, PostgreSQL (resources/s)", "import, PostgreSQL", "stored", None),
    ("single durable creates (/s)", "create", "requests", 394),
    ("reads by id (/s)", "read, hot set", "requests", 9903),
]


def figure(run, kind):
    if kind == "stored":
        return next(fact["value"] for fact in run["facts"] if fact["name"] == "stored")
    return run["requests_per_second"]


def main(source, target):
    runs = {run["work"]: run for run in json.load(open(source))["runs"]}
    rows = [(label, figure(runs[work], kind), peer) for label, work, kind, peer in ROWS if work in runs]
    left, width, step = 250, 520, 58
    height = 30 + step * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 110} {height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for n, (label, ours, peer) in enumerate(rows):
        y, top = 18 + n * step, max(ours, peer or 0)
        out.append(f'<text x="{left - 10}" y="{y + 20}" text-anchor="end">{label}</text>')
        for offset, value, colour, name in ((0, ours, "#0b7285", "MedVault"), (20, peer, "#adb5bd", "peer")):
            if value is None:
                continue
            bar = width * value / top
            out.append(f'<rect x="{left}" y="{y + offset}" width="{bar:.1f}" height="17" fill="{colour}"/>')
            out.append(f'<text x="{left + bar + 6:.1f}" y="{y + offset + 13}">{name} {value:,.0f}</text>')
    out.append("</svg>")
    with open(target, "w") as file:
        file.write("\n".join(out) + "\n")


main(*sys.argv[1:])
