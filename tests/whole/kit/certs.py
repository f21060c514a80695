"""Certificates for the tests, made fresh by the openssl command line.

    pki = Pki(dir, "rsa")                    # or "ec": a root (pki.root) and an intermediate, in files
    leaf = pki.leaf("good", san="DNS:localhost,IP:127.0.0.1")
    leaf.cert, leaf.key, leaf.chain          # PEM files; chain: the leaf and the intermediate

`days` is (begin, end) in days from now: (-30, -1) has expired, (1, 30) is not valid yet.
"""
import datetime, os, shutil, subprocess

KEYS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
}

# `openssl ca`, because it is the only command of OpenSSL 3.0 that takes two dates.
CONFIG = """
[ca]
default_ca = c
[c]
database = DIR/index
new_certs_dir = DIR
rand_serial = yes
unique_subject = no
policy = p
[p]
commonName = supplied
[req]
distinguished_name = n
[n]
"""

VALID = (-2, 30)


def openssl(*args):
    done = subprocess.run(("openssl",) + args, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AssertionError("openssl %s\n%s" % (" ".join(args), done.stderr))
    return done.stdout


def join(path, *files):
    """Writes the files' contents behind one another; the path."""
    with open(path, "wb") as out:
        for name in files:
            with open(name, "rb") as f:
                out.write(f.read())
    return path


class Cert:
    def __init__(self, cert, key, chain):
        self.cert, self.key, self.chain = cert, key, chain


class Pki:
    def __init__(self, dir, kind, name="Test"):
        self.dir, self.kind, self.config = dir, kind, dir + "/config"
        os.makedirs(dir)
        open(dir + "/index", "w").close()
        with open(self.config, "w") as f:
            f.write(CONFIG.replace("DIR", dir))
        self.keys = {}
        ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
        self.root = self.sign("root", name + " Root", ca, self.key(kind, "root"), days=(-3650, 3650))
        self.root_key = self.key(kind, "root")
        self.ca = ca + "authorityKeyIdentifier=keyid\n"
        self.middle = self.intermediate("middle", name + " Intermediate")

    def key(self, kind, name="leaf"):
        """The file of a private key; the same for the same name."""
        path = "%s/%s.%s.key" % (self.dir, name, kind)
        if path not in self.keys:
            openssl("genpkey", *KEYS[kind], "-out", path)
            self.keys[path] = True
        return path

    def sign(self, name, subject, extensions, key, issuer=None, days=VALID, md="sha256"):
        """The file of a certificate, signed by itself or an issuer: a pair of files."""
        base = "%s/%s" % (self.dir, name)
        with open(base + ".ext", "w") as f:
            f.write("subjectKeyIdentifier=hash\n" + extensions)
        openssl("req", "-new", "-config", self.config, "-key", key, "-subj", "/CN=" + subject,
                "-out", base + ".csr")
        now = datetime.datetime.now(datetime.timezone.utc)
        begin, end = ((now + datetime.timedelta(d)).strftime("%y%m%d%H%M%SZ") for d in days)
        by = ["-cert", issuer[0], "-keyfile", issuer[1]] if issuer else ["-selfsign", "-keyfile", key]
        openssl("ca", "-batch", "-notext", "-config", self.config, *by, "-md", md, "-startdate", begin,
                "-enddate", end, "-extfile", base + ".ext", "-in", base + ".csr", "-out", base + ".pem")
        return base + ".pem"

    def intermediate(self, name, subject, **how):
        """A pair of files, to be an issuer."""
        key = self.key(self.kind, name)
        return (self.sign(name, subject, self.ca, key, (self.root, self.root_key), **how), key)

    def leaf(self, name, san="DNS:localhost", subject=None, usage="serverAuth", key=None, issuer=None,
             self_signed=False, chain=True, more="", **how):
        key = self.key(key or self.kind)
        issuer = None if self_signed else issuer or self.middle
        extensions = ("basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                      "extendedKeyUsage=%s\n" % usage + more)
        extensions += "subjectAltName=%s\n" % san if san else ""
        cert = self.sign(name, subject or name, extensions, key, issuer, **how)
        if self_signed or not chain:
            return Cert(cert, key, cert)
        return Cert(cert, key, join("%s/%s.chain.pem" % (self.dir, name), cert, issuer[0]))


def hashed(dir, *files):
    """A directory in the form of SSL_CERT_DIR, which openssl's "rehash" makes; the directory."""
    os.makedirs(dir, exist_ok=True)
    for i, name in enumerate(files):
        shutil.copy(name, "%s/%s.%d" % (dir, openssl("x509", "-hash", "-noout", "-in", name).strip(), i))
    return dir
