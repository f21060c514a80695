"""A terminal with a program on it: a pty, and a screen that knows what the kit sends and nothing else."""
import fcntl, os, re, select, signal, struct, termios, time

TOKEN = re.compile(rb"\x1b\[(\??)([\d;]*)([A-Za-z])|([\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]+)|([\r\n])")


class Terminal:
    def __init__(self, argv, rows=30, columns=110, env=None, cwd=None):
        self.rows, self.columns = rows, columns
        self.pid, self.fd = os.forkpty()
        if not self.pid:
            try:
                if cwd:
                    os.chdir(cwd)
                clean = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
                self.size(rows, columns, 1)
                os.execve(argv[0], argv, {**clean, "LC_ALL": "C", "TERM": "xterm", **(env or {})})
            finally:
                os._exit(127)
        self.data, self.left, self.rest = b"", [], b""  # all that came; lines on the normal screen; what is half a token
        self.clear()
        self.other = self.hidden = False
        self.stale = False  # what comes may be drawn for the size before, until the screen is cleared
        self.entered = self.rewritten = 0  # times that the other screen was taken; lines written on it
        self.rc = None

    def size(self, rows, columns, fd=None):
        fcntl.ioctl(self.fd if fd is None else fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.clear()
        self.stale = self.other
        self.size(rows, columns)

    def clear(self):
        self.lines = [[" "] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    def text(self):
        return ["".join(line).rstrip() for line in self.lines]

    def modes(self):
        return termios.tcgetattr(self.fd)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def feed(self, data):
        self.data += data
        data = self.rest + data
        at = 0
        while at < len(data):
            m = TOKEN.match(data, at)
            if not m:
                assert len(data) - at < 12, (data[at:at + 40], "is nothing that the kit sends")
                break
            at = m.end()
            if m[3]:
                self.control(m[1], m[2].decode(), m[3])
            elif self.other and m[4] and self.stale:
                pass
            elif self.other and m[4]:
                assert self.row < self.rows and self.column < self.columns, (self.row, self.column, "off the screen")
                self.lines[self.row][self.column] = m[4].decode()
                self.column += 1
            elif not self.other:
                self.left.append((m[4] or m[5]).decode())
            else:
                raise AssertionError((m[0], "in a frame"))
        self.rest = data[at:]

    def control(self, private, numbers, letter):
        if private:
            number = int(numbers)
            assert number in (25, 1049) and letter in b"hl", (numbers, letter)
            on = letter == b"h"
            if number == 25:
                self.hidden = not on
            else:
                self.entered += on and not self.other
                self.other = on
                self.clear()
        elif letter == b"H":
            self.row, self.column = [int(n) - 1 for n in numbers.split(";")]
            self.rewritten += 1
        elif letter == b"K" and not self.stale:
            for i in range(self.column, self.columns):
                self.lines[self.row][i] = " "
        elif letter == b"J":
            assert numbers == "2", numbers
            self.stale = False
            self.clear()
        else:
            assert letter in b"mK", (numbers, letter)

    def read(self, seconds=0.05):
        """Takes what comes within that time; False: the program has gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux: EIO, when nobody has the other end
            data = b""
        self.feed(data)
        return bool(data)

    def until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "after %g s still not: %s\n%s" % (seconds, what, "\n".join(self.text()))
            self.read()

    def end(self, seconds=20):
        """Reads until the program has ended; the exit code, or the negative number of the signal."""
        deadline = time.monotonic() + seconds
        while self.rc is None:
            assert time.monotonic() < deadline, "still running after %g s" % seconds
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.rc = os.waitstatus_to_exitcode(status)
        while self.read(0.2) and select.select([self.fd], [], [], 0)[0]:
            pass
        return self.rc

    def said(self):
        return "".join(self.left).replace("\r\n", "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.rc is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
