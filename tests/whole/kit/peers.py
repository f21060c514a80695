"""TLS servers by OpenSSL and by GnuTLS, through their C interfaces: what Python's ssl cannot ask them for, such as new
keys, padding, records of a size, another handshake. Each has

    Peer(connection, leaf, tls, suite)   shakes hands with a client on it
    read(n) write(data)                  some bytes of data; data, in records
    renew(ask)                           KeyUpdate, and asks for the client's, of TLS 1.3
    limit(n)                             bytes of data in a record, at most
    close()                              close_notify
"""
import ctypes, ctypes.util
from .lib import Skip

SUITES = {  # by IANA's name: OpenSSL's, and GnuTLS's priority
    "TLS_AES_128_GCM_SHA256": (13, None, "+AES-128-GCM:+AEAD"),
    "TLS_AES_256_GCM_SHA384": (13, None, "+AES-256-GCM:+AEAD"),
    "TLS_CHACHA20_POLY1305_SHA256": (13, None, "+CHACHA20-POLY1305:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": (12, "ECDHE-ECDSA-AES128-GCM-SHA256", "+AES-128-GCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": (12, "ECDHE-ECDSA-AES256-GCM-SHA384", "+AES-256-GCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": (12, "ECDHE-ECDSA-CHACHA20-POLY1305", "+CHACHA20-POLY1305:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": (12, "ECDHE-ECDSA-AES128-SHA256", "+AES-128-CBC:+SHA256"),
}


def library(name, *known):
    for file in known + (ctypes.util.find_library(name) or "",):
        try:
            return ctypes.CDLL(file) if file else None
        except OSError:
            continue
    return None


SSL, GNUTLS = library("ssl", "libssl.so.3"), library("gnutls", "libgnutls.so.30")
for lib, names in (SSL, "TLS_server_method SSL_CTX_new SSL_new"), (GNUTLS, ""):
    for name in names.split() if lib else ():
        getattr(lib, name).restype = ctypes.c_void_p


def pointer(p):
    return ctypes.c_void_p(p)


class Failed(OSError):
    """The client, or the connection, was not as the library wants it."""


class OpenSSL:
    name = "OpenSSL"

    def __init__(self, connection, leaf, tls, suite):
        if not SSL:
            raise Skip("libssl is missing")
        version = 0x0301 + tls - 10
        connection.setblocking(True)
        self.ctx = pointer(SSL.SSL_CTX_new(pointer(SSL.TLS_server_method())))
        SSL.SSL_CTX_ctrl(self.ctx, 123, ctypes.c_long(version), None)  # SSL_CTRL_SET_MIN_PROTO_VERSION
        SSL.SSL_CTX_ctrl(self.ctx, 124, ctypes.c_long(version), None)
        if tls == 13:
            SSL.SSL_CTX_set_ciphersuites(self.ctx, suite.encode())
        else:
            SSL.SSL_CTX_set_cipher_list(self.ctx, SUITES[suite][1].encode())
        if SSL.SSL_CTX_use_certificate_chain_file(self.ctx, leaf.chain.encode()) != 1 or \
                SSL.SSL_CTX_use_PrivateKey_file(self.ctx, leaf.key.encode(), 1) != 1:
            raise AssertionError("OpenSSL does not take " + leaf.chain)
        self.s = pointer(SSL.SSL_new(self.ctx))
        SSL.SSL_set_fd(self.s, connection.fileno())
        self.done(SSL.SSL_accept(self.s))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        SSL.SSL_free(self.s)
        SSL.SSL_CTX_free(self.ctx)

    def done(self, rc):
        if rc <= 0:
            SSL.ERR_clear_error()
            raise Failed("OpenSSL: %d" % SSL.SSL_get_error(self.s, rc))
        return rc

    def read(self, n=4096):
        data = ctypes.create_string_buffer(n)
        got = self.done(SSL.SSL_read(self.s, data, n))
        return data.raw[:got]

    def write(self, data):
        self.done(SSL.SSL_write(self.s, data, len(data)))

    def renew(self, ask):
        self.done(SSL.SSL_key_update(self.s, int(ask)))
        self.done(SSL.SSL_do_handshake(self.s))

    def limit(self, n):
        SSL.SSL_ctrl(self.s, 52, ctypes.c_long(n), None)  # SSL_CTRL_SET_MAX_SEND_FRAGMENT

    def pad(self, n):
        """Records of TLS 1.3 become a multiple of n bytes."""
        SSL.SSL_set_block_padding(self.s, ctypes.c_size_t(n))

    def ask_again(self):
        """HelloRequest, of TLS 1.2."""
        self.done(SSL.SSL_renegotiate(self.s))
        self.done(SSL.SSL_do_handshake(self.s))

    def close(self):
        SSL.SSL_shutdown(self.s)


class GnuTLS:
    name = "GnuTLS"

    def __init__(self, connection, leaf, tls, suite):
        if not GNUTLS:
            raise Skip("libgnutls is missing")
        connection.setblocking(True)
        self.s, self.credentials = ctypes.c_void_p(), ctypes.c_void_p()
        GNUTLS.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials))
        if GNUTLS.gnutls_certificate_set_x509_key_file(self.credentials, leaf.chain.encode(), leaf.key.encode(), 1):
            raise AssertionError("GnuTLS does not take " + leaf.chain)
        GNUTLS.gnutls_init(ctypes.byref(self.s), 1)  # GNUTLS_SERVER
        priority = "NONE:+VERS-TLS1.%d:+ECDHE-ECDSA:+GROUP-ALL:+SIGN-ALL:%s" % (tls - 10, SUITES[suite][2])
        if GNUTLS.gnutls_priority_set_direct(self.s, priority.encode(), None):
            raise AssertionError("GnuTLS does not take " + priority)
        GNUTLS.gnutls_credentials_set(self.s, 1, self.credentials)
        GNUTLS.gnutls_transport_set_int2(self.s, connection.fileno(), connection.fileno())
        GNUTLS.gnutls_record_send2.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t,
                                               ctypes.c_uint]
        for name in "gnutls_record_send2", "gnutls_record_recv":
            getattr(GNUTLS, name).restype = ctypes.c_ssize_t
        self.padding = 0
        rc = GNUTLS.gnutls_handshake(self.s)
        while rc < 0 and not GNUTLS.gnutls_error_is_fatal(rc):
            rc = GNUTLS.gnutls_handshake(self.s)
        self.done(rc)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        GNUTLS.gnutls_deinit(self.s)
        GNUTLS.gnutls_certificate_free_credentials(self.credentials)

    def done(self, rc):
        if rc < 0:
            raise Failed("GnuTLS: %d" % rc)
        return rc

    def read(self, n=4096):
        data = ctypes.create_string_buffer(n)
        rc = -28
        while rc in (-28, -52):  # GNUTLS_E_AGAIN, GNUTLS_E_INTERRUPTED
            rc = GNUTLS.gnutls_record_recv(self.s, data, ctypes.c_size_t(n))
        if not self.done(rc):
            raise Failed("GnuTLS: the client closed")
        return data.raw[:rc]

    def write(self, data):
        while data:
            data = data[self.done(GNUTLS.gnutls_record_send2(self.s, data, len(data), self.padding, 0)):]

    def renew(self, ask):
        self.done(GNUTLS.gnutls_session_key_update(self.s, 1 if ask else 0))  # GNUTLS_KU_PEER

    def limit(self, n):
        GNUTLS.gnutls_record_set_max_size(self.s, ctypes.c_size_t(n))

    def pad(self, n):
        """Zeros behind the data of each record, of TLS 1.3."""
        self.padding = n

    def ask_again(self):
        self.done(GNUTLS.gnutls_rehandshake(self.s))

    def close(self):
        GNUTLS.gnutls_bye(self.s, 1)  # GNUTLS_SHUT_WR
