# SPDX-License-Identifier: BSD-2-Clause
"""What tshark, which knows nothing of Vesper, reads in a capture of ESP packets."""

import os
import re
import subprocess


def inner_packets(capture, esp_sa, config_dir):
    """Have tshark decrypt a capture; return the decrypted payload of each packet in order.

    capture: pcap or pcapng of ESP packets.
    esp_sa: file with lines of Wireshark's esp_sa table.
    config_dir: for tshark's own settings.
    An entry is None where tshark could not decrypt, else the plaintext with
    padding, pad length and next header. A packet in which tshark sees nothing
    but its bytes has no heading and is left out.
    """
    command = ["tshark", "-n", "-r", str(capture), "-x", "-o", "esp.enable_encryption_decode:TRUE"]
    for line in esp_sa.read_text().splitlines():
        command += ["-o", f"uat:esp_sa:{line}"]
    env = {**os.environ, "WIRESHARK_CONFIG_DIR": str(config_dir), "LC_ALL": "C"}
    result = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
    if result.returncode:
        raise RuntimeError(f"tshark: status {result.returncode}: {result.stderr.strip()}")

    packets, source = [], None
    for line in result.stdout.splitlines():
        if not line:
            source = None
        elif match := re.fullmatch(r"(.+) \(\d+ bytes\):", line):
            source = match[1]
            if source == "Frame":
                packets.append(None)
            elif source == "Decrypted Data":
                packets[-1] = b""
        elif source == "Decrypted Data" and (match := re.match(r"[0-9a-f]{4,}  ((?:[0-9a-f]{2} )+)", line)):
            packets[-1] += bytes.fromhex(match[1])
        elif not re.match(r"[0-9a-f]{4,}  ", line):
            raise RuntimeError(f"tshark printed what this reader does not know: {line!r}")
    return packets
