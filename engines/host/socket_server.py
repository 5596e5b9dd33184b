"""
Serves the engine's local socket: handshake, requests of the one attached owner, and the stream of spool ranges.

The stream is never ahead of the spool and at most `window_bytes` ahead of what the owner acknowledged. A connection is
closed only after the peer was read to its end: closing with unread input would throw away what we had still to say.
"""

import errno
import json
import os
import socket

import wire

_CHUNK_BYTES = 64 * 1024
_STRANGERS_MAX = 16
_CONNECTIONS_MAX = 64
_NO_DESCRIPTOR_S = 0.1
_HANDSHAKE_S = 5.0
_LINGER_S = 2.0
_OUTBOX_BYTES_MAX = 8 * 1024 * 1024


class SocketServer:
    """`host` answers `claim`, `request`, `acknowledged`, `attached_changed`."""

    def __init__(self, host, path, secret, window_bytes):
        self.host = host
        self.loop = host.loop
        self.secret = secret
        self.window_bytes = window_bytes
        self.owner = None
        self._connections = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        mask = os.umask(0o177)
        try:
            self._socket.bind(path)
        finally:
            os.umask(mask)
        self._socket.listen(128)
        self._path = path
        self._listen()

    def _listen(self):
        if self._socket.fileno() >= 0:
            self.loop.watch(self._socket.fileno(), reader=self._accept)

    def _accept(self):
        while True:
            try:
                peer, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                self.loop.watch(self._socket.fileno())
                self.loop.after(_NO_DESCRIPTOR_S, self._listen)
                return
            if len(self._connections) > _CONNECTIONS_MAX:
                peer.close()
                continue
            connection = Connection(self, peer)
            self._connections.add(connection)
            strangers = [one for one in self._connections if one is not self.owner]
            if len(strangers) > _STRANGERS_MAX:
                connection.refuse('tooManyConnections', 'Too many connections that have not proved the secret.')

    def attach(self, connection):
        previous, self.owner = self.owner, connection
        if previous is not None:
            previous.send(wire.json_frame(wire.NOTICE, {'type': 'displaced'}))
            previous.finish()
        self.host.attached_changed()

    def forget(self, connection):
        self._connections.discard(connection)
        self.forget_owner(connection)
        if self.host.is_leaving:
            self.host.leave_when_quiet()

    def forget_owner(self, connection):
        if self.owner is connection:
            self.owner = None
            self.host.attached_changed()

    def pump(self):
        if self.owner is not None:
            self.owner.pump()

    def close(self):
        """No new connections; the present ones are finished."""
        self.loop.watch(self._socket.fileno())
        self._socket.close()
        try:
            os.unlink(self._path)
        except OSError:
            pass
        for connection in list(self._connections):
            connection.finish()

    @property
    def is_quiet(self):
        return not self._connections


class Connection:
    """hello → prove → attached; anything out of order is refused."""

    def __init__(self, server, peer):
        self._server = server
        self._loop = server.loop
        self._socket = peer
        self._fd = peer.fileno()
        peer.setblocking(False)
        self._state = 'hello'
        self._frames = wire.FrameReader()
        self._outbox = []
        self._outbox_bytes = 0
        self._version = 0
        self._owner_nonce = b''
        self._engine_nonce = b''
        self._follow = None
        self._timer = self._loop.after(_HANDSHAKE_S, self._too_slow)
        self._watch()

    # Reading

    def _readable(self):
        try:
            chunk = self._socket.recv(256 * 1024)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop()
            return
        if not chunk:
            if self._state == 'finishing' or not self._outbox:
                self._drop()
            else:
                self._finish_writing()
            return
        if self._state == 'finishing':
            return
        self._frames.push(chunk)
        try:
            while self._state != 'finishing':
                frame = self._frames.next()
                if frame is None:
                    return
                self._handle(*frame)
        except wire.ProtocolError as error:
            self.refuse(error.code, str(error))

    def _handle(self, kind, payload):
        if self._state == 'hello' and kind == wire.HELLO:
            self._version, self._owner_nonce = wire.parse_hello(payload)
            self._engine_nonce = wire.new_nonce()
            self._state = 'prove'
            self.send(wire.challenge(self._version, self._engine_nonce, self._server.host.engine_id))
        elif self._state == 'prove' and kind == wire.PROVE:
            self._prove(payload)
        elif self._state == 'attached' and kind == wire.ACK:
            self._acknowledged(*wire.parse_ack(payload))
        elif self._state == 'attached' and kind == wire.REQUEST:
            self._request(wire.parse_json(payload))
        else:
            raise wire.ProtocolError('outOfOrder', 'Frame type 0x%02x does not belong here.' % kind)

    def _prove(self, payload):
        claim = payload[wire.PROOF_BYTES:]
        nonces = (self._version, self._owner_nonce, self._engine_nonce, self._server.host.engine_id, claim)
        if not wire.same(payload[:wire.PROOF_BYTES], wire.proof(self._server.secret, b'owner', *nonces)):
            raise wire.ProtocolError('wrongSecret', 'The proof of the secret is wrong.')
        claimed = wire.parse_json(claim)
        state = self._server.host.claim(claimed)
        self._timer.cancel()
        self._state = 'attached'
        self._frames.frame_bytes_max = wire.OWNER_FRAME_BYTES_MAX
        proof = wire.proof(self._server.secret, b'engine', *nonces)
        body = json.dumps(state, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace')
        self.send(wire.frame(wire.WELCOME, proof + body))
        self._server.attach(self)

    def _request(self, request):
        identity = request.get('id')
        try:
            answer = self._server.host.request(self, request)
            answer['id'] = identity
        except wire.ProtocolError as error:
            answer = {'id': identity, 'error': {'code': error.code, 'message': str(error)}}
        self.send(wire.json_frame(wire.REPLY, answer))

    # The stream

    @property
    def follow(self):
        return self._follow

    def start_following(self, task, offset, acknowledged):
        if self._state != 'attached' or task.spool.size < offset:
            return
        self._follow = Follow(task, offset, acknowledged)
        task.pace()
        self.pump()

    def stop_following(self, task):
        if self._follow is not None and self._follow.task is task:
            self._follow = None

    @property
    def has_more(self):
        """Whether something the owner follows has not been acknowledged yet."""
        follow = self._follow
        return follow is not None and follow.acknowledged < follow.task.spool.size

    def _acknowledged(self, task_id, attempt, offset):
        follow = self._follow
        if follow is None or (follow.task.task_id, follow.task.attempt) != (task_id, attempt):
            return
        if offset > follow.sent:
            raise wire.ProtocolError('badAck', 'Offset %d was acknowledged, but only %d sent.' % (offset, follow.sent))
        if offset > follow.acknowledged:
            follow.acknowledged = offset
            follow.task.pace()
            self.pump()

    def pump(self):
        """Sends what the window and the socket take."""
        if self._state == 'attached' and not self._outbox:
            self._write()

    def _next_chunk(self):
        follow = self._follow
        if follow is None or self._state != 'attached':
            return None
        room = self._server.window_bytes - (follow.sent - follow.acknowledged)
        if room <= 0:
            # A record longer than the window would never be whole, so never acknowledged.
            room = follow.task.spool.end_of_record(follow.acknowledged) - follow.sent
        length = min(_CHUNK_BYTES, room, follow.task.spool.size - follow.sent)
        if length <= 0:
            return None
        chunk = follow.task.spool.read(follow.sent, length)
        frame = wire.data_frame(follow.task.task_id, follow.task.attempt, follow.sent, chunk)
        follow.sent += len(chunk)
        return frame

    # Writing

    def send(self, frame):
        if self._state == 'finishing' or self._fd < 0:
            return
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        if self._outbox_bytes > _OUTBOX_BYTES_MAX:
            # It asks and asks, and does not read our answers.
            self._drop()
            return
        self._write()

    def _write(self):
        while self._fd >= 0:
            if not self._outbox:
                chunk = self._next_chunk()
                if chunk is None:
                    break
                self._outbox.append(chunk)
                self._outbox_bytes += len(chunk)
            head = self._outbox[0]
            try:
                sent = self._socket.send(head)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self._drop()
                return
            self._outbox_bytes -= sent
            if sent == len(head):
                self._outbox.pop(0)
            else:
                self._outbox[0] = memoryview(head)[sent:]
        if self._state == 'finishing' and not self._outbox:
            self._shutdown()
        self._watch()

    def _watch(self):
        if self._fd >= 0:
            self._loop.watch(self._fd, reader=self._readable, writer=self._write if self._outbox else None)

    # The end

    def refuse(self, code, message):
        self.send(wire.json_frame(wire.REFUSED, {'code': code, 'message': message}))
        self.finish()

    def finish(self):
        """Says what is left to say, then waits for the peer to close."""
        if self._state == 'finishing' or self._fd < 0:
            return
        self._finish_writing()

    def _finish_writing(self):
        self._state = 'finishing'
        self._timer.cancel()
        self._timer = self._loop.after(_LINGER_S, self._drop)
        self._follow = None
        self._server.forget_owner(self)
        self._write()

    def _shutdown(self):
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _too_slow(self):
        self.refuse('tooSlow', 'The handshake took longer than %d s.' % _HANDSHAKE_S)

    def _drop(self):
        if self._fd < 0:
            return
        self._timer.cancel()
        self._loop.watch(self._fd)
        self._fd = -1
        self._socket.close()
        self._outbox = []
        self._state = 'finishing'
        self._follow = None
        self._server.forget(self)


class Follow:
    """What of a spool was sent and acknowledged on this connection."""

    __slots__ = ('task', 'sent', 'acknowledged')

    def __init__(self, task, offset, acknowledged):
        self.task = task
        self.sent = offset
        self.acknowledged = acknowledged
