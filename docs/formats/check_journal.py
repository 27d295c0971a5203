#!/usr/bin/env python3
"""Checks a journal of the embedded store, and changes nothing.

    check_journal.py FOLDER        the folder with the segments: data/journal

Follows journal.md and no code of the store; names in brackets are sections of that page. Stop
the verifier before, or take a copy: a group that is just being written looks torn. Exit status:
0 the journal fits (perhaps with a torn end), 1 it does not, 2 wrong usage. CRC-32C in Python is
slow: 1 GiB takes many minutes.
"""

import hashlib
import os
import re
import struct
import sys
from collections import Counter, namedtuple

HEADER, HEAD, SECTOR = 512, 64, 512
BODY_MOST = 4 << 20
LAST_OF_GROUP = 1
CHANGE, PART, SEAL, FIRST_FREE_KIND = 1, 2, 3, 128
REASONS = (
    "right-code not-asked malformed-name unknown-account account-disabled no-token "
    "token-suspended token-disabled malformed-code already-used wrong-code waiting locked "
    "clock-backwards seed-does-not-open"
).split()
OPERATIONS = (
    "issue import enroll exchange stop lost suspend resume unlock account-set clock-trust"
).split()

Header = namedtuple("Header", "file epoch store number position chain")
Head = namedtuple("Head", "octets position group kind flags zero body_crc chain_before")
Frame = namedtuple("Frame", "offset end position kind last chain body")


class Bad(Exception):
    """The journal does not fit its description."""

    def __init__(self, file, offset, what):
        super().__init__(f"{file}:{offset}: {what}")


class NotCbor(Exception):
    """A body is not what [CBOR] says."""


class Unreadable(Exception):
    """A frame that can not be read [Recovery] 2: where it begins, and why."""


class State:
    """What has been read up to the end of a group."""

    def __init__(self, header):
        self.position, self.chain = header.position - 1, header.chain
        self.frames, self.changes, self.events = 0, 0, Counter()

    def take(self, group, events):
        self.position, self.chain = group[-1].position, group[-1].chain
        self.frames += len(group)
        self.changes += len(events)
        self.events.update(events)


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
    """[CBOR] Event: `login REASON` or `operation KIND`."""
    field(event, 0, int)
    what = field(event, 1, list)
    kind, names = one_of([("login", REASONS), ("operation", OPERATIONS)], what)
    return f"{kind} {one_of(names, field(field(what, 1, list), 0, list))}"


def change_event(body, kind):
    """The kind of the event of a change, None for a part of one; the rest must be records and
    keys, each one of three."""
    change = cbor(body)
    if len(change) != 3 or (change[0] is None) != (kind == PART):
        raise NotCbor("no change and no part of one")
    for entry in field(change, 1, list) + field(change, 2, list):
        if not isinstance(entry, list) or not 0 <= field(entry, 0, int) <= 2:
            raise NotCbor("no record and no key")
        field(entry, 1, list)
    return None if kind == PART else event_kind(field(change, 0, list))


# [Segment]


def read(file, octets=-1):
    with open(file, "rb") as segment:
        return segment.read(octets)


def segment_files(folder):
    """The segments by number, without a gap and from 1 on [Recovery] 1. Other files, `next.tmp`
    for one, are no part of the journal."""
    names = sorted(name for name in os.listdir(folder) if re.fullmatch(r"[0-9]{10}\.journal", name))
    for number, name in enumerate(names or [""], 1):
        wanted = f"{number:010}.journal"
        if name != wanted:
            raise Bad(os.path.join(folder, wanted), 0, "this segment is missing")
    return [os.path.join(folder, name) for name in names]


def read_header(file, number):
    octets = read(file, HEADER)
    if len(octets) < HEADER:
        raise Bad(file, 0, "too short for a header")
    magic, version, epoch, store, named_number, position, chain = struct.unpack_from(
        ">8sII16sQQ32s", octets
    )
    if magic != b"SEKISHOJ":
        raise Bad(file, 0, "no segment of a journal")
    if crc32c(octets[:508]) != int.from_bytes(octets[508:], "big"):
        raise Bad(file, 0, "the checksum of the header is wrong")
    if version != 1:
        raise Bad(file, 8, f"format {version} is not known")
    if any(octets[80:508]):
        raise Bad(file, 80, "the rest of the header is not zero")
    if named_number != number:
        raise Bad(file, 32, f"this is segment {named_number} by its header")
    return Header(file, epoch, store, number, position, chain)


def check_headers(headers):
    first = headers[0]
    seed = b"sekisho journal 1\0" + first.store + struct.pack(">I", first.epoch)
    if first.position != 1:
        raise Bad(first.file, 40, f"the first position is {first.position} and not 1")
    if first.chain != hashlib.sha256(seed).digest():
        raise Bad(first.file, 48, "the chain does not begin with this store and epoch")
    for before, header in zip(headers, headers[1:]):
        if header.store != first.store:
            raise Bad(header.file, 16, "a segment of another store")
        if header.epoch < before.epoch:
            raise Bad(header.file, 12, f"the epoch falls from {before.epoch} to {header.epoch}")


# [Frame]


def intact_head(data, at):
    """The head at `at`, if there is one; a head that says what no head may is none."""
    octets = data[at : at + HEAD]
    if len(octets) < HEAD or crc32c(octets[4:]) != int.from_bytes(octets[:4], "big"):
        return None
    head = Head(*struct.unpack(">IQQBBHI32s", octets[4:]))
    known = head.kind in (CHANGE, PART, SEAL) or head.kind >= FIRST_FREE_KIND
    fits = head.octets <= BODY_MOST and head.flags <= LAST_OF_GROUP and not head.zero
    return head if known and fits else None


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
    last = head.flags == LAST_OF_GROUP
    return Frame(at, frame_end(at, head), position, head.kind, last, chain, body)


# [Groups, and what a reader may rely on]


def read_group(file, data, at, state):
    """The frames of the group at `at`, of which the last one is flagged."""
    frames, position, chain = [], state.position + 1, state.chain
    while not frames or not frames[-1].last:
        frame = read_frame(file, data, at, state.position + 1, position, chain)
        frames.append(frame)
        at, position, chain = frame.end, position + 1, frame.chain
    return frames


def group_events(file, group, number):
    """The kinds of the events of a group, once its bodies are checked."""
    events, in_parts = [], False
    for frame in group:
        try:
            if frame.kind in (CHANGE, PART):
                event = change_event(frame.body, frame.kind)
                events += [event] if event else []
                in_parts = frame.kind == PART
            elif frame.kind == SEAL:
                if len(group) > 1 or cbor(frame.body)[:2] != [number + 1, True]:
                    raise NotCbor("this seal is not the one of its segment")
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
        if head and head.group != group:
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
        state.take(group, group_events(file, group, header.number))
        at = group[-1].end
        if group[-1].kind == SEAL:
            if used_end(data) > at:
                raise Bad(file, at, "something stands behind the seal")
            return True, None


def check_journal(folder):
    headers = [read_header(file, number) for number, file in enumerate(segment_files(folder), 1)]
    check_headers(headers)
    state, notes, sealed = State(headers[0]), [], False
    unused = used_end(read(headers[-1].file)) <= HEADER
    for index, header in enumerate(headers):
        if index and (header.position, header.chain) != (state.position + 1, state.chain):
            raise Bad(header.file, 40, "this segment does not follow the seal before it")
        # [Recovery] 4: the seal was not written before the one unused segment behind it.
        is_last = index + 1 == len(headers) or (index + 2 == len(headers) and unused)
        sealed, note = check_segment(header, is_last, state)
        notes += [note] if note else []
        if not sealed and index + 1 < len(headers):
            notes.append(f"{headers[-1].file}:0: note: never used, the seal before it is missing")
            break
    if sealed:
        following = os.path.join(folder, f"{len(headers) + 1:010}.journal")
        raise Bad(following, 0, "this segment is missing: the one before it is sealed")
    return headers, state, notes


def main(arguments):
    if len(arguments) != 1 or not os.path.isdir(arguments[0]):
        print("usage: check_journal.py FOLDER   (the folder with the segments)", file=sys.stderr)
        return 2
    try:
        headers, state, notes = check_journal(arguments[0])
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
