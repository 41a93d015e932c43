"""A second implementation of docs/formats/volume.md, written from that text alone: reads a volume and
prints what it holds as JSON. Python's standard library has no AES, so that is here, too (FIPS 197,
SP 800-38D). Slow, and only for tests.

    independent.py VOLUME key HEX | passphrase WORDS | x25519 HEX
"""

import hashlib
import hmac
import json
import sys
from struct import unpack_from

BLOCK = 4096


class Damaged(Exception):
    pass


# --- AES-256-GCM ---------------------------------------------------------------------------------

def _tables():
    exp, log = [0] * 512, [0] * 256
    x = 1
    for i in range(255):
        exp[i] = exp[i + 255] = x
        log[x] = i
        x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)
        x &= 0xFF
    sbox = [0] * 256
    for i in range(256):
        inverse = exp[255 - log[i]] if i else 0
        s = inverse
        for shift in range(1, 5):
            s ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
        sbox[i] = s ^ 0x63
    rows = []
    for rotation in range(4):
        row = []
        for s in sbox:
            s2 = (s << 1) ^ (0x11B if s & 0x80 else 0)
            word = (s2 << 24) | (s << 16) | (s << 8) | (s2 ^ s)
            bits = 8 * rotation
            row.append(((word >> bits) | (word << (32 - bits))) & 0xFFFFFFFF)
        rows.append(row)
    return sbox, rows


SBOX, (T0, T1, T2, T3) = _tables()


class Aes256:
    def __init__(self, key):
        words = list(unpack_from(">8I", key))
        rcon = 1
        for i in range(8, 60):
            t = words[i - 1]
            if i % 8 == 0:
                t = ((t << 8) | (t >> 24)) & 0xFFFFFFFF
            if i % 4 == 0:
                t = (SBOX[t >> 24] << 24 | SBOX[t >> 16 & 255] << 16
                     | SBOX[t >> 8 & 255] << 8 | SBOX[t & 255])
            if i % 8 == 0:
                t ^= rcon << 24
                rcon = (rcon << 1) ^ (0x11B if rcon & 0x80 else 0)
            words.append(words[i - 8] ^ t)
        self.words = words

    def encrypt(self, block):
        k = self.words
        a, b, c, d = unpack_from(">4I", block)
        a, b, c, d = a ^ k[0], b ^ k[1], c ^ k[2], d ^ k[3]
        for i in range(4, 56, 4):
            a, b, c, d = (
                T0[a >> 24] ^ T1[b >> 16 & 255] ^ T2[c >> 8 & 255] ^ T3[d & 255] ^ k[i],
                T0[b >> 24] ^ T1[c >> 16 & 255] ^ T2[d >> 8 & 255] ^ T3[a & 255] ^ k[i + 1],
                T0[c >> 24] ^ T1[d >> 16 & 255] ^ T2[a >> 8 & 255] ^ T3[b & 255] ^ k[i + 2],
                T0[d >> 24] ^ T1[a >> 16 & 255] ^ T2[b >> 8 & 255] ^ T3[c & 255] ^ k[i + 3],
            )
        s = SBOX
        out = 0
        for i, (p, q, r, t) in enumerate(((a, b, c, d), (b, c, d, a), (c, d, a, b), (d, a, b, c))):
            word = s[p >> 24] << 24 | s[q >> 16 & 255] << 16 | s[r >> 8 & 255] << 8 | s[t & 255]
            out = out << 32 | (word ^ k[56 + i])
        return out.to_bytes(16, "big")


def _ghash_table(h):
    """table[i][byte]: h times that byte at position i of a block (bit 0 is the highest)."""
    powers = []
    v = h
    for _ in range(128):
        powers.append(v)
        v = (v >> 1) ^ (0xE1 << 120 if v & 1 else 0)
    table = []
    for i in range(16):
        row = [0] * 256
        for byte in range(256):
            for bit in range(8):
                if byte & (0x80 >> bit):
                    row[byte] ^= powers[8 * i + bit]
        table.append(row)
    return table


class Gcm:
    def __init__(self, key):
        self.aes = Aes256(key)
        self.table = _ghash_table(int.from_bytes(self.aes.encrypt(bytes(16)), "big"))

    def open(self, nonce, ciphertext, tag):
        y = 0
        lengths = (8 * len(ciphertext)).to_bytes(16, "big")
        padded = ciphertext + bytes(-len(ciphertext) % 16) + lengths
        for at in range(0, len(padded), 16):
            y ^= int.from_bytes(padded[at:at + 16], "big")
            y_bytes = y.to_bytes(16, "big")
            y = 0
            for row, byte in zip(self.table, y_bytes):
                y ^= row[byte]
        first = int.from_bytes(self.aes.encrypt(nonce + (1).to_bytes(4, "big")), "big")
        if not hmac.compare_digest((y ^ first).to_bytes(16, "big"), tag):
            return None
        stream = b"".join(
            self.aes.encrypt(nonce + n.to_bytes(4, "big"))
            for n in range(2, 2 + (len(ciphertext) + 15) // 16)
        )[:len(ciphertext)]
        plain = int.from_bytes(ciphertext, "big") ^ int.from_bytes(stream, "big")
        return plain.to_bytes(len(ciphertext), "big")


def hkdf(key, salt, info, length=32):
    prk = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()[:length]


def x25519(scalar, point):
    """RFC 7748, section 5."""
    p = 2**255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & (1 << 255) - 1 | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a % p, c * b % p
        aa, bb = a * a % p, b * b % p
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % p, x1 * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, e * (aa + 121665 * e) % p
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def hpke_open(private, public, enc, info, sealed):
    """RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    def extract(suite, salt, label, key):
        data = b"HPKE-v1" + suite + label + key
        return hmac.new(salt or bytes(32), data, hashlib.sha256).digest()

    def expand(suite, prk, label, context, length):
        data = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context + b"\1"
        return hmac.new(prk, data, hashlib.sha256).digest()[:length]

    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    prk = extract(kem, b"", b"eae_prk", x25519(private, enc))
    shared = expand(kem, prk, b"shared_secret", enc + public, 32)
    context = (b"\0" + extract(suite, b"", b"psk_id_hash", b"")
               + extract(suite, b"", b"info_hash", info))
    secret = extract(suite, shared, b"secret", b"")
    key = expand(suite, secret, b"key", context, 32)
    nonce = expand(suite, secret, b"base_nonce", context, 12)
    return Gcm(key).open(nonce, sealed[:-16], sealed[-16:])


# --- keys ----------------------------------------------------------------------------------------

INFO = b"cloister volume v1 "


def u48(data, at):
    return int.from_bytes(data[at:at + 6], "little")


def u56(data, at):
    return int.from_bytes(data[at:at + 7], "little")


def open_header(data, secret):
    """(generation, volume id, key ring) of one copy of the header, or None."""
    if data[:8] != b"CLSTVOL1" or unpack_from("<I", data, 8)[0] != 1:
        return None
    generation = unpack_from("<I", data, 12)[0]
    volume_id = data[16:32]
    slot_count, ring_bytes = unpack_from("<II", data, 32)
    ring_salt = data[40:72]
    sealed_ring = data[72:72 + ring_bytes]
    at = 72 + ring_bytes
    for _ in range(slot_count):
        kind, name_bytes, parameter_bytes = unpack_from("<BBH", data, at)
        at += 4 + name_bytes
        parameters = data[at:at + parameter_bytes]
        at += parameter_bytes
        salt, wrapped = data[at:at + 32], data[at + 32:at + 80]
        at += 80
        kek = secret(kind, parameters, volume_id)
        if kek is None:
            continue
        wrap_key = hkdf(kek, salt, INFO + b"slot" + volume_id)
        master = Gcm(wrap_key).open(bytes(12), wrapped[:32], wrapped[32:])
        if master is None:
            continue
        mac_key = hkdf(master, b"", INFO + b"header" + volume_id)
        if hmac.new(mac_key, data[:16352], hashlib.sha256).digest() != data[16352:16384]:
            continue
        ring_key = hkdf(master, ring_salt, INFO + b"ring" + volume_id)
        ring = Gcm(ring_key).open(bytes(12), sealed_ring[:-16], sealed_ring[-16:])
        if ring is None:
            continue
        keys = {}
        for i in range(unpack_from("<I", ring, 4)[0]):
            keys[unpack_from("<I", ring, 8 + 36 * i)[0]] = ring[12 + 36 * i:44 + 36 * i]
        return generation, volume_id, keys
    return None


def secret_of(kind, text):
    if kind == "key":
        return lambda slot, *_: bytes.fromhex(text) if slot == 1 else None

    def private_key(slot, parameters, volume_id):
        if slot != 3:
            return None
        public, enc, sealed = parameters[:32], parameters[32:64], parameters[64:]
        return hpke_open(bytes.fromhex(text), public, enc, INFO + b"hpke" + volume_id, sealed)

    def passphrase(slot, parameters, _):
        if slot != 2:
            return None
        log_n, r, p = parameters[:3]
        return hashlib.scrypt(text.encode(), salt=parameters[3:], n=1 << log_n, r=r, p=p,
                              maxmem=1 << 28, dklen=32)

    return private_key if kind == "x25519" else passphrase


# --- pieces --------------------------------------------------------------------------------------

class Volume:
    def __init__(self, data, secret):
        self.data = data
        headers = [open_header(data[at:at + 16384], secret) for at in (0, 16384)]
        headers = [header for header in headers if header is not None]
        if not headers:
            raise Damaged("no header opens")
        self.generation, self.volume_id, self.keys = max(headers, key=lambda header: header[0])
        self.sessions = {}
        supers = [self.superblock(block) for block in (8, 9)]
        supers = sorted((one for one in supers if one), key=lambda one: -u48(one, 24))
        self.super = next((one for one in supers if self.is_complete(one)), None)
        if self.super is None:
            raise Damaged("no superblock is authentic and complete")
        self.seed = unpack_from("<II", self.super, 152)

    def open(self, kind, session, counter, tag, ciphertext):
        if session not in self.sessions:
            epoch_key = self.keys.get(unpack_from("<I", session)[0])
            if epoch_key is None:
                return None
            self.sessions[session] = Gcm(hkdf(epoch_key, session, INFO + b"session"))
        nonce = counter.to_bytes(8, "little") + kind.to_bytes(4, "little")
        return self.sessions[session].open(nonce, ciphertext, tag)

    def superblock(self, block):
        raw = self.data[block * BLOCK:(block + 1) * BLOCK]
        plain = self.open(1, raw[:20], u48(raw, 20), raw[26:42], raw[42:])
        if plain is None or plain[:4] != b"CLSB" or plain[8:24] != self.volume_id:
            return None
        if unpack_from("<I", plain, 4)[0] not in (1, 2) or block != 8 + u48(plain, 24) % 2:
            return None
        if unpack_from("<I", plain, 32)[0] > self.generation:
            raise Damaged("the header is older than the superblock")
        return plain

    def is_complete(self, plain):
        entries = range(unpack_from("<I", plain, 144)[0])
        return all(self.piece(plain[160 + 50 * i], plain, 161 + 50 * i) for i in entries)

    def piece(self, kind, data, at):
        block, blocks = u48(data, at), data[at + 6]
        session, counter = data[at + 7:at + 27], u48(data, at + 27)
        ciphertext = self.data[block * BLOCK:(block + blocks) * BLOCK]
        return self.open(kind, session, counter, data[at + 33:at + 49], ciphertext)

    def items(self, at=None, level=None, pointer=None):
        """All (a, b, value) of the tree, in order."""
        if pointer is None:
            pointer, at, level = self.super, 40, self.super[36]
        node = self.piece(2, pointer, at)
        if node is None or node[0] != level:
            raise Damaged("a node of the tree")
        at = 8
        for _ in range(unpack_from("<I", node, 4)[0]):
            a, b = u56(node, at), u56(node, at + 7)
            at += 14
            if level > 0:
                yield from self.items(at, level - 1, node)
                at += 49
            else:
                length = unpack_from("<H", node, at)[0]
                yield a, b, node[at + 2:at + 2 + length]
                at += 2 + length


def name_hash(name, seed):
    """MurmurHash3 (x86, 32 bits) under both words of the seed."""
    def murmur(seed):
        h = seed
        for at in range(0, len(name), 4):
            k = int.from_bytes(name[at:at + 4], "little")
            k = k * 0xCC9E2D51 & 0xFFFFFFFF
            k = ((k << 15) | (k >> 17)) * 0x1B873593 & 0xFFFFFFFF
            h ^= k
            if at + 4 <= len(name):
                h = ((h << 13) | (h >> 19)) & 0xFFFFFFFF
                h = (h * 5 + 0xE6546B64) & 0xFFFFFFFF
        h ^= len(name)
        h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
        h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
        return h ^ h >> 16
    return murmur(seed[0]) + ((murmur(seed[1]) & 0xFFF) << 32)


def contents_of(volume, record, cells):
    size = unpack_from("<Q", record, 24)[0]
    if unpack_from("<I", record, 20)[0] & 1:
        return record[120:120 + size]
    contents = bytearray(size)
    for first, value in cells:
        plain = volume.piece(3, value, 0)
        if plain is None:
            raise Damaged("a cell")
        if len(value) > 49:
            skip, count = value[49], value[50]
            plain = plain[skip * BLOCK:(skip + count) * BLOCK]
        at = first * BLOCK
        contents[at:min(size, at + len(plain))] = plain[:max(0, size - at)]
    return bytes(contents)


def main(path, kind, text):
    with open(path, "rb") as file:
        volume = Volume(file.read(), secret_of(kind, text))
    inodes, entries, xattrs, cells = {}, {}, {}, {}
    for a, b, value in volume.items():
        inode, item = a >> 8, a & 255
        if inode == 0:
            continue
        if item == 16:
            inodes[inode] = value
        elif item == 17:
            at = 0
            while at < len(value):
                length = value[at + 7]
                name = value[at + 8:at + 8 + length]
                if name_hash(name, volume.seed) != b:
                    raise Damaged("a name in the wrong place")
                entries.setdefault(inode, []).append((name, u48(value, at)))
                at += 8 + length
        elif item == 18:
            at = 0
            while at < len(value):
                name_bytes, value_bytes = unpack_from("<BH", value, at)
                at += 3
                name = value[at:at + name_bytes].decode("latin-1")
                held = value[at + name_bytes:at + name_bytes + value_bytes].hex()
                xattrs.setdefault(inode, {})[name] = held
                at += name_bytes + value_bytes
        elif item == 19:
            cells.setdefault(inode, []).append((b, value))
    out = {}

    def show(inode, path):
        record = inodes[inode]
        mode, links, uid, gid = unpack_from("<4I", record)
        one = {"mode": mode, "links": links, "uid": uid, "gid": gid,
               "modified": unpack_from("<q", record, 56)[0], "xattrs": xattrs.get(inode, {})}
        if mode >> 12 in (8, 10):
            contents = contents_of(volume, record, cells.get(inode, []))
            one["size"] = len(contents)
            one["sha256"] = hashlib.sha256(contents).hexdigest()
        out[path.decode("latin-1")] = one
        for name, child in entries.get(inode, []):
            show(child, path + b"/" + name)

    show(1, b"")
    json.dump(out, sys.stdout)


try:
    main(*sys.argv[1:])
except Damaged as error:
    print(f"damaged: {error}", file=sys.stderr)
    sys.exit(3)
