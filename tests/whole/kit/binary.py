"""What an ELF or Mach-O file says of itself: machine, type, the names that it leaves to others."""
import re, struct


class Binary:
    """An object file or a program."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.missing, self.notes, self.loader, self.system = set(), set(), None, None
        if self.data[:4] == b"\x7fELF":
            self.elf()
        elif self.data[:4] == b"\xcf\xfa\xed\xfe":
            self.mach_o()
        else:
            raise AssertionError("neither ELF nor Mach-O: %r" % self.data[:16])

    def text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def elf(self):
        self.bits, self.order = 32 * self.data[4], "<>"[self.data[5] - 1]
        get = lambda form, at: struct.unpack_from(self.order + form, self.data, at)
        wide = self.bits == 64
        self.type, self.machine = get("HH", 16)
        self.executable = self.type in (2, 3)
        phoff, shoff = get("QQ" if wide else "II", 32 if wide else 28)
        phsize, phn, shsize, shn = get("HHHH", 54 if wide else 42)
        for at in (phoff + phsize * i for i in range(phn)):
            kind = get("I", at)[0]
            start, size = (get("Q", at + 8) + get("Q", at + 32)) if wide else (
                get("I", at + 4) + get("I", at + 16))
            if kind == 3:
                self.loader = self.text(start)
            while kind == 4 and size >= 12:
                name, about, _ = get("III", start)
                self.notes.add(self.data[start + 12:start + 12 + name].rstrip(b"\0").decode())
                step = 12 + -(-name // 4) * 4 + -(-about // 4) * 4
                start, size = start + step, size - step
        sections = []
        for at in (shoff + shsize * i for i in range(shn)):
            if wide:
                sections.append(get("I", at + 4) + get("QQI", at + 24))
            else:
                sections.append(get("I", at + 4) + get("III", at + 16))
        for kind, start, size, link in sections:
            step = 24 if wide else 16
            for at in range(start, start + size, step) if kind in (2, 11) else ():  # symtab, dynsym
                name, section = get("I", at)[0], get("H", at + (6 if wide else 14))[0]
                if name and not section:
                    self.missing.add(self.text(sections[link][1] + name))

    def mach_o(self):
        self.bits, self.order = 64, "<"
        self.machine, _, self.type, n = struct.unpack_from("<IIII", self.data, 4)
        self.executable = self.type == 2
        at = 32
        for _ in range(n):
            command, size, a, b, c, d = struct.unpack_from("<IIIIII", self.data, at)
            if command == 2:  # the symbols
                for i in range(b):
                    name, kind = struct.unpack_from("<IB", self.data, a + 16 * i)
                    if not kind & 0xEE:  # neither debugging nor defined
                        self.missing.add(re.sub("^_", "", self.text(c + name)))
            elif command == 0x32:
                self.system = a  # 1: macOS
            at += size

    def calls(self, name):
        """Whether it asks a library for that function; NetBSD has a number at its end."""
        return any(re.fullmatch(r"_*%s\d*" % name, m) for m in self.missing)
