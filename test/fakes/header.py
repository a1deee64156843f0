# SPDX-License-Identifier: Apache-2.0
"""Block headers as getwork writes them, kept in data order: every 32-bit word byte-reversed.

Written independently of the C code, so that both can be wrong only in different ways: the golden vectors
of test/unit/vectors.json are replayed against this file too.
"""
import hashlib
import struct

HEAD_SIZE, HEADER_SIZE = 68, 80
PADDING = "00000080" + "0" * 80 + "80020000"
HASH1 = "0" * 64 + "00000080" + "0" * 48 + "00010000"
DIFFICULTY_1 = 0xffff << 208
_MASK = 0xffffffff


def wordswap(data: bytes) -> bytes:
    """Reverses the four bytes inside each word; the words stay where they are."""
    return struct.pack(f"<{len(data) // 4}I", *struct.unpack(f">{len(data) // 4}I", data))


def hash_number(data: bytes) -> int:
    """The double hash of a header in data order, as the number that is compared with the target."""
    digest = hashlib.sha256(hashlib.sha256(wordswap(data[:HEADER_SIZE])).digest()).digest()
    return int.from_bytes(digest, "little")


def target_number(difficulty: float) -> int:
    """floor(0xffff * 2^208 / difficulty), capped at 256 bits; exact for powers of two."""
    numerator, denominator = difficulty.as_integer_ratio()
    return min(DIFFICULTY_1 * denominator // numerator, (1 << 256) - 1)


def target_text(target: int) -> str:
    """64 hex digits, least significant byte first."""
    return target.to_bytes(32, "little").hex()


def target_parse(text: str) -> int:
    """The number behind getwork's "target"."""
    return int.from_bytes(bytes.fromhex(text), "little")


def difficulty_number(target: int) -> float:
    """How many times harder than difficulty 1 a target is."""
    return DIFFICULTY_1 / target


def canonical(data: bytes) -> str:
    """The one form in which a share may reach a pool: 160 lower-case digits and the fixed padding."""
    return data[:HEADER_SIZE].hex() + PADDING


def _rotr(value: int, count: int) -> int:
    return (value >> count | value << 32 - count) & _MASK


def _roots(power: float) -> list[int]:
    """The first 32 bits of the fractional parts of the roots of the first 64 primes: SHA-256's constants."""
    primes = [n for n in range(2, 312) if all(n % d for d in range(2, int(n ** 0.5) + 1))]
    return [_fraction(prime, power) for prime in primes]


def _fraction(prime: int, power: float) -> int:
    degree = round(1 / power)
    low, high = 0, prime << 32
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle ** degree <= prime << 32 * degree else (low, middle - 1)
    return low & _MASK


_K, _START = _roots(1 / 3), _roots(1 / 2)[:8]


def midstate(data: bytes) -> str:
    """SHA-256's state after the first 64 header bytes, eight words each written little endian."""
    words = list(struct.unpack(">16I", wordswap(data[:64])))
    for i in range(16, 64):
        s0 = _rotr(words[i - 15], 7) ^ _rotr(words[i - 15], 18) ^ words[i - 15] >> 3
        s1 = _rotr(words[i - 2], 17) ^ _rotr(words[i - 2], 19) ^ words[i - 2] >> 10
        words.append((words[i - 16] + s0 + words[i - 7] + s1) & _MASK)
    return struct.pack("<8I", *_compress(words)).hex()


def _compress(words: list[int]) -> list[int]:
    a, b, c, d, e, f, g, h = _START
    for constant, word in zip(_K, words):
        t1 = h + (_rotr(e, 6) ^ _rotr(e, 11) ^ _rotr(e, 25)) + (e & f ^ ~e & g) + constant + word
        t2 = (_rotr(a, 2) ^ _rotr(a, 13) ^ _rotr(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & _MASK, a, b, c, (d + t1) & _MASK, e, f, g
    return [(old + new) & _MASK for old, new in zip(_START, (a, b, c, d, e, f, g, h))]


def share_id(worker_id: int, data: bytes) -> bytes:
    """submitted_work.share_id of a share: SHA-256 of worker id (four bytes, big endian) and header."""
    return hashlib.sha256(struct.pack(">I", worker_id) + data[:HEADER_SIZE]).digest()
