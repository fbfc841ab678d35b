"""A small database in MaxMind's format (version 2), written by hand: IPv4 in 24 bits."""

import struct
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path

_MARK = b"\xab\xcd\xefMaxMind.com"
_TEXT, _UINT16, _UINT32, _MAP, _UINT64, _LIST = 2, 5, 6, 7, 9, 11
_KINDS = dict.fromkeys(
    ("record_size", "ip_version", "binary_format_major_version",
     "binary_format_minor_version"), _UINT16,
) | {"build_epoch": _UINT64}  # fmt: skip
Record = Mapping[str, object]


def _plain(value: object, kind: int = _UINT32) -> bytes:
    """Return a value as the format writes it: its kind and size, then its bytes."""
    if isinstance(value, str):
        return _headed(_TEXT, len(value.encode())) + value.encode()
    if isinstance(value, int):
        data = value.to_bytes(8, "big").lstrip(b"\0")
        return _headed(kind, len(data)) + data
    if isinstance(value, list):
        return _headed(_LIST, len(value)) + b"".join(map(_plain, value))
    assert isinstance(value, Mapping)
    inner = (
        _plain(name) + _plain(one, _KINDS.get(name, _UINT32))
        for name, one in value.items()
    )
    return _headed(_MAP, len(value)) + b"".join(inner)


def _headed(kind: int, size: int) -> bytes:
    """Return the first bytes of a value; those of more than 28 bytes have one more."""
    shown = min(size, 29)
    first = bytes([kind << 5 | shown]) if kind < 8 else bytes([shown, kind - 7])
    return first + (bytes([size - 29]) if shown == 29 else b"")


def _tree(records: Mapping[str, Record]) -> tuple[list[list[int]], bytes]:
    """Return the nodes, whose leaves are offsets into the data less 1, and the data."""
    nodes, data = [[0, 0]], b""
    for text, record in records.items():
        network = IPv4Network(text)
        bits = f"{int(network.network_address):032b}"[: network.prefixlen]
        at = 0
        for bit in bits[:-1]:
            if not nodes[at][int(bit)]:
                nodes.append([0, 0])
                nodes[at][int(bit)] = len(nodes) - 1
            at = nodes[at][int(bit)]
        nodes[at][int(bits[-1])] = -1 - len(data)
        data += _plain(record)
    return nodes, data


def write(path: Path, records: Mapping[str, Record]) -> Path:
    """Write a database of networks that do not overlap; return its path."""
    nodes, data = _tree(records)
    count = len(nodes)

    def pointer(value: int) -> bytes:
        there = value if value > 0 else count if value == 0 else count + 15 - value
        return struct.pack(">I", there)[1:]

    tree = b"".join(pointer(left) + pointer(right) for left, right in nodes)
    about = {"node_count": count, "record_size": 24, "ip_version": 4,
             "database_type": "Test", "languages": ["en"],
             "binary_format_major_version": 2, "binary_format_minor_version": 0,
             "build_epoch": 1, "description": {"en": "a test"}}  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + _MARK + _plain(about))
    return path
