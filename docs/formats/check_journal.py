#!/usr/bin/env python3
"""Checks a journal of the embedded store, and changes nothing.

    check_journal.py FOLDER [KEY]  the folder with the segments: data/journal
                                   a public key (audit.pub): signatures are verified too, and
                                   that no more than the newest events are without one

Follows journal.md and no code of the store; names in brackets are sections of that page. Stop
the verifier before, or take a copy: a group that is just being written looks torn. Exit status:
0 the journal fits (perhaps with a torn end), 1 it does not, 2 wrong usage. CRC-32C in Python is
slow: 1 GiB takes many minutes. Compressed files are read through the program `zstd`.
"""

import base64
import functools
import hashlib
import os
import re
import struct
import subprocess
import sys
from collections import Counter, namedtuple

HEADER, HEAD, SECTOR, TAG = 512, 64, 512, 20
UNSIGNED_MOST = 1_000
BODY_MOST = 4 << 20
LAST_OF_GROUP = 1
RECORDS = (0, 1, 2, 4)
CHANGE, PART, SEAL, FIRST_FREE_KIND, CHECKPOINT = 1, 2, 3, 128, 128
REASONS = (
    "right-code not-asked malformed-name unknown-account account-disabled no-token "
    "token-suspended token-disabled malformed-code already-used wrong-code waiting locked "
    "clock-backwards seed-does-not-open clock-stepped answered-again rejected-again round-used "
    "wrong-password first-factor-unavailable round-expired grace second-use emergency-code "
    "start-code wrong-start-password"
).split()
OPERATIONS = (
    "issue import enroll exchange stop lost suspend resume unlock account-set clock-trust "
    "key-rotate reseal key-destroy audit-retain backup restore password-set session-end start "
    "emergency start-code start-password resync accounts-disable approval-ask approve "
    "approval-refuse policy-apply"
).split()
SESSIONS = "start interim stop on off end".split()

Header = namedtuple("Header", "file epoch store number position chain")
Head = namedtuple("Head", "octets position group kind flags zero body_crc chain_before")
Frame = namedtuple("Frame", "file offset end position kind last chain chain_before body filled")
Next = namedtuple("Next", "number epoch position")
Snapshot = namedtuple("Snapshot", "file store epoch position chain note segment exported")


class Bad(Exception):
    """The journal does not fit its description."""

    def __init__(self, file, offset, what):
        super().__init__(f"{file}:{offset}: {what}")


class NotCbor(Exception):
    """A body is not what [CBOR] says."""


class Unreadable(Exception):
    """A frame that can not be read [Recovery] 2: where it begins, and why."""


class State:
    """What has been read up to the end of a group, and what else the journal must fit."""

    def __init__(self, header, snapshot):
        self.position, self.chain = header.position - 1, header.chain
        self.frames, self.changes, self.events = 0, 0, Counter()
        self.snapshot, self.unfilled, self.note, self.next = snapshot, None, None, None
        # Events behind the last statement, and whether a restore must come.
        self.unsigned, self.epoch = 0, None

    def take(self, group, events):
        self.frames += len(group)
        self.changes += len(events)
        self.events.update(events)
        kinds = iter(events)
        for frame in group:
            if frame.kind == CHANGE:
                self.unsigned += 1
                self.begin_epoch(frame, next(kinds))
            elif frame.kind == CHECKPOINT:
                self.unsigned = 0
                self.note = (frame.file, frame.offset, cbor_text(frame.body))
            elif frame.kind == SEAL:
                self.next = seal_next(frame.body)
            self.reach(frame.position, frame.chain)

    def begin_epoch(self, frame, event):
        """[Epochs]: only a restore begins one; that the clock is right may be said before."""
        if self.epoch and event != "operation clock-trust":
            if event != "operation restore":
                raise Bad(frame.file, frame.offset, f"epoch {self.epoch} begins with no restore")
            self.epoch = None

    def reach(self, position, chain):
        """[Snapshot]: it says what stands where it ends."""
        self.position, self.chain = position, chain
        if self.snapshot and position == self.snapshot.position and chain != self.snapshot.chain:
            raise Bad(self.snapshot.file, 0, "another frame stands where this snapshot ends")
        if self.snapshot and position == self.snapshot.position:
            self.unsigned = 0


def crc_of_octet(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


CRC_TABLE = [crc_of_octet(value) for value in range(256)]


def crc32c(octets):
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = CRC_TABLE[(crc ^ octet) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# [CBOR]: whole numbers, byte strings, texts, arrays of definite length, false, true and null.


def cbor_item(body, at):
    """The item at `at`, and where it ends. What is asked of `body` behind its end fails."""
    major, short, at = body[at] >> 5, body[at] & 31, at + 1
    if major == 7 and short in (20, 21, 22):
        return {20: False, 21: True, 22: None}[short], at
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    if major > 4 or (short > 23 and not width):
        raise NotCbor("the body holds CBOR that has no place there")
    number = int.from_bytes(body[at : at + width], "big") if width else short
    at += width
    if major < 2:
        return (number if major == 0 else -1 - number), at
    if major < 4:
        octets, at = body[at : at + number], at + number
        return (octets if major == 2 else octets.decode("utf-8")), at
    items = []
    for _ in range(number):
        item, at = cbor_item(body, at)
        items.append(item)
    return items, at


def cbor(body):
    """An array, and nothing behind it."""
    try:
        value, end = cbor_item(body, 0)
    except (IndexError, UnicodeDecodeError, RecursionError):
        raise NotCbor("the body is not CBOR") from None
    if not isinstance(value, list) or end != len(body):
        raise NotCbor("the body is not one CBOR array")
    return value


def cbor_text(body):
    """A text, and nothing behind it."""
    try:
        value, end = cbor_item(body, 0)
    except (IndexError, UnicodeDecodeError, RecursionError):
        raise NotCbor("the body is not CBOR") from None
    if not isinstance(value, str) or end != len(body):
        raise NotCbor("the body is not one CBOR text")
    return value


def field(array, index, kind):
    """Fields at the end may be missing [CBOR], and there may be new ones [Versions]."""
    value = array[index] if index < len(array) else None
    if type(value) is not kind:
        raise NotCbor(f"field {index} is no {kind.__name__}")
    return value


def one_of(names, array):
    number = field(array, 0, int)
    if not 0 <= number < len(names):
        raise NotCbor(f"the number {number} is not known")
    return names[number]


def event_kind(event):
    """[CBOR] Event: `login REASON`, `operation KIND` or `session CHANGE`."""
    field(event, 0, int)
    what = field(event, 1, list)
    kind, names = one_of(
        [("login", REASONS), ("operation", OPERATIONS), ("session", SESSIONS)], what
    )
    told = field(field(what, 1, list), 0, list)
    # The change of a session is an enumeration with data.
    return f"{kind} {one_of(names, field(told, 0, list) if kind == 'session' else told)}"


def change_event(body, kind):
    """The kind of the event of a change, None for a part of one; the rest must be records and
    keys, each one of four kinds."""
    change = cbor(body)
    if len(change) != 6 or (change[0] is None) != (kind == PART) or not is_stamped(change):
        raise NotCbor("no change and no part of one")
    written, removed = field(change, 1, list), field(change, 2, list)
    for entry in written + removed:
        if not isinstance(entry, list) or field(entry, 0, int) not in RECORDS:
            raise NotCbor("no record and no key")
        field(entry, 1, list)
    if len(field(change, 3, bytes)) != TAG * len(written):
        raise NotCbor("not one tag for each record")
    return None if kind == PART else event_kind(field(change, 0, list))


def is_stamped(body):
    """[Stamps]: without the data keys only that there is one can be told."""
    return type(body[-2]) is bytes and len(body[-2]) == TAG and body[-1] is True


def seal_next(body):
    """What a seal says of the segment that follows."""
    seal = cbor(body)
    if len(seal) != 5 or not is_stamped(seal) or any(type(value) is not int for value in seal[:3]):
        raise NotCbor("no seal")
    return Next(*seal[:3])


# [Checkpoints]: signed notes, and Ed25519 as in RFC 8032, slow and small.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def point_add(a, b):
    """On the curve -x² + y² = 1 + dx²y², in x, y, z and t = xy/z."""
    e = ((a[1] - a[0]) * (b[1] - b[0])) % P
    f = ((a[1] + a[0]) * (b[1] + b[0])) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = point_add(result, point)
        point, number = point_add(point, point), number >> 1
    return result


def point_of(octets):
    """The point that 32 octets say, or None."""
    y = int.from_bytes(octets, "little")
    y, sign = y & ((1 << 255) - 1), y >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_signature(key, text, signature):
    a, r = point_of(key), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if not a or not r or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = point_times(s, BASE), point_add(r, point_times(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def read_key(path):
    """Name, id and octets of `NAME+ID+KEY`."""
    name, _, key = open(path, encoding="ascii").read().strip().split("+", 2)
    key = base64.b64decode(key, validate=True)
    return name, hashlib.sha256(name.encode() + b"\n" + key).digest()[:4], key[1:]


def is_signed(note, key):
    text, _, lines = note.partition("\n\n")
    name, key_id, octets = key
    for line in lines.splitlines():
        signer, _, signature = line.removeprefix("\u2014 ").partition(" ")
        signature = base64.b64decode(signature)
        if signer == name and signature[:4] == key_id:
            return is_signature(octets, text.encode() + b"\n", signature[4:])
    return False


def check_checkpoint(frame, store):
    """It states the frame before it; other lines may follow."""
    lines = cbor_text(frame.body).split("\n")
    stated = [f"sekisho/{store.hex()}", str(frame.position - 1)]
    stated.append(base64.b64encode(frame.chain_before).decode())
    if lines[:3] != stated or not re.fullmatch("time [0-9]+", lines[3]):
        raise NotCbor("this checkpoint does not state the frame before it")


# [Segment]


@functools.lru_cache(maxsize=2)
def read(file):
    """What is in a file; [Compressed segments]."""
    with open(file, "rb") as octets:
        if file.endswith(".journal"):
            return octets.read()
        zstd = subprocess.run(["zstd", "-dcq"], stdin=octets, capture_output=True, check=False)
    if zstd.returncode:
        raise Bad(file, 0, "zstd can not read this")
    return zstd.stdout


def segment_files(folder):
    """The segments by number, without a gap [Recovery] 1. Where one is there plain and
    compressed, the plain one counts. Other files, `next.tmp` for one, are no segments."""
    files = {}
    for name in sorted(os.listdir(folder), reverse=True):
        if match := re.fullmatch(r"([0-9]{10})\.journal(\.zst)?", name):
            files[int(match[1])] = os.path.join(folder, name)
    for number in range(min(files, default=1), max(files, default=1)):
        if number not in files:
            raise Bad(os.path.join(folder, f"{number:010}.journal"), 0, "this segment is missing")
    return dict(sorted(files.items()))


def read_snapshot(folder):
    """[Snapshots]: the newest, or None."""
    names = [name for name in os.listdir(folder) if re.fullmatch(r"[0-9]{10}\.snapshot", name)]
    if not names:
        return None
    file = os.path.join(folder, max(names))
    octets, at, blocks = read(file), 12, []
    if octets[:12] != b"SEKISHOS" + struct.pack(">I", 1):
        raise Bad(file, 0, "no snapshot, or one of another format")
    while at < len(octets):
        length = int.from_bytes(octets[at : at + 4], "big")
        blocks.append((at, octets[at + 4 : at + 4 + length]))
        at += 4 + length
    try:
        head, last = cbor(blocks[0][1]), blocks[-1]
        for _, block in blocks[1:-1]:
            records, requests = cbor(block)
            if any(len(tag) != TAG for _, tag in records) or any(len(r) != 3 for r in requests):
                raise NotCbor("no record and no request")
        note = cbor_text(last[1])
        store, epoch, segment, position, chain = head[:5]
        exported = head[8]
        content = hashlib.sha256(octets[: last[0]]).digest()
        title = "sekisho export 1" if exported else "sekisho snapshot 1"
        lines = [title, f"sekisho/{store.hex()}", str(position)]
        lines += [base64.b64encode(hash).decode() for hash in (chain, content)]
        if note.split("\n")[:5] != lines or at != len(octets):
            raise NotCbor("the statement is not that of this snapshot")
    except (NotCbor, IndexError, ValueError, TypeError, AttributeError) as problem:
        raise Bad(file, 0, f"this snapshot can not be read: {problem}") from None
    return Snapshot(file, store, epoch, position, chain, note, segment, exported)


def read_header(file, number):
    octets = read(file)[:HEADER]
    if len(octets) < HEADER:
        raise Bad(file, 0, "too short for a header")
    magic, version, epoch, store, named_number, position, chain = struct.unpack_from(
        ">8sII16sQQ32s", octets
    )
    if magic != b"SEKISHOJ":
        raise Bad(file, 0, "no segment of a journal")
    if crc32c(octets[:508]) != int.from_bytes(octets[508:], "big"):
        raise Bad(file, 0, "the checksum of the header is wrong")
    if version != 2:
        raise Bad(file, 8, f"format {version} is not known")
    if any(octets[100:508]):
        raise Bad(file, 100, "the rest of the header is not zero")
    if named_number != number:
        raise Bad(file, 32, f"this is segment {named_number} by its header")
    return Header(file, epoch, store, number, position, chain)


def check_headers(headers, snapshot):
    first = headers[0]
    if snapshot and snapshot.exported:
        check_exported(headers, snapshot)
    if first.number == 1:
        seed = b"sekisho journal 2\0" + first.store + struct.pack(">I", first.epoch)
        if first.position != 1:
            raise Bad(first.file, 40, f"the first position is {first.position} and not 1")
        if first.chain != hashlib.sha256(seed).digest():
            raise Bad(first.file, 48, "the chain does not begin with this store and epoch")
    else:
        check_start(first, snapshot)
    for before, header in zip(headers, headers[1:]):
        if header.store != first.store:
            raise Bad(header.file, 16, "a segment of another store")
        if header.epoch < before.epoch:
            raise Bad(header.file, 12, f"the epoch falls from {before.epoch} to {header.epoch}")
    if snapshot and (snapshot.store, True) != (first.store, snapshot.epoch <= headers[-1].epoch):
        raise Bad(snapshot.file, 0, "a snapshot of another store, or of a later epoch")


def check_exported(headers, snapshot):
    """[Snapshots]: one that was made for a backup is for what was restored from it."""
    first, follows = headers[0], headers[1:2]
    made = (snapshot.segment + 1, snapshot.position + 1, snapshot.epoch, snapshot.chain)
    fits = (first.number, first.position, first.epoch, first.chain) == made
    if not fits or any(header.epoch <= first.epoch for header in follows):
        raise Bad(snapshot.file, 0, "made for a backup, and this was not restored from it")


def check_start(first, snapshot):
    """[Retention]: a snapshot stands for the segments that are not there."""
    next_position = snapshot and snapshot.position + 1
    joins = snapshot and snapshot.chain == first.chain
    skipped = joins and snapshot.epoch < first.epoch
    if not snapshot or (next_position < first.position and not skipped):
        missing = os.path.join(os.path.dirname(first.file), f"{first.number - 1:010}.journal")
        raise Bad(missing, 0, "this segment is missing, and no snapshot stands for it")
    if next_position == first.position and not joins:
        raise Bad(snapshot.file, 0, "the journal does not go on from this snapshot")


# [Frame]


def intact_head(data, at):
    """The head at `at`, if there is one; a head that says what no head may is none."""
    octets = data[at : at + HEAD]
    if not checksum_fits(octets):
        return None
    head = Head(*struct.unpack(">IQQBBHI32s", octets[4:]))
    known = head.kind in (CHANGE, PART, SEAL) or head.kind >= FIRST_FREE_KIND
    fits = head.octets <= BODY_MOST and head.flags <= LAST_OF_GROUP and not head.zero
    return head if known and fits else None


def checksum_fits(octets):
    return len(octets) == HEAD and crc32c(octets[4:]) == int.from_bytes(octets[:4], "big")


def is_later(data, at):
    """Whether a later version has written a head at `at` [Recovery] 2."""
    return checksum_fits(data[at : at + HEAD]) and intact_head(data, at) is None


def intact_body(data, at, head):
    """The body behind the head at `at`, or None; the filling behind it does not matter."""
    body = data[at + HEAD : at + HEAD + head.octets]
    return body if len(body) == head.octets and crc32c(body) == head.body_crc else None


def frame_end(at, head):
    body_end = at + HEAD + head.octets
    return body_end + 8 - body_end % 8  # one octet is filled up at least


def read_frame(file, data, at, group, position, chain):
    """The frame at `at`: of group `group`, at `position`, behind the frame with hash `chain`."""
    head = intact_head(data, at)
    if is_later(data, at):
        raise Bad(file, at, "a later version wrote this frame")
    if head is None:
        raise Unreadable(at, "the head of the frame is damaged")
    body = intact_body(data, at, head)
    if body is None:
        raise Unreadable(at, "the body of the frame is damaged")
    if head.position != position:
        raise Bad(file, at, f"position {head.position} where {position} follows")
    if head.group != group:
        raise Bad(file, at, f"group {head.group} where {group} follows")
    if head.chain_before != chain:
        raise Bad(file, at, "the chain is broken: this does not follow the frame before")
    if not any(body[-1:]):
        raise Bad(file, at, "the last octet of the body is zero")
    chain = hashlib.sha256(data[at : at + HEAD] + body).digest()
    last, end = head.flags == LAST_OF_GROUP, frame_end(at, head)
    filling = data[at + HEAD + head.octets : end]
    filled = filling == b"\xff" * (end - at - HEAD - head.octets)
    return Frame(
        file, at, end, position, head.kind, last, chain, head.chain_before, body, filled
    )


# [Groups, and what a reader may rely on]


def read_group(file, data, at, state):
    """The frames of the group at `at`, of which the last one is flagged."""
    frames, position, chain = [], state.position + 1, state.chain
    while not frames or not frames[-1].last:
        frame = read_frame(file, data, at, state.position + 1, position, chain)
        if state.unfilled:
            raise Bad(*state.unfilled, "the filling of the frame is changed")
        state.unfilled = None if frame.filled else (file, at)
        frames.append(frame)
        at, position, chain = frame.end, position + 1, frame.chain
    return frames


def group_events(file, group, header):
    """The kinds of the events of a group, once its bodies are checked."""
    events, in_parts = [], False
    for frame in group:
        try:
            if frame.kind in (CHANGE, PART):
                event = change_event(frame.body, frame.kind)
                events += [event] if event else []
                in_parts = frame.kind == PART
            elif frame.kind == SEAL:
                if len(group) > 1 or seal_next(frame.body).number != header.number + 1:
                    raise NotCbor("this seal is not the one of its segment")
            elif frame.kind == CHECKPOINT:
                check_checkpoint(frame, header.store)
        except NotCbor as problem:
            raise Bad(file, frame.offset, problem) from None
    if in_parts:  # a group takes effect as a whole, and parts do not without their change
        raise Bad(file, group[-1].offset, "parts without the change that they belong to")
    return events


# [Recovery]


def used_end(data):
    return len(data.rstrip(b"\0"))


def lacks_its_end(data, at, end):
    """Whether the unreadable frame at `at` was cut, when nothing stands from `end` on."""
    head = intact_head(data, at)
    if head is None:
        return end <= at + HEAD or len(data) < at + HEAD
    return end < at + HEAD + head.octets or len(data) < frame_end(at, head)


def other_group(data, at, end, group):
    """Where between `at` and `end` a frame of another group begins, or None."""
    while at + HEAD <= end:
        head = intact_head(data, at) if any(data[at : at + 4]) else None
        if (head and head.group != group) or (any(data[at : at + 4]) and is_later(data, at)):
            return at
        whole = head and intact_body(data, at, head) is not None
        at = frame_end(at, head) if whole else at + 8
    return None


def torn_end(file, data, start, at, what, state):
    """[Recovery] 5: None for the clean end, else a note on a torn group; all else is damage.
    `start`, `end` and `group` are g, e and G of the page; the unreadable frame is at `at`."""
    end, group = used_end(data), state.position + 1
    if end <= start:
        return None
    if other_group(data, at, end, group) is not None:
        raise Bad(file, at, f"{what}, and another group follows")
    bounds = [start, *range(start // SECTOR * SECTOR + SECTOR, end, SECTOR), end]
    sectors = (data[begin:until] for begin, until in zip(bounds, bounds[1:]))
    if lacks_its_end(data, at, end) or not all(any(sector) for sector in sectors):
        return f"{file}:{start}: note: a torn group up to {end}, never acknowledged, is left out"
    raise Bad(file, at, f"{what}, and this is no torn group")


def check_segment(header, is_last, state):
    """Reads a segment into `state`. Returns whether it is sealed, and a note or None."""
    file, at, data = header.file, HEADER, read(header.file)
    while True:
        try:
            group = read_group(file, data, at, state)
        except Unreadable as unreadable:
            offset, what = unreadable.args
            if is_last:
                return False, torn_end(file, data, at, offset, what, state)
            raise Bad(file, offset, f"{what}, and other segments follow") from None
        state.take(group, group_events(file, group, header))
        at = group[-1].end
        if group[-1].kind == SEAL:
            if used_end(data) > at:
                raise Bad(file, at, "something stands behind the seal")
            return True, None


def check_journal(folder, key):
    files = segment_files(folder)
    if not files:
        raise Bad(os.path.join(folder, f"{1:010}.journal"), 0, "this segment is missing")
    snapshot = read_snapshot(folder)
    headers = [read_header(file, number) for number, file in files.items()]
    check_headers(headers, snapshot)
    state, notes, sealed = State(headers[0], snapshot), [], False
    if headers[0].epoch and (headers[0].number == 1 or begins_epoch(headers[0], snapshot)):
        state.epoch = headers[0].epoch
    unused = used_end(read(headers[-1].file)) <= HEADER
    state.reach(state.position, state.chain)
    for index, header in enumerate(headers):
        if index:
            rises = header.epoch > headers[index - 1].epoch
            follows = header.position == state.position + 1
            follows |= rises and header.position > state.position
            told = Next(header.number, header.epoch, header.position) == state.next
            if header.chain != state.chain or not follows or not told:
                raise Bad(header.file, 40, "this segment does not follow the seal before it")
            state.epoch = header.epoch if rises else state.epoch
            state.reach(header.position - 1, header.chain)
        # [Recovery] 4: the seal was not written before the one unused segment behind it.
        is_last = index + 1 == len(headers) or (index + 2 == len(headers) and unused)
        sealed, note = check_segment(header, is_last, state)
        notes += [note] if note else []
        if not sealed and index + 1 < len(headers):
            notes.append(f"{headers[-1].file}:0: note: never used, the seal before it is missing")
            break
    if sealed:
        following = os.path.join(folder, f"{headers[-1].number + 1:010}.journal")
        raise Bad(following, 0, "this segment is missing: the one before it is sealed")
    if snapshot and snapshot.position > state.position:
        raise Bad(headers[-1].file, 0, "the journal ends before its snapshot does")
    if key:
        check_signatures(headers[-1].file, state, key)
        notes += [f"{state.unsigned} events at the end are not signed yet"] if state.unsigned else []
    else:
        notes.append("no signature was checked, for want of a key: all of it may have been made anew")
    return headers, state, notes


def begins_epoch(first, snapshot):
    """Whether an epoch begins right behind the snapshot."""
    return snapshot.epoch < first.epoch and snapshot.chain == first.chain


def check_signatures(file, state, key):
    """As each checkpoint covers all before it, the last one is enough. Only the newest events may
    be without one [Offline verification]."""
    if state.changes and not state.note and not state.snapshot:
        raise Bad(file, 0, "nothing is signed")
    if state.unsigned > UNSIGNED_MOST:
        raise Bad(file, 0, f"{state.unsigned} events at the end are not signed")
    if state.note and not is_signed(state.note[2], key):
        raise Bad(*state.note[:2], "the last checkpoint is not signed by this key")
    if state.snapshot and not is_signed(state.snapshot.note, key):
        raise Bad(state.snapshot.file, 0, "the snapshot is not signed by this key")


def main(arguments):
    if len(arguments) not in (1, 2) or not os.path.isdir(arguments[0]):
        print("usage: check_journal.py FOLDER [KEY]   (the folder with the segments)", file=sys.stderr)
        return 2
    try:
        key = read_key(arguments[1]) if arguments[1:] else None
        headers, state, notes = check_journal(arguments[0], key)
    except (Bad, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    for line in notes + [f"{count} {kind}" for kind, count in sorted(state.events.items())]:
        print(line)
    print(
        f"{len(headers)} segments, {state.frames} frames, {state.changes} changes, "
        f"last position {state.position}, chain {state.chain.hex()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
