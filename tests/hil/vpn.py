# SPDX-License-Identifier: BSD-2-Clause
"""What the scenarios with IKE daemons share on the host's side: files for the guests, and the evidence afterwards."""

import collections
import csv
import io
import json
import re
import secrets
import subprocess

from lab import Failure

# What may be seen in clear: IKE, ARP, neighbour discovery, multicast listener reports.
INNOCENT = (
    "esp || isakmp || udpencap || arp || (icmpv6.type >= 130 && icmpv6.type <= 137) || icmpv6.type == 143"
)
PAGE_BYTES = 100_000
# What becomes of strongSwan's hw_offload, or of the scenario's parameter, where the kernel does not call it the same.
OFFLOAD = {"no": None, "auto": "packet", "client": "packet"}


def secret():
    return secrets.token_hex(32)


def share(lab, name, text):
    """A file that guests find below /work/share."""
    file = lab.work / "share" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def page(lab):
    """What web servers in the guests offer: page.html, new in each run."""
    line = "<p>Office two, line {:06}: {}</p>\n"
    lines = (line.format(i, secrets.token_hex(24)) for i in range(PAGE_BYTES))
    text, size = ["<!doctype html><title>Office two</title>\n"], 0
    while size < PAGE_BYTES:
        text.append(next(lines))
        size += len(text[-1])
    share(lab, "www/page.html", "".join(text))


def states(text):
    """The SAs in the output of `ip -s xfrm state`: {spi: {src, dst, spi, key, packets, ...}}, the last of each."""
    found, sa = {}, None
    for line in text.splitlines():
        if match := re.match(r"src (\S+) dst (\S+)", line):
            sa = {"src": match[1], "dst": match[2], "offload": None, "packets": 0, "sent": 0, "flags": ""}
        elif sa is None:
            continue
        elif match := re.search(r"proto esp spi (0x[0-9a-f]+)", line):
            sa["spi"] = match[1]
            found[sa["spi"]] = sa
        elif match := re.search(r"aead (\S+) (0x[0-9a-f]+) \(\d+ bits\) (\d+)", line):
            sa["algorithm"], sa["key"], sa["icv"] = match[1], match[2], int(match[3])
        elif match := re.search(r"crypto offload parameters: dev (\S+) dir (\S+) mode (\S+)", line):
            sa["offload"] = match[3]
        elif match := re.search(r"^\s+(\d+)\(bytes\), (\d+)\(packets\)", line):
            sa["bytes"], sa["packets"] = int(match[1]), int(match[2])
        elif match := re.search(r"oseq-hi 0x([0-9a-f]+), oseq 0x([0-9a-f]+)", line):
            sa["sent"] = int(match[1], 16) << 32 | int(match[2], 16)
        elif match := re.search(r"encap type (\S+)", line):
            sa["encap"] = match[1]
        elif match := re.search(r"flag (.*)", line):
            sa["flags"] = match[1]
        if match := re.search(r"\b(esn)\b", line):
            sa["flags"] += " esn"
    return {spi: sa for spi, sa in found.items() if "key" in sa}


def key_line(sa):
    """An SA of `states` as a line of Wireshark's esp_sa table."""
    family = "IPv6" if ":" in sa["src"] else "IPv4"
    cipher = f"AES-GCM with {sa['icv'] // 8} octet ICV [RFC4106]"
    return f'"{family}","*","*","{sa["spi"]}","{cipher}","{sa["key"]}","NULL",""'


def tshark(capture, display, fields, keys=(), options=()):
    """Rows of fields of the packets that a display filter lets pass; keys are SAs of `states`."""
    command = [
        "tshark",
        "-n",
        "-r",
        str(capture),
        "-Y",
        display,
        "-T",
        "fields",
        "-E",
        "quote=d",
        "-E",
        "separator=,",
    ]
    command += ["-E", "occurrence=a", "-E", "aggregator=;"]
    for field in fields:
        command += ["-e", field]
    if keys:
        command += ["-o", "esp.enable_encryption_decode:TRUE"]
    for sa in keys:
        command += ["-o", f"uat:esp_sa:{key_line(sa)}"]
    command += options
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode:
        raise Failure(f"tshark: status {result.returncode}: {result.stderr.strip()}")
    return list(csv.reader(io.StringIO(result.stdout)))


def read(lab, machine, name):
    return (lab.folder / machine / name).read_text(errors="replace")


def counters(text):
    """The output of `ethtool -S`."""
    return {name: int(n) for name, n in re.findall(r"^\s*(\S+): (\d+)$", text, re.MULTILINE)}


def software(text):
    """How often each function of the kernel's software ESP ran (tracefs' kprobe_profile)."""
    return {line.split()[0]: int(line.split()[1]) for line in text.splitlines()}


def only_esp(lab, card, allowed=None):
    """Raises Failure if the card's wire carried anything in clear but IKE, ARP, neighbour discovery, what is allowed."""
    innocent = f"{INNOCENT} || ({allowed})" if allowed else INNOCENT
    clear = tshark(
        lab.folder / card / "wire.pcapng", f"!({innocent})", ["frame.number", "frame.protocols", "ip.dst"]
    )
    if clear:
        raise Failure(f"{card}: {len(clear)} packets in clear on the wire, the first: {' '.join(clear[0])}")


def counts(lab, gateway, card):
    """Frames by three counts: of the capture, of the card's process, of the card as its driver reads it."""
    fields = ["frame.packet_flags_direction", "esp.spi", "esp.sequence", "icmp.type", "icmpv6.type"]
    rows = tshark(lab.folder / card / "wire.pcapng", "frame", fields)
    # An ICMP error quotes the ESP packet that could not be delivered, and is none.
    rows = [row[:3] if not (row[3] or row[4]) else [row[0], "", ""] for row in rows]
    inward, outward = ([row for row in rows if row[0].endswith(d)] for d in "12")
    sim = json.loads(read(lab, card, "stats.json"))
    ethtool = counters(read(lab, gateway, "ethtool"))
    return rows, {
        "wire_out": len(outward),
        "wire_in": len(inward),
        "sim_out": sim["wire_out_frames"],
        "sim_in": sim["wire_in_frames"],
        "sim_out_bytes": sim["wire_out_bytes"],
        "sim_in_bytes": sim["wire_in_bytes"],
        "card_tx_ok": ethtool["card_tx_ok"],
        "card_rx_ok": ethtool["card_rx_ok"],
        "dropped": {k: n for k, n in ethtool.items() if re.match(r"card_.x_(?!ok)", k) and n},
        "esp_out": sum(1 for row in outward if row[1]),
        "esp_in": sum(1 for row in inward if row[1]),
    }


def per_sa(rows, final):
    """Packets of each SA that was alive at the end: what the kernel counted, what the wire carried.

    What was sent is known by the sequence number, where the kernel counts them: its packets may be cut in several.
    """
    numbers = collections.defaultdict(list)
    for row in rows:
        if row[1]:
            numbers[int(row[1], 16)].append(row[2])
    found = []
    for spi, sa in final.items():
        seen = numbers[int(spi, 16)]
        count = {
            "kernel": sa["sent"] or sa["packets"],
            "wire": len(set(seen)),
            "twice": len(seen) - len(set(seen)),
        }
        found.append({**sa, **count})
    return found


def dropped(lab, gateway):
    """Packets whose SA was not there yet, or no longer, by the counts of the stack and of the driver."""
    stack = dict(line.split() for line in read(lab, gateway, "xfrm_stat").splitlines())
    driver = counters(read(lab, gateway, "ethtool"))
    # AcquireError: the SA's SPI is reserved, but its keys are not agreed.
    return (
        int(stack["XfrmInNoStates"])
        + int(stack["XfrmAcquireError"])
        + sum(n for k, n in driver.items() if re.match(r"queue\d+_rx_dropped", k))
    )


def evidence(lab, gateways, cards, allowed=None):
    """Everything that can be seen from outside about who encrypted what; Failure where two counts differ."""
    report = {"mode": lab.parameter, "gateways": {}, "software": {}, "requests": []}
    keys = {}
    for gateway in gateways:
        keys |= states(read(lab, gateway, "states"))
    for gateway, card in zip(gateways, cards, strict=True):
        only_esp(lab, card, allowed)
        rows, count = counts(lab, gateway, card)
        # The driver was asked before the guest ended: what came later must not be ESP.
        late = [row for row in rows if row[0].endswith("2")][count["card_tx_ok"] :]
        if (
            count["wire_out"] != count["sim_out"]
            or count["card_tx_ok"] > count["wire_out"]
            or any(r[1] for r in late)
        ):
            raise Failure(
                f"{gateway}: frames out: {count['wire_out']} in the capture, {count['sim_out']} counted by "
                f"vesper-sim, {count['card_tx_ok']} by the card"
            )
        if count["wire_in"] != count["sim_in"]:
            raise Failure(
                f"{gateway}: frames in: {count['wire_in']} in the capture, {count['sim_in']} counted"
            )
        sas = per_sa(rows, states(read(lab, gateway, "state.final")))
        early = dropped(lab, gateway)
        for sa in sas:
            # strongSwan moves an SA to another address by deleting and adding it, and a packet may come in between. An
            # SA on the card must not do so: its IVs are sequence numbers.
            if sa["twice"] and sa["offload"]:
                raise Failure(f"{gateway}: SA {sa['spi']}: {sa['twice']} sequence numbers were sent twice")
            missing = sa["wire"] - sa["kernel"]
            early -= missing
            if missing < 0 or early < 0:
                raise Failure(
                    f"{gateway}: SA {sa['spi']}: the kernel counts {sa['kernel']} packets, the wire {sa['wire']}"
                )
            wanted = OFFLOAD.get(lab.parameter, lab.parameter)
            if sa["offload"] != wanted:
                raise Failure(f"{gateway}: SA {sa['spi']} is offloaded as {sa['offload']}, not {wanted}")
        report["gateways"][gateway] = {
            **count,
            "sas": sas,
            "samples": read(lab, gateway, "samples").split("\n"),
        }
        report["software"][gateway] = sum(software(read(lab, gateway, "software")).values())
    capture = lab.folder / cards[0] / "wire.pcapng"
    fields = [
        "frame.number",
        "ip.src",
        "ip.dst",
        "ipv6.src",
        "ipv6.dst",
        "http.request.method",
        "http.request.uri",
    ]
    for row in tshark(capture, "http.request", fields, keys.values()):
        sources, targets = (row[i].split(";") + row[i + 2].split(";") for i in (1, 2))
        ends = [end for end in sources + targets if end]
        report["requests"].append(f"frame {row[0]}: {row[5]} {row[6]} ({', '.join(ends)})")
    closed = tshark(capture, "esp && !esp.protocol", ["frame.number", "esp.spi"], keys.values())
    if closed:
        raise Failure(
            f"tshark cannot decrypt {len(closed)} packets, the first: frame {' SPI '.join(closed[0])}"
        )
    report["keys"] = list(keys.values())
    (lab.folder / "report.json").write_text(json.dumps(report, indent=1))
    return report


def left_by_crypto(case):
    """Does the driver leave it to the stack's software, with a sentence of its own (driver/linux/README.md)?"""
    return case["udp"] and (case["mode"] == "tunnel" or case["family"] == 6)


def matrix(results):
    """Prints a word for each combination of guest_matrix.cases(): [(case, word)]."""
    columns = [(esn, bits, icv) for esn in (False, True) for bits in (128, 256) for icv in (8, 12, 16)]
    print("  " + " " * 22 + "".join(f"{'ESN' if esn else '':>7}" for esn, _, _ in columns))
    print("  " + f"{'AES-GCM bits/ICV':22}" + "".join(f"{f'{bits}/{icv}':>7}" for _, bits, icv in columns))
    rows = {}
    for case, word in results:
        name = f"{case['mode']} IPv{case['family']}{' in UDP' if case['udp'] else ''}"
        rows.setdefault(name, {})[case["esn"], case["bits"], case["icv"]] = word
    for name, cells in rows.items():
        print(f"  {name:22}" + "".join(f"{cells[column]:>7}" for column in columns))


def requested(report, *texts):
    """Raises Failure unless tshark has seen each of them in the HTTP requests that it decrypted."""
    seen = " ".join(report["requests"])
    for text in texts:
        if text not in seen:
            raise Failure(f"tshark does not see {text} in what it decrypts")


def who_encrypted(report):
    """Raises Failure if the kernel's software did with offload, or seems not to have done without."""
    for name, count in report["software"].items():
        if report["mode"] == "no" and not count:
            raise Failure(f"{name}: without offload the kernel encrypted nothing: the probe does not see it")
        if report["mode"] != "no" and count:
            raise Failure(f"{name}: the kernel encrypted or decrypted {count} times in software")


def show(report):
    """The evidence as a table."""
    print(
        f"  {'':10}{'ESP out':>9}{'ESP in':>9}{'frames out':>12}{'card says':>11}{'dropped':>9}{'in software':>13}"
    )
    for name, g in report["gateways"].items():
        print(
            f"  {name:10}{g['esp_out']:9}{g['esp_in']:9}{g['wire_out']:12}{g['card_tx_ok']:11}"
            f"{sum(g['dropped'].values()):9}{report['software'][name]:13}"
        )
    for request in report["requests"]:
        print(f"  tshark, with the keys of ip xfrm state: {request}")
