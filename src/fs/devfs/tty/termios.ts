/** Terminal attributes (termios(3)) and their layouts. */

import * as T from '../../../abi/terminal.ts';

export class Termios {
  iflag = T.ICRNL | T.IXON;
  oflag = T.OPOST | T.ONLCR;
  cflag = T.B38400 | T.CS8 | T.CREAD;
  lflag = T.ISIG | T.ICANON | T.ECHO | T.ECHOE | T.ECHOK | T.ECHOCTL | T.ECHOKE | T.IEXTEN;
  line = 0;
  /** `INIT_C_CC`: ^C ^\ DEL ^U ^D 0 1 0 ^Q ^S ^Z 0 ^R ^O ^W ^V 0. */
  readonly cc = new Uint8Array([
    3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0,
  ]);
  ispeed = 38400;
  ospeed = 38400;

  has(flag: number): boolean {
    return (this.lflag & flag) !== 0;
  }

  /** struct termios, or termios2 with its speeds. */
  encode(withSpeeds: boolean): Uint8Array {
    const bytes = new Uint8Array(withSpeeds ? T.TERMIOS2.bytes : T.TERMIOS.bytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(T.TERMIOS.iflag, this.iflag, true);
    view.setUint32(T.TERMIOS.oflag, this.oflag, true);
    view.setUint32(T.TERMIOS.cflag, this.cflag, true);
    view.setUint32(T.TERMIOS.lflag, this.lflag, true);
    bytes[T.TERMIOS.line] = this.line;
    bytes.set(this.cc, T.TERMIOS.cc);
    if (withSpeeds) {
      view.setUint32(T.TERMIOS2.ispeed, this.ispeed, true);
      view.setUint32(T.TERMIOS2.ospeed, this.ospeed, true);
    }
    return bytes;
  }

  decode(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.iflag = view.getUint32(T.TERMIOS.iflag, true);
    this.oflag = view.getUint32(T.TERMIOS.oflag, true);
    this.cflag = view.getUint32(T.TERMIOS.cflag, true);
    this.lflag = view.getUint32(T.TERMIOS.lflag, true);
    this.line = bytes[T.TERMIOS.line] as number;
    this.cc.set(bytes.subarray(T.TERMIOS.cc, T.TERMIOS.cc + T.NCCS));
    if (bytes.length < T.TERMIOS2.bytes) return;
    this.ispeed = view.getUint32(T.TERMIOS2.ispeed, true);
    this.ospeed = view.getUint32(T.TERMIOS2.ospeed, true);
  }
}
