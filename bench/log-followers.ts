/** Many followers in one process, as cheap as can be: each counts the bytes of its frames and looks for the end. */
import {connect, type Socket} from 'node:net';
import type {FollowersTask} from './log-task.ts';

const endMark = '"type":"end"';
let sockets: Socket[] = [];
let finished: Promise<number> = Promise.resolve(0);

function follow(task: FollowersTask & {type: 'connect'}, onEnd: (bytes: number) => void): Promise<Socket> {
  const {hostname, port} = new URL(task.url);
  const socket = connect(Number(port), hostname);
  const extra = Object.entries(task.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `GET /ws/v1/stream HTTP/1.1\r\nHost: ${hostname}\r\n${extra.join('')}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const text = Buffer.from(JSON.stringify({type: 'subscribe', taskID: task.taskID, fromLine: 0}));
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('data', head => {
      if (!head.toString('latin1', 0, 12).endsWith('101')) return reject(new Error(head.toString()));
      // Masked with zeros, which is a mask like any other.
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
      resolve(socket);
      socket.on('data', piece => {
        bytes += piece.length;
        if (piece.includes(endMark, Math.max(0, piece.length - 200), 'latin1')) onEnd(bytes);
      });
    });
  });
}

process.on('message', (task: FollowersTask) => {
  void (async () => {
    if (task.type === 'connect') {
      const ended = Promise.withResolvers<number>();
      let left = task.followers;
      let total = 0;
      const onEnd = (bytes: number): void => {
        total += bytes;
        left--;
        if (left === 0) ended.resolve(total);
      };
      finished = ended.promise;
      sockets = [];
      while (sockets.length < task.followers) {
        const some = Array.from({length: 50}, async () => follow(task, onEnd));
        sockets.push(...(await Promise.all(some)));
      }
      process.send?.({answer: undefined});
    } else {
      const bytes = await finished;
      for (const socket of sockets) socket.destroy();
      process.send?.({answer: {bytes}});
    }
  })();
});
process.once('disconnect', () => process.exit());
