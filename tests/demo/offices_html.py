# SPDX-License-Identifier: BSD-2-Clause
"""The page of the two offices: one file, nothing loaded from elsewhere."""

import html

STYLE = """
:root { --ink: #16202c; --soft: #5b6875; --line: #d9dfe6; --card: #0b7a75; --wire: #b5471b; --paper: #fff; --bg: #f4f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf0; --soft: #9aa7b4; --line: #33404d; --card: #3dc2ba; --wire: #f08a5d; --paper: #18212b;
    --bg: #10171e }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 64px }
h1 { font-size: 30px; margin: 0 0 4px } h2 { font-size: 19px; margin: 0 0 12px } p { margin: 0 0 12px }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin-top: 20px }
.soft, figcaption { color: var(--soft); font-size: 14px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 15px }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 600 }
pre { margin: 0; font: 12.5px/1.45 ui-monospace, monospace; overflow-x: auto }
figure { margin: 0 0 16px } figcaption { margin: 0 0 6px }
.big { display: flex; flex-wrap: wrap; gap: 12px 36px; margin: 16px 0 0 } .big b { display: block; font-size: 26px }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--ink); font: 14px system-ui, sans-serif }
svg .soft { fill: var(--soft); font-size: 12px } mark { background: none; color: var(--card); font-weight: 700 }
ol { margin: 0; padding: 0; list-style: none; font-size: 15px } li { display: flex; gap: 12px }
li b { min-width: 24px; text-align: right; font-weight: 600 }
li span { color: var(--soft); min-width: 70px; text-align: right; font-variant-numeric: tabular-nums }
"""


def esc(text):
    return html.escape(str(text))


def table(head, rows):
    lines = ["<div class=scroll><table><tr>" + "".join(f"<th>{esc(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{esc(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "\n".join([*lines, "</table></div>"])


def box(x, title, lines, colour="var(--line)"):
    text = "".join(
        f'<text class=soft x="{x + 75}" y="{84 + 18 * i}" text-anchor="middle">{esc(line)}</text>'
        for i, line in enumerate(lines)
    )
    return (
        f'<rect x="{x}" y="36" width="150" height="110" rx="10" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x + 75}" y="62" text-anchor="middle" font-weight="600">{esc(title)}</text>{text}'
    )


def topology():
    """Host, gateway, wire, gateway, host."""
    parts = ['<svg viewBox="0 0 960 180" role="img" aria-label="Two offices joined by an IPsec tunnel">']
    parts.append(box(5, "Host, office 1", ["10.1.0.2", "fd01::2", "curl"]))
    parts.append(box(215, "Gateway 1", ["192.0.2.1", "strongSwan", "Vesper card"], "var(--card)"))
    parts.append(box(595, "Gateway 2", ["192.0.2.2", "strongSwan", "Vesper card"], "var(--card)"))
    parts.append(box(805, "Host, office 2", ["10.2.0.2", "fd02::2", "web server"]))
    for x1, x2 in ((155, 215), (745, 805)):
        parts.append(f'<line x1="{x1}" y1="91" x2="{x2}" y2="91" stroke="var(--soft)" stroke-width="2"/>')
        parts.append(f'<text class=soft x="{(x1 + x2) / 2}" y="170" text-anchor="middle">in clear</text>')
    parts.append('<rect x="365" y="78" width="230" height="26" fill="var(--wire)" opacity="0.18"/>')
    for y in (78, 104):
        parts.append(f'<line x1="365" y1="{y}" x2="595" y2="{y}" stroke="var(--wire)" stroke-width="2"/>')
    parts.append('<text x="480" y="96" text-anchor="middle">ESP tunnel, AES-256-GCM</text>')
    parts.append(
        '<text class=soft x="480" y="170" text-anchor="middle">the wire between the two cards</text></svg>'
    )
    return "\n".join(parts)


def chart(speed, story):
    """Bytes a second that each card sent, over the guests' seconds; the first gateway's steps as marks."""
    points = {name: [(at, out) for at, _, out in line] for name, line in speed.items()}
    every = [point for line in points.values() for point in line]
    if not every:
        return ""
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    top = max(rate for _, rate in every) or 1
    marks = [(at, number, text) for number, (at, text) in enumerate(story, 1) if first <= at <= last]

    def place(at, rate):
        return 60 + 880 * (at - first) / ((last - first) or 1), 210 - 190 * rate / top

    parts = ['<svg viewBox="0 0 960 250" role="img" aria-label="Throughput over time">']
    for part in (0, 0.5, 1):
        y = 210 - 190 * part
        parts.append(f'<line x1="60" x2="940" y1="{y}" y2="{y}" stroke="var(--line)"/>')
        parts.append(f'<text class=soft x="52" y="{y + 4}" text-anchor="end">{top * part / 1000:.0f}</text>')
    free = 0  # where the next number does not touch the one before
    for at, number, text in marks:
        x, _ = place(at, 0)
        if x >= free:
            parts.append(f'<text class=soft x="{x:.1f}" y="14" text-anchor="middle">{number}</text>')
            free = x + 18
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="20" y2="210" stroke="var(--soft)" stroke-dasharray="2 4">'
            f"<title>{esc(text)}</title></line>"
        )
    for (name, line), colour in zip(points.items(), ("var(--card)", "var(--wire)"), strict=False):
        path = " ".join("{:.1f},{:.1f}".format(*place(at, rate)) for at, rate in line)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"><title>{esc(name)}</title></polyline>'
        )
    parts.append(f'<text class=soft x="60" y="236">{first:.0f} s</text>')
    parts.append(f'<text class=soft x="940" y="236" text-anchor="end">{last:.0f} s</text></svg>')
    return "\n".join(parts)


def dump(data, mark=b""):
    """Hexadecimal and characters; the lines that hold `mark` stand out."""
    lines = []
    at = data.find(mark) if mark else -1
    for start in range(0, min(len(data), 192), 16):
        row = data[start : start + 16]
        text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
        line = esc(f"{start:04x}  {row.hex(' '):47}  {text}")
        lines.append(
            f"<mark>{line}</mark>" if at >= 0 and start + 16 > at and start < at + len(mark) else line
        )
    return "<pre>" + "\n".join(lines) + "</pre>"


def cards_table(report):
    rows = [
        (
            name,
            f"{g['esp_out']:,}",
            f"{g['esp_in']:,}",
            f"{g['sim_out']:,}",
            f"{g['sim_out_bytes']:,}",
            f"{g['sim_in']:,}",
            f"{g['sim_in_bytes']:,}",
            sum(g["dropped"].values()),
            report["software"][name],
        )
        for name, g in report["gateways"].items()
    ]
    head = (
        "card of",
        "ESP out",
        "ESP in",
        "frames out",
        "bytes out",
        "frames in",
        "bytes in",
        "not taken",
        "by the kernel",
    )
    return table(head, rows)


def sa_table(report):
    rows = []
    for name, gateway in report["gateways"].items():
        for sa in gateway["sas"]:
            bits = len(sa["key"]) * 4 - 8 - 32
            what = f"AES-GCM-{sa['icv'] // 8}, {bits} bits" + (", ESN" if "esn" in sa["flags"] else "")
            packets = f"{sa['kernel']:,}", f"{sa['wire']:,}"
            rows.append((name, sa["spi"], f"to {sa['dst']}", what, sa["offload"] or "none", *packets))
    return table(
        ("SA at", "SPI", "direction", "algorithm", "offload", "packets, kernel", "packets, wire"), rows
    )


def page(report, story, speed, negotiated, wire, plain):
    """The whole page.

    report: of the scenario. story: steps of each gateway. speed: rates of each gateway. negotiated: strongSwan's
    list of SAs. wire, plain: one packet as it was on the wire, and what tshark decrypts of it.
    """
    total = sum(g["esp_out"] for g in report["gateways"].values())
    first = next(iter(report["gateways"]))
    software = sum(report["software"].values())
    kept = [line.rstrip() for line in negotiated.splitlines() if line.strip()]
    said = "".join(
        f"<li><b>{number}</b><span>{at:.1f} s</span>{esc(text)}</li>"
        for number, (at, text) in enumerate(story[first], 1)
    )
    return f"""<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Vesper: two offices</title><style>{STYLE}</style><main>
<h1>Two offices, one tunnel</h1>
<p class=soft>Two gateways with Debian's stock kernel and unmodified strongSwan, each with a simulated Vesper card as
its network card. strongSwan negotiated; the cards encrypted and decrypted (hw_offload = {esc(report["mode"])}).</p>
<div class=big><div><b>{total:,}</b>ESP packets on the wire</div><div><b>{len(report["requests"])}</b>pages loaded</div>
<div><b>0</b>packets in clear</div><div><b>{software:,}</b>encrypted or decrypted by a kernel</div></div>
<section>{topology()}</section>
<section><h2>Packets and bytes</h2>{cards_table(report)}
<p class=soft style="margin-top:12px">Frames out: the same number in the capture of the wire, in the simulator's count and
in the card's own. “Not taken”: frames that came before the interface was up. The last column counts how often the kernel's
software ESP encrypted or decrypted (esp_output_tail, esp_input and those of IPv6, by kprobes).</p></section>
<section><h2>What was negotiated</h2><pre>{esc(chr(10).join(kept))}</pre></section>
<section><h2>Security associations at the end</h2>{sa_table(report)}
<p class=soft style="margin-top:12px">A kernel counts less than the wire where the other gateway sent before an SA was
ready here; the kernel's and the driver's counts of such packets make up for it, or the run would have failed.</p></section>
<section><h2>The same packet, on the wire and decrypted</h2>
<figure><figcaption>As the card sent it ({len(wire)} bytes)</figcaption>{dump(wire)}</figure>
<figure><figcaption>As tshark decrypts it, with the key that <code>ip xfrm state</code> showed</figcaption>
{dump(plain, b"GET /page.html")}</figure></section>
<section><h2>Bytes a second sent by each card</h2>{chart(speed, story[first])}
<p class=soft>kB/s over each guest's own clock; <span style="color:var(--card)">gateway 1</span>,
<span style="color:var(--wire)">gateway 2</span>; numbers: the first gateway's steps, below. The cards are simulated cycle by cycle and the
processors are emulated: this shows that traffic went on, not how fast a card is.</p></section>
<section><h2>What happened</h2><ol>{said}</ol></section>
</main></html>
"""
