# SPDX-License-Identifier: BSD-2-Clause
"""Published AES-GCM vectors as packets: NIST CAVP (cryptography_vectors) and the specifications' examples."""

from pathlib import Path

import cryptography_vectors
from gcm.bench import Packet, j0_of

CAVP = Path(cryptography_vectors.__file__).parent / "ciphers" / "AES" / "GCM"


def records(path):
    """The records of a CAVP response file: dicts of its lines, section values included."""
    section, record = {}, {}
    for line in path.read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            name, _, value = line[1:-1].partition("=")
            section[name.strip()] = int(value)
        elif line == "FAIL":
            record["FAIL"] = True
        elif "=" in line:
            name, _, value = line.partition("=")
            record[name.strip()] = value.strip()
        elif not line and "Count" in record:
            yield {**section, **record}
            record = {}
    if "Count" in record:
        yield {**section, **record}


def packet_of(record, decrypt):
    """A record as a packet, or None where the engine's AAD prefix (16 bytes) does not reach."""
    key, iv, aad, cipher, tag = (bytes.fromhex(record.get(n, "")) for n in ("Key", "IV", "AAD", "CT", "Tag"))
    plain = bytes.fromhex(record.get("PT", ""))
    j0 = j0_of(key, iv)
    name = f"CAVP {len(key) * 8} {record['Count']} iv {len(iv)} aad {len(aad)} tag {len(tag)}"
    if not cipher and len(aad) > 16:
        # nothing to encrypt: the AAD goes through as GMAC's stream, with each prefix and without
        head = (0, 16, 20)[int(record["Count"]) % 3]
        return Packet(
            key, j0, aad[:head], aad[head:], aad[head:], tag, auth_only=True, tag_bytes=len(tag), name=name
        )
    if len(aad) > 16:
        return None
    data, want = (cipher, plain) if decrypt else (plain, cipher)
    return Packet(key, j0, aad, data, want, tag, decrypt=decrypt, tag_bytes=len(tag), name=name)


def nist_packets(per_kind):
    """Up to `per_kind` packets of each file, kind of IV and length of tag, AAD and text."""
    packets = []
    for path in sorted(CAVP.glob("gcm*.rsp")):
        seen = {}
        for record in records(path):
            if "FAIL" in record:
                continue
            kind = (record["IVlen"] == 96, record["Taglen"], record["PTlen"], record["AADlen"])
            if seen.get(kind, 0) >= per_kind:
                continue
            packet = packet_of(record, "Decrypt" in path.name)
            if packet is not None:
                seen[kind] = seen.get(kind, 0) + 1
                packets.append(packet)
    return packets


# The GCM specification (McGrew, Viega), appendix B, and an ESP packet of RFC 4106's form: key, IV, AAD,
# plaintext, ciphertext, tag.
KEY3 = "feffe9928665731c6d6a8f9467308308"
PLAIN3 = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
EXAMPLES = [
    ("case 1", "00" * 16, "00" * 12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    (
        "case 2", "00" * 16, "00" * 12, "", "00" * 16,
        "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf",
    ),
    (
        "case 3", KEY3, "cafebabefacedbaddecaf888", "", PLAIN3,
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
        "4d5c2af327cd64a62cf35abd2ba6fab4",
    ),
    ("case 7", "00" * 24, "00" * 12, "", "", "", "cd33b28ac773f74ba00ed1f312572435"),
    (
        "case 8", "00" * 24, "00" * 12, "", "00" * 16,
        "98e7247c07f0fe411c267e4384b0f600", "2ff58d80033927ab8ef4d4587514f0fb",
    ),
    ("case 13", "00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    (
        "case 14", "00" * 32, "00" * 12, "", "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    (
        "ESP, AES-128-GCM, ICV 16", "4c80cdefbb5d10da906ac73c3613a634", "2e443b684956ed7e3b244cfe",
        "000043218765432100000000",
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b00"
        "0021000101020201",
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732",
        "459018148f6cbe722fd04796562dfdb4",
    ),
]  # fmt: skip


def examples():
    """Each example in both directions."""
    packets = []
    for name, *fields in EXAMPLES:
        key, iv, aad, plain, cipher, tag = map(bytes.fromhex, fields)
        j0 = j0_of(key, iv)
        packets.append(Packet(key, j0, aad, plain, cipher, tag, name=name))
        packets.append(Packet(key, j0, aad, cipher, plain, tag, decrypt=True, name=name))
    return packets
