"""Frames of the engine protocol and the proof of the secret; docs/engine-protocol.md is the specification."""

import hashlib
import hmac
import json
import os
import struct

PROTOCOL_VERSION = 1
MAGIC = b'TNEP'
NONCE_BYTES = 32
PROOF_BYTES = 32

HELLO = 0x01
PROVE = 0x02
REQUEST = 0x10
ACK = 0x11
CHALLENGE = 0x81
WELCOME = 0x82
REFUSED = 0x83
REPLY = 0x90
DATA = 0x91
NOTICE = 0x92

# Nobody has proved anything yet, so nothing but a handshake may be asked of us.
STRANGER_FRAME_BYTES_MAX = 4096
OWNER_FRAME_BYTES_MAX = 32 * 1024 * 1024

_FRAME = struct.Struct('>IB')
_HELLO = struct.Struct('>4sHH32s')
_CHALLENGE = struct.Struct('>H32s')
_ACK = struct.Struct('>QIQ')
_DATA = struct.Struct('>QIQ')


class ProtocolError(Exception):
    """The peer broke the protocol; `code` goes into the refusal."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def frame(kind, payload):
    return _FRAME.pack(len(payload) + 1, kind) + payload


def json_frame(kind, value):
    return frame(kind, json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace'))


def data_frame(task_id, attempt, offset, chunk):
    return b''.join((_FRAME.pack(len(chunk) + _DATA.size + 1, DATA), _DATA.pack(task_id, attempt, offset), chunk))


def parse_hello(payload):
    """Version to speak and the client's nonce."""
    if len(payload) != _HELLO.size or payload[:4] != MAGIC:
        raise ProtocolError('notThisProtocol', 'The first frame is not a hello of the engine protocol.')
    _, lowest, highest, nonce = _HELLO.unpack(payload)
    if not lowest <= PROTOCOL_VERSION <= highest:
        raise ProtocolError(
            'version',
            'This engine speaks version %d, the owner %d to %d.' % (PROTOCOL_VERSION, lowest, highest),
        )
    return PROTOCOL_VERSION, nonce


def challenge(version, nonce, engine_id):
    return frame(CHALLENGE, _CHALLENGE.pack(version, nonce) + engine_id.encode())


def parse_ack(payload):
    if len(payload) != _ACK.size:
        raise ProtocolError('badFrame', 'An acknowledgement has %d bytes, not %d.' % (_ACK.size, len(payload)))
    return _ACK.unpack(payload)


def parse_json(payload):
    try:
        value = json.loads(payload.decode('utf-8'))
    except (UnicodeDecodeError, ValueError) as error:
        raise ProtocolError('badFrame', 'The payload is not JSON: %s.' % error)
    if not isinstance(value, dict):
        raise ProtocolError('badFrame', 'The payload is not a JSON object.')
    return value


def new_nonce():
    return os.urandom(NONCE_BYTES)


def proof(secret, role, version, owner_nonce, engine_nonce, engine_id, claim):
    """HMAC-SHA-256 over everything both sides said; `role` keeps one side's proof from serving as the other's."""
    name = engine_id.encode()
    message = b''.join((
        b'tenon-engine ', role, b'\0', struct.pack('>H', version), owner_nonce, engine_nonce,
        struct.pack('>H', len(name)), name, claim,
    ))
    return hmac.new(secret, message, hashlib.sha256).digest()


def same(one, other):
    return hmac.compare_digest(one, other)


class FrameReader:
    """Cuts a byte stream into frames. A frame longer than the limit is refused before its body is read."""

    def __init__(self):
        self.frame_bytes_max = STRANGER_FRAME_BYTES_MAX
        self._buffer = bytearray()

    def push(self, chunk):
        self._buffer += chunk

    def next(self):
        """(kind, payload), or None until more bytes have come."""
        buffer = self._buffer
        if len(buffer) < _FRAME.size:
            return None
        length, kind = _FRAME.unpack_from(buffer)
        if length < 1:
            raise ProtocolError('badFrame', 'A frame has at least one byte, its type.')
        if length > self.frame_bytes_max:
            raise ProtocolError(
                'frameTooLong', 'A frame of %d bytes; the limit is %d.' % (length, self.frame_bytes_max)
            )
        end = 4 + length
        if len(buffer) < end:
            return None
        payload = bytes(buffer[_FRAME.size:end])
        del buffer[:end]
        return kind, payload
